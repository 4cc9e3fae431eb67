"""Settings of Gymnasium's environments: section `env`, whatever `gymnasium.make` takes."""

from typing import Any, ClassVar

from rlctl.core.config import KwargsSection

TIME_LIMIT = 1000  # control steps, where an environment has no limit of its own


class GymnasiumConfig(KwargsSection):
    """Keyword arguments of `gymnasium.make`, its own `max_episode_steps` among them."""

    refused: ClassVar[dict[str, str]] = {
        "id": "the environment is named on the command line",
        "render_mode": "rlctl render chooses it",
        "disable_env_checker": "the checker is never run",
    }
    known: ClassVar[dict[str, Any]] = {"max_episode_steps": {"kind": int, "low": 1}}

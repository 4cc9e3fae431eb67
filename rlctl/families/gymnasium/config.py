"""Settings of Gymnasium environments: section `env`, any argument of `gymnasium.make`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rlctl.core.config import KwargsSection

TIME_LIMIT = 1000  # control steps, for environments without a limit


class GymnasiumConfig(KwargsSection):
    """Keyword arguments of `gymnasium.make`, including `max_episode_steps`."""

    refused: ClassVar[Mapping[str, str]] = {
        "id": "the environment is named on the command line",
        "render_mode": "rlctl render chooses it",
        "disable_env_checker": "the checker is never run",
    }
    known: ClassVar[Mapping[str, dict[str, Any]]] = {"max_episode_steps": {"kind": int, "low": 1}}

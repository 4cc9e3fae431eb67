"""Single environment of the catalog as a gymnasium.Env."""

from typing import Any

import gymnasium
import numpy as np

from rlctl import catalog
from rlctl.gym.adapter import MAX_SEED, RENDER_MODES, Adapter


class SingleEnv(gymnasium.Env):
    """Single environment; see `Adapter` for the arguments.

    `physics="auto"` is native physics where the environment has it, because one environment cannot
    use an accelerator. Domain randomisation is sampled again in every episode.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - not a ClassVar in Gymnasium
        "render_modes": list(RENDER_MODES)
    }

    def __init__(
        self, name: str, render_mode: str | None = None, physics: str = "auto", **options: Any
    ) -> None:
        if physics == "auto" and "native" in catalog.env(name).physics:
            physics = "native"
        self._adapter = Adapter(name, 1, render_mode, physics=physics, **options)
        self.render_mode = render_mode
        self.metadata = {**self.metadata, "render_fps": self._adapter.fps}
        self.observation_space = self._adapter.observation_space
        self.action_space = self._adapter.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Reset the environment; return an observation (O,) and an empty info."""
        super().reset(seed=seed)
        return self._adapter.reset(int(self.np_random.integers(MAX_SEED)))[0], {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Step the environment with an action (A,); the info contains the metrics."""
        step = self._adapter.step(np.asarray(action)[None])
        return (
            step.final_observation[0],
            float(step.reward[0]),
            bool(step.terminated[0]),
            bool(step.truncated[0]),
            {name: float(term[0]) for name, term in step.metrics.items()},
        )

    def render(self) -> np.ndarray | None:
        """Return an image (height, width, 3) uint8; None without a render mode."""
        return self._adapter.render()[0] if self.render_mode else None

    def close(self) -> None:
        """Free the environment and the renderer."""
        self._adapter.close()

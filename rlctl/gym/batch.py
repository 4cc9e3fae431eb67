"""Many environments of the catalog as a gymnasium.vector.VectorEnv: one batch, not many processes.

They reset in the step that ends an episode (`AutoresetMode.SAME_STEP`): its final observation is
`infos["final_obs"]`, where `infos["_final_obs"]` is true.
"""

from typing import Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rlctl.gym.adapter import LARGEST_SEED, RENDER_MODES, Adapter


class BatchEnv(VectorEnv):
    """A batch of one environment; see `Adapter` for the arguments."""

    metadata: ClassVar[dict[str, Any]] = {
        "render_modes": list(RENDER_MODES),
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        name: str,
        num_envs: int = 1,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        **options: Any,
    ) -> None:
        if max_episode_steps is not None:
            options["episode_length"] = max_episode_steps
        self._arena = Adapter(name, num_envs, render_mode, **options)
        self.num_envs, self.render_mode = num_envs, render_mode
        self.metadata = {**self.metadata, "render_fps": self._arena.fps}
        self.single_observation_space = self._arena.observation_space
        self.single_action_space = self._arena.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start a fresh episode everywhere: observations (N, O) and no infos."""
        super().reset(seed=seed)
        return self._arena.reset(int(self.np_random.integers(LARGEST_SEED))), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One control step with actions (N, A); the infos have its metrics (N,)."""
        step = self._arena.step(actions)
        infos: dict[str, Any] = {}
        for name, term in step.metrics.items():
            infos |= {name: term, f"_{name}": np.ones(self.num_envs, bool)}
        done = step.terminated | step.truncated
        if done.any():
            final = np.full(self.num_envs, None, object)
            for row in np.flatnonzero(done):
                final[row] = step.final_observation[row]
            infos |= {"final_obs": final, "_final_obs": done}
        return (*step[:4], infos)

    def render(self) -> tuple[np.ndarray, ...] | None:
        """A picture (height, width, 3) uint8 of each; None without a render mode."""
        return tuple(self._arena.pictures()) if self.render_mode else None

    def close_extras(self, **kwargs: Any) -> None:
        """Free the environments and the renderer."""
        self._arena.close()

"""Batch of environments as a gymnasium.vector.VectorEnv, in one process.

Auto-reset happens in the step that ends an episode (`AutoresetMode.SAME_STEP`). The final
observation is in `infos["final_obs"]` where `infos["_final_obs"]` is true.
"""

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rlctl.gym.adapter import MAX_SEED, RENDER_MODES, Adapter


class BatchEnv(VectorEnv):
    """Batch of one environment; see `Adapter` for the arguments."""

    metadata: dict[str, Any] = {  # noqa: RUF012 - not a ClassVar in Gymnasium
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
        self._adapter = Adapter(name, num_envs, render_mode, **options)
        self.num_envs, self.render_mode = num_envs, render_mode
        self.metadata = {**self.metadata, "render_fps": self._adapter.fps}
        self.single_observation_space = self._adapter.observation_space
        self.single_action_space = self._adapter.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Reset all environments; return observations (N, O) and empty infos."""
        super().reset(seed=seed)
        return self._adapter.reset(int(self.np_random.integers(MAX_SEED))), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step all environments with actions (N, A); the infos contain the metrics (N,)."""
        step = self._adapter.step(actions)
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
        """Return an image (height, width, 3) uint8 of each; None without a render mode."""
        return tuple(self._adapter.render()) if self.render_mode else None

    def close_extras(self, **kwargs: Any) -> None:
        """Free the environments and the renderer."""
        self._adapter.close()

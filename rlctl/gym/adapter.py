"""What one environment and a batch of them have in common, towards Gymnasium."""

from typing import Any

import numpy as np
from gymnasium import spaces

from rlctl import catalog
from rlctl.core import device, forked
from rlctl.core.config import Layer, resolve
from rlctl.core.errors import UsageError
from rlctl.gym.ids import id_of
from rlctl.rendering.options import RenderOptions
from rlctl.rollouts.base import Step
from rlctl.rollouts.factory import make_driver, make_environment, make_rendering_driver

RENDER_MODES = ("rgb_array",)
PICTURE = 640, 480  # pixels
LARGEST_SEED = 2**31 - 1

_NO_FORK = (
    'start processes with context="spawn" (AsyncVectorEnv takes it, make_vec in vector_kwargs), or '
    "use gymnasium.make_vec(ID, num_envs=N), one batch on all cores"
)


class Adapter:
    """A driver of a catalog environment, its spaces and its pictures.

    Args:
        name: Its catalog name.
        num_envs: How many.
        render_mode: None or `rgb_array`.
        physics: `auto`, `native`, `jax` or `warp`.
        randomize: Whether to draw randomised model fields.
        episode_length: Control steps after which an episode is truncated; 0 for its own limit.
        camera: A camera of the scene, None for its first.
        size: Width and height of a picture, pixels.
        config: The environment's settings dataclass; None to make it of `settings`.
        settings: The environment's own settings, by name.

    Attributes:
        driver: The environments.
        observation_space: Of one of them.
        action_space: Of one of them, in its own units.

    Raises:
        UsageError: A setting, camera, size or mode that it does not have; or jax is loaded already,
            with other arithmetic.
    """

    def __init__(
        self,
        name: str,
        num_envs: int,
        render_mode: str | None,
        *,
        physics: str = "auto",
        randomize: bool = True,
        episode_length: int = 0,
        camera: str | None = None,
        size: tuple[int, int] = PICTURE,
        config: Any = None,
        **settings: Any,
    ) -> None:
        self._id = id_of(name)
        forked.check(self._id, _NO_FORK)
        device.fix_arithmetic()
        if render_mode not in (None, *RENDER_MODES):
            raise UsageError(f"there is no render mode {render_mode!r}; there is rgb_array")
        self._name, self._look, self._canvas = name, RenderOptions(camera, size), None
        self._look.check()
        if config is None:
            kinds = {"env": catalog.load(catalog.env(name).config)}
            config = resolve(kinds, [Layer("keyword arguments", {"env": settings})])["env"]
        self._config = config
        self._draws_itself = "gymnasium" in catalog.env(name).physics
        if self._draws_itself and render_mode:
            if num_envs > 1:
                raise UsageError(f"a batch of {name} draws no pictures", "make one environment")
            self.driver = make_rendering_driver(name, config, physics, episode_length)
        else:
            self.driver = make_driver(
                name,
                config,
                physics,
                num_envs,
                episode_length=episode_length,
                randomize="environment" if randomize else None,
            )
        spec = self.driver.spec
        low, high = (
            np.array([_bound(getattr(part, end), sign) for part in spec.action], np.float32)
            for end, sign in (("low", -1), ("high", 1))
        )
        self.action_space = spaces.Box(low, high)
        self.observation_space = spaces.Box(-np.inf, np.inf, (spec.policy_size,))

    def reset(self, seed: int) -> np.ndarray:
        """Start a fresh episode everywhere: observations (N, O), nothing privileged in them."""
        forked.check(self._id, _NO_FORK)
        return self._seen(self.driver.reset(seed))

    def step(self, action: np.ndarray) -> Step:
        """One control step with actions (N, A)."""
        forked.check(self._id, _NO_FORK)
        step = self.driver.step(np.asarray(action, np.float32))
        return step._replace(
            observation=self._seen(step.observation),
            final_observation=self._seen(step.final_observation),
        )

    def _seen(self, observation: np.ndarray) -> np.ndarray:
        return observation[:, : self.driver.spec.policy_size]

    @property
    def fps(self) -> float:
        """Pictures per second at true speed."""
        return 1 / self.driver.spec.control_dt

    def pictures(self) -> list[np.ndarray]:
        """What each environment looks like: (height, width, 3) uint8.

        Raises:
            RendererMissing: Nothing to draw with.
        """
        if self._draws_itself:
            return [self.driver.render()]
        if self._canvas is None:
            from rlctl.rendering.canvas import Canvas
            from rlctl.rendering.views import cameras

            scene = make_environment(self._name, self._config).scene()
            camera = self._look.camera_among(cameras(scene), self.driver.spec)
            self._canvas = Canvas(scene, *self._look.size, camera)
        return [self._canvas.draw(qpos) for qpos in self.driver.qpos()]

    def close(self) -> None:
        """Free the environments and the renderer."""
        self.driver.close()
        if self._canvas is not None:
            self._canvas.close()
            self._canvas = None


def _bound(value: float | None, sign: int) -> float:
    return sign * np.inf if value is None else value

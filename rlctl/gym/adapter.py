"""Shared base of the Gymnasium `Env` and `VectorEnv`."""

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from rlctl import catalog
from rlctl.core import device, forked
from rlctl.core.capabilities import capabilities_of
from rlctl.core.config import Layer, resolve
from rlctl.core.errors import UsageError
from rlctl.gym.ids import id_of
from rlctl.rendering.options import RenderOptions
from rlctl.rollouts.base import Driver, RenderingDriver, Step
from rlctl.rollouts.factory import make_driver, make_environment, make_rendering_driver
from rlctl.rollouts.session import Session

if TYPE_CHECKING:
    from rlctl.rendering.canvas import Canvas

RENDER_MODES = ("rgb_array",)
IMAGE_SIZE = 640, 480  # width and height, pixels
MAX_SEED = 2**31 - 1

_NO_FORK = (
    'start processes with context="spawn" (AsyncVectorEnv takes it, make_vec in vector_kwargs), or '
    "use gymnasium.make_vec(ID, num_envs=N), one batch on all cores"
)


class Adapter:
    """Adapter from a driver of a catalog environment to Gymnasium's spaces, arrays and images.

    Args:
        name: Name of the environment in the catalog.
        num_envs: Number of environments.
        render_mode: None or `rgb_array`.
        physics: `auto`, `native`, `jax` or `warp`.
        randomize: Whether to apply domain randomisation.
        episode_length: Control steps after which an episode is truncated; 0 for the environment's
            time limit.
        camera: A camera of the scene; None for its first.
        size: Width and height of an image, pixels.
        config: Settings dataclass of the environment; None to make it from `settings`.
        settings: Settings of the environment by name.

    Attributes:
        driver: The driver that steps the environments.
        observation_space: Observation space of one environment.
        action_space: Action space of one environment, in the units of its actions.

    Raises:
        UsageError: A setting, camera, size or render mode is not valid; or JAX was imported before
            with a different precision.
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
        size: tuple[int, int] = IMAGE_SIZE,
        config: Any = None,
        **settings: Any,
    ) -> None:
        self._id = id_of(name)
        forked.check(self._id, _NO_FORK)
        device.fix_arithmetic()
        if render_mode not in (None, *RENDER_MODES):
            raise UsageError(f"there is no render mode {render_mode!r}; there is rgb_array")
        self._name, self._size = name, size
        self._options = RenderOptions(camera, size)
        self._options.validate()
        self._canvas: Canvas | None = None
        self._own_renderer: RenderingDriver | None = None
        if config is None:
            kinds = {"env": catalog.load(catalog.env(name).config)}
            config = resolve(
                kinds,
                [
                    Layer(
                        "keyword arguments",
                        {f"env.{key}": value for key, value in settings.items()},
                    )
                ],
            )["env"]
        self._environment = make_environment(name, config)
        self.driver: Driver
        if render_mode and capabilities_of(self._environment).renders_itself:
            if num_envs > 1:
                raise UsageError(f"a batch of {name} cannot render", "make one environment instead")
            self._own_renderer = make_rendering_driver(name, config, physics, episode_length)
            self.driver = self._own_renderer
        else:
            self.driver = make_driver(
                name,
                config,
                physics,
                num_envs,
                episode_length=episode_length,
                randomize="environment" if randomize else None,
            )
        self._session = Session(self.driver)
        spec = self.driver.spec
        low, high = (
            np.array([_bound(getattr(part, end), sign) for part in spec.action], np.float32)
            for end, sign in (("low", -1), ("high", 1))
        )
        self.action_space = spaces.Box(low, high)
        self.observation_space = spaces.Box(-np.inf, np.inf, (spec.policy_size,))

    def reset(self, seed: int) -> np.ndarray:
        """Reset all environments; return policy observations (N, O)."""
        forked.check(self._id, _NO_FORK)
        return self._policy_observation(self._session.reset(seed))

    def step(self, action: np.ndarray) -> Step:
        """Step all environments with actions (N, A)."""
        forked.check(self._id, _NO_FORK)
        step = self._session.take(np.asarray(action, np.float32))
        return step._replace(
            observation=self._policy_observation(step.observation),
            final_observation=self._policy_observation(step.final_observation),
        )

    def _policy_observation(self, observation: np.ndarray) -> np.ndarray:
        """Cut off the privileged part of observations, which only the critic gets."""
        return observation[:, : self.driver.spec.policy_size]

    @property
    def fps(self) -> float:
        """Frames per second at real-time speed."""
        return 1 / self.driver.spec.control_dt

    def render(self) -> list[np.ndarray]:
        """Render an image (height, width, 3) uint8 of each environment.

        Raises:
            RendererMissing: No OpenGL platform can render here.
        """
        if self._own_renderer is not None:
            return [self._own_renderer.render()]
        if self._canvas is None:
            from rlctl.rendering.canvas import Canvas
            from rlctl.rendering.views import cameras

            scene = self._environment.scene()
            camera = self._options.resolve_camera(cameras(scene), self.driver.spec)
            self._canvas = Canvas(scene, *self._size, camera)
        return [self._canvas.render(qpos) for qpos in self.driver.qpos()]

    def close(self) -> None:
        """Free the environments and the renderer."""
        self.driver.close()
        if self._canvas is not None:
            self._canvas.close()
            self._canvas = None


def _bound(value: float | None, sign: int) -> float:
    return sign * np.inf if value is None else value

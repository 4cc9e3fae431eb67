"""Gymnasium environments of the catalog."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rlctl import catalog
from rlctl.api import arguments
from rlctl.api.arguments import Device, Physics, Settings
from rlctl.core.config import resolve, set_layer, setting
from rlctl.core.device import select

if TYPE_CHECKING:
    import gymnasium
    from gymnasium.vector import VectorEnv


@dataclass(frozen=True)
class _Numbers:
    """Numeric arguments and their ranges."""

    num_envs: int = setting(1, "environments", low=1, high=1_000_000)
    max_episode_steps: int | None = setting(None, "time limit", low=1, high=1_000_000_000)
    size: tuple[int, int] = setting((640, 480), "width and height of an image")


def make(
    env: str,
    render_mode: Literal["rgb_array"] | None = None,
    *,
    physics: Physics = "auto",
    randomize: bool = True,
    max_episode_steps: int | None = None,
    camera: str | None = None,
    size: tuple[int, int] = (640, 480),
    settings: Settings | None = None,
    device: Device = "auto",
) -> "gymnasium.Env":
    """Make one environment of the catalog as a Gymnasium environment.

    Gymnasium's own environments (`gym:ID`) are wrapped for policies: observations are flattened,
    and actions are arrays, also for discrete action spaces.

    Args:
        env: The environment, as `rlctl envs` lists it.
        render_mode: `rgb_array` if `render()` is to return images.
        physics: The physics back end; `auto` is native if the environment supports it.
        randomize: Whether to apply domain randomisation, resampled in every episode.
        max_episode_steps: Time limit in control steps; default: that of the environment.
        camera: A camera of the environment, or `free`; default: its first. It is checked at the
            first `render()`.
        size: Width and height of an image, pixels.
        settings: Settings of the environment by full name, `{"env.KEY": value}`.
        device: `auto`, `cpu`, `gpu` or `cuda`.

    Returns:
        A `gymnasium.Env`. The info of a step contains the reward terms.

    Raises:
        UsageError: A name, number, setting or size is not valid.
        DeviceUnavailable: A device or package is missing.

    Example:
        ```python
        env, policy = rlctl.make("pendulum"), rlctl.load_policy("shipped:pendulum")
        observation, info = env.reset(seed=0)
        observation, reward, terminated, truncated, info = env.step(policy.act(observation))
        ```
    """
    numbers = arguments.validate(_Numbers, max_episode_steps=max_episode_steps, size=size)
    options = _options(env, numbers, settings, device)
    from rlctl.gym.single import SingleEnv

    return SingleEnv(env, render_mode, physics, randomize=randomize, camera=camera, **options)


def make_vec(
    env: str,
    num_envs: int,
    render_mode: Literal["rgb_array"] | None = None,
    *,
    physics: Physics = "auto",
    randomize: bool = True,
    max_episode_steps: int | None = None,
    camera: str | None = None,
    size: tuple[int, int] = (640, 480),
    settings: Settings | None = None,
    device: Device = "auto",
) -> "VectorEnv":
    """Make a batch of environments, stepped in parallel on all cores or on the GPU.

    Auto-reset happens in the step that ends an episode; `infos["final_obs"]` contains the final
    observation.

    Args:
        env: The environment, as `rlctl envs` lists it.
        num_envs: How many.
        render_mode: As for `make`.
        physics: The physics back end; `auto` is the fastest on the device.
        randomize: Whether to apply domain randomisation, sampled once per environment.
        max_episode_steps: As for `make`.
        camera: As for `make`.
        size: As for `make`.
        settings: As for `make`.
        device: `auto`, `cpu`, `gpu` or `cuda`.

    Returns:
        A `gymnasium.vector.VectorEnv`.

    Raises:
        UsageError: A name, number, setting or size is not valid.
        DeviceUnavailable: A device or package is missing.

    Example:
        ```python
        batch = rlctl.make_vec("pendulum", num_envs=16)
        observations, infos = batch.reset(seed=0)
        observations, *rest = batch.step(policy.act(observations))
        ```
    """
    numbers = arguments.validate(
        _Numbers, num_envs=num_envs, max_episode_steps=max_episode_steps, size=size
    )
    options = _options(env, numbers, settings, device)
    from rlctl.gym.batch import BatchEnv

    return BatchEnv(
        env,
        numbers.num_envs,
        render_mode,
        physics=physics,
        randomize=randomize,
        camera=camera,
        **options,
    )


def _options(
    env: str, numbers: _Numbers, settings: Settings | None, device: Device
) -> dict[str, Any]:
    """Select the device; return the arguments that `make` and `make_vec` share."""
    kinds = {"env": catalog.load(catalog.env(env).config)}
    config = resolve(kinds, [set_layer(arguments.values(settings))])["env"]
    select(device)
    limit = numbers.max_episode_steps or 0  # 0: the environment's own
    return {"config": config, "size": numbers.size, "episode_length": limit}

"""The catalog's environments, to step them oneself."""

from typing import TYPE_CHECKING, Any, Literal

from rlctl import catalog
from rlctl.api.arguments import Device, Physics, Settings
from rlctl.core.config import resolve, set_layer
from rlctl.core.device import select

if TYPE_CHECKING:
    import gymnasium
    from gymnasium.vector import VectorEnv


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
    """Make one environment of the catalog, as Gymnasium has environments.

    One of Gymnasium's own (`gym:ID`) comes as a policy sees it: the observation is flat, and the
    action is an array, for a discrete choice too.

    Args:
        env: The environment, as `rlctl envs` lists it.
        render_mode: `rgb_array` for `render()` to give pictures.
        physics: The physics back end; `auto` is native where there is that.
        randomize: Whether every episode is on another draw of the model, where it has any.
        max_episode_steps: A time limit instead of its own.
        camera: A camera of the environment, or `free`; left out, its first.
        size: Width and height of a picture, pixels.
        settings: Settings of the environment by full name, `{"env.KEY": value}`.
        device: Where to compute.

    Returns:
        A `gymnasium.Env`. The info of a step has the reward's terms.

    Raises:
        UsageError: A name, setting, camera or size that cannot be used.
        DeviceUnavailable: A device or package that is not there.

    Example:
        ```python
        env, policy = rlctl.make("pendulum"), rlctl.load_policy("shipped:pendulum")
        observation, info = env.reset(seed=0)
        observation, reward, terminated, truncated, info = env.step(policy.act(observation))
        ```
    """
    chosen = _config(env, settings)
    select(device)
    from rlctl.gym.single import SingleEnv

    return SingleEnv(
        env,
        render_mode,
        physics,
        randomize=randomize,
        episode_length=max_episode_steps or 0,
        camera=camera,
        size=size,
        config=chosen,
    )


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
    """Make a batch of environments, stepped together on all cores or on the GPU.

    They are reset in the step that ends their episode; `infos["final_obs"]` has its last
    observation.

    Args:
        env: The environment, as `rlctl envs` lists it.
        num_envs: How many.
        render_mode: As for `make`.
        physics: The physics back end; `auto` is the fastest on the device.
        randomize: Whether every environment has a draw of the model of its own.
        max_episode_steps: A time limit instead of its own.
        camera: As for `make`.
        size: As for `make`.
        settings: As for `make`.
        device: Where to compute.

    Returns:
        A `gymnasium.vector.VectorEnv`.

    Raises:
        UsageError: A name, setting, camera or size that cannot be used.
        DeviceUnavailable: A device or package that is not there.

    Example:
        ```python
        batch = rlctl.make_vec("pendulum", num_envs=16)
        observations, infos = batch.reset(seed=0)
        observations, *rest = batch.step(policy.act(observations))
        ```
    """
    chosen = _config(env, settings)
    select(device)
    from rlctl.gym.batch import BatchEnv

    return BatchEnv(
        env,
        num_envs,
        render_mode,
        max_episode_steps,
        physics=physics,
        randomize=randomize,
        camera=camera,
        size=size,
        config=chosen,
    )


def _config(env: str, settings: Settings | None) -> Any:
    """The environment's settings dataclass."""
    kinds = {"env": catalog.load(catalog.env(env).config)}
    return resolve(kinds, [set_layer(dict(settings or {}))])["env"]

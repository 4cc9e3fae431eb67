"""Factory of environments and drivers, by catalog name."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rlctl import catalog
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.capabilities import capabilities_of
from rlctl.core.config import Layer, Overrides, Resolved, resolve, set_layer
from rlctl.core.errors import Incompatible, PackageMissing, RendererMissing, UsageError
from rlctl.rollouts.base import WHOLE, Driver, Partition, RenderingDriver
from rlctl.rollouts.round_robin import RoundRobinDriver

if TYPE_CHECKING:
    from rlctl.rollouts.devices import Devices

_MAX_MADE = 16  # objects that `make_environment` keeps, with a curriculum's stages
_made: dict[tuple[Any, ...], Any] = {}


def make_environment(name: str, config: Any) -> Any:
    """Make the object of a catalog name; `core.capabilities` tells what it can do.

    Objects of one name and config are made once, except for those of `gym:`, whose registry may
    change.
    """
    row = catalog.env(name)
    try:
        target = catalog.load(row.target)
    except Exception:
        _import_mujoco()  # explains the error if MuJoCo is its cause
        raise
    _, family, rest = name.partition(":")
    arguments = (rest, config) if family else (config,)
    key = target, *arguments
    if key not in _made:
        made = target(*arguments)
        if capabilities_of(made).kind == "vector":
            return made
        _made[key] = made
        if len(_made) > _MAX_MADE:
            _made.pop(next(iter(_made)))
    return _made[key]


def time_limit(environment: Any, asked: int) -> int:
    """Return the time limit in control steps; `asked` 0 means the environment's own.

    Raises:
        UsageError: The environment cannot have this limit.
    """
    if capabilities_of(environment).kind == "vector":
        return environment.time_limit(asked)
    return asked or environment.spec.episode_length


def _import_mujoco() -> None:
    """Import MuJoCo, which fails if MUJOCO_GL names a platform that is not installed.

    Raises:
        RendererMissing: The import failed because of MUJOCO_GL.
    """
    try:
        import mujoco  # noqa: F401
    except (ImportError, AttributeError, RuntimeError) as error:
        platform = os.environ.get("MUJOCO_GL")
        if not platform:
            raise
        raise RendererMissing(
            f"MuJoCo cannot be imported with MUJOCO_GL={platform}: {error}",
            "unset MUJOCO_GL, or install what it names; `rlctl device-check` shows what works",
        ) from error


def environment_of(
    checkpoint: Checkpoint, overrides: Overrides = (), typed: str | None = None
) -> tuple[str, Any]:
    """Return name and config of the environment that a checkpoint was trained in.

    Args:
        checkpoint: The checkpoint.
        overrides: `env.key=value` settings to change, or values by full name.
        typed: Environment that the user named, None for none.

    Raises:
        Unsafe: The environment is code, or reads files, and the user did not name it.
        Incompatible: The checkpoint names no environment, or one that this rlctl does not have.
    """
    try:
        name, config = checkpoint.manifest["env"]["id"], checkpoint.manifest["env"]["config"]
    except (KeyError, TypeError):
        raise Incompatible(
            f"{checkpoint.path} does not name its environment",
            "train with this version of rlctl, or use the version that wrote it",
        ) from None
    catalog.check_trusted(name, config, typed)
    try:
        row = catalog.env(name)
    except UsageError as error:
        raise Incompatible(f"{checkpoint.path}: {error.message}", error.hint) from error
    sections = {"env": catalog.load(row.config)}
    saved = Resolved.from_json(sections, {"env": config})
    layers = [Layer("checkpoint", saved.values()), set_layer(overrides)]
    return name, resolve(sections, layers)["env"]


def resolve_physics(name: str, asked: str) -> str:
    """Return the back end to use: the one given, or for `auto` the fastest on this machine.

    That is native on CPUs; on NVIDIA GPUs warp if installed, else jax; jax elsewhere.

    Raises:
        UsageError: The environment does not support the back end.
        PackageMissing: warp is not installed.
    """
    row = catalog.env(name)
    if asked == "auto" and len(row.physics) == 1:
        return row.physics[0]
    if asked == "auto":
        import jax

        platform = jax.default_backend()
        order = {"cpu": ("native", "jax"), "gpu": ("warp", "jax", "native")}
        for choice in order.get(platform, ("jax", "native")):
            if choice in row.physics and (choice != "warp" or find_spec("warp")):
                return choice
        return row.physics[0]
    if asked not in row.physics:
        raise UsageError(
            f"{name} does not run on {asked} physics; it runs on {', '.join(row.physics)}",
            "leave --physics out to use the fastest",
        )
    if asked == "warp" and not find_spec("warp"):
        raise PackageMissing(
            "--physics warp needs warp, which is not installed",
            "mujoco-mjx[warp]",
            instead="use --physics jax",
        )
    return asked


def make_driver(
    name: str,
    config: Any,
    physics: str,
    num_envs: int,
    *,
    episode_length: int = 0,
    randomize: str | None = "environment",
    on_nonfinite: str = "stop",
    partition: Partition = WHOLE,
) -> Driver:
    """Make N environments on a back end.

    Args:
        name: Catalog name.
        config: Settings of the environment.
        physics: `auto`, `native`, `jax`, `warp` or `gymnasium`.
        num_envs: N.
        episode_length: Time limit in control steps; 0 for the environment's default.
        randomize: Sample randomised model fields once per `environment`, or per `episode`; None
            for no domain randomisation.
        on_nonfinite: `stop` (raise Diverged) or `reset` environments with non-finite values.
        partition: Groups and devices that the environments are divided into; they divide N.
    """
    environment = make_environment(name, config)
    make = _driver_maker(
        environment,
        resolve_physics(name, physics),
        time_limit(environment, episode_length),
        randomize,
        on_nonfinite,
        partition.devices,
    )
    size = num_envs // partition.turns
    if partition.turns == 1:
        return make(num_envs)
    limit = episode_length or environment.spec.episode_length
    return RoundRobinDriver([make(size, first) for first in range(0, num_envs, size)], limit)


def _driver_maker(
    environment: Any,
    physics: str,
    limit: int,
    randomize: str | None,
    on_nonfinite: str,
    devices: "Devices | None",
) -> Callable[..., Driver]:
    """Return a function that makes a driver of (N, index of the first environment)."""
    kind = capabilities_of(environment).kind
    if kind == "vector":
        return lambda num, first=0: environment.make_driver(limit, num, on_nonfinite, first)
    # Imported here: environments with a driver of their own need no JAX.
    randomized, resample = randomize is not None, randomize == "episode"
    if physics == "native":
        from rlctl.rollouts.native_driver import NativeDriver
        from rlctl.rollouts.native_program import NativeProgram

        program = NativeProgram(environment, limit, resample)
        return lambda num, first=0: NativeDriver(program, num, randomized, on_nonfinite, first)
    from rlctl.rollouts.jax_driver import JaxDriver
    from rlctl.rollouts.jax_program import JaxProgram

    simulation = environment
    if kind == "environment":
        from rlctl.rollouts.mjx_simulation import MjxSimulation

        simulation = MjxSimulation(environment, physics)
    program = JaxProgram(simulation, limit, resample, devices)
    return lambda num, first=0: JaxDriver(program, physics, num, randomized, on_nonfinite, first)


def make_rendering_driver(
    name: str, config: Any, physics: str, episode_length: int = 0
) -> RenderingDriver:
    """Make one environment that renders itself, and its driver.

    Args:
        name: Catalog name.
        config: Settings of the environment.
        physics: `auto`, or a back end of the environment.
        episode_length: Time limit in control steps; 0 for the environment's default.

    Raises:
        RendererMissing: The environment has no render mode `rgb_array`.
    """
    resolve_physics(name, physics)
    environment = make_environment(name, config)
    limit = time_limit(environment, episode_length)
    return environment.make_driver(limit, 1, render_mode="rgb_array")

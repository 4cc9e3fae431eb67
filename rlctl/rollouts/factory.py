"""Factory of environments and drivers, by catalog name."""

import os
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rlctl import catalog
from rlctl.catalog import FamilyRow
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.config import Layer, Overrides, Resolved, resolve, set_layer
from rlctl.core.errors import Incompatible, PackageMissing, RendererMissing, UsageError
from rlctl.rollouts.base import Driver
from rlctl.rollouts.round_robin import RoundRobinDriver

if TYPE_CHECKING:
    from rlctl.rollouts.gym import GymDriver


def make_environment(name: str, config: Any) -> Any:
    """Make the environment of a catalog name: an Environment, or a family's own class."""
    row = catalog.env(name)
    if row.physics != ("gymnasium",):
        _import_mujoco()
    target = catalog.load(row.target)
    if isinstance(row, FamilyRow):
        return target(name.partition(":")[2], config)
    return target(config)


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
    layers = [Layer("checkpoint", saved.to_json()), set_layer(overrides)]
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
    turns: int = 1,
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
        turns: Number of groups of environments that `collect` in turn, a time limit each; divides
            N.
    """
    environment = make_environment(name, config)
    physics = resolve_physics(name, physics)
    limit = episode_length or environment.spec.episode_length
    resample = randomize == "episode"
    # Imported here: Gymnasium environments with a policy in PyTorch or numpy need no JAX.
    if physics == "gymnasium":
        from rlctl.rollouts.gym import GymDriver

        make = partial(GymDriver, environment, environment.time_limit(episode_length), None)
    elif physics == "native":
        from rlctl.rollouts.native_driver import NativeDriver
        from rlctl.rollouts.native_program import NativeProgram

        make = partial(NativeDriver, NativeProgram(environment, limit, resample))
    else:
        from rlctl.rollouts.jax_driver import JaxDriver
        from rlctl.rollouts.jax_program import JaxProgram

        simulation = environment
        if not isinstance(catalog.env(name), FamilyRow):
            from rlctl.rollouts.mjx_simulation import MjxSimulation

            simulation = MjxSimulation(environment, physics)
        make = partial(JaxDriver, JaxProgram(simulation, limit, resample), physics)
    randomized, size = randomize is not None, num_envs // turns
    if turns == 1:
        return make(num_envs, randomized, on_nonfinite)
    return RoundRobinDriver(
        [make(size, randomized, on_nonfinite, first) for first in range(0, num_envs, size)], limit
    )


def make_rendering_driver(
    name: str, config: Any, physics: str, episode_length: int = 0
) -> "GymDriver":
    """Make one Gymnasium environment whose driver can `render`.

    Args:
        name: Catalog name.
        config: Settings of the environment.
        physics: `auto` or `gymnasium`.
        episode_length: Time limit in control steps; 0 for the environment's default.

    Raises:
        RendererMissing: The environment has no render mode `rgb_array`.
    """
    from rlctl.rollouts.gym import GymDriver

    resolve_physics(name, physics)
    environment = make_environment(name, config)
    return GymDriver(
        environment, environment.time_limit(episode_length), "rgb_array", 1, False, "stop"
    )

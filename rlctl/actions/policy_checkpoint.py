"""Checkpoints of commands that use a policy without running its environment (export, compare)."""

from collections.abc import Callable

from rlctl import catalog
from rlctl.checkpoints import compatibility, find
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import Incompatible, RlctlError
from rlctl.rollouts.factory import environment_of, make_environment


def open_policy(ckpt: str | None, env: str | None, warn: Callable[[str], None]) -> Checkpoint:
    """Open a checkpoint and warn if its environment or its packages have changed.

    Such changes do not alter the policy, so none of them is an error here.

    Args:
        ckpt: Checkpoint as `--ckpt` takes it; None for the latest run's best.
        env: The environment the checkpoint must be of; None for any.
        warn: Called with warnings.

    Raises:
        Incompatible: The checkpoint's policy and environment contradict each other.
        RlctlError: The environment is unknown, or the checkpoint is missing or damaged.
    """
    if env is not None:
        catalog.env(env)
    checkpoint = find.open_checkpoint(ckpt, env, None, warn)
    compatibility.check_saved(checkpoint)
    try:
        environment = make_environment(*environment_of(checkpoint))
    except (RlctlError, ImportError):  # the environment is not installed, and is not needed
        compatibility.warn_packages(checkpoint, warn)
        return checkpoint
    try:
        compatibility.check(checkpoint, environment.spec, warn)
    except Incompatible as error:
        warn(error.message)
    return checkpoint

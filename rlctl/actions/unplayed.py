"""Checkpoints whose policy is looked at or carried elsewhere, and plays in no environment here."""

from collections.abc import Callable

from rlctl.checkpoints import compatibility
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import Incompatible, RlctlError
from rlctl.rollouts.factory import environment_of, make_environment


def tell_drift(checkpoint: Checkpoint, tell: Callable[[str], None]) -> None:
    """Tell what has changed since: the policy means what it meant, so nothing of it is refused.

    Raises:
        Incompatible: What the checkpoint says of its policy and of its environment contradicts.
    """
    compatibility.check_saved(checkpoint)
    try:
        environment = make_environment(*environment_of(checkpoint))
    except (RlctlError, ImportError):  # its environment is not installed here, and need not be
        compatibility.warn_packages(checkpoint, tell)
        return
    try:
        compatibility.check(checkpoint, environment.spec, tell)
    except Incompatible as error:
        tell(error.message)

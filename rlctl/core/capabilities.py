"""Capabilities of the objects that the catalog's rows make. Imports no framework."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Capabilities:
    """Answers to what callers ask of an object that the catalog's rows make.

    An object whose answers differ from these defaults has them as its attribute `capabilities`.

    Attributes:
        kind: `environment` (`envs.base`), `simulation` (`physics.simulation`) or
            `vector` (`rollouts.base.VectorEnvironment`): what drives it.
        resumable: Whether `Driver.state` holds its whole state.
        renders_itself: Whether its driver renders, instead of a MuJoCo scene.
    """

    kind: Literal["environment", "simulation", "vector"] = "environment"
    resumable: bool = True
    renders_itself: bool = False


def capabilities_of(target: object) -> Capabilities:
    """Return what an object of the catalog can do."""
    return getattr(target, "capabilities", Capabilities())

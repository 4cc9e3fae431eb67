"""List the environments of the catalog."""

from dataclasses import asdict, dataclass
from typing import Any

from rlctl import catalog
from rlctl.core.presets import presets


@dataclass(frozen=True)
class EnvListing:
    """One environment: observation and action sizes, control rate in Hz, presets by engine."""

    name: str
    summary: str
    observation: int
    action: int
    rate: float
    physics: tuple[str, ...]
    presets: tuple[str, ...]


@dataclass(frozen=True)
class FamilyListing:
    """Environments of another package, named `prefix:NAME`; presets by name and engine.

    An open family is listed without names; they are looked up only if it is asked for alone.
    """

    prefix: str
    summary: str
    physics: tuple[str, ...]
    names: tuple[str, ...]
    presets: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Listing:
    """All environments and families."""

    envs: tuple[EnvListing, ...]
    families: tuple[FamilyListing, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def list_envs(name: str | None = None) -> Listing:
    """List the environments and families; or one environment, or one family with all its names.

    Imports no framework, except for the names of an open family.

    Args:
        name: The environment or family, None for all.

    Raises:
        UsageError: No environment or family has this name.
    """
    algos, envs = tuple(catalog.engines()), catalog.envs()
    if name is not None and name not in envs:
        return Listing((), (_family(catalog.family(name), algos, True),))
    rows = tuple(
        EnvListing(
            row.name,
            row.summary,
            row.observation,
            row.action,
            row.rate,
            row.physics,
            presets(row.name, algos),
        )
        for row_name, row in envs.items()
        if name in (None, row_name)
    )
    if name is not None:
        return Listing(rows, ())
    return Listing(rows, tuple(_family(row, algos) for row in catalog.families().values()))


def _family(
    row: catalog.FamilyRow, algos: tuple[str, ...], complete: bool = False
) -> FamilyListing:
    names = catalog.names(row) if complete or not row.open else ()
    all_presets = {name: presets(f"{row.prefix}:{name}", algos) for name in names}
    with_presets = {name: algos for name, algos in all_presets.items() if algos}
    return FamilyListing(row.prefix, row.summary, row.physics, names, with_presets)

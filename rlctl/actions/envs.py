"""What environments there are, from the catalog alone."""

from dataclasses import asdict, dataclass
from typing import Any

from rlctl import catalog
from rlctl.core.config import presets


@dataclass(frozen=True)
class EnvListing:
    """One environment: sizes of observation and action, control rate in Hz, presets by engine."""

    name: str
    summary: str
    observation: int
    action: int
    rate: float
    physics: tuple[str, ...]
    presets: tuple[str, ...]


@dataclass(frozen=True)
class FamilyListing:
    """Environments made elsewhere, typed as `prefix:NAME`; presets by name and engine.

    An open family is listed without names: they are looked up when it is asked for alone.
    """

    prefix: str
    summary: str
    physics: tuple[str, ...]
    names: tuple[str, ...]
    presets: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Listing:
    """Everything that can be trained."""

    envs: tuple[EnvListing, ...]
    families: tuple[FamilyListing, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def list_envs(asked: str | None = None) -> Listing:
    """The catalog's environments and families; or one environment, or a family with all its names.

    Loads no framework, but for the names of an open family.

    Raises:
        UsageError: Neither an environment nor a family is called that.
    """
    algos, envs = tuple(catalog.engines()), catalog.envs()
    if asked is not None and asked not in envs:
        return Listing((), (_family(catalog.family(asked), algos, True),))
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
        for name, row in envs.items()
        if asked in (None, name)
    )
    if asked is not None:
        return Listing(rows, ())
    return Listing(rows, tuple(_family(row, algos) for row in catalog.FAMILIES))


def _family(
    row: catalog.FamilyRow, algos: tuple[str, ...], complete: bool = False
) -> FamilyListing:
    names = catalog.names(row) if complete or not row.open else ()
    found = {name: presets(f"{row.prefix}:{name}", algos) for name in names}
    with_presets = {name: algos for name, algos in found.items() if algos}
    return FamilyListing(row.prefix, row.summary, row.physics, names, with_presets)

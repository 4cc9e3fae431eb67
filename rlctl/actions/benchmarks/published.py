"""Published results of other implementations, from `published.toml`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("published.toml")


@dataclass(frozen=True)
class Published:
    """One published result.

    Attributes:
        title: Title of the source.
        address: URL of the source.
        env: The environment there, with its version.
        steps: Environment steps of training.
        metric: The averaged metric.
        mean: Mean over seeds.
        std: Standard deviation over seeds, None if not stated.
        seeds: Number of seeds, None if not stated.
        note: Other differences from the rest.
    """

    title: str
    address: str
    env: str
    steps: int
    metric: str
    mean: float
    std: float | None = None
    seeds: int | None = None
    note: str = ""


def published(env: str, algo: str) -> list[Published]:
    """Return the published results of an algorithm on an environment, highest mean first."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    rows = []
    for name, row in table["results"].get(env, {}).items():
        source = dict(table["sources"][name])
        if source.pop("algo") == algo:
            rows.append(Published(**source, **row))
    return sorted(rows, key=lambda row: -row.mean)

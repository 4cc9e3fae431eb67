"""Results that others published, from the table beside this file."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("published.toml")


@dataclass(frozen=True)
class Published:
    """One published result.

    Attributes:
        title: Whose.
        address: Where it can be read.
        env: The environment there, version included.
        steps: Environment steps of training.
        metric: What was averaged.
        mean: Over seeds.
        std: Over seeds, None where none is stated.
        seeds: How many, None where that is not stated.
        note: What else tells it from the others.
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
    """What others published of an algorithm on an environment, the highest mean first."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    found = []
    for name, row in table["results"].get(env, {}).items():
        source = dict(table["sources"][name])
        if source.pop("algo") == algo:
            found.append(Published(**source, **row))
    return sorted(found, key=lambda row: -row.mean)

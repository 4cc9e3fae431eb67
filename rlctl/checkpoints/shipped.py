"""Policies that ship with rlctl, by environment: `shipped:ENV` names one wherever a --ckpt does.

Each is an ordinary checkpoint's folder with group `policy` alone: it acts, and a training can start
from it, but none can go on with it. `scripts/build_pretrained` makes them. Importing this loads
nothing.
"""

from pathlib import Path

from rlctl.core.errors import NotFound
from rlctl.core.runs import SHIPPED

FOLDER = Path(__file__).parents[1] / "shipped"


def names() -> list[str]:
    """The environments that a policy ships for."""
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def named(text: str) -> Path:
    """The folder of `shipped:ENV`.

    Raises:
        NotFound: No policy ships for that.
    """
    env = text.removeprefix(SHIPPED)
    if env not in names():
        raise NotFound(
            f"no policy ships for {env!r}; there are {', '.join(map(SHIPPED.__add__, names()))}",
            "train one: rlctl train ENV",
        )
    return FOLDER / env

"""Pretrained policies that ship with rlctl: `--ckpt shipped:ENV`.

Each is a checkpoint's folder with the group `policy` only: it can act and be used with --init-from,
but not be resumed. `scripts/build_pretrained` makes them.
"""

from pathlib import Path

from rlctl.core.errors import NotFound
from rlctl.core.runs import SHIPPED

FOLDER = Path(__file__).parents[1] / "shipped"


def names() -> list[str]:
    """Return the environments that have a shipped policy."""
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def named(text: str) -> Path:
    """Return the folder of `shipped:ENV`.

    Raises:
        NotFound: There is no shipped policy for the environment.
    """
    env = text.removeprefix(SHIPPED)
    if env not in names():
        raise NotFound(
            f"there is no shipped policy for {env!r}; "
            f"there are {', '.join(map(SHIPPED.__add__, names()))}",
            "train one: rlctl train ENV",
        )
    return FOLDER / env

"""Kinds of damage to a checkpoint's files."""

import os
import random
import shutil
import socket
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

Random = random.Random
Act = Callable[[Path, Random], object]


@dataclass(frozen=True)
class Damage:
    """Kind of damage.

    Attributes:
        act: Applies it to a file of a checkpoint, with random numbers.
        code: The expected exit code; 0 if the content is unchanged.
    """

    act: Act
    code: int = 4


def flip(data: bytearray, rng: Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def flip_in_head(data: bytearray, rng: Random) -> None:
    data[rng.randrange(min(8, len(data)))] ^= 1 << rng.randrange(8)


def flip_in_names(data: bytearray, rng: Random) -> None:
    data[rng.randrange(8, min(300, len(data)))] ^= 1 << rng.randrange(8)


def flip_in_tail(data: bytearray, rng: Random) -> None:
    data[-1 - rng.randrange(min(90, len(data)))] ^= 1 << rng.randrange(8)


def _range(data: bytearray, rng: Random) -> slice:
    start = rng.randrange(len(data))
    return slice(start, min(len(data), start + rng.randrange(1, 4096)))


def zero(data: bytearray, rng: Random) -> None:
    part = _range(data, rng)
    data[part] = bytes(len(data[part]))


def overwrite(data: bytearray, rng: Random) -> None:
    part = _range(data, rng)
    data[part] = rng.randbytes(len(data[part]))


def cut_out(data: bytearray, rng: Random) -> None:
    del data[_range(data, rng)]


def repeat(data: bytearray, rng: Random) -> None:
    part = _range(data, rng)
    data[part.start : part.start] = data[part]


def exchange(data: bytearray, rng: Random) -> None:
    a, b = rng.randrange(len(data)), rng.randrange(len(data))
    data[a], data[b] = data[b], data[a]


def truncate(data: bytearray, rng: Random) -> None:
    del data[rng.randrange(len(data)) :]


def append(data: bytearray, rng: Random) -> None:
    data += rng.randbytes(rng.randrange(1, 64))


def _content(change: Callable[[bytearray, Random], object]) -> Act:
    def act(file: Path, rng: Random) -> None:
        data = bytearray(file.read_bytes())
        change(data, rng)
        file.write_bytes(data)

    return act


def _other(file: Path, rng: Random) -> Path:
    return rng.choice(sorted(path for path in file.parent.iterdir() if path != file))


def _swap(file: Path, rng: Random) -> None:
    other, mine = _other(file, rng), file.read_bytes()
    file.write_bytes(other.read_bytes())
    other.write_bytes(mine)


def _instead(make: Callable[[Path], object]) -> Act:
    def act(file: Path, rng: Random) -> None:
        file.unlink()
        make(file)

    return act


def _link(file: Path, rng: Random) -> None:
    file.symlink_to(file.rename(file.parent.parent / f"moved-{file.name}"))


def _hard_link(file: Path, rng: Random) -> None:
    os.link(file.rename(file.parent.parent / f"moved-{file.name}"), file)


def _listen(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made, chdir(file.parent):  # names of sockets are short
        made.bind(file.name)


def _extra(file: Path, rng: Random) -> None:
    names = ("extra.safetensors", ".hidden", "notes.txt", f"{file.name}~", file.name.upper(), "é")
    shutil.copy(file, file.with_name(rng.choice(names)))


DAMAGE = {
    **{
        change.__name__.replace("_", " "): Damage(_content(change))
        for change in (
            flip, flip_in_head, flip_in_names, flip_in_tail, zero, overwrite, cut_out, repeat,
            exchange, truncate, append,
        )
    },
    "emptied": Damage(lambda file, rng: file.write_bytes(b"")),
    "doubled": Damage(lambda file, rng: file.write_bytes(file.read_bytes() * 2)),
    "gone": Damage(lambda file, rng: file.unlink()),
    "renamed": Damage(lambda file, rng: file.rename(file.with_name(f"{file.name}.old"))),
    "a copy of another": Damage(lambda file, rng: shutil.copy(_other(file, rng), file)),
    "swapped": Damage(_swap),
    "beside an extra one": Damage(_extra),
    "beside an extra folder": Damage(lambda file, rng: (file.parent / "more").mkdir()),
    "a folder": Damage(_instead(Path.mkdir)),
    "of another checkpoint": Damage(
        lambda file, rng: shutil.copy(file.parent.parent / "other" / file.name, file)
    ),
    "a link": Damage(_link, 5),
    "a link to nothing": Damage(_instead(lambda file: file.symlink_to("nowhere")), 5),
    "a link to a device": Damage(_instead(lambda file: file.symlink_to("/dev/zero")), 5),
    "a pipe": Damage(_instead(os.mkfifo), 5),
    "a socket": Damage(_instead(_listen), 5),
    "a hard link": Damage(_hard_link, 0),
}  # fmt: skip

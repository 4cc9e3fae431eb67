"""Malicious pickles and zips: code execution, decompression bombs."""

import io
import pickle
import stat
import struct
import zipfile
from collections.abc import Iterator

from checkpoints.foreign_cases import FOLDER
from checkpoints.payloads import CALLS, PICKLES
from hostile.malicious.case import Case, writer

IMPORT = "import {} --out made"
DATA = b'{"policy_kwargs": {}}'
BOMB = bytes(2**26)


def zipped(*members: tuple[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip of names and contents."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", kind) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return made.getvalue()


def torch_zip(program: bytes, *more: tuple[str, bytes]) -> bytes:
    """Return a zip in the layout of torch.save."""
    return zipped(("archive/data.pkl", program), *more, ("archive/version", b"3\n"))


def link(name: str, target: str) -> bytes:
    """Return a zip whose member is a symbolic link."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, target)
        archive.writestr("policy.pth", b"")
    return made.getvalue()


def lying(data: bytes, size: int) -> bytes:
    """Return a zip whose directory gives wrong sizes."""
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data = data[: at + 24] + struct.pack("<I", size) + data[at + 28 :]
        at += 4
    return data


def overlapping(data: bytes, times: int) -> bytes:
    """Return a zip whose directory lists its first member many times, under other names."""
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = data[start : data.index(b"PK\x01\x02", start + 4)]
    length = struct.unpack("<H", entry[28:30])[0]
    copies = b"".join(
        entry[:46] + f"{i:0{length}d}".encode() + entry[46 + length :] for i in range(times)
    )
    directory = data[start:end] + copies
    count = 2 + times
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, 0)
    return data[:start] + directory + tail


def cases() -> Iterator[Case]:
    """Return all cases."""
    for name, data in PICKLES.items():
        yield Case(f"pickle: {name}", writer("x.pkl", data), IMPORT.format("x.pkl"), (5,))
        yield Case(f"torch: {name}", writer("x.pt", torch_zip(data)), IMPORT.format("x.pt"), (5, 4))
    for name, call in list(CALLS.items())[:8]:
        data = pickle.dumps(call, 0)
        yield Case(f"protocol 0: {name}", writer("x.pkl", data), IMPORT.format("x.pkl"), (5,))
        yield Case(f"--ckpt: {name}", writer("x.pkl", PICKLES[name]), "eval --ckpt x.pkl", (6,))
    for name, data in zips().items():
        codes = (0,) if name == "garbage before" else (4, 5, 6)  # as self-extracting ones have
        yield Case(f"zip: {name}", writer("x.zip", data), IMPORT.format("x.zip"), codes)


def zips() -> dict[str, bytes]:
    """Return malicious zips by description."""
    evil = PICKLES["os.system"]
    whole = (FOLDER / "sb3_ppo.zip").read_bytes()
    plain = zipped(("policy.pth", torch_zip(evil)), ("data", DATA))
    packed = zipped(("policy.pth", BOMB), ("data", DATA), kind=zipfile.ZIP_DEFLATED)
    inner = zipped(("archive/data.pkl", BOMB), kind=zipfile.ZIP_DEFLATED)
    json = '{"policy_class": {":serialized:": "%s"}}'
    return {
        "evil weights": plain,
        "evil data": zipped(("policy.pth", evil), ("data", evil)),
        "evil in data's JSON": zipped(("policy.pth", evil), ("data", (json % "gASVKg").encode())),
        "deep data": zipped(("policy.pth", evil), ("data", b"[" * 100_000)),
        "dot dot": zipped(("../../canary", b"x"), ("policy.pth", evil), ("data", DATA)),
        "absolute": zipped(("/tmp/canary", b"x"), ("policy.pth", evil), ("data", DATA)),
        "torch dot dot": torch_zip(evil, ("archive/../../canary", b"x")),
        "a link": link("data", "/etc/passwd"),
        "twice the same": zipped(("policy.pth", b"x"), ("data", DATA)) + plain,
        "bomb": zipped(*((f"{i}", BOMB) for i in range(20)), ("policy.pth", BOMB),
                       kind=zipfile.ZIP_DEFLATED),
        "64 MB of zeros": packed,
        "bomb in a zip": zipped(("policy.pth", inner), ("data", DATA)),
        "torch bomb": inner,
        "says it is tiny": lying(packed, 1),
        "says it is 4 GB": lying(plain, 2**32 - 2),
        "says it is 900 MB": lying(plain, 900 * 2**20 // 2),
        "overlapping": overlapping(packed, 60_000),
        "cut": whole[: len(whole) // 2],
        "no middle": whole[:200] + whole[-200:],
        "garbage before": b"x" * 1000 + whole,
        "unknown packing": whole.replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00",
                                         b"PK\x01\x02\x14\x03\x14\x00\x01\x00\x63\x00"),
        "encrypted": _flagged(plain),
    }  # fmt: skip


def _flagged(data: bytes) -> bytes:
    """Mark every member as encrypted."""
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = 0
        while (at := data.find(mark, at)) >= 0:
            data = data[: at + offset] + b"\x01\x00" + data[at + offset + 2 :]
            at += 4
    return data

"""Malicious settings, runs and metrics, and output paths outside the folder."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from hostile import fixtures
from hostile.malicious.case import Case, writer

DEEP = "[" * 100_000 + "]" * 100_000
TOML: dict[str, bytes | str] = {
    "deep": f"[ppo]\nx = {DEEP}",
    "deep tables": "[" + "a." * 50_000 + "a]\nx = 1",
    "deep keys": "[env]\n" + "a." * 50_000 + "a = 1",
    "deep in line": "[ppo]\nx = " + "{a = " * 50_000 + "1" + "}" * 50_000,
    "huge": "#" * (2**20 + 1),
    "many keys": "[ppo]\n" + "\n".join(f"x{i} = 1" for i in range(60_000)),
    "many sections": "\n".join(f"[s{i}]\nx = 1" for i in range(40_000)),
    "not text": b"[ppo]\nx = '\xff'",
    "zeros": b"\0" * 1000,
    "a zero": "[ppo]\nx = 'a\0b'",
    "a giant number": "[train]\nsteps = " + "9" * 10_000,
    "a giant number in sixteens": "[train]\nsteps = 0x" + "f" * 100_000,
    "a giant number, free": "[env]\nx = 0x" + "f" * 100_000,
    "a date": "[train]\nsteps = 1979-05-27T07:32:00Z",
    "a date, free": "[env]\nx = 1979-05-27",
    "not finite": "[ppo]\nlearning_rate = nan",
    "code": "[ppo]\nactivation = \"__import__('os').system('touch canary')\"",
    "a long name": "[ppo]\n" + "x" * 10**6 + " = 1",
    "a long value": "[ppo]\nactivation = '" + "x" * 10**6 + "'",
    "escapes": '[ppo]\nactivation = "\\u001b[2J\\u202e"',
    "a section that is a number": "ppo = 5",
    "a list of sections": "[[ppo]]\nlearning_rate = 1",
    "a byte order mark": "\ufeff[ppo]\nx = 1",
    "in sixteens": "[ppo]\nx = 1".encode("utf-16"),
    "a link to all zeros": b"",
    "a pipe": b"",
}
_CONFIG = '{"env": "%s", "algo": "%s", "settings": %s, "origins": {}}'
CONFIGS: dict[str, str] = {
    "deep": DEEP,
    "deep objects": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "no object": "[]",
    "nothing": "",
    "twice": '{"env": "pendulum", "env": "hopper"}',
    "not finite": '{"env": NaN}',
    "a giant number": '{"env": ' + "9" * 10_000 + "}",
    "numbers for all": '{"env": 1, "algo": 1, "settings": 1, "origins": 1}',
    "lists for all": '{"env": [], "algo": [], "settings": [], "origins": []}',
    "sections that are none": _CONFIG % ("pendulum", "ppo", '{"train": 5}'),
    "odd settings": _CONFIG % ("pendulum", "ppo", '{"train": {"x": {}}}'),
    "a module": _CONFIG % ("gym:evil:X-v0", "ppo", "{}"),
    "an engine": _CONFIG % ("pendulum", "../evil", "{}"),
    "9 MB": '{"env": "' + "x" * 9 * 2**20 + '"}',
    "escapes": '{"env": "\\u001b[2J\\u202e", "algo": "ppo", "settings": {}, "origins": {}}',
    "half a letter": '{"env": "\\ud800", "algo": "ppo", "settings": {}, "origins": {}}',
    "a link": "",
    "a pipe": "",
}
ROWS: dict[str, bytes | str] = {
    "deep": DEEP + "\n",
    "no objects": "5\n[]\nnull\n" * 100,
    "odd steps": '{"kind": "train", "steps": "x"}\n{"kind": "train", "steps": [1]}\n',
    "giant steps": '{"kind": "train", "steps": 1' + "0" * 400 + "}\n",
    "not finite": '{"kind": "train", "steps": NaN}\n{"kind": "train", "steps": 1e999}\n',
    "not text": b"\xff\xfe\n" * 1000,
    "a long line": '{"kind": "train", "steps": 1, "x": "' + "x" * 10**7 + '"}\n',
    "many terms": json.dumps(
        {"kind": "train", "steps": 1, "return": 1, "terms": {f"t{i}": 1 for i in range(3000)}}
    ),
    "names that are code": json.dumps({"kind": "train", "steps": 1, "terms": {"<script>$x^": 1}}),
    "steps that fall": "".join(
        json.dumps({"kind": "train", "steps": -i, "return": 1e308}) + "\n" for i in range(50)
    ),
    "evaluations of nothing": '{"kind": "eval", "steps": 1}\n{"kind": "eval", "return": []}\n',
}  # fmt: skip


def cases() -> Iterator[Case]:
    """Return all cases."""
    for i, (name, data) in enumerate(TOML.items()):
        commands = (
            "config validate x.toml pendulum",
            "train gym:CartPole-v1 --config x.toml --dry-run",
        )
        yield Case(f"settings: {name}", _toml(name, data), commands[i % 2], (2,))
    for name, text in CONFIGS.items():
        yield Case(f"run, config {name}", _run("config.json", text, name), "train --resume r", ALL)
        yield Case(
            f"plot, config {name}",
            _run("config.json", text, name),
            "plot r --out p.html",
            (0, *ALL),
        )
    for name, data in ROWS.items():
        made = _run("metrics.jsonl", data, name)
        yield Case(f"plot, rows {name}", made, "plot r --out p.svg", (0, 3))
        yield Case(f"run, rows {name}", made, "train --resume r --steps 1e9 --cpu", (0,))
    for name, (make, command, codes) in ELSE.items():
        yield Case(name, make, command, codes)


ALL = (2, 3, 4, 5, 6)


def _toml(name: str, data: bytes | str) -> Callable[[Path], object]:
    if name == "a pipe":
        return lambda place: os.mkfifo(place / "x.toml")
    if name.startswith("a link"):
        return lambda place: (place / "x.toml").symlink_to("/dev/zero")
    return writer("x.toml", data)


def _run(file: str, data: bytes | str, name: str) -> Callable[[Path], object]:
    def make(place: Path) -> None:
        fixtures.resumable(place / "r")
        (place / "r" / file).unlink()
        if name == "a link":
            (place / "r" / file).symlink_to("/etc/passwd")
        elif name == "a pipe":
            os.mkfifo(place / "r" / file)
        else:
            writer(f"r/{file}", data)(place)

    return make


def _film(place: Path) -> None:
    fixtures.resumable(place / "r")
    (place / "secret").write_text("secret")
    (place / "r" / "film.mp4").symlink_to(place / "secret")


def _best(place: Path) -> None:
    fixtures.resumable(place / "r")
    (place / "r" / "checkpoints" / "best").write_text("../../../etc/passwd\n")


def _linked(place: Path) -> None:
    fixtures.resumable(place / "r")
    (place / "r" / "checkpoints" / "step_000000009999").symlink_to("/etc")


def _earlier(text: str) -> Callable[[Path], object]:
    return writer("old.json", text)


def _scene(place: Path) -> None:
    (place / "evil.xml").write_text('<mujoco><include file="/etc/passwd"/></mujoco>')


BENCH = "benchmark --envs pendulum --seeds 3 --steps 100 --out b --against old.json"
ELSE: dict[str, tuple[Callable[[Path], object], str, tuple[int, ...]]] = {
    "a film that is a link": (_film, "plot r --out p.html", (0,)),
    "a best that leads elsewhere": (_best, "eval --ckpt r --cpu", (0, *ALL)),
    "a step that is a link": (_linked, "eval --ckpt r@latest --cpu", (0, *ALL)),
    "a step that is a link, to go on": (_linked, "train --resume r --cpu", (0, *ALL)),
    "earlier results, deep": (_earlier(DEEP), BENCH, (6,)),
    "earlier results, odd": (
        _earlier('{"algo": [], "steps": {}, "envs": {"pendulum": 1}}'), BENCH, (6,)
    ),
    "earlier results, odder": (
        _earlier(
            '{"algo": "ppo", "steps": 100, "envs": {"pendulum": {"scores": {"values": "abc"}}}}'
        ),
        BENCH, (6,),
    ),
    "a scene of one's own": (
        _scene, "train gym:Ant-v5 --set env.xml_file=evil.xml --dry-run --cpu", (2, 7)
    ),
    "a schedule that never ends": (
        lambda place: None, "eval --ckpt shipped:barkour --command-schedule /dev/zero --cpu", (2, 3)
    ),
    "a schedule that never comes": (
        lambda place: os.mkfifo(place / "x"),
        "eval --ckpt shipped:barkour --command-schedule x --cpu",
        (2, 3),
    ),
    "settings that never end": (lambda place: None, "config validate /dev/zero", (2,)),
}  # fmt: skip

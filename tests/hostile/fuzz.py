"""Fuzzing of commands with random arguments, settings and manifests."""

import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from checkpoints import manifest_fuzz
from hostile import fixtures
from hostile.arguments import ArgumentFuzzer
from hostile.oracle import run_checked
from sandbox import Guard

from rlctl.checkpoints import manifest

Guess = tuple[str, list[str]]  # description, arguments
_TOKENS = [
    "1e999", "-1", "nan", "inf", "true", "''", '"""', "[]", "[[1]]", "{}", "{a = {b = 1}}",
    "[" * 500,
    "1979-05-27T07:32:00Z", "07:32:00", "0x" + "f" * 5000, "9" * 5000, "é", "\x00", "\x1b", "\r",
    "\ufeff", "=", "]", "[[ppo]]", "[ppo.a.b]", "[env]", "a.b.c = 1", "a" * 3000, '"\\ud800"', "#",
    "[1, 'x']", "9223372036854775808", "1_0", "_1", ".5", "+1", "0o7", '"\\u0000"',
]  # fmt: skip
_READERS = [
    "inspect-ckpt CKPT", "inspect-ckpt CKPT --json", "inspect-ckpt --diff CKPT shipped:pendulum",
    "eval --ckpt CKPT --episodes 1 --cpu", "eval pendulum --ckpt CKPT --json --cpu",
    "render --ckpt CKPT --out a.png", "compare --ckpt CKPT", "plot run --out a.html",
    "export --format numpy --out out --ckpt CKPT", "export --format torch --out out --ckpt CKPT",
    "train pendulum --init-from CKPT --cpu", "train --resume run --cpu",
    "train --resume run --steps 9",
]  # fmt: skip


def _arguments(place: Path, rng: random.Random) -> Iterator[Guess]:
    fuzzer = ArgumentFuzzer(rng.randrange(2**32))
    while True:
        words = fuzzer.arguments()
        yield str([word[:60] for word in words]), words


def _settings(place: Path, rng: random.Random) -> Iterator[Guess]:
    """Yield settings files: presets with random changes."""
    texts = [path.read_text() for path in sorted(_presets().rglob("*.toml"))]
    file = place / "guess.toml"
    while True:
        text = rng.choice(texts)
        for _ in range(rng.randrange(1, 4)):
            text = _changed(text, rng)
        file.write_bytes(text.encode(errors="surrogatepass"))
        env = rng.choice(["pendulum", "hopper", "gym:CartPole-v1"])
        words = rng.choice(
            [
                ["config", "validate", "guess.toml"],
                ["config", "validate", "guess.toml", env],
                ["config", "show", env, "--config", "guess.toml", "--json"],
                ["train", env, "--config", "guess.toml", "--dry-run", "--cpu"],
                ["train", env, "--algo", "trpo", "--config", "guess.toml", "--dry-run", "--cpu"],
            ]
        )
        yield f"{words} with {text[:400]!r}", words


def _manifests(place: Path, rng: random.Random) -> Iterator[Guess]:
    """Yield fuzzed manifests, each for a command that reads them."""
    path = fixtures.resumable(place / "run")
    good = (path / manifest.NAME).read_bytes()
    held = manifest_fuzz.of(good)
    hostile = list(manifest_fuzz.raw())
    while True:
        what, data = manifest_fuzz.forged(held, rng)
        if rng.random() < 0.02:
            what, data = "raw", rng.choice(hostile)
        shutil.rmtree(place / "out", ignore_errors=True)
        (path / manifest.NAME).write_bytes(data)
        for name in ("out", "out.json"):
            (place / name).unlink(missing_ok=True)
        for extra in path.parent.glob("step_*"):
            if extra != path:
                shutil.rmtree(extra)
        words = rng.choice(_READERS).replace("CKPT", str(path)).split()
        yield f"{words} with {what}", words


KINDS: dict[str, Callable[[Path, random.Random], Iterator[Guess]]] = {
    "arguments": _arguments,
    "settings": _settings,
    "manifests": _manifests,
}


def problems(
    kind: str, place: Path, guard: Guard, count: int, seed: int
) -> Iterator[tuple[str, str]]:
    """Yield the description of each case and its problem, "" for none.

    Args:
        kind: One of KINDS.
        place: Working folder, isolated and with fake engines.
        guard: Records forbidden side effects.
        count: Number of cases.
        seed: Seed of the cases.
    """
    fixtures.build(place)
    guesses = KINDS[kind](place, random.Random(seed))
    for _ in range(count):
        what, words = next(guesses)
        yield what, run_checked(guard, place.parent, words)[1]


def _changed(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    kind = rng.randrange(7)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, rng.choice(lines))
    elif kind == 2:
        lines.insert(at, rng.choice(_TOKENS))
    elif kind <= 4:
        lines[at] = re.sub(r"=.*", lambda _: f"= {rng.choice(_TOKENS)}", lines[at])
    elif kind == 5:
        cut = rng.randrange(len(text))
        return text[:cut] + rng.choice([*_TOKENS, "", text[cut : cut + 20]]) + text[cut + 1 :]
    else:
        lines[at] = re.sub(r"\w+", lambda found: found[0][:-1], lines[at], count=1)
    return "\n".join(lines)


def _presets() -> Path:
    return Path(__file__).parents[2] / "configs"

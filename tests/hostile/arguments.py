"""Random argument lists: real commands and options with valid, invalid and odd values."""

import random
from typing import Any, get_args

from typer.main import get_command

from rlctl import catalog, cli

LONG = "x" * 5000
ODD = ["", " ", "-", "--", "=", "\udcff", "é", "\x1b[2J", "a\nb", "%s", "{0}", "$HOME", "*", LONG]
NUMBERS = [
    "0", "1", "-1", "2", "3", "7", "1e3", "1e99", "-1e99", "nan", "inf", "-inf", "5.5", " 5 ",
    "0x10", "1_000", "٣", "2147483647", "2147483648", "9223372036854775808", "1" * 5000, "true",
    "none",
]  # fmt: skip
ENVS = [
    "pendulum", "hopper", "reacher", "inverted-pendulum", "swimmer", "gym:CartPole-v1", "brax:ant",
    "pendulm", "gym:", "gym:Nothing-v0", "gym:no_such_module:X-v0", "brax:", ":", "PENDULUM",
]  # fmt: skip
RUNS = [
    "good", "runs/good", "runs/good/", "good@latest", "good@best", "good@1000", "good@7", "good@x",
    "good@", "@", "@1", "latest", "best", "shipped:pendulum", "shipped:barkour", "shipped:", "torn",
    "torn@latest", "forged", "runs/good/checkpoints", "policy", "policy/manifest.json",
    "foreign.pkl", "settings.toml", ".", "..", "/", "/proc/self", "nowhere", "empty",
    "/proc/self/mem",
]  # fmt: skip
OUTS = [
    "a.png", "a.mp4", "a.gif", "a.svg", "a.html", "a.npz", "a", "b/c.png", "d/e/f", "settings.toml",
    "settings.toml/x.png", ".", "..", "", "empty", "empty/", "/proc/nothing/x.png",
    "step_000000000005", ".tmp-x", "x" * 300 + ".png", "runs/good", "a.png/", "good.PNG", "~/x",
]  # fmt: skip
FILES = [
    "settings.toml", "torn.toml", "nowhere.toml", ".", "policy/manifest.json", "/proc/self/mem",
]  # fmt: skip
COMMANDS = [
    "vx=1", "1", "1,2,3", "vx", "vx=", "vx=nan", "0: vx=1", "0: 1; 4: 0", "4: 1; 0: 1", "a:b",
    "settings.toml", "0:",
]  # fmt: skip
TEXTS = {  # metavar of an option -> values
    "ENV": ENVS, "NAME": [*ENVS, "ppo", "trpo", "relu", "free", "front", "ppo "],
    "ENV,ENV": ["pendulum", "pendulum,hopper", ",", "pendulum,", "pendulum,pendulm"],
    "CKPT": RUNS, "RUN": RUNS, "[CKPT]": [*RUNS, *ENVS],
    "[ENV]...": ENVS, "OTHER": RUNS, "SOURCE": RUNS,
    "FILE": [*FILES, *OUTS], "DIR": OUTS, "PATH": OUTS, "FILE.npz": OUTS,
    "FAMILY": ["gym", "brax", "x"],
    "N": NUMBERS, "X": NUMBERS, "STEPS": NUMBERS, "RATE": NUMBERS,
    "WxH": ["64x48", "0x0", "x", "64", "99999x99999", "64X48", "-1x5", "٣x٣"],
    "ENV=X": ["pendulum=1", "pendulum=", "hopper=1", "=1", "pendulum=nan", "x"],
    "NAME=X,NAME=X": COMMANDS, "SCHEDULE": COMMANDS,
}  # fmt: skip
VALUES = [*NUMBERS, "[1,2]", "32,32", "[]", "swish", '{"a": 1}', "[" * 3000, "adam", "'x'", "1,,2"]


class ArgumentFuzzer:
    """Generator of argument lists.

    Args:
        seed: Seed of the random numbers.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._commands = dict(_leaves(get_command(cli.app), ()))
        self._settings = [
            f"{section}.{name}"
            for section, kind in _sections().items()
            for name in getattr(kind, "__dataclass_fields__", ())
        ] + ["env.nothing", "train", "nothing.steps", "train.", ".steps", "env.max_episode_steps"]

    def arguments(self) -> list[str]:
        """Return a random argument list."""
        words = self.random.choice(list(self._commands))
        arguments = list(words)
        for parameter in self._commands[words].params:
            for _ in range(self._how_often(parameter)):
                arguments += self._given(parameter)
        while self.random.random() < 0.15:
            self._spoil(arguments)
        return arguments

    def _how_often(self, parameter: Any) -> int:
        if parameter.name in ("help", "install_completion", "show_completion"):
            return self.random.random() < 0.01
        often = 0.9 if parameter.required or parameter.param_type_name == "argument" else 0.12
        if parameter.name in ("bench", "wandb", "video_every"):
            often = 0.02
        more = self.random.random() < 0.1
        return (self.random.random() < often) + more * self.random.randrange(3)

    def _given(self, parameter: Any) -> list[str]:
        if parameter.param_type_name == "argument":
            return [self._value(parameter)]
        option = self.random.choice(parameter.opts)
        if getattr(parameter, "is_flag", False):
            return [option]
        value = self._value(parameter)
        joined = option.startswith("--") and self.random.random() < 0.3
        return [f"{option}={value}"] if joined else [option, value]

    def _value(self, parameter: Any) -> str:
        if self.random.random() < 0.06:
            return self.random.choice(ODD)
        if choices := _choices(parameter.type_descriptor.annotation):
            return self.random.choice([*choices, "nothing"])
        metavar = parameter.metavar or ""
        if metavar == "KEY=VALUE":
            return f"{self.random.choice(self._settings)}={self.random.choice(VALUES)}"
        known = TEXTS.get(metavar, NUMBERS)
        return known[0] if self.random.random() < 0.35 else self.random.choice(known)

    def _spoil(self, arguments: list[str]) -> None:
        place = self.random.randrange(len(arguments))
        kind = self.random.randrange(5)
        if kind == 0:
            del arguments[place]
            arguments or arguments.append("train")
        elif kind == 1:
            arguments.insert(place, self.random.choice([*ODD, "--nothing", "-x", "train"]))
        elif kind == 2:
            arguments[place] = arguments[place][: self.random.randrange(1, 9)] or "x"
        elif kind == 3:
            arguments.append(arguments[place])
        else:
            self.random.shuffle(arguments)


def _choices(annotation: Any) -> list[str]:
    """Return the values of a Literal, [] for other types."""
    if isinstance(annotation, str):
        return [annotation]
    return [choice for part in get_args(annotation) for choice in _choices(part)]


def _leaves(command: Any, words: tuple[str, ...]) -> Any:
    for name, inner in getattr(command, "commands", {}).items():
        yield from _leaves(inner, (*words, name))
    if words and not hasattr(command, "commands"):
        yield words, command


def _sections() -> dict[str, Any]:
    sections = {"train": catalog.load("rlctl.engines.config:TrainConfig")}
    sections |= {row.name: catalog.load(row.config) for row in catalog.ENGINES}
    return sections | {"env": catalog.load(catalog.env("pendulum").config)}

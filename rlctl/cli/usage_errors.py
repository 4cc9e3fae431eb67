"""What Typer did not understand, told with what was meant."""

import re
import shlex
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rlctl import catalog
from rlctl.core.errors import RlctlError, UsageError
from rlctl.core.suggest import ALIASES, did_you_mean, nearest

_COMMANDS = {
    "rlctl eval": "evaluate test enjoy score",
    "rlctl render": "play film video record watch visualize view",
    "rlctl train": "learn fit run start",
    "rlctl train --resume RUN": "resume continue",
    "rlctl envs": "list ls env environments tasks",
    "rlctl inspect-ckpt": "info show describe summary",
    "rlctl device-check": "doctor devices device gpu",
    "rlctl plot": "curves report graph",
    "rlctl config show ENV": "settings params hyperparameters",
    "rlctl --version": "version",
    "rlctl --help": "help",
}
_ASKS_FOR_GPU = ("--gpu", "--cuda", "--use-gpu")
_NAMES_ENV = ("--env", "--env-id", "--env-name", "--environment", "--task", "-e", "--gym-id")


def usage_error(message: str, context: Any, args: Sequence[str]) -> UsageError:
    """The error that people are told.

    Args:
        message: Typer's words.
        context: Typer's, of the command that was being read; None before any was.
        args: All that was typed.
    """
    path = _path(context, args)
    message = message.strip().rstrip(".").replace("Value error, ", "")
    meant = _of_option(message, context, path, args) or _of_command(message, context, path)
    meant = meant or _of_value(message) or _of_surplus(message, path, args)
    if meant and "No such option" in message:
        message = message.partition(" (Possible options")[0]
    return UsageError(message, meant or f"`{path} --help` shows what it takes")


def _of_option(message: str, context: Any, path: str, args: Sequence[str]) -> str:
    found = re.match(r"No such option:? '?(-[^\s']*)", message)
    if found is None or context is None:
        return ""
    given = found[1]
    known = [option for p in context.command.params for option in p.opts if option[:2] == "--"]
    if given in _ASKS_FOR_GPU and "--device" in known:
        return "did you mean --device gpu?"
    if given in _NAMES_ENV and any(p.param_type_name == "argument" for p in context.command.params):
        return f"the environment is named without an option: {path} ENV"
    words = given.lstrip("-")
    is_option = any("--" + name in known for name in _elsewhere(words))
    setting = "" if is_option or "--set" not in known else _of_setting(words, args, exactly=True)
    if setting:
        return setting
    if meant := nearest(words, [option[2:] for option in known]):
        return f"did you mean --{meant}?"
    return _of_setting(words, args) if "--set" in known else ""


def _path(context: Any, args: Sequence[str]) -> str:
    """The command that was being read, in words."""
    from rlctl.cli import app

    path = context.command_path if context is not None else "rlctl"
    commands = [command.name for command in app.registered_commands]
    return f"{path} {args[0]}" if path == "rlctl" and args and args[0] in commands else path


def _elsewhere(words: str) -> list[str]:
    """The names here of what other tools call so, as options have them."""
    names = ALIASES.get(words.replace("-", "_").lower(), [])
    return [name.replace("_", "-") for name in (*names, words)]


def _of_setting(words: str, args: Sequence[str], exactly: bool = False) -> str:
    """The setting of a training that has no option."""
    if "train" not in args[:1] and "benchmark" not in args[:1]:
        return ""
    from rlctl.actions.config import sections_of

    named = [word.removeprefix("--algo=") for word in args if word.startswith("--algo=")]
    named += [after for word, after in pairwise(args) if word == "--algo"]
    try:
        sections = sections_of("pendulum", named[-1] if named else "ppo")
    except RlctlError:
        return ""
    fields = [
        f"{section}.{field}"
        for section, kind in sections.items()
        for field in getattr(kind, "__dataclass_fields__", ())
        if section != "env"
    ]
    name = words.replace("-", "_")
    if exactly:
        wanted = (*ALIASES.get(name.lower(), ()), name)
        fields = [field for field in fields if field.partition(".")[2] in wanted]
    setting = nearest(name, fields)
    return f"it is a setting: --set {setting}=VALUE" if setting else ""


def _of_command(message: str, context: Any, path: str) -> str:
    found = re.match(r"No such command '(.*?)'", message)
    if found is None or "Did you mean" in message:
        return ""
    given = found[1]
    if path != "rlctl":
        return ""
    for command, others in _COMMANDS.items():
        if given in others.split():
            return f"did you mean `{command}`?"
    meant = nearest(given, catalog.envs())
    if meant == given or given.partition(":")[0] in {row.prefix for row in catalog.FAMILIES}:
        env = shlex.quote(given)
        return f"a command goes first: rlctl train {env}, rlctl eval {env}, rlctl render {env}"
    return did_you_mean(given, [n for n, c in context.command.commands.items() if not c.hidden])


def _of_value(message: str) -> str:
    """For a value that is none of those allowed."""
    found = re.search(r": '(.*)' is not one of (.*)$", message)
    if found is None:
        return ""
    allowed = [choice.strip(" '") for choice in found[2].split(",")]
    also = {"mjx": "jax", "mujoco": "native", "cpu": "native", "pytorch": "torch", "pt": "torch"}
    if also.get(found[1].lower()) in allowed:
        return f"did you mean {also[found[1].lower()]}?"
    return did_you_mean(found[1], allowed)


def _of_surplus(message: str, path: str, args: Sequence[str]) -> str:
    """For arguments too many, perhaps a value that stands apart from its setting."""
    if "unexpected extra argument" not in message:
        return ""
    for at, word in enumerate(args):
        if word == "--set" and "=" not in "".join(args[at + 1 : at + 2]):
            rest = [part for part in args[at + 1 : at + 4] if part != "="][:2]
            return f"write it without a space: --set {shlex.quote('='.join(rest))}"
        if word == "--set" and args[at + 1].endswith("="):
            value = shlex.quote("".join(args[at + 1 : at + 3]))
            return f"write it without a space: --set {value}"
    if path == "rlctl train":
        return "it trains on one environment; rlctl benchmark takes several"
    return ""

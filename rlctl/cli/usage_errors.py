"""Usage errors of Typer, with a hint at what was meant."""

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
_GPU_OPTIONS = ("--gpu", "--cuda", "--use-gpu")
_ENV_OPTIONS = ("--env", "--env-id", "--env-name", "--environment", "--task", "-e", "--gym-id")


def usage_error(message: str, context: Any, args: Sequence[str]) -> UsageError:
    """Return the error to report.

    Args:
        message: Message of Typer.
        context: Typer's context of the command; None if the error is before any command.
        args: All arguments.
    """
    path = _path(context, args)
    message = message.strip().rstrip(".").replace("Value error, ", "")
    hint = _option_hint(message, context, path, args) or _command_hint(message, context, path)
    hint = hint or _choice_hint(message) or _extra_argument_hint(message, path, args)
    if hint and "No such option" in message:
        message = message.partition(" (Possible options")[0]
    return UsageError(message, hint or f"`{path} --help` lists arguments and options")


def _option_hint(message: str, context: Any, path: str, args: Sequence[str]) -> str:
    match = re.match(r"No such option:? '?(-[^\s']*)", message)
    if match is None or context is None:
        return ""
    given = match[1]
    known = [option for p in context.command.params for option in p.opts if option[:2] == "--"]
    if given in _GPU_OPTIONS and "--device" in known:
        return "did you mean --device gpu?"
    if given in _ENV_OPTIONS and any(
        p.param_type_name == "argument" for p in context.command.params
    ):
        return f"give the environment without an option: {path} ENV"
    words = given.lstrip("-")
    is_option = any("--" + name in known for name in _own_names(words))
    setting = "" if is_option or "--set" not in known else _setting_hint(words, args, exactly=True)
    if setting:
        return setting
    if meant := nearest(words, [option[2:] for option in known]):
        return f"did you mean --{meant}?"
    return _setting_hint(words, args) if "--set" in known else ""


def _path(context: Any, args: Sequence[str]) -> str:
    """Return the command, such as `rlctl config show`."""
    from rlctl.cli import app

    path = context.command_path if context is not None else "rlctl"
    commands = [command.name for command in app.registered_commands]
    return f"{path} {args[0]}" if path == "rlctl" and args and args[0] in commands else path


def _own_names(words: str) -> list[str]:
    """Return rlctl's option names for a name from another tool."""
    names = ALIASES.get(words.replace("-", "_").lower(), [])
    return [name.replace("_", "-") for name in (*names, words)]


def _setting_hint(words: str, args: Sequence[str], exactly: bool = False) -> str:
    """Return a hint for a training setting that has no option."""
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


def _command_hint(message: str, context: Any, path: str) -> str:
    match = re.match(r"No such command '(.*?)'", message)
    if match is None or "Did you mean" in message:
        return ""
    given = match[1]
    if path != "rlctl":
        return ""
    for command, others in _COMMANDS.items():
        if given in others.split():
            return f"did you mean `{command}`?"
    meant = nearest(given, catalog.envs())
    if meant == given or given.partition(":")[0] in catalog.families():
        env = shlex.quote(given)
        return f"start with a command: rlctl train {env}, rlctl eval {env}, rlctl render {env}"
    return did_you_mean(given, [n for n, c in context.command.commands.items() if not c.hidden])


def _choice_hint(message: str) -> str:
    """Return a hint for a value that is not one of the choices."""
    match = re.search(r": '(.*)' is not one of (.*)$", message)
    if match is None:
        return ""
    allowed = [choice.strip(" '") for choice in match[2].split(",")]
    also = {"mjx": "jax", "mujoco": "native", "cpu": "native", "pytorch": "torch", "pt": "torch"}
    if also.get(match[1].lower()) in allowed:
        return f"did you mean {also[match[1].lower()]}?"
    return did_you_mean(match[1], allowed)


def _extra_argument_hint(message: str, path: str, args: Sequence[str]) -> str:
    """Return a hint for extra arguments, such as a value separated from its setting."""
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
        return "train takes one environment; rlctl benchmark takes several"
    return ""

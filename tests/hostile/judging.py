"""What every command must do, whatever it is given."""

import re
import traceback
from pathlib import Path

import in_process
from private_place import Guard

from rlctl import cli
from rlctl.core import errors

CODES = {0, 130, 143} | {
    kind.exit_code
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.RlctlError) and kind.exit_code < 70
}


def verdict(guard: Guard, place: Path, args: list[str]) -> tuple[in_process.Outcome | None, str]:
    """Run a command: what came of it, and what is wrong with that, "" if nothing."""
    try:
        with guard.attached(place):
            done = in_process.run(*args)
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return None, f"{type(error).__name__}: {error} at {last.filename}:{last.lineno}"
    if guard.seen:
        return done, "; ".join(guard.seen[:3])
    return done, fault(done, "--json" in args)


def fault(done: in_process.Outcome, as_json: bool = False) -> str:
    """What is wrong with an outcome, "" if nothing."""
    said = done.out + done.err
    if "Traceback" in said or "rlctl failed" in said:
        return _bug(said)
    if done.code not in CODES:
        return f"exit code {done.code}"
    told = len(re.findall(r"^error: ", done.err, re.MULTILINE))
    if as_json and done.out and not done.out.startswith("Usage:"):
        told = int(done.envelope["error"] is not None)
    stopped = done.code in (130, 143) and not as_json  # after a save, which is no error
    if told != (done.code != 0 and not stopped):
        return f"{told} errors with exit code {done.code}: {said[-300:]}"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", said):
        return f"unprintable letters: {said[-300:]!r}"
    return ""


def _bug(said: str) -> str:
    found = re.search(r"rlctl failed(.{0,220})", said)
    report = re.search(r"the traceback is in ([^\"\n]+\.txt)", said)
    if report and Path(report[1]).is_file():
        frames = re.findall(r"rlctl/(\S+)\", line (\d+)", Path(report[1]).read_text())
        return f"{found and found[1]} at {frames[-2:]}"
    return found[0] if found else said[-300:]


def commands() -> list[str]:
    """The names of all commands."""
    from typer.main import get_command

    return sorted(get_command(cli.app).commands)

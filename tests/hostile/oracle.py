"""Test oracle: conditions that every command must meet for any input."""

import re
import traceback
from pathlib import Path

import cli_runner
from sandbox import Guard

from rlctl import cli
from rlctl.core import errors

CODES = {0, 130, 143} | {
    kind.exit_code
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.RlctlError) and kind.exit_code < 70
}


def run_checked(
    guard: Guard, folder: Path, args: list[str]
) -> tuple[cli_runner.Outcome | None, str]:
    """Run a command; return its outcome and the problem, "" for none."""
    try:
        with guard.attached(folder):
            done = cli_runner.run(*args)
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return None, f"{type(error).__name__}: {error} at {last.filename}:{last.lineno}"
    if guard.violations:
        return done, "; ".join(guard.violations[:3])
    return done, find_fault(done, "--json" in args)


def find_fault(done: cli_runner.Outcome, as_json: bool = False) -> str:
    """Return what is wrong with an outcome, "" if nothing."""
    output = done.out + done.err
    if "Traceback" in output or "rlctl failed" in output:
        return _bug(output)
    if done.code not in CODES:
        return f"exit code {done.code}"
    told = len(re.findall(r"^error: ", done.err, re.MULTILINE))
    if as_json and done.out and not done.out.startswith("Usage:"):
        told = int(done.envelope["error"] is not None)
    stopped = done.code in (130, 143) and not as_json  # after a save, which is no error
    if told != (done.code != 0 and not stopped):
        return f"{told} errors with exit code {done.code}: {output[-300:]}"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", output):
        return f"unprintable letters: {output[-300:]!r}"
    return ""


def _bug(output: str) -> str:
    found = re.search(r"rlctl failed(.{0,220})", output)
    report = re.search(r"the traceback is in ([^\"\n]+\.txt)", output)
    if report and Path(report[1]).is_file():
        frames = re.findall(r"rlctl/(\S+)\", line (\d+)", Path(report[1]).read_text())
        return f"{found and found[1]} at {frames[-2:]}"
    return found[0] if found else output[-300:]


def commands() -> list[str]:
    """Return the names of all commands."""
    from typer.main import get_command

    return sorted(get_command(cli.app).commands)

"""Runs the command line in this process."""

import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from rlctl import cli


@dataclass(frozen=True)
class Outcome:
    """Outcome of a command: exit code and output."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> Any:
        """Last line of stdout, parsed as strict JSON."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        return json.loads(self.out.splitlines()[-1], parse_constant=refuse)

    @property
    def events(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()[:-1]]


def run(*args: object) -> Outcome:
    """Run `rlctl` with these arguments and capture its output."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), same_environ():
        code = cli.run([str(arg) for arg in args])
    return Outcome(code, out.getvalue(), err.getvalue())


@contextmanager
def same_environ() -> Iterator[None]:
    """Restore the environment variables after the `with` body."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)

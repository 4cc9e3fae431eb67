"""The command line in this process, with its streams and exit code caught."""

import json
import os
from dataclasses import dataclass

import fake_engine
import pytest

from rlctl import catalog, cli


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def envelope(self):
        """The last line of stdout, parsed strictly."""

        def refuse(constant):
            raise AssertionError(f"{constant} is not JSON")

        return json.loads(self.out.splitlines()[-1], parse_constant=refuse)

    @property
    def events(self):
        return [json.loads(line) for line in self.out.splitlines()[:-1]]


@pytest.fixture
def rlctl(capsys):
    """Run `rlctl` with arguments, in this process; the environment variables are put back."""
    before = dict(os.environ)

    def run(*args):
        capsys.readouterr()
        code = cli.run([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    yield run
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def fake(monkeypatch):
    """The engine `fake` in the catalog."""
    monkeypatch.setattr(catalog, "ENGINES", (*catalog.ENGINES, fake_engine.ROW))

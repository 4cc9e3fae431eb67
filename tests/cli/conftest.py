"""The command line in this process, with its streams and exit code caught."""

import fake_engine
import pytest
from cli_runner import Outcome, same_environ

from rlctl import catalog, cli


@pytest.fixture
def rlctl(capsys):
    """Run `rlctl` with arguments, in this process; the environment variables are put back."""

    def run(*args):
        capsys.readouterr()
        code = cli.run([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    with same_environ():
        yield run


@pytest.fixture
def fake(monkeypatch):
    """The engine `fake` in the catalog."""
    monkeypatch.setattr(catalog, "ENGINES", (*catalog.ENGINES, fake_engine.ROW))

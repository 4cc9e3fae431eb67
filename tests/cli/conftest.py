"""Fixtures that run the command line in this process."""

import fake_engine
import pytest
from cli_runner import Outcome, same_environ

from rlctl import catalog, cli


@pytest.fixture
def rlctl(capsys):
    """Return a function that runs `rlctl`; restore the environment variables afterwards."""

    def run(*args):
        capsys.readouterr()
        code = cli.run([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    with same_environ():
        yield run


@pytest.fixture
def fake(monkeypatch):
    """Add the engine `fake` to the catalog."""
    monkeypatch.setattr(catalog, "ENGINES", (*catalog.ENGINES, fake_engine.ROW))

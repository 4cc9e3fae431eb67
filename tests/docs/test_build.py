"""The documentation builds without a warning, and the reference has every public name."""

import subprocess
import sys
import zlib
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import doc_pages as pages
import pytest

pytest.importorskip("sphinx")

MODULES = (
    "rlctl",
    "rlctl.policies.base",
    "rlctl.envs.base",
    "rlctl.core.specs",
    "rlctl.core.errors",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("html")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", str(out / "doctrees"), str(pages.DOCS), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def _entries(built: Path) -> set[str]:
    """Return the names in the inventory of the Python API."""
    data = (built / "objects.inv").read_bytes()
    lines = zlib.decompress(data.split(b"\n", 4)[4]).decode().splitlines()
    return {line.split()[0] for line in lines if " py:" in line}


def _public(name: str) -> set[str]:
    module = import_module(name)
    own = [
        key
        for key, value in vars(module).items()
        if getattr(value, "__module__", "") == name and not isinstance(value, TypeVar)
    ]
    return {key for key in getattr(module, "__all__", own) if not key.startswith("_")}


def test_every_public_name_has_an_entry(built: Path) -> None:
    entries = _entries(built)
    for module in MODULES:
        missing = {f"{module}.{name}" for name in _public(module)} - entries
        assert missing == set()
    assert len(entries) > 60


def test_it_asks_for_nothing_from_a_network(built: Path) -> None:
    page = (built / "index.html").read_text()
    assert 'src="http' not in page
    assert 'rel="stylesheet" type="text/css" href="http' not in page

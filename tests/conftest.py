"""Strictness is a setting: CPU, no implicit ranks or dtypes, private folders, one compile cache."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Before anything imports jax, and inherited by the commands that tests start. What a command would
# leave in the user's folders goes to a throw-away one; only compiled programs are kept, so that the
# suite's second run is a fast one (RLCTL_TEST_CACHE names another place for them, as it does to the
# processes that share the tests: to them the user's folders are the throw-away one).
_USER_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
os.environ.setdefault("RLCTL_TEST_CACHE", f"{_USER_CACHE}/rlctl/tests")
_SCRATCH = tempfile.TemporaryDirectory(prefix="rlctl-tests-")
os.environ |= {
    "JAX_PLATFORMS": "cpu",
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_COMPILATION_CACHE_DIR": os.environ["RLCTL_TEST_CACHE"],
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "PYTHONPATH": str(Path(__file__).resolve().parent.parent),  # for tests that start a process
    "XDG_CACHE_HOME": f"{_SCRATCH.name}/cache",
    "NO_COLOR": "1",
    "COLUMNS": "100",
}
os.environ.pop("RLCTL_DEBUG", None)

import jax
import numpy as np
import pytest

MOST_MAPS = 20_000  # of the 65,530 that Linux grants a process; a compiled training is 300
STRICT = ("envs", "physics", "policies", "rollouts")  # networks on batches add biases


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20230524)


@pytest.fixture(autouse=True)
def strict_jax(request: pytest.FixtureRequest) -> Iterator[None]:
    """Implicit rank and dtype promotion raise in the rooms written for one instance."""
    if request.node.get_closest_marker("foreign"):
        yield
        return
    room = request.path.relative_to(Path(__file__).parent).parts[0]
    with (
        jax.numpy_rank_promotion("raise" if room in STRICT else "allow"),
        jax.numpy_dtype_promotion("strict" if room in STRICT else "standard"),
    ):
        yield


@pytest.fixture(autouse=True)
def private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test works in its own empty folder with its own runs, where MuJoCo leaves no log."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MENAGERIE_ROOT", raising=False)
    monkeypatch.setenv("MENAGERIE_CACHE_DIR", str(tmp_path / "menagerie-cache"))
    monkeypatch.setenv("RLCTL_RUNS", str(tmp_path / "runs"))
    yield tmp_path
    assert not (tmp_path / "MUJOCO_LOG.TXT").exists(), "MuJoCo's warnings reached the user's folder"


@pytest.fixture(autouse=True, scope="module")
def few_programs() -> Iterator[None]:
    """Let go of compiled programs before there are more than a process may map."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MOST_MAPS:
        jax.clear_caches()

"""One process writes a run at a time, on systems with locks and on those without."""

import errno
import os
import socket
import subprocess
import sys
import types
from pathlib import Path

import pytest

from rlctl.core import lock
from rlctl.core.errors import RunInUse
from rlctl.core.lock import Lock

HERE = socket.gethostname()
HOLD = """
import sys, time
from pathlib import Path
from rlctl.core import lock
if sys.argv[2] == "file":
    lock.fcntl = None
held = lock.Lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def refuse(*_):
    raise OSError(errno.ENOLCK, "no locks available")


@pytest.fixture(params=["system", "file", "no locks there"])
def locks(request, monkeypatch):
    """Set how this process locks."""
    if request.param == "file":
        monkeypatch.setattr(lock, "fcntl", None)  # as on Windows
    elif request.param == "no locks there":
        without = types.SimpleNamespace(flock=refuse, LOCK_EX=0, LOCK_NB=0)
        monkeypatch.setattr(lock, "fcntl", without)
    return "system" if request.param == "system" else "file"


@pytest.fixture
def killed(tmp_path):
    """Return a function that kills a process holding the lock and returns its id."""

    def hold(locks):
        command = [sys.executable, "-c", HOLD, str(tmp_path), locks]
        holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunInUse, match=f"pid {holder.pid} on {HERE} since 20"):
            Lock(tmp_path)
        holder.kill()
        holder.wait()
        holder.stdout.close()
        return holder.pid

    return hold


def test_one_at_a_time_and_a_proper_end_leaves_no_name(locks, tmp_path):
    first = Lock(tmp_path)
    with pytest.raises(RunInUse, match=f"pid {os.getpid()} on {HERE}"):
        Lock(tmp_path)
    first.release()
    first.release()
    second = Lock(tmp_path)
    assert second.crashed_holder == ""
    second.release()
    assert not any(path.read_bytes() for path in tmp_path.iterdir())


def test_who_was_killed_is_told(locks, killed, tmp_path):
    pid = killed(locks)
    held = Lock(tmp_path)
    assert held.crashed_holder.startswith(f"pid {pid} on {HERE} since 20")
    with pytest.raises(RunInUse, match=f"pid {os.getpid()}"):
        Lock(tmp_path)
    held.release()
    assert Lock(tmp_path).crashed_holder == ""


@pytest.mark.parametrize(
    "holder",
    [f"pid {os.getpid()} on {HERE}", "pid 1 on elsewhere", ""],
    ids=["it runs", "elsewhere", "nobody"],
)
def test_a_file_that_may_be_held_is_respected_and_the_way_out_named(holder, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    file = tmp_path / lock.LOCK_FILE
    file.write_text(holder and f"{holder} since 2026-01-01T00:00:00+00:00")
    with pytest.raises(RunInUse, match=holder or "not named yet") as caught:
        Lock(tmp_path)
    assert f"delete {file}" in caught.value.hint
    file.unlink()
    Lock(tmp_path).release()


def test_a_file_being_taken_over_is_left_to_who_does(killed, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    killed("file")
    guard = tmp_path / lock.TAKEOVER_FILE
    guard.touch()
    with pytest.raises(RunInUse) as caught:
        Lock(tmp_path)
    assert caught.value.hint.endswith(f"delete {tmp_path / lock.LOCK_FILE} and {guard}")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="made of forks")
@pytest.mark.parametrize("left", [False, True], ids=["fresh", "left by a killed one"])
@pytest.mark.parametrize("how", ["open", "create"])
@pytest.mark.parametrize("locks", ["system", "file"], indirect=True)
def test_of_many_that_start_at_once_one_wins(locks, how, left, killed, tmp_path):
    if left:
        killed(locks)
    if how == "open":
        (tmp_path / "config.json").write_text("{}")
    script = Path(__file__).with_name("starts.py")
    command = [sys.executable, str(script), str(tmp_path), "20", how, locks]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["0", *["11"] * 19]

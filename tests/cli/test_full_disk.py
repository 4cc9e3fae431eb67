"""Training on a real disk that is too small, if the test may mount one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MOUNT = "mount -t tmpfs -o size={size} tmpfs {disk} && exec {python} {script} {disk}"
SCRIPT = Path(__file__).with_name("full_disk.py")


def on_a_disk(of, disk):
    """Return the outcome of `full_disk.py` on a disk of a size such as 100k."""
    disk.mkdir()
    line = MOUNT.format(size=of, disk=disk, python=sys.executable, script=SCRIPT)
    done = subprocess.run(["unshare", "-rm", "sh", "-c", line], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def may_mount():
    try:
        probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return subprocess.run(probe, capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@pytest.mark.skipif(not may_mount(), reason="needs to mount a small disk")
def test_a_training_on_a_disk_that_fills_up(tmp_path):
    outcome = on_a_disk("90k", tmp_path / "disk")
    assert outcome["code"] == 9
    assert "no space left" in outcome["error"]["message"]
    assert any("NOT SAVED" in line for line in outcome["warnings"])
    assert outcome["steps"]
    assert outcome["steps"][-1] < 960
    assert outcome["newest"] == f"step_{outcome['steps'][-1]:012d}"
    assert outcome["left"] == []
    assert (outcome["again"], outcome["newest_then"]) == (0, 960)

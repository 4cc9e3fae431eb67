"""I/O errors, kills and power losses at any operation lose no saved checkpoint.

`scripts/reliability.py` tries more of the same.
"""

import shutil
import subprocess
from itertools import chain

import pytest
from checkpoints import crash_injection, io_errors, power_loss
from resuming import ALGOS


def check(lines, at_least):
    """Assert that no try failed, and that there were at least this many."""
    lines = list(lines)
    assert [line for line in lines if line] == []
    assert len(lines) >= at_least


def folders(tmp_path, *names):
    for name in names:
        (tmp_path / name).mkdir()
        yield tmp_path / name


def test_a_kill_loses_no_checkpoint(tmp_path):
    check(crash_injection.of_saves(tmp_path), 60)


def test_a_kill_leaves_an_import_whole_or_not_there(tmp_path):
    check(crash_injection.of_imports(tmp_path), 15)


@pytest.mark.parametrize("algo", ALGOS)
def test_a_killed_training_ends_as_if_it_had_not_been(algo, tmp_path):
    check(crash_injection.of_trainings(algo, tmp_path, updates=3, every=30), 140)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_a_kill_by_the_kernel_loses_no_checkpoint(tmp_path):
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode:
        pytest.skip("processes must not be traced here")
    check(crash_injection.of_processes(tmp_path, every=90), 5)


def test_a_power_cut_loses_no_checkpoint_and_makes_none_up(tmp_path):
    saves, imports, trainings = folders(tmp_path, "saves", "imports", "trainings")
    check(
        chain(
            power_loss.of_saves(saves, each=2),
            power_loss.of_imports(imports, each=2),
            power_loss.of_trainings("trpo", trainings, updates=3, each=1, every=100),
        ),
        200,
    )


def test_a_failing_disk_is_told_and_loses_nothing(tmp_path):
    saves, trainings = folders(tmp_path, "saves", "trainings")
    check(io_errors.of_saves(saves, every=7), 80)
    check(io_errors.of_trainings("trpo", trainings, updates=2, every=150), 6)

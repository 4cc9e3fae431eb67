"""Mutation testing: with a safety mechanism removed, the test of its promise must fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from reliability_checks.result import ROOT, CheckResult


class Mechanism(NamedTuple):
    """A safety mechanism in the source and the tests that must notice its removal.

    Attributes:
        what: What the mechanism does.
        file: Source file, relative to rlctl/.
        there: Source text, which occurs once in the file.
        instead: Replacement that disables the mechanism.
        test: Tests that must then fail, as pytest arguments relative to tests/.
    """

    what: str
    file: str
    there: str
    instead: str
    test: str


RESUME = "actions/test_resume.py"
FAULTS = "checkpoints/test_faults.py"
MECHANISMS = (
    Mechanism(
        "environments continue from their saved state",
        "engines/trainer.py",
        'self.driver.restore(matching_arrays(self.driver.state(), start, "envs"))',
        "pass",
        f"{RESUME}::test_stopped_in_any_phase",
    ),
    Mechanism(
        "rows of metrics past the checkpoint are dropped",
        "actions/training_setup.py",
        "run.metrics.keep(lambda row: _was_before(row, start))",
        "pass",
        f"{RESUME}::test_from_a_checkpoint_before_the_damaged_ones",
    ),
    Mechanism(
        "an interrupted evaluation is repeated",
        "engines/trainer.py",
        '"evaluated": counters.evaluated,',
        '"evaluated": counters.steps,',
        f"{RESUME}::test_an_evaluation_cut_off_again_and_again_is_made_up_for",
    ),
    Mechanism(
        "a stop signal interrupts a running task",
        "engines/interruptible.py",
        "while not wait([future], timeout=STOP_POLL_SECONDS).done:",
        "while not wait([future]).done:",
        "engines/test_interruptible.py::test_a_stop_ends_the_wait_for_a_task",
    ),
    Mechanism(
        "a run without a checkpoint starts from the beginning",
        "actions/training_setup.py",
        "if not store.steps(run.checkpoints):\n        return None",
        "pass",
        f"{RESUME}::test_stopped_before_anything_was_saved_it_begins_anew",
    ),
    Mechanism(
        "a full disk does not end the training",
        "engines/async_checkpointer.py",
        "except OutOfSpace as error:\n            self._warn(",
        "except ZeroDivisionError as error:\n            self._warn(",
        f"{RESUME}::test_a_full_disk_costs_a_checkpoint_and_not_the_training",
    ),
    Mechanism(
        "an unsaved last state is an error",
        "engines/async_checkpointer.py",
        "            raise error\n",
        "            return\n",
        f"{RESUME}::test_a_last_state_that_cannot_be_saved_is_an_error",
    ),
    Mechanism(
        "a partly written row is cut off",
        "core/metrics.py",
        "os.ftruncate(file.fileno(), self._end)",
        "pass",
        "core/test_metrics.py::test_a_part_of_a_row_that_failed_is_cut_off",
    ),
    Mechanism(
        "the best is the best of those saved",
        "engines/trainer.py",
        "self.state.counters.set_best(self._checkpointer.best)",
        "pass",
        f"{RESUME}::test_a_best_that_was_not_saved_is_none",
    ),
    Mechanism(
        "rows of metrics are buffered until there is space",
        "core/metrics.py",
        "self._buffer = self._buffer[written:]",
        'self._buffer = b""',
        "core/test_metrics.py::test_rows_wait_for_space_and_none_is_torn",
    ),
    Mechanism(
        "the data of a checkpoint is on the disk before it has its name",
        "checkpoints/store.py",
        "            os.fsync(descriptor)",
        "            pass",
        f"{FAULTS}::test_a_power_cut_loses_no_checkpoint_and_makes_none_up",
    ),
    Mechanism(
        "its files' names are on the disk before it has its own",
        "checkpoints/store.py",
        "            os.close(descriptor)\n    sync_folder(folder)",
        "            os.close(descriptor)",
        f"{FAULTS}::test_a_power_cut_loses_no_checkpoint_and_makes_none_up",
    ),
    Mechanism(
        "the names of checkpoints are on the disk before they are said to be saved",
        "core/files.py",
        "            raise\n        sync_folder(path.parent)\n\n\ndef sweep",
        "            raise\n\n\ndef sweep",
        f"{FAULTS}::test_a_power_cut_loses_no_checkpoint_and_makes_none_up",
    ),
    Mechanism(
        "a half deleted checkpoint cannot get its name back",
        "checkpoints/store.py",
        "            sync_folder(folder)  # or",
        "            # or",
        f"{FAULTS}::test_a_power_cut_loses_no_checkpoint_and_makes_none_up",
    ),
    Mechanism(
        "a new run's name is on the disk",
        "core/files.py",
        "        sync_folder(place.parent)",
        "        pass",
        f"{FAULTS}::test_a_power_cut_loses_no_checkpoint_and_makes_none_up",
    ),
    Mechanism(
        "settings are on the disk before they have their name",
        "core/files.py",
        "                os.fsync(file.fileno())\n",
        "",
        f"{FAULTS}::test_a_power_cut_loses_no_checkpoint_and_makes_none_up",
    ),
    Mechanism(
        "an import is on the disk before it is reported",
        "core/files.py",
        "            try:\n                sync_folder(path.parent)",
        "            try:\n                pass",
        f"{FAULTS}::test_a_power_cut_loses_no_checkpoint_and_makes_none_up",
    ),
    Mechanism(
        "a checkpoint is written under another name",
        "checkpoints/store.py",
        "        _write_folder(temporary, content)",
        "        _delete(final)\n        _write_folder(final, content)\n"
        "        final.rename(temporary)",
        f"{FAULTS}::test_a_kill_loses_no_checkpoint",
    ),
    Mechanism(
        "a checkpoint is put aside before it is deleted",
        "checkpoints/store.py",
        "            _mark_deleted(step_folder(folder, step))",
        "            shutil.rmtree(step_folder(folder, step))",
        f"{FAULTS}::test_a_kill_loses_no_checkpoint",
    ),
    Mechanism(
        "files left by a killed process are removed",
        "checkpoints/store.py",
        "            _delete(folder / name)\n    if aside",
        "            pass\n    if aside",
        f"{FAULTS}::test_a_kill_loses_no_checkpoint",
    ),
    Mechanism(
        "an import outlives an earlier one that had its number",
        "core/files.py",
        "        shutil.rmtree(staging, ignore_errors=True)  # of",
        "        # of",
        f"{FAULTS}::test_a_kill_leaves_an_import_whole_or_not_there",
    ),
    Mechanism(
        "a checkpoint is read back before it has its name",
        "checkpoints/store.py",
        "            examine(temporary, groups).check()",
        "            pass",
        f"{FAULTS}::test_a_failing_disk_is_told_and_loses_nothing",
    ),
    Mechanism(
        "a checkpoint that could not be written is deleted",
        "checkpoints/store.py",
        "        _delete(temporary)\n",
        "        pass\n",
        f"{FAULTS}::test_a_failing_disk_is_told_and_loses_nothing",
    ),
    Mechanism(
        "a file that could not be written is deleted",
        "core/files.py",
        "                temporary.unlink()",
        "                pass",
        f"{FAULTS}::test_a_failing_disk_is_told_and_loses_nothing",
    ),
    Mechanism(
        "a changed byte is noticed",
        "checkpoints/reading.py",
        'if digest.hexdigest() != expected["sha256"]:',
        "if False:",
        "checkpoints/test_mutations.py",
    ),
    Mechanism(
        "a changed manifest is noticed",
        "checkpoints/manifest.py",
        "if data[len(body) :] != _seal(body):",
        "if False:",
        "checkpoints/test_mutations.py",
    ),
    Mechanism(
        "a link is not followed",
        "checkpoints/reading.py",
        "if not stat.S_ISREG(mode):",
        "if False:",
        "checkpoints/test_mutations.py",
    ),
    Mechanism(
        "an extra file is noticed",
        "checkpoints/reading.py",
        'for extra in sorted(names - {manifest.NAME, *examination.manifest["files"]}):',
        "for extra in ():",
        "checkpoints/test_mutations.py::test_extra_files_are_refused",
    ),
    Mechanism(
        "a name in a pickle is not looked up",
        "checkpoints/foreign/pickles.py",
        'raise Unsafe(f"it names {module}.{name}, which no policy of Brax does", _ADVICE)',
        "return super().find_class(module, name)",
        "checkpoints/test_foreign_pickles.py",
    ),
    Mechanism(
        "code and files named by a file need the user's consent",
        "catalog.py",
        "    if name == typed:\n",
        "    if True:\n",
        "test_catalog.py",
    ),
    Mechanism(
        "deeply nested text is refused",
        "core/safe_io.py",
        "    return check_depth(value)\n",
        "    return value\n",
        "core/test_safe_io.py",
    ),
    Mechanism(
        "another layout is refused",
        "checkpoints/compatibility.py",
        "if part != new:",
        "if False:",
        "checkpoints/test_compatibility.py",
    ),
    Mechanism(
        "two processes cannot write one run",
        "core/lock.py",
        "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        "core/test_lock.py",
    ),
    Mechanism(
        "if a checkpoint is pruned while it is read, another one is chosen",
        "checkpoints/store.py",
        "if os.path.lexists(path):  # else it was just pruned",
        "if True:  # else it was just pruned",
        "checkpoints/test_concurrent_reader.py::test_what_is_pruned_while_it_is_read_is_chosen_anew",
    ),
)


def run(count: int) -> CheckResult:
    """Remove the first `count` mechanisms, one at a time, from a copy of the source."""
    result = CheckResult("without its mechanism, each promise has a test that fails")
    with TemporaryDirectory() as folder:
        tree = Path(folder, "rlctl-copy")
        for name in ("rlctl", "tests", "configs", "docs", "scripts"):
            shutil.copytree(ROOT / name, tree / name)
        shutil.copy(ROOT / "pyproject.toml", tree)
        whole = sorted({mechanism.test for mechanism in MECHANISMS[:count]})
        result.record(_passes(tree, *whole), "the tests fail with every mechanism in place")
        for mechanism in MECHANISMS[:count]:
            file = tree / "rlctl" / mechanism.file
            source = file.read_text()
            assert source.count(mechanism.there) == 1, f"{mechanism.file}: {mechanism.there}"
            file.write_text(source.replace(mechanism.there, mechanism.instead))
            gone = f"{mechanism.what}: without it {mechanism.test} still passes"
            result.record(not _passes(tree, mechanism.test), gone)
            file.write_text(source)
    return result


def _passes(tree: Path, *tests: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", *(f"tests/{test}" for test in tests)]
    env = os.environ | {"PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 2 and more: it did not run
    return done.returncode == 0

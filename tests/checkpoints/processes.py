"""Real trainings, as processes of their own that are killed at moments drawn by chance."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

from checkpoints.trainings import ENV, files, rows, settings

from rlctl.checkpoints import store
from rlctl.core.errors import RlctlError

EVALUATIONS = 5


class KilledTraining:
    """A training that was never interrupted, and others that are killed again and again.

    Args:
        algo: The engine.
        folder: For the runs.
        updates: How long they are.

    Attributes:
        kills: Processes killed so far.
        broken: What was lost or wrong, if anything.
    """

    def __init__(self, algo: str, folder: Path, updates: int) -> None:
        self.kills, self.broken = 0, []
        self._algo, self._folder, self._updates = algo, folder, updates
        self._chance = random.Random(algo)
        whole = folder / f"{algo}-whole"
        self._finish(whole, "train.keep_last=1000000")
        self._files = {step: files(whole, step) for step in store.steps(whole / "checkpoints")}
        self._rows = rows(whole)
        self._run_count = 0

    def run_with_kills(self, kills: int) -> None:
        """Train in a new folder, killed so often and gone on with, then to the end."""
        self._run_count += 1
        run = self._folder / f"{self._algo}-{self._run_count}"
        for _ in range(kills):
            announced = self._killed(run)
            self._check(run, announced)
        self._finish(run)
        if rows(run) != self._rows or store.steps(run / "checkpoints")[-1] != max(self._files):
            self.broken.append(f"{run}: did not end as it does uninterrupted")

    def _start(self, run: Path, *more: str) -> subprocess.Popen:
        """Begin it, or go on with it: whatever a kill left, one of the two commands does."""
        if (run / "config.json").exists():
            arguments = ["--resume", run]
        else:
            given = settings(self._algo, self._updates, EVALUATIONS, *more)
            sets = [part for one in given for part in ("--set", one)]
            arguments = [ENV, "--algo", self._algo, "--out", run, *sets]
        command = [sys.executable, "-m", "rlctl", "train", *arguments, "--json", "--cpu"]
        with run.with_suffix(".out").open("wb") as out, run.with_suffix(".err").open("wb") as err:
            return subprocess.Popen([*map(str, command)], stdout=out, stderr=err)

    def _finish(self, run: Path, *more: str) -> None:
        process = self._start(run, *more)
        if process.wait():
            self._tell_exit(run, process)

    def _killed(self, run: Path) -> list[str]:
        """Kill it: mostly while it saves again and again, at times earlier. What it had saved."""
        process, chance = self._start(run), self._chance.random()
        wanted = b'"checkpoint"' if chance < 0.8 or not run.exists() else b'"start"'
        output = run.with_suffix(".out")
        while chance < 0.9 and process.poll() is None and wanted not in output.read_bytes():
            time.sleep(0.01)
        time.sleep(self._chance.uniform(0.0, 1.0 if chance < 0.9 else 6.0))
        process.kill()
        if process.wait() == -9:
            self.kills += 1
        elif process.returncode:
            self._tell_exit(run, process)
        events = (json.loads(line) for line in output.read_bytes().splitlines(True) if _whole(line))
        return [Path(event["path"]).name for event in events if event.get("event") == "checkpoint"]

    def _check(self, run: Path, announced: list[str]) -> None:
        """Every checkpoint is whole and that of the uninterrupted training, the last among them."""
        steps = store.steps(run / "checkpoints")
        names = [store.step_folder(run, step).name for step in steps]
        if announced and (not names or names[-1] < announced[-1]):
            self.broken.append(f"{run}: {announced[-1]} was saved and is not there")
        for step in steps:
            try:
                if files(run, step) != self._files[step]:
                    self.broken.append(f"{run}: step {step} is another than uninterrupted")
            except RlctlError as error:
                self.broken.append(f"{run}: {error}")

    def _tell_exit(self, run: Path, process: subprocess.Popen) -> None:
        error = run.with_suffix(".err").read_text()
        self.broken.append(f"{run}: exit {process.returncode}: {error}")


def _whole(line: bytes) -> bool:
    return line.endswith(b"}\n")

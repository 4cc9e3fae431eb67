"""Trainings in real processes that are killed at random moments."""

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
    """Compares trainings that are killed repeatedly with an uninterrupted one.

    Args:
        algo: The engine.
        folder: Folder of the runs.
        updates: Length of the trainings.

    Attributes:
        kills: Number of killed processes.
        broken: Descriptions of lost or wrong results.
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
        """Train in a new folder with this many kills and resumes, then to the end."""
        self._run_count += 1
        run = self._folder / f"{self._algo}-{self._run_count}"
        for _ in range(kills):
            announced = self._killed(run)
            self._check(run, announced)
        self._finish(run)
        if rows(run) != self._rows or store.steps(run / "checkpoints")[-1] != max(self._files):
            self.broken.append(f"{run}: result differs from the uninterrupted training")

    def _start(self, run: Path, *more: str) -> subprocess.Popen:
        """Start or resume the training, whichever the run's folder allows."""
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
        """Kill a training, mostly while it saves; return the checkpoints it reported."""
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
        """Check that all reported checkpoints exist and equal the uninterrupted training's."""
        steps = store.steps(run / "checkpoints")
        names = [store.step_folder(run, step).name for step in steps]
        if announced and (not names or names[-1] < announced[-1]):
            self.broken.append(f"{run}: {announced[-1]} was saved and is missing")
        for step in steps:
            try:
                if files(run, step) != self._files[step]:
                    self.broken.append(
                        f"{run}: step {step} differs from the uninterrupted training"
                    )
            except RlctlError as error:
                self.broken.append(f"{run}: {error}")

    def _tell_exit(self, run: Path, process: subprocess.Popen) -> None:
        error = run.with_suffix(".err").read_text()
        self.broken.append(f"{run}: exit {process.returncode}: {error}")


def _whole(line: bytes) -> bool:
    return line.endswith(b"}\n")

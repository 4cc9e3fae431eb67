"""Run trainings as concurrent processes of `rlctl train`."""

import json
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from rlctl.core import self_command
from rlctl.core.files import writing

Event = dict[str, Any]
_POLL_INTERVAL = 0.2  # seconds between two checks of the stop flag


@dataclass(frozen=True)
class Task:
    """One training.

    Attributes:
        env: Environment.
        seed: Seed.
        folder: Its run's folder.
        log: File for its stderr.
        arguments: Arguments of `rlctl train`.
    """

    env: str
    seed: int
    folder: Path
    log: Path
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"{self.env} seed {self.seed}"


@dataclass(frozen=True)
class Ended:
    """A training that has ended.

    Attributes:
        task: The training.
        code: Exit code, negative if a signal killed it.
        error: Error message, empty without one.
    """

    task: Task
    code: int
    error: str


def train_all(
    tasks: Sequence[Task],
    jobs: int,
    stop: Callable[[], int | None],
    on_event: Callable[[Task, Event], None],
) -> Generator[Ended, None, None]:
    """Run trainings, `jobs` of them concurrently on disjoint cores; yield each as it ends.

    On a stop, the running trainings get SIGTERM and save, and no other starts. Closing the
    generator kills the running trainings.

    Args:
        tasks: The trainings.
        jobs: Number of concurrent trainings.
        stop: Returns the signal that asked to stop, None without one.
        on_event: Called with every event of every training.
    """
    waiting, core_sets = deque(tasks), deque(split_cores(jobs))
    events: queue.Queue[tuple[_Training, Event | None]] = queue.Queue()
    running: set[_Training] = set()
    terminated = False
    try:
        while running or (waiting and stop() is None):
            while waiting and core_sets and stop() is None:
                running.add(_Training(waiting.popleft(), core_sets.popleft(), events))
            if stop() is not None and not terminated:
                terminated = True
                for training in running:
                    training.process.send_signal(signal.SIGTERM)
            try:
                training, event = events.get(timeout=_POLL_INTERVAL)
            except queue.Empty:
                continue
            if event is not None:
                on_event(training.task, event)
                continue
            running.remove(training)
            core_sets.append(training.cores)
            yield training.ended()
    finally:
        for training in running:
            training.process.kill()
            training.ended()


def split_cores(jobs: int) -> list[tuple[int, ...]]:
    """Split the cores this process may use among the jobs; each job gets at least one."""
    if hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
    else:
        cores = list(range(os.cpu_count() or 1))
    if jobs >= len(cores):
        return [(cores[job % len(cores)],) for job in range(jobs)]
    edges = [job * len(cores) // jobs for job in range(jobs + 1)]
    return [tuple(cores[a:b]) for a, b in pairwise(edges)]


@dataclass(eq=False)
class _Training:
    """A running training: its process and output."""

    task: Task
    cores: tuple[int, ...]
    events: "queue.Queue[tuple[_Training, Event | None]]"
    envelope: Event = field(default_factory=dict)

    def __post_init__(self) -> None:
        with writing(self.task.log):
            self.task.log.parent.mkdir(parents=True, exist_ok=True)
            log = open(self.task.log, "ab")  # noqa: SIM115  closed below
        with log, _on_cores(self.cores):
            self.process = subprocess.Popen(
                self_command.command("train", *self.task.arguments, "--json"),
                env=self_command.environment(len(self.cores)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C reaches it only through `train_all`
            )
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def ended(self) -> Ended:
        """Wait for the end and return it."""
        code = self.process.wait()
        self._reader.join()
        message = (self.envelope.get("error") or {}).get("message", "")
        return Ended(self.task, code, message or (code and self._last_log_line()) or "")

    def _read(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # output of a library
                if "event" in event:
                    self.events.put((self, event))
                else:
                    self.envelope = event
        self.events.put((self, None))  # end of the output

    def _last_log_line(self) -> str:
        lines = self.task.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"ended with code {self.process.returncode}"


@contextmanager
def _on_cores(cores: tuple[int, ...]) -> Iterator[None]:
    """Pin processes that the `with` body starts to these cores, if the system supports it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

"""Trainings as processes of the real command line, several at once."""

import json
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from rlctl.core import self_command
from rlctl.core.files import writing

Event = dict[str, Any]
_LOOK_EVERY = 0.2  # seconds between two looks at the stop flag


@dataclass(frozen=True)
class Task:
    """One training.

    Attributes:
        env: Environment.
        seed: Seed.
        folder: Its run.
        log: Where what it says on stderr is kept.
        arguments: Of `rlctl train`.
    """

    env: str
    seed: int
    folder: Path
    log: Path
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.env} seed {self.seed}"


@dataclass(frozen=True)
class Ended:
    """How a training ended.

    Attributes:
        task: Which.
        code: Exit code, negative where a signal ended it.
        error: What it said was wrong, empty where nothing was.
    """

    task: Task
    code: int
    error: str


def train_all(
    tasks: Sequence[Task],
    jobs: int,
    stop: Callable[[], int | None],
    on_event: Callable[[Task, Event], None],
) -> Iterator[Ended]:
    """Train everything, `jobs` at once, each on its own share of the cores; give each as it ends.

    When asked to stop, the trainings under way are told to, and save; no other begins. None
    outlives this generator.

    Args:
        tasks: What to train.
        jobs: How many at once.
        stop: The signal that asks to stop, None while none does.
        on_event: Called with every event of every training.
    """
    waiting, shares = deque(tasks), deque(core_shares(jobs))
    heard: queue.Queue[tuple[_Training, Event | None]] = queue.Queue()
    running: set[_Training] = set()
    told = False
    try:
        while running or (waiting and stop() is None):
            while waiting and shares and stop() is None:
                running.add(_Training(waiting.popleft(), shares.popleft(), heard))
            if stop() is not None and not told:
                told = True
                for training in running:
                    training.process.send_signal(signal.SIGTERM)
            try:
                training, event = heard.get(timeout=_LOOK_EVERY)
            except queue.Empty:
                continue
            if event is not None:
                on_event(training.task, event)
                continue
            running.remove(training)
            shares.append(training.cores)
            yield training.ended()
    finally:
        for training in running:
            training.process.kill()
            training.ended()


def core_shares(jobs: int) -> list[tuple[int, ...]]:
    """The cores that this process may use, dealt out to jobs: each at least one."""
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
    """A training under way: its process, and what it has said."""

    task: Task
    cores: tuple[int, ...]
    heard: "queue.Queue[tuple[_Training, Event | None]]"
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
                start_new_session=True,  # Ctrl-C reaches it through `train_all` alone
            )
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def ended(self) -> Ended:
        """How it ended; waits for that."""
        code = self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        told = (self.envelope.get("error") or {}).get("message", "")
        return Ended(self.task, code, told or (code and self._last_words()) or "")

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # a library's word
            if "event" in event:
                self.heard.put((self, event))
            else:
                self.envelope = event
        self.heard.put((self, None))

    def _last_words(self) -> str:
        lines = self.task.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"ended with code {self.process.returncode}"


@contextmanager
def _on_cores(cores: tuple[int, ...]) -> Iterator[None]:
    """Have processes that are started in the body use these cores only, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

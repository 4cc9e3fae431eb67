"""Short trainings by both engines, with updates of milliseconds."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest
from checkpoints import crash_states

from rlctl import catalog
from rlctl.actions.train import TrainRequest, train
from rlctl.checkpoints import store
from rlctl.checkpoints.reading import load
from rlctl.core.progress import Progress
from rlctl.engines.ppo import networks
from rlctl.engines.ppo import train as ppo
from rlctl.rollouts.factory import make_driver

ENV = "inverted-pendulum"  # short evaluations: an untrained policy falls immediately
UPDATE = 40  # steps
SMALL = {
    "ppo": ("ppo.unroll_length=5", "ppo.batch_size=4", "ppo.num_minibatches=2",
            "ppo.num_updates_per_batch=1", "ppo.policy_hidden_layer_sizes=4",
            "ppo.value_hidden_layer_sizes=4"),
    "trpo": ("trpo.steps_per_update=40", "trpo.value_minibatch=20", "trpo.value_epochs=1",
             "trpo.policy_hidden_layer_sizes=4", "trpo.value_hidden_layer_sizes=4"),
    "sac": ("sac.unroll_length=5", "sac.learning_starts=1", "sac.batch_size=8",
            "sac.updates_per_step=0.125", "sac.save_replay_buffer=true",
            "sac.policy_hidden_layer_sizes=4", "sac.value_hidden_layer_sizes=4"),
}  # fmt: skip
TIMES = {"seconds", "steps_per_second", "split"}


def settings(algo: str, updates: int, evaluations: int, *more: str) -> tuple[str, ...]:
    """Return the settings of a training that saves after every update."""
    return (
        f"train.steps={updates * UPDATE}", f"train.num_evals={evaluations}",
        f"train.save_every={UPDATE}", "train.num_envs=8", "train.eval_episodes=2",
        "train.episode_length=7", "train.keep_last=2", "train.plot=false", *SMALL[algo], *more,
    )  # fmt: skip


def rows(run: Path) -> list[dict]:
    """Return a run's metrics without timings."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]


def files(run: Path, step: int) -> dict:
    """Return size and digest of every array file, verified."""
    return store.load(store.step_folder(run / "checkpoints", step), groups=()).manifest["files"]


class Reference:
    """Results of an uninterrupted training.

    Attributes:
        files: Step -> size and digest of its files, for every step.
        rows: The metrics.
        steps: Steps of the whole training.
    """

    def __init__(self, algo: str, folder: Path, updates: int) -> None:
        self._algo, self._settings = algo, settings(algo, updates, updates)
        self.files: dict[int, dict] = {}
        run = folder / "undisturbed"
        self.train(run, lambda step: self.files.update({step: files(run, step)}))
        self.rows, self.steps = rows(run), max(self.files)

    def train(self, run: Path, saved: Callable[[int], None] = lambda step: None) -> None:
        """Start or resume the training, whichever the run's folder allows.

        Args:
            run: The run's folder.
            saved: Called with each step reported as saved.
        """
        if (run / "config.json").exists():
            request = TrainRequest(resume=str(run))
        else:
            request = TrainRequest(ENV, self._algo, out=run, overrides=self._settings)
        progress = Progress(lambda e: saved(e["steps"]) if e["event"] == "checkpoint" else None)
        train(request, progress)

    def begin(self, run: Path, step: int) -> None:
        """Train until `step` is saved, like a process killed at that point."""

        def saved(now: int) -> None:
            if now == step:
                raise _Enough

        with suppress(_Enough):
            self.train(run, saved)

    def records(self, folder: Path, updates: int) -> Iterator[tuple[str, list[int], tuple]]:
        """Yield for a new and a resumed training: name, existing steps, recorded operations.

        Args:
            folder: Working folder.
            updates: Length of the training.
        """
        for name in ("new", "resumed"):
            run = folder / name / "run"
            run.parent.mkdir()
            if name == "resumed":
                self.begin(run, updates // 2 * UPDATE)
            there = store.steps(run / "checkpoints")
            record = crash_states.record(
                run.parent, lambda system, run=run: self.train(run, system.note)
            )
            yield name, there, record

    def finish_problem(self, run: Path, with_metrics: bool = True) -> str:
        """Finish the training; return how it differs from the reference, "" if it does not."""
        try:
            self.train(run)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        if find_problem := self.find_problem(run, [self.steps]):
            return find_problem
        if with_metrics and rows(run) != self.rows:
            return "its metrics differ"
        leftovers = self.leftovers(run)
        return f"left behind: {leftovers}" if leftovers else ""

    def leftovers(self, run: Path, but: str = "step_") -> set[str]:
        """Return the temporary files left in a run, except for names that start with `but`."""
        folders = [folder for folder in (run, run / "checkpoints") if folder.is_dir()]
        names = {path.name for folder in folders for path in folder.iterdir()}
        return {name for name in names if name.startswith(".") and not name.startswith(but)}

    def find_problem(self, run: Path, saved: Sequence[int]) -> str:
        """Return what is wrong with a run, given the steps reported as saved; "" if nothing."""
        folder = run / "checkpoints"
        steps = store.steps(folder)
        if saved and (not steps or steps[-1] < saved[-1] or len(steps) < min(2, len(saved))):
            return f"step {saved[-1]} was saved, there is {steps}"
        for step in steps:
            if files(run, step) != self.files[step]:
                return f"step {step} differs from the reference"
        entry = steps and load(store.step_folder(folder, steps[-1]), groups=()).manifest["best"]
        best = store.step_folder(folder, entry["step"]) if entry else None
        found = store.best(folder)
        return "" if (found and found.path) == best else f"{best} is not the best"


class _Enough(BaseException):
    """Raised to stop a training without its cleanup."""


@contextmanager
def cached_compilation() -> Iterator[None]:
    """Share environments and compiled updates between trainings in the `with` body."""
    load = catalog.load

    def compiled(training, *args):
        if training.ppo not in _updates:
            _updates[training.ppo] = _compile_update(training, *args)
        return _updates[training.ppo]

    with pytest.MonkeyPatch.context() as patch:
        drivers = {"rlctl.rollouts.factory:make_driver": _make_driver}
        patch.setattr(catalog, "load", lambda target: drivers.get(target) or load(target))
        patch.setattr(ppo.PPOTrainer, "_compile_update", compiled)
        patch.setattr(
            networks.Networks, "actor", lambda self, noise_steps: _actor(self.spec, noise_steps)
        )
        yield


_compile_update, _updates = ppo.PPOTrainer._compile_update, {}
_make_actor = networks.Networks.actor


@cache
def _actor(spec, noise_steps):
    return _make_actor(networks.Networks(spec), noise_steps)


@cache
def _make_driver(*args, **kwargs):
    driver = make_driver(*args, **kwargs)
    driver.close = lambda: None
    return driver

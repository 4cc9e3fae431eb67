"""Train a policy, or go on with a training that was stopped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rlctl import catalog
from rlctl.actions.config import resolve_training, sections_of
from rlctl.actions.watchers import make
from rlctl.actions.watchers.base import Watched, watching
from rlctl.catalog import FamilyRow
from rlctl.checkpoints import find, store
from rlctl.core.config import Layer, Resolved, flag_layer, resolve, set_layer
from rlctl.core.errors import Incompatible, RlctlError, Stopped, StoppedUnsaved, UsageError
from rlctl.core.progress import Progress
from rlctl.core.runs import Run, find_run, provenance
from rlctl.engines.base import Hooks, Result

EXTENDABLE = ("train.steps", *make.CHANGEABLE)  # settings that may change when a run is resumed


@dataclass(frozen=True)
class TrainRequest:
    """What to train.

    Attributes:
        env: Environment; None with `resume`.
        algo: Algorithm, None for ppo or for that of the resumed run.
        resume: A run to go on with, by path or name.
        out: The run's folder, None for a new one under the runs folder.
        config: A TOML file of settings.
        overrides: "section.key=value", as --set takes them.
        flags: "section.key" -> value, None where not given.
        init_from: A checkpoint whose policy is the start.
    """

    env: str | None = None
    algo: str | None = None
    resume: str | None = None
    out: Path | None = None
    config: Path | None = None
    overrides: tuple[str, ...] = ()
    flags: dict[str, Any] = field(default_factory=dict)
    init_from: str | None = None


@dataclass(frozen=True)
class TrainReport:
    """What a training gave, where it lies, what was drawn, and how many seconds each phase took."""

    env: str
    algo: str
    run: Path
    result: Result
    plot: Path | None
    films: tuple[Path, ...]
    phases: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        result = self.result
        return {
            "env": self.env,
            "algo": self.algo,
            "run": str(self.run),
            "checkpoint": str(result.checkpoint),
            "best_checkpoint": result.best_checkpoint and str(result.best_checkpoint),
            "steps": result.steps,
            "seconds": result.seconds,
            "steps_per_second": result.steps_per_second,
            "eval": result.evaluation,
            "plot": self.plot and str(self.plot),
            "films": [str(film) for film in self.films],
            "phases": self.phases,
        }


@dataclass(frozen=True)
class _Job:
    """A training about to start: what, with which settings, in which run, from where."""

    env: str
    algo: str
    settings: Resolved
    run: Run
    start: store.Checkpoint | None
    resume: bool


def train(
    request: TrainRequest,
    progress: Progress | None = None,
    stop: Callable[[], int | None] = lambda: None,
) -> TrainReport:
    """Train, from the beginning or from the newest whole checkpoint of a run.

    Choose the device (`rlctl.core.device.select`) before this is called.

    Args:
        request: What to train.
        progress: Told of phases and events.
        stop: Asked between updates for the signal that asks to stop.

    Raises:
        UsageError: Names or settings that cannot be used; nothing was written.
        Stopped: A signal asked to stop, and the run can be resumed.
        RlctlError: Everything else that can go wrong, see `rlctl.core.errors`; its data names the
            run.
    """
    progress = progress or Progress()
    begin = _new if request.resume is None else _resumed
    job = begin(request, progress)
    with job.run, _naming(job.run):
        start = job.start.step if job.resume and job.start is not None else 0
        progress.event(
            "start",
            run=str(job.run.folder),
            env=job.env,
            algo=job.algo,
            steps=start,
            total=job.settings["train"].steps,
        )
        engine = catalog.load(catalog.engine(job.algo).target)
        hooks = Hooks(progress=progress, stop=stop)
        watched = Watched(
            job.run.folder, job.env, job.algo, job.settings, start, progress=progress, stop=stop
        )
        with watching(tuple(make.watchers(watched)), progress):
            if stop() is not None:
                raise StoppedUnsaved("stopped before the training began")
            result = engine(job.settings, job.env, job.run, hooks, job.start, job.resume)
    plot, films = make.drawn(job.run.folder)
    seconds = dict(progress.seconds)
    return TrainReport(job.env, job.algo, job.run.folder, result, plot, films, seconds)


def plan(request: TrainRequest, progress: Progress | None = None) -> dict[str, Any]:
    """What `train` would do, without doing it.

    Returns:
        The engine's plan, with the environment, the algorithm, the presets and the settings.

    Raises:
        UsageError: As `train`.
    """
    if request.resume is not None:
        raise UsageError("--dry-run plans new trainings, not --resume", "leave one of the two out")
    env, algo = _names(request)
    settings = _settings(request, env, algo)
    if request.init_from is not None:
        find.find(request.init_from, env)
    made = _plan(algo, settings, env, progress or Progress())
    presets = [at for at in dict.fromkeys(settings.origins.values()) if at.startswith("preset ")]
    named = {"env": env, "algo": algo, "presets": presets}
    return {**named, **made, "settings": settings.to_json(), "origins": settings.origins}


def _new(request: TrainRequest, progress: Progress) -> _Job:
    env, algo = _names(request)
    settings = _settings(request, env, algo)
    start = None
    if request.init_from is not None:
        start = store.load(find.find(request.init_from), groups=("policy",))
    _plan(algo, settings, env, progress)  # what cannot be trained must leave no folder behind
    run = Run.create(env, algo, settings["train"].seed, request.out)
    run.write_config(
        {
            "schema_version": 1,
            "env": env,
            "algo": algo,
            "settings": settings.to_json(),
            "origins": settings.origins,
            "init_from": start and str(start.path),
            "provenance": provenance(),
            "resumed": [],
        }
    )
    return _Job(env, algo, settings, run, start, resume=False)


def _resumed(request: TrainRequest, progress: Progress) -> _Job:
    given = ("env", "out", "config", "init_from")
    if surplus := [name for name in given if getattr(request, name) is not None]:
        raise UsageError(
            f"--resume takes {', '.join(surplus)} from the run", "leave everything but --steps out"
        )
    run = Run.open(find_run(request.resume))
    try:
        config = run.read_config()
        env, algo, settings = _saved(config, request)
        make.check(env, settings)
        start = _newest(run, progress)
        step = start.step if start else 0
        _check_steps(settings["train"].steps, step, run)
        run.metrics.keep(lambda row: _was_before(row, start))
        at = datetime.now(UTC).isoformat(timespec="seconds")
        config["settings"] = settings.to_json()
        config.setdefault("resumed", []).append({"step": step, "at": at})
        run.write_config(config)
        if start:
            _warn_of_fresh_episodes(env, progress)
            return _Job(env, algo, settings, run, start, resume=True)
        progress.event("warning", message=f"nothing was saved in {run.folder} yet: it begins anew")
        begun_from = config.get("init_from")
        start = store.load(Path(begun_from)) if begun_from else None
        return _Job(env, algo, settings, run, start, resume=False)
    except BaseException:
        run.close()
        raise


def _newest(run: Run, progress: Progress) -> store.Checkpoint | None:
    """The newest checkpoint that is whole, None where none was saved.

    Raises:
        Damaged: There are some, and every one is damaged.
    """
    if not store.steps(run.checkpoints):
        return None
    newest = store.newest_verified(
        run.checkpoints,
        lambda damaged: progress.event("warning", message=f"skipped: {damaged.message}"),
    )
    return store.load(newest, groups=("policy", "train", "envs"))


def _was_before(row: dict[str, Any], start: store.Checkpoint | None) -> bool:
    """Whether a row of metrics was written before the checkpoint to go on from."""
    if start is None:
        return False
    evaluated = start.manifest.get("evaluated", start.step)
    return row.get("steps", 0) <= (evaluated if row.get("kind") == "eval" else start.step)


def _saved(config: dict[str, Any], request: TrainRequest) -> tuple[str, str, Resolved]:
    """Environment, algorithm and settings of a run, and what may be changed of them."""
    try:
        env, algo, saved = config["env"], config["algo"], config["settings"]
        origins = config["origins"]
    except KeyError as missing:
        raise Incompatible(f"the run's config.json has no {missing}") from None
    sections = sections_of(env, algo)
    before = Resolved.from_json(sections, saved)
    layers = [set_layer(request.overrides), flag_layer(request.flags)]
    after = resolve(sections, [Layer("run", before.to_json()), *layers])
    old = {row.name: row.value for row in before.rows()}
    changed = [
        f"{new.name} is {old.get(new.name, 'not set')} in the run, not {new.value}"
        for new in after.rows()
        if (new.name not in old or old[new.name] != new.value) and new.name not in EXTENDABLE
    ]
    if request.algo not in (None, algo):
        changed.append(f"the algorithm is {algo} in the run, not {request.algo}")
    if changed:
        raise UsageError(
            "a resumed run keeps its settings: " + "; ".join(changed),
            "only --steps and what is drawn and logged may change; "
            "--init-from starts a new run from a checkpoint",
        )
    kept = {name: origins[name] if at == "run" else at for name, at in after.origins.items()}
    return env, algo, Resolved({name: after[name] for name in after}, kept)


def _warn_of_fresh_episodes(env: str, progress: Progress) -> None:
    row = catalog.env(env)
    if isinstance(row, FamilyRow) and row.open:
        progress.event(
            "warning",
            message=f"{env} goes on with fresh episodes: those of {row.prefix}: cannot be saved",
        )


def _check_steps(asked: int, done: int, run: Run) -> None:
    if asked < done:
        raise UsageError(
            f"{run.folder} has {done:,} steps already, more than --steps {asked:,}",
            "give the total of steps, those already done included",
        )


def _names(request: TrainRequest) -> tuple[str, str]:
    if request.env is None:
        raise UsageError(
            "train needs an environment: rlctl train ENV", "`rlctl envs` lists the environments"
        )
    catalog.env(request.env)
    algo = request.algo or "ppo"
    catalog.engine(algo)
    return request.env, algo


def _settings(request: TrainRequest, env: str, algo: str) -> Resolved:
    return resolve_training(env, algo, request.config, request.overrides, request.flags)


def _plan(algo: str, settings: Resolved, env: str, progress: Progress) -> dict[str, Any]:
    module = catalog.engine(algo).target.partition(":")[0]
    with progress.phase("import"):
        make_plan = import_module(module).plan
    row = catalog.env(env)
    if isinstance(row, FamilyRow) and row.open:  # of which anything may be wrong
        environment = catalog.load(row.target)(env.partition(":")[2], settings["env"])
        environment.time_limit(settings["train"].episode_length)
    if settings["train"].easy_steps and not hasattr(settings["env"], "easier"):
        raise UsageError(f"{env} has no easier settings", "--set train.easy_steps=0")
    made = make_plan(settings, env)
    make.check(env, settings)
    return made


@contextmanager
def _naming(run: Run) -> Iterator[None]:
    """Have every error name the run and what it saved last, and a stop say how to go on."""
    try:
        yield
    except RlctlError as error:
        saved = store.steps(run.checkpoints)
        last = str(store.step_folder(run.checkpoints, saved[-1])) if saved else None
        error.data = {"run": str(run.folder), "checkpoint": last, **error.data}
        if isinstance(error, (Stopped, StoppedUnsaved)) and not error.hint:
            error.hint = f"rlctl train --resume {run.folder}"
        raise

"""A training about to start: what, with which settings, in which run, from where."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rlctl import catalog
from rlctl.actions.config import resolve_training, sections_of, shown_by
from rlctl.callbacks import factory
from rlctl.catalog import FamilyRow
from rlctl.checkpoints import find, store
from rlctl.core.config import (
    Layer,
    Overrides,
    Resolved,
    current_name,
    flag_layer,
    resolve,
    set_layer,
)
from rlctl.core.errors import Incompatible, UsageError
from rlctl.core.progress import Progress
from rlctl.core.runs import Run, find_run, provenance, runs_root
from rlctl.engines import checkpoint_size

# Settings that may change when a run is resumed.
EXTENDABLE = ("train.steps", "train.target_return", "train.stop_at_target", *factory.CHANGEABLE)


@dataclass(frozen=True)
class TrainRequest:
    """What to train.

    Attributes:
        env: Environment; None with `resume`.
        algo: Algorithm, None for ppo or for that of the resumed run.
        resume: A run to go on with, by path or name.
        out: The run's folder, None for a new one under the runs folder.
        config: A TOML file of settings.
        overrides: "section.key=value", as --set takes them, or values by full name.
        flags: "section.key" -> value, None where not given.
        init_from: A checkpoint whose policy is the start.
    """

    env: str | None = None
    algo: str | None = None
    resume: str | None = None
    out: Path | None = None
    config: Path | None = None
    overrides: Overrides = ()
    flags: dict[str, Any] = field(default_factory=dict)
    init_from: str | None = None


@dataclass(frozen=True)
class TrainingSetup:
    """A training about to start: what, with which settings, in which run, from where."""

    env: str
    algo: str
    settings: Resolved
    run: Run
    start: store.Checkpoint | None
    resume: bool


@dataclass(frozen=True)
class ResolvedTraining:
    """A new training that can be made.

    Attributes:
        env: Environment.
        algo: Algorithm.
        settings: All settings.
        start: The checkpoint whose policy is the start.
        plan: What the engine will do.
    """

    env: str
    algo: str
    settings: Resolved
    start: store.Checkpoint | None
    plan: dict[str, Any]


def planned(request: TrainRequest, progress: Progress) -> ResolvedTraining:
    """Check all that can be checked of a new training before anything is written.

    Raises:
        UsageError: Names or settings that cannot be used.
        RlctlError: A checkpoint to start from that cannot be.
    """
    if request.env is None:
        raise UsageError(
            "train needs an environment: rlctl train ENV", "`rlctl envs` lists the environments"
        )
    env, algo = request.env, "ppo" if request.algo is None else request.algo
    catalog.env(env)
    catalog.engine(algo)
    settings = resolve_training(env, algo, request.config, request.overrides, request.flags)
    for notice in settings.notices:
        progress.event("warning", message=notice)
    start = find.open_checkpoint(request.init_from, env) if request.init_from is not None else None
    return ResolvedTraining(env, algo, settings, start, _plan(algo, settings, env, progress))


def new(request: TrainRequest, progress: Progress) -> TrainingSetup:
    """A new training, and its folder.

    Raises:
        RlctlError: See `planned`; or the folder is there, or cannot be made.
    """
    made = planned(request, progress)
    if told := checkpoint_size.check_disk_space(made.plan, request.out or runs_root()):
        progress.event("warning", message=told)
    run = Run.create(made.env, made.algo, made.settings["train"].seed, request.out)
    try:
        run.write_config(_config(made))
    except BaseException:
        run.discard()
        run.close()
        raise
    return TrainingSetup(made.env, made.algo, made.settings, run, made.start, resume=False)


def _config(made: ResolvedTraining) -> dict[str, Any]:
    """What `--resume` needs to know, and who wants to know later how it was trained."""
    return {
        "schema_version": 1,
        "env": made.env,
        "algo": made.algo,
        "settings": made.settings.to_json(),
        "origins": made.settings.origins,
        "init_from": made.start and str(made.start.path),
        "provenance": provenance(),
        "resumed": [],
    }


def resumed(request: TrainRequest, progress: Progress) -> TrainingSetup:
    """A run to go on with from its newest checkpoint that is whole; anew where it has none.

    Raises:
        UsageError: What was asked for contradicts the run.
        RlctlError: The run is not there, in use, or every checkpoint is damaged.
    """
    given = ("out", "config", "init_from")
    if surplus := [name for name in given if getattr(request, name) is not None]:
        raise UsageError(
            f"--resume takes {', '.join(surplus)} from the run", "leave everything but --steps out"
        )
    run = Run.open(find_run(request.resume))
    try:
        if run.crashed_holder:
            message = (
                f"the last one to write {run.folder}, {run.crashed_holder}, did not end properly"
            )
            progress.event("warning", message=message)
        config = run.read_config()
        env, algo, settings = _saved(config, request)
        factory.check(env, settings)
        store.sweep(run.checkpoints)
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
            _warn_of_target(settings["train"], start, run, progress)
            return TrainingSetup(env, algo, settings, run, start, resume=True)
        progress.event("warning", message=f"nothing was saved in {run.folder} yet: it begins anew")
        begun_from = config.get("init_from")
        start = store.load(Path(begun_from)) if begun_from else None
        return TrainingSetup(env, algo, settings, run, start, resume=False)
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
    if request.env not in (None, env):
        raise UsageError(f"the run is of {env}, not {request.env}", "leave the environment out")
    catalog.check_trusted(env, saved.get("env"), request.env)
    sections = sections_of(env, algo)
    old_origins = {current_name(sections, name): origin for name, origin in origins.items()}
    before = Resolved.from_json(sections, saved)
    layers = [set_layer(request.overrides), flag_layer(request.flags)]
    after = resolve(sections, [Layer("run", before.to_json()), *layers], shown_by(env, algo))
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
            "only --steps, the target return and what is drawn and logged may change; "
            "--init-from starts a new run from a checkpoint",
        )
    kept = {
        name: old_origins.get(name, "default") if at == "run" else at
        for name, at in after.origins.items()
    }  # a setting that came later has the value it always had
    return env, algo, Resolved({name: after[name] for name in after}, kept)


def _warn_of_fresh_episodes(env: str, progress: Progress) -> None:
    row = catalog.env(env)
    if isinstance(row, FamilyRow) and row.open:
        progress.event(
            "warning",
            message=f"{env} goes on with fresh episodes: those of {row.prefix}: cannot be saved",
        )


def _warn_of_target(train: Any, start: store.Checkpoint, run: Run, progress: Progress) -> None:
    """Warn that a run which reached its target takes no more of the steps that are left."""
    target, evaluation = train.target_return, start.manifest.get("metrics")
    if target is None or not train.stop_at_target or not evaluation or start.step >= train.steps:
        return
    if evaluation["return"]["mean"] >= target:
        progress.event(
            "warning",
            message=f"{run.folder} has reached its target return {target:g} and stops there; "
            "--set train.stop_at_target=false trains on",
        )


def _check_steps(asked: int, done: int, run: Run) -> None:
    if asked < done:
        raise UsageError(
            f"{run.folder} has {done:,} steps already, more than --steps {asked:,}",
            "give the total of steps, those already done included",
        )


def engine(algo: str, name: str) -> Any:
    """What an engine's module has beside its training: `plan`, and perhaps `probe`, else None."""
    return getattr(import_module(catalog.engine(algo).target.partition(":")[0]), name, None)


def _plan(algo: str, settings: Resolved, env: str, progress: Progress) -> dict[str, Any]:
    with progress.phase("import"):
        make_plan = engine(algo, "plan")
    row = catalog.env(env)
    if isinstance(row, FamilyRow) and row.open:  # of which anything may be wrong
        environment = catalog.load(row.target)(env.partition(":")[2], settings["env"])
        environment.time_limit(settings["train"].episode_length)
    if settings["train"].curriculum_steps and not hasattr(settings["env"], "curriculum"):
        raise UsageError(f"{env} has no curriculum", "--set train.curriculum_steps=0")
    made = make_plan(settings, env)
    factory.check(env, settings)
    return made

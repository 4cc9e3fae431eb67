"""Setup of a training: resolve the settings, create or resume the run, find the checkpoint."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlctl import catalog
from rlctl.actions.config import resolve_training, sections_of, shown_by
from rlctl.callbacks import factory
from rlctl.checkpoints import find, store
from rlctl.core.capabilities import capabilities_of
from rlctl.core.config import (
    Layer,
    Overrides,
    Resolved,
    current_name,
    flag_layer,
    resolve,
    set_layer,
)
from rlctl.core.device import split_cpu
from rlctl.core.errors import Incompatible, UsageError
from rlctl.core.progress import Progress
from rlctl.core.runs import Run, find_run, provenance, runs_root
from rlctl.engines import checkpoint_size
from rlctl.engines.api import Engine, MeasurableEngine, Plan, TrainingJob
from rlctl.engines.config import TrainConfig

# Settings that may change when a run is resumed: they do not affect what was learned so far.
CHANGEABLE = (
    "train.steps",
    "train.devices",
    "train.target_return",
    "train.stop_at_target",
    "ppo.shards",
    *factory.CHANGEABLE,
)


@dataclass(frozen=True)
class TrainRequest:
    """Request for a training, new or resumed.

    Attributes:
        env: Environment; None with `resume`.
        algo: Algorithm; None for ppo, or for that of the resumed run.
        resume: The run to resume, by path or name; None for a new run.
        out: The run's folder, None for a new one under the runs folder.
        config: A TOML file of settings.
        overrides: "section.key=value", as --set takes them, or values by full name.
        flags: "section.key" -> value, None where not given.
        init_from: A checkpoint whose policy the training starts from.
    """

    env: str | None = None
    algo: str | None = None
    resume: str | None = None
    out: Path | None = None
    config: Path | None = None
    overrides: Overrides = ()
    flags: dict[str, Any] = field(default_factory=dict)
    init_from: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingSetup(TrainingJob[Any]):
    """A training that is ready to start.

    Attributes:
        algo: Algorithm.
        run: The run, locked by this process.
    """

    algo: str
    run: Run


@dataclass(frozen=True)
class ResolvedTraining:
    """A new training, resolved and validated; nothing is written yet.

    Attributes:
        env: Environment.
        algo: Algorithm.
        settings: All settings.
        start: The checkpoint whose policy the training starts from, None to start from scratch.
        plan: The engine's plan: batch sizes, number of updates and evaluations.
        details: What `--dry-run` shows besides the plan, {} if the engine has none.
    """

    env: str
    algo: str
    settings: Resolved
    start: store.Checkpoint | None
    plan: Plan
    details: dict[str, Any]


def resolve_new(request: TrainRequest, progress: Progress) -> ResolvedTraining:
    """Resolve and validate a new training without writing anything.

    Raises:
        UsageError: A name or setting is invalid.
        RlctlError: The checkpoint to start from cannot be used.
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
    plan = _plan(algo, settings, env, progress)
    engine, details = load_engine(algo), {}
    if isinstance(engine, MeasurableEngine):
        details = engine.details(settings, env, plan)
    return ResolvedTraining(env, algo, settings, start, plan, details)


def create(request: TrainRequest, progress: Progress) -> TrainingSetup:
    """Set up a new training and create its run.

    Raises:
        RlctlError: See `resolve_new`; or the folder already exists, or cannot be created.
    """
    new = resolve_new(request, progress)
    if warning := checkpoint_size.check_disk_space(new.details, request.out or runs_root()):
        progress.event("warning", message=warning)
    run = Run.create(new.env, new.algo, new.settings[TrainConfig].seed, request.out)
    try:
        run.write_config(_run_config(new))
    except BaseException:
        run.discard()
        run.close()
        raise
    return TrainingSetup(
        env=new.env,
        algo=new.algo,
        settings=new.settings,
        plan=new.plan,
        run=run,
        start=new.start,
    )


def _run_config(new: ResolvedTraining) -> dict[str, Any]:
    """Return the content of config.json: what `--resume` needs, and the provenance."""
    return {
        "schema_version": 1,
        "env": new.env,
        "algo": new.algo,
        "settings": new.settings.to_json(),
        "origins": new.settings.origins,
        "init_from": new.start and str(new.start.path),
        "provenance": provenance(),
        "resumed": [],
    }


def resume(name: str, request: TrainRequest, progress: Progress) -> TrainingSetup:
    """Set up a run to resume from its newest intact checkpoint; without any, it starts over.

    Args:
        name: The run, by path or name.
        request: The settings that change.
        progress: Receives warnings.

    Raises:
        UsageError: The request contradicts the run.
        RlctlError: The run is missing or in use, or all its checkpoints are damaged.
    """
    fixed = ("out", "config", "init_from")
    if given := [name for name in fixed if getattr(request, name) is not None]:
        raise UsageError(
            f"--resume takes {', '.join(given)} from the run", "leave everything but --steps out"
        )
    run = Run.open(find_run(name))
    try:
        if run.crashed_holder:
            message = f"the last writer of {run.folder}, {run.crashed_holder}, did not end properly"
            progress.event("warning", message=message)
        config = run.read_config()
        env, algo, settings = _resumed_settings(config, request)
        plan = _plan(algo, settings, env, progress)
        store.sweep(run.checkpoints)
        start = _newest_checkpoint(run, progress)
        step = start.step if start else 0
        _check_steps(settings[TrainConfig].steps, step, run)
        run.metrics.keep(lambda row: _was_before(row, start))
        at = datetime.now(UTC).isoformat(timespec="seconds")
        config["settings"] = settings.to_json()
        config.setdefault("resumed", []).append({"step": step, "at": at})
        run.write_config(config)
        if start:
            _warn_of_fresh_episodes(env, settings["env"], progress)
            _warn_of_target(settings[TrainConfig], start, run, progress)
        else:
            progress.event("warning", message=f"{run.folder} has no checkpoint yet: it starts over")
        init_from = config.get("init_from")
        init = store.load(Path(init_from)) if init_from and start is None else None
        return TrainingSetup(
            env=env,
            algo=algo,
            settings=settings,
            plan=plan,
            run=run,
            start=start or init,
            resume=start is not None,
        )
    except BaseException:
        run.close()
        raise


def _newest_checkpoint(run: Run, progress: Progress) -> store.Checkpoint | None:
    """Load the newest intact checkpoint, None where none was saved.

    Raises:
        Damaged: There are checkpoints, and all are damaged.
    """
    if not store.steps(run.checkpoints):
        return None
    return store.newest_verified(
        run.checkpoints,
        lambda damaged: progress.event("warning", message=f"skipped: {damaged.message}"),
        groups=("policy", "train", "envs"),
    )


def _was_before(row: dict[str, Any], start: store.Checkpoint | None) -> bool:
    """Tell whether a row of metrics was written before the checkpoint to resume from."""
    if start is None:
        return False
    # An evaluation that a stop cut off is repeated; its checkpoint names the last complete one.
    evaluated = start.manifest.get("evaluated", start.step)
    return row.get("steps", 0) <= (evaluated if row.get("kind") == "eval" else start.step)


def _resumed_settings(config: dict[str, Any], request: TrainRequest) -> tuple[str, str, Resolved]:
    """Return environment, algorithm and settings of a run, with the requested changes.

    Raises:
        UsageError: The request changes what a resumed run must keep.
        Incompatible: The run's config.json is incomplete.
    """
    try:
        env, algo, saved = config["env"], config["algo"], config["settings"]
        origins = config["origins"]
    except KeyError as missing:
        raise Incompatible(f"the run's config.json has no {missing}") from None
    if request.env not in (None, env):
        raise UsageError(f"the run is of {env}, not {request.env}", "leave the environment out")
    # A config.json is not trusted to name code: the user has to name such an environment.
    catalog.check_trusted(env, saved.get("env"), request.env)
    sections = sections_of(env, algo)
    old_origins = {current_name(sections, name): origin for name, origin in origins.items()}
    before = Resolved.from_json(sections, saved)
    layers = [set_layer(request.overrides), flag_layer(request.flags)]
    after = resolve(sections, [Layer("run", before.values()), *layers], shown_by(env, algo))
    old = before.values()
    changed = [
        f"{name} is {old.get(name, 'not set')} in the run, not {value}"
        for name, value in after.values().items()
        if (name not in old or old[name] != value) and name not in CHANGEABLE
    ]
    if request.algo not in (None, algo):
        changed.append(f"the algorithm is {algo} in the run, not {request.algo}")
    if changed:
        raise UsageError(
            "a resumed run keeps its settings: " + "; ".join(changed),
            "only --steps, --devices, the target return, plots, videos and logging may change; "
            "--init-from starts a new run from a checkpoint",
        )
    kept = {
        name: old_origins.get(name, "default") if at == "run" else at
        for name, at in after.origins.items()
    }  # settings newer than the run have their defaults
    return env, algo, Resolved({name: after[name] for name in after}, kept)


def _warn_of_fresh_episodes(env: str, config: Any, progress: Progress) -> None:
    from rlctl.rollouts.factory import make_environment

    if not capabilities_of(make_environment(env, config)).resumable:
        progress.event(
            "warning",
            message=f"{env} resumes with new episodes: the state of its environments cannot be "
            "saved",
        )


def _warn_of_target(train: Any, start: store.Checkpoint, run: Run, progress: Progress) -> None:
    """Warn that the run has reached its target return, so that it will not use more steps."""
    target, evaluation = train.target_return, start.manifest.get("metrics")
    if target is None or not train.stop_at_target or not evaluation or start.step >= train.steps:
        return
    if evaluation["return"]["mean"] >= target:
        progress.event(
            "warning",
            message=f"{run.folder} has reached its target return {target:g} and stops there; "
            "--set train.stop_at_target=false continues the training",
        )


def _check_steps(total: int, done: int, run: Run) -> None:
    if total < done:
        raise UsageError(
            f"{run.folder} has {done:,} steps already, more than --steps {total:,}",
            "give the total number of steps, including those already done",
        )


def _check_devices(algo: str, num: int) -> None:
    """Check that an engine can train on several devices; make a CPU several, before jax computes.

    Raises:
        UsageError: It trains on one.
    """
    if num > 1 and not catalog.engine(algo).devices:
        able = [name for name, row in catalog.engines().items() if row.devices]
        raise UsageError(
            f"train.devices is {num}, and {algo} trains on one device",
            f"leave --devices out, or use --algo {' or '.join(able)}",
        )
    split_cpu(num)


def load_engine(algo: str) -> Engine:
    """Import an engine.

    Raises:
        UsageError: The engine, of another package, lacks a function that every engine has.
    """
    target = catalog.engine(algo).target
    engine: Any = catalog.load(target)
    if not isinstance(engine, Engine):
        raise UsageError(
            f"{target}, the engine of the algorithm {algo}, has no train or no plan",
            "rlctl.engines.api.Engine describes both; ask the authors of its package",
        )
    return engine


def _plan(algo: str, settings: Resolved, env: str, progress: Progress) -> Plan:
    _check_devices(algo, settings[TrainConfig].devices)
    with progress.phase("import"):
        engine = load_engine(algo)
        from rlctl.rollouts.factory import make_environment, time_limit
    # Environments of other packages fail here rather than after the run's folder is made.
    time_limit(make_environment(env, settings["env"]), settings[TrainConfig].episode_length)
    if settings[TrainConfig].curriculum_steps and not hasattr(settings["env"], "curriculum"):
        raise UsageError(f"{env} has no curriculum", "--set train.curriculum_steps=0")
    plan = engine.plan(settings, env)
    factory.validate(env, settings)
    return plan

"""Resolving `--ckpt`: a run, a checkpoint folder, RUN@STEP, `latest`, `best`, or nothing.

    (nothing)          the best checkpoint of the latest run (of the environment, if given); without
                       a run, the policy that ships for the environment
    latest             the newest checkpoint of the latest run
    best               the best checkpoint of the latest run
    PATH or RUN        a checkpoint's folder; or a run, by folder or by name: its best checkpoint
    ENV                the best checkpoint of the latest run of that environment, or the policy that
                       ships for it; a run or folder with that name has precedence
    RUN@STEP           the checkpoint of that step; also RUN@latest, RUN@best, and ENV@...
    shipped:ENV        the policy that ships for an environment, even if there are runs

An explicit step or checkpoint folder is used even if damaged (and then refused). Otherwise damaged
checkpoints are skipped with a warning, and the newest intact one is used. Without evaluations the
best checkpoint is the newest.
"""

import shlex
from collections.abc import Callable, Collection
from pathlib import Path

from rlctl import catalog
from rlctl.checkpoints import shipped, store
from rlctl.checkpoints.foreign import source
from rlctl.checkpoints.reading import Checkpoint, import_hint, looks_like_checkpoint
from rlctl.core import runs
from rlctl.core.checkpoint_names import FOLDER
from rlctl.core.errors import Damaged, Incompatible, NotFound, RlctlError, UsageError

Warn = Callable[[str], None]


def open_checkpoint(
    text: str | None,
    env: str | None = None,
    root: Path | None = None,
    warn: Warn = lambda line: None,
    groups: Collection[str] = ("policy",),
) -> Checkpoint:
    """Load the requested checkpoint. A training may save and prune in the same run meanwhile.

    Args:
        text: The value of --ckpt; see above.
        env: The environment it must be of, None for any.
        root: The folder of runs; None: RLCTL_RUNS, else ./runs.
        warn: Called when a damaged checkpoint is skipped or a shipped policy is used.
        groups: The groups of arrays to load.

    Raises:
        NotFound: There is no such path, run or step, or no checkpoint in it.
        Damaged: The named checkpoint is damaged, or all of them are.
        Incompatible: It is of another environment, a newer schema or another tool.
        Unsafe: It has links, special files, or names that point outside its folder.
        UsageError: The text after the @ is not a step.
    """
    while isinstance(found := locate(text, env, root, warn, groups), Path):
        try:
            found = store.load(found, groups)
            break
        except (NotFound, Damaged):
            if found.exists():
                raise  # else a training pruned it while it was read: choose again
    saved = found.manifest.get("env", {}).get("id")
    if env is not None and saved != env:
        raise Incompatible(
            f"{found.path} is of environment {saved}, not {env}",
            f"name {saved} instead, or train {env} first: rlctl train {shlex.quote(env)}",
        )
    return found


def locate(
    text: str | None,
    env: str | None = None,
    root: Path | None = None,
    warn: Warn = lambda line: None,
    groups: Collection[str] = (),
) -> Checkpoint | Path:
    """Return the checkpoint chosen among a run's, loaded; or the path of an explicit one.

    An explicit one may be damaged or of another environment. Arguments and errors are those of
    `open_checkpoint`.
    """
    if text is None or text in ("latest", "best"):
        run = runs.latest_run(root, env)
        if run is not None:
            return _select(run / FOLDER, text or "best", warn, groups)
        if text is None and env in shipped.names():
            warn(f"no run of {env} found: using the policy that ships with rlctl")
            return shipped.named(runs.SHIPPED + env)
        raise _no_run(env)
    if text.startswith(runs.SHIPPED):
        return shipped.named(text)
    path = Path(text)
    # An existing path has precedence, unless it is a folder without checkpoints that is named like
    # an environment.
    if not _exists(path) or (_is_environment(text) and not _holds_any(path)):
        run, at, step = text.rpartition("@")
        if at:
            return _checkpoint_at(_run(run, root) / FOLDER, step, warn, groups)
        if text in shipped.names() and not runs.run_exists(text, root):
            warn(f"no run of {text} found: using the policy that ships with rlctl")
            return shipped.named(runs.SHIPPED + text)
        path = _run(text, root)
    if looks_like_checkpoint(path):
        return path
    return _select(_checkpoints_in(path), "best", warn, groups)


def _run(text: str, root: Path | None) -> Path:
    """Return the folder of a run given by path, name or environment."""
    try:
        return runs.find_run(text, root)
    except NotFound:
        if _is_environment(text):
            raise _no_run(text) from None
        raise


def _is_environment(text: str) -> bool:
    prefix, colon, _ = text.partition(":")
    return text in catalog.envs() or bool(colon and prefix in catalog.families())


def _holds_any(path: Path) -> bool:
    """Return whether the path is a checkpoint or contains some."""
    return (
        looks_like_checkpoint(path) or (path / FOLDER).is_dir() or bool(store.steps(path))
    ) or path.is_file()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # the name is too long, or the folder is not readable
        raise NotFound(
            f"cannot look up {str(path)[:80]}: {error.strerror}", "check the path"
        ) from error


def _no_run(env: str | None) -> NotFound:
    there = ", ".join(runs.SHIPPED + name for name in shipped.names())
    return NotFound(
        f"there is no run{f' of {env}' if env else ''} with a checkpoint yet",
        f"train one: rlctl train {shlex.quote(env or 'ENV')}, or give its path: --ckpt PATH; "
        f"shipped policies are {there}",
    )


def _select(folder: Path, which: str, warn: Warn, groups: Collection[str]) -> Checkpoint:
    """Load the best or newest checkpoint of a run, skipping damaged ones."""
    skipped: list[str] = []

    def skip(error: RlctlError) -> None:
        skipped.append(error.message)

    found = store.best(folder, skip, groups) if which == "best" else None
    found = found or store.newest_verified(folder, skip, groups)
    # Warn only after the search: if nothing is intact, the error alone is reported.
    for message in skipped:
        warn(f"skipped {message}")
    if skipped:
        warn(f"using {found.path} instead")
    return found


def _checkpoint_at(
    folder: Path, step: str, warn: Warn, groups: Collection[str]
) -> Checkpoint | Path:
    if step in ("latest", "best"):
        return _select(folder, step, warn, groups)
    digits = step.removeprefix("step_")
    if not digits.isdecimal():
        raise UsageError(f"{step!r} is not a step", "RUN@STEP takes a number, `latest` or `best`")
    path = store.step_folder(folder, int(digits))
    if not path.exists():
        near = sorted(store.steps(folder), key=lambda step: abs(step - int(digits)))
        listed = ", ".join(map(str, sorted(near[:8]))) or "none"
        raise NotFound(
            f"{folder.parent.name} has no checkpoint of step {int(digits)}",
            f"it has {listed}" + f", and {len(near) - 8} others" * (len(near) > 8),
        )
    return path


def _checkpoints_in(path: Path) -> Path:
    if (path / FOLDER).is_dir():
        return path / FOLDER
    if store.steps(path):
        return path
    if inside := runs.names(path):
        latest = shlex.quote(str(path / inside[0]))
        raise NotFound(f"{path} holds {len(inside)} runs", f"name one; the latest is {latest}")
    if newest := source.newest_checkpoint(path):
        raise Incompatible(f"{path} is a folder of another tool's checkpoints", import_hint(newest))
    raise NotFound(
        f"there is no checkpoint in {path}",
        "name a run, or a checkpoint's folder; `rlctl train ENV` makes one",
    )

"""What `--ckpt` means: a run, a checkpoint folder, RUN@STEP, `latest`, `best`, or nothing.

    (nothing)          the best checkpoint of the latest run, of the environment named if one is;
                       where that has no run, the policy that ships for it
    latest             the newest checkpoint of the latest run
    best               the best checkpoint of the latest run
    PATH or RUN        a checkpoint's folder; or a run, by folder or by name: its best checkpoint
    ENV                the best checkpoint of the latest run of that environment, or the policy that
                       ships for it; a run or a folder of that name goes first
    RUN@STEP           the checkpoint of that step; RUN@latest and RUN@best work too, and ENV@...
    shipped:ENV        the policy that ships for an environment, whatever runs there are

Where a step or a checkpoint's folder is named, that one is meant, damaged or not. Everywhere else a
damaged one is skipped for the newest that verifies, and that is said. Before any evaluation the
best is the newest.
"""

import shlex
from collections.abc import Callable, Collection
from pathlib import Path

from rlctl import catalog
from rlctl.checkpoints import shipped, store
from rlctl.checkpoints.foreign import source
from rlctl.checkpoints.reading import Checkpoint, import_hint, looks_like_checkpoint
from rlctl.core import runs
from rlctl.core.errors import Damaged, Incompatible, NotFound, RlctlError, UsageError

FOLDER = "checkpoints"  # where a run keeps them
Tell = Callable[[str], None]


def find(
    text: str | None,
    env: str | None = None,
    root: Path | None = None,
    tell: Tell = lambda line: None,
) -> Path:
    """The checkpoint that is meant, verified.

    Args:
        text: What the user gave; see above.
        env: The environment it must be of, None for any.
        root: Where runs are looked for; None: RLCTL_RUNS, else ./runs.
        tell: Told when a damaged checkpoint is skipped, or a policy that ships steps in.

    Raises:
        NotFound: There is no such path, run or step, or no checkpoint in it.
        Damaged: The one named is damaged, or every one is.
        Incompatible: It is of another environment, a newer schema or another tool.
        Unsafe: It holds links or special files, or names that lead elsewhere.
        UsageError: What follows the @ is no step.
    """
    return opened(text, env, root, tell, groups=()).path


def opened(
    text: str | None,
    env: str | None = None,
    root: Path | None = None,
    tell: Tell = lambda line: None,
    groups: Collection[str] = ("policy",),
) -> Checkpoint:
    """Like `find`, but loaded. The run's training may go on saving and pruning meanwhile.

    Args:
        text: What the user gave; see above.
        env: The environment it must be of, None for any.
        root: As of `find`.
        tell: As of `find`.
        groups: Which arrays to load.
    """
    checkpoint = None
    while checkpoint is None:
        path = locate(text, env, root, tell)
        try:
            checkpoint = store.load(path, groups)
        except (NotFound, Damaged):
            if path.exists():
                raise  # else it was pruned while it was read: choose anew
    saved = checkpoint.manifest.get("env", {}).get("id")
    if env is not None and saved != env:
        raise Incompatible(
            f"{path} is of environment {saved}, not {env}",
            f"name {saved} instead, or train {env} first: rlctl train {shlex.quote(env)}",
        )
    return checkpoint


def locate(
    text: str | None,
    env: str | None = None,
    root: Path | None = None,
    tell: Tell = lambda line: None,
) -> Path:
    """Like `find`, but one that is named may be damaged or of another environment."""
    if text is None or text in ("latest", "best"):
        run = runs.latest_run(root, env)
        if run is not None:
            return _chosen(run / FOLDER, text or "best", tell)
        if text is None and env in shipped.names():
            tell(f"no run of {env} here: the policy that ships with rlctl")
            return shipped.named(runs.SHIPPED + env)
        raise _no_run(env)
    if text.startswith(runs.SHIPPED):
        return shipped.named(text)
    path = Path(text)
    if not _exists(path) or (_is_environment(text) and not _holds_any(path)):
        run, at, step = text.rpartition("@")
        if at:
            return _at(_run(run, root) / FOLDER, step, tell)
        if text in shipped.names() and not runs.is_known(text, root):
            tell(f"no run of {text} here: the policy that ships with rlctl")
            return shipped.named(runs.SHIPPED + text)
        path = _run(text, root)
    if looks_like_checkpoint(path):
        return path
    return _chosen(_checkpoints_in(path), "best", tell)


def _run(text: str, root: Path | None) -> Path:
    """The folder of a run given by path, by name or by its environment."""
    try:
        return runs.find_run(text, root)
    except NotFound:
        if _is_environment(text):
            raise _no_run(text) from None
        raise


def _is_environment(text: str) -> bool:
    prefix, colon, _ = text.partition(":")
    families = {row.prefix for row in catalog.FAMILIES}
    return text in catalog.envs() or bool(colon and prefix in families)


def _holds_any(path: Path) -> bool:
    """Whether it is a checkpoint, or holds some."""
    return (
        looks_like_checkpoint(path) or (path / FOLDER).is_dir() or bool(store.steps(path))
    ) or path.is_file()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name too long, a folder that must not be read
        raise NotFound(
            f"cannot look up {str(path)[:80]}: {error.strerror}", "check the path"
        ) from error


def _no_run(env: str | None) -> NotFound:
    there = ", ".join(runs.SHIPPED + name for name in shipped.names())
    return NotFound(
        f"there is no run{f' of {env}' if env else ''} with a checkpoint yet",
        f"train one: rlctl train {shlex.quote(env or 'ENV')}, or say where it is: --ckpt PATH; "
        f"what ships with rlctl is {there}",
    )


def _chosen(folder: Path, which: str, tell: Tell) -> Path:
    """The best or the newest of a run, whichever verifies."""
    skipped: list[str] = []

    def skip(error: RlctlError) -> None:
        skipped.append(error.message)

    path = store.best(folder, skip) if which == "best" else None
    path = path or store.newest_verified(folder, skip)
    for message in skipped:
        tell(f"skipped {message}")
    if skipped:
        tell(f"using {path} instead")
    return path


def _at(folder: Path, step: str, tell: Tell) -> Path:
    if step in ("latest", "best"):
        return _chosen(folder, step, tell)
    digits = step.removeprefix("step_")
    if not digits.isdecimal():
        raise UsageError(f"{step!r} is no step", "RUN@STEP takes a number, `latest` or `best`")
    path = store.step_folder(folder, int(digits))
    if not path.exists():
        near = sorted(store.steps(folder), key=lambda step: abs(step - int(digits)))
        listed = ", ".join(map(str, sorted(near[:8]))) or "none"
        raise NotFound(
            f"{folder.parent.name} has no checkpoint of step {int(digits)}",
            f"it has {listed}" + f", and {len(near) - 8} farther off" * (len(near) > 8),
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
    if newest := source.one_of(path):
        raise Incompatible(f"{path} is a folder of another tool's checkpoints", import_hint(newest))
    raise NotFound(
        f"there is no checkpoint in {path}",
        "name a run, or a checkpoint's folder; `rlctl train ENV` makes one",
    )

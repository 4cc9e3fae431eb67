"""Run folders: creating, opening, finding and describing runs.

<root>/<env>-<algo>-<UTC time>-s<seed>/    root: RLCTL_RUNS, else ./runs
    config.json       the resolved settings, their origins, the provenance
    metrics.jsonl     one row per update or evaluation
    checkpoints/      see rlctl.checkpoints
    lock              held while a process writes the run, see rlctl.core.lock
"""

import difflib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rlctl import __version__
from rlctl.core import checkpoint_names, device, lock
from rlctl.core.errors import Damaged, Incompatible, NotFound, UsageError
from rlctl.core.files import (
    make_folder,
    plain,
    sweep_temporaries,
    sync_folder,
    write_atomic,
    writing,
)
from rlctl.core.metrics import Metrics
from rlctl.core.safe_io import parse_json, read

SHIPPED = "shipped:"  # prefix of an environment's name: its shipped policy, which is not a run
_MAX_CONFIG_BYTES = 2**23  # of config.json
_MEMBERS: dict[str, type] = {
    "env": str,
    "algo": str,
    "settings": dict,
    "origins": dict,
    "provenance": dict,
    "resumed": list,
}
PACKAGES = ("jax", "jaxlib", "numpy", "mujoco", "mujoco-mjx", "brax", "optax", "torch", "gymnasium")


class Run:
    """Run folder opened for writing; locked for other processes until `close`.

    Attributes:
        folder: The run's folder.
        checkpoints: The folder of its checkpoints.
        config_path: The file of its settings.
        metrics: The metrics file.
        crashed_holder: The last process to write the run if it crashed; else "".
    """

    def __init__(self, folder: Path) -> None:
        """Lock an existing folder; use `create` or `open`."""
        self.folder = folder
        self.checkpoints = folder / checkpoint_names.FOLDER
        self.config_path = folder / "config.json"
        self.metrics = Metrics(folder / "metrics.jsonl")
        self._lock = lock.Lock(folder)
        self.crashed_holder = self._lock.crashed_holder
        for path in (self.config_path, self.metrics.path):
            sweep_temporaries(path)

    @classmethod
    def create(cls, env: str, algo: str, seed: int, out: Path | None = None) -> Self:
        """Create a new run folder.

        Raises:
            UsageError: `out` exists and is not empty.
            OutOfSpace: The folder cannot be created.
            RunInUse: Another process created it first.
        """
        if out is None:
            return cls(_new_folder(env, algo, seed))
        with writing(out):
            make_folder(out)
            inside = {path.name for path in out.iterdir()}
        # Do not lock a folder that is not a run: it would leave a lock file there.
        run = cls(out) if not inside or inside & lock.FILES else None
        if run is None or any(path.name not in lock.FILES for path in out.iterdir()):
            if run is not None:
                run.close()
            # Only a folder with a config.json can be resumed.
            resume = f"resume it: `rlctl train --resume {shlex.quote(str(out))}`, or "
            raise UsageError(
                f"{out} already exists and is not empty",
                f"{resume if 'config.json' in inside else ''}choose another --out",
            )
        return run

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a run to resume it.

        Raises:
            NotFound: The folder is not a run.
            RunInUse: Another process is writing it.
        """
        if not (folder / "config.json").is_file():
            raise NotFound(
                f"{folder} is not a run: it has no config.json", "`ls runs` shows the runs"
            )
        return cls(folder)

    def write_config(self, config: dict[str, Any]) -> None:
        """Write the run's settings atomically."""
        write_atomic(self.config_path, json.dumps(plain(config), indent=2).encode() + b"\n")

    def read_config(self) -> dict[str, Any]:
        """Return the settings that `write_config` wrote.

        Raises:
            Damaged: The file is missing or invalid.
        """
        return read_config(self.folder)

    def discard(self) -> None:
        """Delete a run that was created but could not start."""
        self.metrics.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Close the metrics file and release the lock."""
        self.metrics.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def runs_root() -> Path:
    """Return the folder of runs."""
    return Path(os.environ.get("RLCTL_RUNS") or "runs")


def read_config(folder: Path) -> dict[str, Any]:
    """Return the settings of a run without opening it for writing.

    Raises:
        Damaged: The file is missing or invalid.
    """
    path = folder / "config.json"
    try:
        config = parse_json(read(path, _MAX_CONFIG_BYTES))
        if problem := _config_problem(config):
            raise ValueError(problem)
    except (OSError, ValueError) as error:
        raise Damaged(
            f"cannot read {path}: {error}", "its checkpoints can still be evaluated"
        ) from error
    return config


def _config_problem(config: Any) -> str:
    """Return why a run's settings are invalid, "" if they are valid. Members may be missing."""
    if not isinstance(config, dict):
        return "it is not a JSON object"
    for name, kind in _MEMBERS.items():
        if not isinstance(config.get(name, kind()), kind):
            return f"its {name} is {repr(config[name])[:40]}"
    for name, section in config.get("settings", {}).items():
        if not isinstance(section, dict):
            return f"its settings.{name[:40]} is {repr(section)[:40]}"
    return ""


def names(root: Path | None = None) -> list[str]:
    """Return the names of the runs under the root, latest save first."""
    return [folder.name for folder in _newest_first(root or runs_root())]


def find_run(text: str, root: Path | None = None) -> Path:
    """Return the folder of a run given by path, by name, or by environment (its latest run).

    Raises:
        NotFound: There is no such run.
        Incompatible: The text names a shipped policy or a checkpoint.
    """
    if text.startswith(SHIPPED):
        raise Incompatible(
            f"{text} is a policy without a run: there is nothing to resume",
            f"start a run from it: rlctl train {shlex.quote(text.removeprefix(SHIPPED))} "
            f"--init-from {shlex.quote(text)}",
        )
    root = root or runs_root()
    try:
        if found := _lookup(text, root):
            return found
    except OSError as error:  # the name is too long, or the folder is not readable
        raise NotFound(f"cannot look up {text[:80]}: {error.strerror}", "check the path") from error
    path = Path(text)
    around = next(
        (at.parent for at in (path, path.parent) if at.name == checkpoint_names.FOLDER), None
    )
    if around and path.exists():
        raise Incompatible(f"{text} is a part of a run, not a run", f"name the run: {around}")
    if (path / "manifest.json").is_file():
        raise Incompatible(
            f"{text} is a checkpoint, not a run: there is nothing to resume",
            "name its run, or start a new run from it: "
            f"rlctl train ENV --init-from {shlex.quote(text)}",
        )
    if text and path.is_dir():
        within = names(path)
        raise NotFound(
            f"there is no run {text}: the folder is not a run",
            f"name one of the runs in it: {path / within[0]}" if within else "check the path",
        )
    close = difflib.get_close_matches(Path(text).name, names(root), n=1, cutoff=0.5)
    elsewhere = "`rlctl train ENV` makes one; RLCTL_RUNS sets another folder to look in"
    raise NotFound(
        f"there is no run {text}, neither as a folder nor under {root.absolute()}",
        f"did you mean {close[0]}?" if close else elsewhere,
    )


def find_run_with_metrics(text: str) -> Path:
    """Return the folder of a run by path or name; `latest` is the latest run with metrics.

    Raises:
        NotFound: There is no such run.
    """
    if text != "latest":
        return find_run(text)
    root = runs_root()
    for name in names():
        if (root / name / "metrics.jsonl").is_file():
            return root / name
    raise NotFound(
        f"there is no run with metrics under {root} yet",
        "train one: rlctl train ENV, or give its path",
    )


def run_exists(text: str, root: Path | None = None) -> bool:
    """Return whether `find_run` finds a run of that name or environment."""
    return _lookup(text, root or runs_root()) is not None


def _lookup(text: str, root: Path) -> Path | None:
    for folder in (Path(text), root / text):
        if _is_run(folder):
            return folder
    return latest_run(root, text)


def _is_run(folder: Path) -> bool:
    return (folder / "config.json").is_file() or (folder / checkpoint_names.FOLDER).is_dir()


def latest_run(root: Path | None = None, env: str | None = None) -> Path | None:
    """Return the run with the newest checkpoint, of the environment if one is given."""
    for folder in _newest_first(root or runs_root()):
        if _newest_checkpoint(folder) is None:
            continue
        with suppress(Damaged):
            if env is None or read_config(folder).get("env") == env:
                return folder
    return None


def provenance() -> dict[str, Any]:
    """Return command line, time, commit, package versions and cores; imports no package."""
    installed = {"rlctl": __version__}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            installed[name] = version(name)
    return {
        "argv": sys.argv,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": _git(Path(__file__).parent) or _git(Path.cwd()),
        "packages": installed,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": device.cores(),
    }


def _new_folder(env: str, algo: str, seed: int) -> Path:
    """Create the folder of a new run, with a suffix if another process took the name."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"{env}-{algo}-{stamp}-s{seed}".replace(":", "_").replace("/", "_")
    count = 0
    while True:
        count += 1
        folder = runs_root() / (name if count == 1 else f"{name}-{count}")
        with writing(folder), suppress(FileExistsError):
            make_folder(folder.parent)
            folder.mkdir()
            sync_folder(folder.parent)
            return folder


def _newest_first(root: Path) -> list[Path]:
    folders = [path.parent for path in root.glob("*/config.json")] if root.is_dir() else []
    return sorted(folders, key=_saved_at, reverse=True)


def _saved_at(folder: Path) -> tuple[float, str]:
    """Return the time of the last save or of creation; the name, with its time, breaks ties."""
    for path in filter(None, (_newest_checkpoint(folder), folder / "config.json")):
        with suppress(FileNotFoundError):  # moved or pruned by another process
            return path.stat().st_mtime, folder.name
    return 0.0, folder.name


def _newest_checkpoint(folder: Path) -> Path | None:
    """Return the checkpoint with the most steps, None without any."""
    checkpoints = folder / checkpoint_names.FOLDER
    saved = checkpoint_names.steps(checkpoints)
    return checkpoint_names.step_folder(checkpoints, saved[-1]) if saved else None


def _git(folder: Path) -> dict[str, Any] | None:
    def run_git(*arguments: str) -> str:
        # `git status` would otherwise write the index of the user's repository.
        command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        return done.stdout.strip()

    with suppress(OSError, subprocess.SubprocessError):
        return {
            "commit": run_git("rev-parse", "HEAD"),
            "dirty": bool(run_git("status", "--porcelain")),
        }
    return None

"""Run folders: where a training writes, what it was, and who is writing now.

<root>/<env>-<algo>-<UTC time>-s<seed>/    root: RLCTL_RUNS, else ./runs
    config.json       the resolved settings, their origins, the provenance
    metrics.jsonl     one row per update or evaluation
    checkpoints/      see rlctl.checkpoints
    lock              held while a process writes here, see rlctl.core.lock
"""

import difflib
import itertools
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
from rlctl.core import lock
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

SHIPPED = "shipped:"  # before an environment's name: the policy that ships for it, which is no run
_MOST = 2**23  # bytes of a run's settings
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
    """A run folder that this process may write; others are kept out until `close`.

    Attributes:
        folder: The run's folder.
        checkpoints: Where its checkpoints lie.
        config_path: The file of its settings.
        metrics: Its rows of figures.
        left_by: The process that wrote it last, if that did not end properly; else "".
    """

    def __init__(self, folder: Path) -> None:
        """Lock an existing folder; use `create` or `open`."""
        self.folder = folder
        self.checkpoints = folder / "checkpoints"
        self.config_path = folder / "config.json"
        self.metrics = Metrics(folder / "metrics.jsonl")
        self._lock = lock.Lock(folder)
        self.left_by = self._lock.left_by
        for path in (self.config_path, self.metrics.path):
            sweep_temporaries(path)

    @classmethod
    def create(cls, env: str, algo: str, seed: int, out: Path | None = None) -> Self:
        """Make a new run folder.

        Raises:
            UsageError: `out` is there and not empty.
            OutOfSpace: It cannot be made.
            RunInUse: Another process was faster.
        """
        if out is None:
            return cls(_new_folder(env, algo, seed))
        with writing(out):
            make_folder(out)
            inside = {path.name for path in out.iterdir()}
        run = cls(out) if not inside or inside & lock.FILES else None  # else it is none of ours
        if run is None or any(path.name not in lock.FILES for path in out.iterdir()):
            if run is not None:
                run.close()
            resume = f"go on with it by `rlctl train --resume {shlex.quote(str(out))}`, or "
            raise UsageError(
                f"{out} is there already and not empty",
                f"{resume if 'config.json' in inside else ''}choose another --out",
            )
        return run

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a run to go on with it.

        Raises:
            NotFound: It is not a run folder.
            RunInUse: Another process is writing it.
        """
        if not (folder / "config.json").is_file():
            raise NotFound(
                f"{folder} is not a run: it has no config.json", "`ls runs` shows the runs"
            )
        return cls(folder)

    def write_config(self, config: dict[str, Any]) -> None:
        """Write the run's settings, whole or not at all."""
        write_atomic(self.config_path, json.dumps(plain(config), indent=2).encode() + b"\n")

    def read_config(self) -> dict[str, Any]:
        """The settings that `write_config` wrote.

        Raises:
            Damaged: The file is not what was written.
        """
        return read_config(self.folder)

    def discard(self) -> None:
        """Delete a run that was made and could not begin; its folder was empty before."""
        self.metrics.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Let others write the folder."""
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
    """The folder of runs."""
    return Path(os.environ.get("RLCTL_RUNS") or "runs")


def read_config(folder: Path) -> dict[str, Any]:
    """The settings of a run, without opening it for writing.

    Raises:
        Damaged: The file is missing, or not what was written.
    """
    path = folder / "config.json"
    try:
        config = parse_json(read(path, _MOST))
        if problem := _oddity(config):
            raise ValueError(problem)
    except (OSError, ValueError) as error:
        raise Damaged(
            f"cannot read {path}: {error}", "its checkpoints can still be evaluated"
        ) from error
    return config


def _oddity(config: Any) -> str:
    """What is wrong with a run's settings, "" if nothing; what is missing is told where needed."""
    if not isinstance(config, dict):
        return "it holds no object"
    for name, kind in _MEMBERS.items():
        if not isinstance(config.get(name, kind()), kind):
            return f"its {name} is {repr(config[name])[:40]}"
    for name, section in config.get("settings", {}).items():
        if not isinstance(section, dict):
            return f"its settings.{name[:40]} is {repr(section)[:40]}"
    return ""


def names(root: Path | None = None) -> list[str]:
    """Names of the runs under the root, the one saved last first."""
    return [folder.name for folder in _by_age(root or runs_root())]


def find_run(text: str, root: Path | None = None) -> Path:
    """The folder of a run given by path, by name, or by its environment: the latest of that.

    Raises:
        NotFound: There is no such run.
        Incompatible: It names a policy that ships with rlctl, or a checkpoint.
    """
    if text.startswith(SHIPPED):
        raise Incompatible(
            f"{text} is a policy without its run: there is nothing to go on with",
            f"start a run from it: rlctl train {shlex.quote(text.removeprefix(SHIPPED))} "
            f"--init-from {shlex.quote(text)}",
        )
    root = root or runs_root()
    try:
        if found := _named(text, root):
            return found
    except OSError as error:  # a name too long, a folder that must not be read
        raise NotFound(f"cannot look up {text[:80]}: {error.strerror}", "check the path") from error
    path = Path(text)
    around = next((at.parent for at in (path, path.parent) if at.name == "checkpoints"), None)
    if around and path.exists():
        raise Incompatible(f"{text} is a part of a run, not a run", f"name the run: {around}")
    if (path / "manifest.json").is_file():
        raise Incompatible(
            f"{text} is a checkpoint, not a run: there is nothing to go on with",
            "name its run; without one, start a run from it: "
            f"rlctl train ENV --init-from {shlex.quote(text)}",
        )
    if text and path.is_dir():
        within = names(path)
        raise NotFound(
            f"there is no run {text}: the folder is not one",
            f"name one of the runs in it: {path / within[0]}" if within else "check the path",
        )
    close = difflib.get_close_matches(Path(text).name, names(root), n=1, cutoff=0.5)
    elsewhere = "`rlctl train ENV` makes one; RLCTL_RUNS names another folder to look in"
    raise NotFound(
        f"there is no run {text}, neither as a folder nor under {root.absolute()}",
        f"did you mean {close[0]}?" if close else elsewhere,
    )


def measured(text: str) -> Path:
    """The folder of a run by path or name, or the `latest` that has metrics, saved or not.

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
        "train one: rlctl train ENV, or say where it is",
    )


def is_known(text: str, root: Path | None = None) -> bool:
    """Whether `find_run` finds a run of that name or environment."""
    return _named(text, root or runs_root()) is not None


def _named(text: str, root: Path) -> Path | None:
    for folder in (Path(text), root / text):
        if _is_run(folder):
            return folder
    return latest_run(root, text)


def _is_run(folder: Path) -> bool:
    return (folder / "config.json").is_file() or (folder / "checkpoints").is_dir()


def latest_run(root: Path | None = None, env: str | None = None) -> Path | None:
    """The run, of an environment if one is named, whose newest checkpoint is the newest."""
    for folder in _by_age(root or runs_root()):
        if _newest(folder) is None:
            continue
        with suppress(Damaged):
            if env is None or read_config(folder).get("env") == env:
                return folder
    return None


def provenance() -> dict[str, Any]:
    """How, with what and when this process was started. Imports none of the packages."""
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
    }


def _new_folder(env: str, algo: str, seed: int) -> Path:
    """Make the folder of a new run; of several that are started at once each has its own."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"{env}-{algo}-{stamp}-s{seed}".replace(":", "_").replace("/", "_")
    for count in itertools.count(1):
        folder = runs_root() / (name if count == 1 else f"{name}-{count}")
        with writing(folder), suppress(FileExistsError):
            make_folder(folder.parent)
            folder.mkdir()
            sync_folder(folder.parent)
            break
    return folder


def _by_age(root: Path) -> list[Path]:
    folders = [path.parent for path in root.glob("*/config.json")] if root.is_dir() else []
    return sorted(folders, key=_saved_at, reverse=True)


def _saved_at(folder: Path) -> tuple[float, str]:
    """When the run last saved, or was made; the name, which holds the time, settles ties."""
    for path in filter(None, (_newest(folder), folder / "config.json")):
        with suppress(FileNotFoundError):  # moved away meanwhile
            return path.stat().st_mtime, folder.name
    return 0.0, folder.name


def _newest(folder: Path) -> Path | None:
    """The checkpoint of the most steps, which was saved last; None without any."""
    steps: list[str] = []
    with suppress(FileNotFoundError, NotADirectoryError):
        steps = [name for name in os.listdir(folder / "checkpoints") if name.startswith("step_")]
    return folder / "checkpoints" / max(steps, key=lambda x: (len(x), x)) if steps else None


def _git(folder: Path) -> dict[str, Any] | None:
    def ask(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        return done.stdout.strip()

    with suppress(OSError, subprocess.SubprocessError):
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain"))}
    return None

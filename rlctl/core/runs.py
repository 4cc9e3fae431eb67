"""Run folders: where a training writes, what it was, and who is writing now.

<root>/<env>-<algo>-<UTC time>-s<seed>/    root: RLCTL_RUNS, else ./runs
    config.json       the resolved settings, their origins, the provenance
    metrics.jsonl     one row per update or evaluation
    checkpoints/      see rlctl.checkpoints
    lock              held while a process writes here
"""

import difflib
import json
import os
import platform
import socket
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rlctl import __version__
from rlctl.core.errors import Damaged, Incompatible, NotFound, RunInUse, UsageError
from rlctl.core.files import make_folder, plain, sweep_temporaries, write_atomic, writing
from rlctl.core.metrics import Metrics

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SHIPPED = "shipped:"  # before an environment's name: the policy that ships for it, which is no run
_UNBEGUN = ("lock", ".config.json.")  # how names start where a kill came before the settings
PACKAGES = ("jax", "jaxlib", "numpy", "mujoco", "mujoco-mjx", "brax", "optax", "torch", "gymnasium")


class Run:
    """A run folder that this process may write; others are kept out until `close`.

    Attributes:
        folder: The run's folder.
        checkpoints: Where its checkpoints lie.
        config_path: The file of its settings.
        metrics: Its rows of figures.
    """

    def __init__(self, folder: Path) -> None:
        """Lock an existing folder; use `create` or `open`."""
        self.folder = folder
        self.checkpoints = folder / "checkpoints"
        self.config_path = folder / "config.json"
        self.metrics = Metrics(folder / "metrics.jsonl")
        self._lock = _lock(folder / "lock")
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
        folder = out if out is not None else _free_folder(env, algo, seed)
        with writing(folder):
            make_folder(folder)
            taken = any(not path.name.startswith(_UNBEGUN) for path in folder.iterdir())
        if taken:
            raise UsageError(
                f"{folder} is there already and not empty",
                f"go on with it by `rlctl train --resume {folder}`, or choose another --out",
            )
        return cls(folder)

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

    def close(self) -> None:
        """Let others write the folder."""
        self.metrics.close()
        if self._lock is not None:
            with suppress(OSError):
                os.close(self._lock)  # which also unlocks
            self._lock = None

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
        config = json.loads(path.read_bytes())
        if isinstance(config, dict):
            return config
        problem = "it holds no object"
    except (OSError, ValueError) as error:
        problem = str(error)
    raise Damaged(f"cannot read {path}: {problem}", "its checkpoints can still be evaluated")


def names(root: Path | None = None) -> list[str]:
    """Names of the runs under the root, the one saved last first."""
    return [folder.name for folder in _by_age(root or runs_root())]


def find_run(text: str, root: Path | None = None) -> Path:
    """The folder of a run given by path or by name.

    Raises:
        NotFound: There is no such run.
        Incompatible: It names a policy that ships with rlctl, or a checkpoint.
    """
    if text.startswith(SHIPPED):
        raise Incompatible(
            f"{text} is a policy without its run: there is nothing to go on with",
            f"start a run from it: rlctl train {text.removeprefix(SHIPPED)} --init-from {text}",
        )
    root = root or runs_root()
    for folder in (Path(text), root / text):
        if (folder / "config.json").is_file() or (folder / "checkpoints").is_dir():
            return folder
    if (Path(text) / "manifest.json").is_file():
        raise Incompatible(
            f"{text} is a checkpoint, not a run: there is nothing to go on with",
            f"name its run; without one, start a run from it: rlctl train ENV --init-from {text}",
        )
    close = difflib.get_close_matches(Path(text).name, names(root), n=1, cutoff=0.5)
    raise NotFound(
        f"there is no run {text}, neither as a folder nor under {root}",
        f"did you mean {close[0]}?" if close else "`rlctl train ENV` makes one",
    )


def latest_run(root: Path | None = None, env: str | None = None) -> Path | None:
    """The run, of an environment if one is named, whose newest checkpoint is the newest."""
    for folder in _by_age(root or runs_root()):
        if not _checkpoints(folder):
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


def _free_folder(env: str, algo: str, seed: int) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"{env}-{algo}-{stamp}-s{seed}".replace(":", "_").replace("/", "_")
    folder, count = runs_root() / name, 1
    while folder.exists():
        count += 1
        folder = runs_root() / f"{name}-{count}"
    return folder


def _by_age(root: Path) -> list[Path]:
    folders = [path.parent for path in root.glob("*/config.json")] if root.is_dir() else []
    return sorted(folders, key=_saved_at, reverse=True)


def _saved_at(folder: Path) -> tuple[float, str]:
    """When the run last saved; the name, which holds the time, settles ties."""
    times = [0.0]
    for path in _checkpoints(folder) or [folder / "config.json"]:
        with suppress(FileNotFoundError):  # pruned meanwhile
            times.append(path.stat().st_mtime)
    return max(times), folder.name


def _checkpoints(folder: Path) -> list[Path]:
    return list((folder / "checkpoints").glob("step_*"))


def _lock(path: Path) -> int | None:
    """Lock a file for as long as this process lives; None where the system cannot."""
    if fcntl is None:
        return None
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 4096).decode(errors="replace").strip()
        os.close(descriptor)
        raise RunInUse(
            f"{path.parent} is being written by another process ({holder or 'not named yet'})",
            "wait for it or stop it; or choose another --out",
        ) from None
    started = datetime.now(UTC).isoformat(timespec="seconds")
    holder = f"pid {os.getpid()} on {socket.gethostname()} since {started}"
    with writing(path):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, holder.encode())
    return descriptor


def _git(folder: Path) -> dict[str, Any] | None:
    def ask(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        return done.stdout.strip()

    with suppress(OSError, subprocess.SubprocessError):
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain"))}
    return None

"""Checks of the machine and of the installed packages."""

import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from rlctl.actions.device_checks.base import Finding
from rlctl.core.device import gpu_missing
from rlctl.core.errors import pip_install

GIB = 2**30
_MIN_FREE = 2 * GIB  # barkour with 1024 environments needs less
PACKAGES = (  # the dependencies, for source trees without package metadata
    *("brax", "gymnasium", "imageio", "imageio-ffmpeg", "jax", "matplotlib", "mujoco"),
    *("mujoco-mjx", "numpy", "optax", "orbax-checkpoint", "pillow", "rich", "safetensors"),
    *("tensorstore", "torch", "tqdm", "typer"),
)


def python() -> Finding:
    """Report the Python interpreter."""
    version_ = platform.python_version()
    detail = f"{version_}, {platform.system()} {platform.machine()}, {sys.executable}"
    return Finding("pass", version_, detail)


def packages() -> Finding:
    """Check that the required packages are installed and match. Imports none of them."""
    versions, missing = {}, []
    for name in _required():
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            missing.append(name)
    detail = ", ".join(f"{name} {versions[name]}" for name in versions)
    if missing:
        detail = f"missing: {', '.join(missing)}"
        return Finding("fail", versions, detail, pip_install(*missing))
    if _minor(versions["mujoco"]) != _minor(versions["mujoco-mjx"]):
        detail = f"mujoco {versions['mujoco']} and mujoco-mjx {versions['mujoco-mjx']} do not match"
        hint = pip_install(f"mujoco-mjx=={_minor(versions['mujoco'])}.*")
        return Finding("fail", versions, detail, hint)
    return Finding("pass", versions, detail)


def memory() -> Finding:
    """Check the main memory, within the limits of a container."""
    total, free = _memory()
    value = {"total": total, "free": free, "used": total - free, "cores": cores()}
    detail = f"{free / GIB:.1f} GiB free of {total / GIB:.1f}, {cores()} CPU cores"
    if free < _MIN_FREE:
        return Finding("warn", value, detail, "close other programs, or use a smaller --num-envs")
    return Finding("pass", value, detail)


def gpu() -> Finding:
    """List NVIDIA GPUs and their memory, as reported by the driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        missing = gpu_missing()
        return Finding("skip", [], missing[0] if missing else "nvidia-smi is not installed")
    names = "name,driver_version,memory.total,memory.used,memory.free"
    command = [program, f"--query-gpu={names}", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        detail = lines[-1] if lines else "nvidia-smi failed"
        return Finding("fail", [], detail, "repair NVIDIA's driver, or use --device cpu")
    cards = [_card(line) for line in done.stdout.strip().splitlines()]
    detail = "; ".join(
        f"{card['name']}, {card['free']:.0f} MiB free of {card['total']:.0f}, "
        f"driver {card['driver']}"
        for card in cards
    )
    missing = gpu_missing()
    if missing:
        return Finding("warn", cards, f"{detail}; {missing[0]}", missing[1])
    return Finding("pass", cards, detail)


def cores() -> int:
    """Return the number of CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _required() -> list[str]:
    """Return the names of the packages that rlctl requires, without its extras."""
    try:
        lines = requires("rlctl") or []
    except PackageNotFoundError:
        return list(PACKAGES)
    return [re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line]


def _minor(text: str) -> str:
    """Return MAJOR.MINOR of a version."""
    return ".".join(text.split(".")[:2])


def _card(line: str) -> dict[str, str | float]:
    name, driver, *sizes = (part.strip() for part in line.split(","))
    # Some GPUs share the host's memory and report none: "[N/A]".
    total, used, free = (float(size) if size.isdecimal() else 0.0 for size in sizes)
    return {"name": name, "driver": driver, "total": total, "used": used, "free": free}


def _memory() -> tuple[int, int]:
    """Return total and free memory in bytes."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return total, total  # the free memory is unknown without /proc
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in text.splitlines()}
    total, free = sizes["MemTotal"], sizes["MemAvailable"]
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):  # no container, or no limit ("max")
        return total, free
    return min(total, limit), max(0, min(free, limit - used))

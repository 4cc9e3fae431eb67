"""Choosing the device, by environment variables, before any framework is imported.

jax reads these variables while it is imported, torch when it first looks for a GPU. This is the
only module that writes environment variables.
"""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from rlctl.core.errors import DeviceUnavailable, UsageError
from rlctl.core.files import cache_folder

DEVICES = ("auto", "cpu", "gpu")
_HIDE_GPUS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
_CPU_ALONE = {"JAX_PLATFORMS": "cpu", **dict.fromkeys(_HIDE_GPUS, "-1")}
_GPU_FIRST = "cuda,cpu"  # platforms of jax
_ANEW = "choose the device first, in a new process (in a notebook: restart the kernel)"
_JAX_PLUGINS = ("jax_cuda13_plugin", "jax_cuda12_plugin")


def select(device: str) -> str:
    """Choose where to compute, and turn the compile cache on. Best called before importing jax.

    Args:
        device: `cpu` hides every GPU from jax and torch; `gpu` makes its absence an error; `auto`
            leaves the choice to jax and to the user's own environment variables.

    Returns:
        `cpu` or `gpu`, as far as can be told without importing a framework.

    Raises:
        UsageError: No such device.
        DeviceUnavailable: A GPU was asked for, and there is none, or jax cannot use it; or jax or
            torch computes elsewhere in this process already.
    """
    if device not in DEVICES:
        raise UsageError(f"there is no device {device!r}; there are {', '.join(DEVICES)}")
    if device == "gpu" and _CPU_ALONE.items() <= os.environ.items():
        raise DeviceUnavailable("this process was told to compute on the CPU before", _ANEW)
    missing = gpu_missing()
    if device == "gpu" and missing:
        raise DeviceUnavailable(*missing)
    if device == "cpu":
        if not missing:
            _move_loaded("cpu", "cpu")
        os.environ.update(_CPU_ALONE)
    elif device == "gpu":
        _move_loaded("gpu", _GPU_FIRST)
        os.environ["JAX_PLATFORMS"] = _GPU_FIRST
    _cache_programs()
    return expected(device)


def expected(device: str = "auto") -> str:
    """Where a training on a device will compute: `cpu` or `gpu`. Changes nothing.

    After `select`, `auto` is what was selected.
    """
    if device != "auto":
        return device
    platforms = os.environ.get("JAX_PLATFORMS", "")
    return "cpu" if gpu_missing() or platforms.split(",")[0] == "cpu" else "gpu"


def gpu_asked() -> bool:
    """Whether a GPU was asked for, by `select` or by the user's own JAX_PLATFORMS."""
    return os.environ.get("JAX_PLATFORMS", "").startswith("cuda")


def gpu_missing() -> tuple[str, str] | None:
    """Why jax could not use a GPU here, and what to do; None when nothing speaks against it."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return (
            "there is no GPU to use: CUDA_VISIBLE_DEVICES hides every one",
            "unset CUDA_VISIBLE_DEVICES, or use --device cpu",
        )
    if not _nvidia_gpu():
        return (
            "there is no NVIDIA GPU here, or its driver is not loaded",
            "use --device cpu; `rlctl device-check` shows what is here",
        )
    if not any(find_spec(plugin) for plugin in _JAX_PLUGINS):
        return (
            "there is a GPU, but jax is installed without CUDA",
            "pip install 'rlctl[cuda]', or use --device cpu",
        )
    return None


def _nvidia_gpu() -> bool:
    if sys.platform == "linux":
        driver = Path("/proc/driver/nvidia/gpus")
        windows_host = Path("/dev/dxg")  # WSL reaches the GPU through this device
        return (driver.is_dir() and any(driver.iterdir())) or (
            windows_host.exists() and shutil.which("nvidia-smi") is not None
        )
    return shutil.which("nvidia-smi") is not None


def _move_loaded(device: str, platforms: str) -> None:
    """Have jax and torch compute on the device where they are loaded already.

    Args:
        device: `cpu` or `gpu`.
        platforms: The device, and what else jax may use.

    Raises:
        DeviceUnavailable: One of them has begun to compute elsewhere.
    """
    jax, torch = (sys.modules.get(name) for name in ("jax", "torch"))
    if jax is not None:
        before = jax.config.jax_platforms
        jax.config.update("jax_platforms", platforms)
        computes = jax.default_backend()  # as it began, or begins now, to
        if computes != device:
            jax.config.update("jax_platforms", before)
            raise DeviceUnavailable(f"jax computes on the {computes} in this process", _ANEW)
    if torch is not None and device == "cpu" and torch.cuda.is_initialized():
        raise DeviceUnavailable("torch computes on the gpu in this process", _ANEW)


def _cache_programs() -> None:
    """Have jax keep every compiled program in the user's cache folder."""
    defaults = {
        "JAX_COMPILATION_CACHE_DIR": str(cache_folder() / "xla"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",  # XLA of jax 0.9 says pages about every program it finds there
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)

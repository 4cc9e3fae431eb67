"""Choosing the device, by environment variables, before any framework is imported.

jax reads these variables while it is imported, torch when it first looks for a GPU. This is the
only module that writes environment variables.

The seed alone decides what is computed. So the user's variables that would change the kind of
random keys, the dtype of draws or the precision of products are removed; switches for debugging,
such as JAX_DEBUG_NANS and JAX_DISABLE_JIT, stay.
"""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from rlctl.core import forked
from rlctl.core.errors import DeviceUnavailable, UsageError, pip_install
from rlctl.core.files import cache_folder

DEVICES = ("auto", "cpu", "gpu", "cuda")  # cuda is gpu
_HIDE_GPUS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
_CPU_ALONE = {"JAX_PLATFORMS": "cpu", **dict.fromkeys(_HIDE_GPUS, "-1")}
_GPU_FIRST = "cuda,cpu"  # platforms of jax
_ANEW = "choose the device first, in a new process (in a notebook: restart the kernel)"
# Options of jax, and their defaults, that decide which numbers come of a seed; and those that
# decide whether code with mixed ranks and dtypes, like that of MJX, runs at all.
_ARITHMETIC = {
    "jax_default_matmul_precision": None,
    "jax_default_prng_impl": "threefry2x32",
    "jax_enable_custom_prng": False,
    "jax_enable_x64": False,
    "jax_high_dynamic_range_gumbel": False,
    "jax_random_seed_offset": 0,
    "jax_softmax_custom_jvp": False,
    "jax_threefry_partitionable": True,
}
_STRICTNESS = (
    "jax_default_dtype_bits",
    "jax_explicit_x64_dtypes",
    "jax_legacy_prng_key",
    "jax_numpy_dtype_promotion",
    "jax_numpy_rank_promotion",
)
_TORCH_ARITHMETIC = ("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE")
_PLATFORMS = ("cpu", "cuda", "gpu", "rocm", "tpu", "METAL")
_JAX_PLUGINS = ("jax_cuda13_plugin", "jax_cuda12_plugin")


def select(device: str) -> str:
    """Choose where to compute, fix the arithmetic, and turn the compile cache on.

    Call it before importing jax.

    Args:
        device: `cpu` hides every GPU from jax and torch; `gpu`, or `cuda`, makes its absence an
            error; `auto` leaves the choice to jax and to the user's own environment variables.

    Returns:
        `cpu` or `gpu`, as far as can be told without importing a framework.

    Raises:
        UsageError: No such device; or jax is loaded already, with other arithmetic; or this process
            was forked from one that computes.
        DeviceUnavailable: A GPU was asked for, and there is none, or jax cannot use it; or jax or
            torch computes elsewhere in this process already; or the user's JAX_PLATFORMS names
            what jax does not know.
    """
    forked.check("rlctl")
    device = checked_name(device)
    if device == "gpu" and _CPU_ALONE.items() <= os.environ.items():
        raise DeviceUnavailable("this process was told to compute on the CPU before", _ANEW)
    missing = gpu_missing()
    if device == "gpu" and missing:
        raise DeviceUnavailable(*missing)
    if device == "auto":
        _check_platforms()
    else:
        os.environ.pop("JAX_PLATFORM_NAME", None)  # which jax would put above JAX_PLATFORMS
    if device == "cpu":
        if not missing:
            _move_loaded("cpu", "cpu")
        os.environ.update(_CPU_ALONE)
    elif device == "gpu":
        _move_loaded("gpu", _GPU_FIRST)
        os.environ["JAX_PLATFORMS"] = _GPU_FIRST
    fix_arithmetic()
    _cache_programs()
    return expected(device)


def expected(device: str = "auto") -> str:
    """Say where a training on a device will compute: `cpu` or `gpu`. Changes nothing.

    After `select`, `auto` is what was selected.

    Raises:
        UsageError: No such device.
    """
    device = checked_name(device)
    if device != "auto":
        return device
    platforms = os.environ.get("JAX_PLATFORMS", "")
    return "cpu" if gpu_missing() or platforms.split(",")[0] == "cpu" else "gpu"


def checked_name(device: str) -> str:
    """Return `auto`, `cpu` or `gpu` for the name of a device.

    Raises:
        UsageError: No such device.
    """
    if device not in DEVICES:
        raise UsageError(f"there is no device {device!r}; there are {', '.join(DEVICES)}")
    return "gpu" if device == "cuda" else device


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
            f"{pip_install('jax[cuda12]')}, or use --device cpu",
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


def _check_platforms() -> None:
    """Refuse what JAX_PLATFORMS or JAX_PLATFORM_NAME ask for, where jax would fail on it."""
    for variable in ("JAX_PLATFORMS", "JAX_PLATFORM_NAME"):
        value = os.environ.get(variable, "")
        for name in filter(None, value.split(",")):
            missing = gpu_missing() if name in ("cuda", "gpu") else None
            if missing:
                raise DeviceUnavailable(
                    f"{variable} is {value}: {missing[0]}", f"unset {variable}, or use --cpu"
                )
            if name not in _PLATFORMS:
                raise DeviceUnavailable(
                    f"{variable} is {value}, and jax knows no platform {name!r}; "
                    f"it knows {', '.join(_PLATFORMS)}",
                    f"unset {variable}, or use --cpu",
                )


def fix_arithmetic() -> None:
    """Remove the variables that would change what a seed gives, before jax is imported.

    Raises:
        UsageError: jax is loaded already, with such an option changed.
    """
    config = getattr(sys.modules.get("jax"), "config", None)
    for name, default in _ARITHMETIC.items():
        if (value := getattr(config, name, default)) != default:
            raise UsageError(
                f"{name} is {value} in this process; rlctl computes with {default}",
                f'jax.config.update("{name}", {default!r}), or use a process of its own',
            )
    for name in (*_ARITHMETIC, *_STRICTNESS):
        os.environ.pop(name.upper(), None)
    for name in _TORCH_ARITHMETIC:
        os.environ.pop(name, None)


def _cache_programs() -> None:
    """Have jax keep every compiled program in the user's cache folder."""
    for name, value in _program_cache().items():
        os.environ.setdefault(name, value)


def _program_cache() -> dict[str, str]:
    """Return the variables that turn the cache of compiled programs on."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(cache_folder() / "xla"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",  # XLA of jax 0.9 says pages about every program it finds there
    }


def user_jax_variables() -> list[str]:
    """Return the names of JAX_ and XLA_ environment variables that rlctl did not set itself."""
    own = _CPU_ALONE | _program_cache()
    return sorted(
        name for name in os.environ if name.startswith(("JAX_", "XLA_")) and name not in own
    )

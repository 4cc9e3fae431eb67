"""Device selection by environment variables, before any framework is imported.

jax reads these variables on import, torch when it first looks for a GPU. This is the only module
that writes environment variables.

Results must depend on the seed only. Variables that change the random number generator, the dtype
of samples or the precision of matrix products are therefore removed. Debugging switches such as
JAX_DEBUG_NANS and JAX_DISABLE_JIT are kept.
"""

import os
import shutil
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from rlctl.core import forked
from rlctl.core.errors import DeviceUnavailable, UsageError, pip_install
from rlctl.core.files import cache_folder

DEVICES = ("auto", "cpu", "gpu", "cuda")  # cuda is an alias of gpu
_HIDE_GPUS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
_CPU_ALONE = {"JAX_PLATFORMS": "cpu", **dict.fromkeys(_HIDE_GPUS, "-1")}
_CPU_DEVICES = "JAX_NUM_CPU_DEVICES"
_GPU_FIRST = "cuda,cpu"  # platforms of jax
_RESTART_HINT = "choose the device first, in a new process (in a notebook: restart the kernel)"
# jax options, with their defaults, that change the numbers computed from a seed; and options under
# which code with mixed ranks and dtypes, such as MJX, fails.
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
    """Select the device, fix the arithmetic, and turn the compilation cache on.

    Call it before importing jax.

    Args:
        device: `cpu` hides every GPU from jax and torch; `gpu` or `cuda` requires one; `auto`
            leaves the choice to jax and to the user's environment variables.

    Returns:
        `cpu` or `gpu`, as far as is known without importing a framework.

    Raises:
        UsageError: There is no such device; or jax is already loaded with other arithmetic; or this
            process was forked from one that computes.
        DeviceUnavailable: A GPU was requested and none is usable; or jax or torch already computes
            on another device in this process; or JAX_PLATFORMS names an unknown platform.
    """
    forked.check("rlctl")
    device = checked_name(device)
    if device == "gpu" and _CPU_ALONE.items() <= os.environ.items():
        raise DeviceUnavailable("the CPU was selected earlier in this process", _RESTART_HINT)
    missing = gpu_missing()
    if device == "gpu" and missing:
        raise DeviceUnavailable(*missing)
    if device == "auto":
        _check_platforms()
    else:
        os.environ.pop("JAX_PLATFORM_NAME", None)  # it takes precedence over JAX_PLATFORMS
    # _switch_loaded comes before the variables are set: if it fails, nothing has changed.
    if device == "cpu":
        if not missing:
            _switch_loaded("cpu", "cpu")
        os.environ.update(_CPU_ALONE)
    elif device == "gpu":
        _switch_loaded("gpu", _GPU_FIRST)
        os.environ["JAX_PLATFORMS"] = _GPU_FIRST
    fix_arithmetic()
    _cache_programs()
    return expected(device)


def split_cpu(num: int) -> None:
    """Make jax split the CPU into `num` devices, if it computes on the CPU and does not yet.

    Call it after `select` and before jax computes; later it changes nothing.
    """
    if num == 1 or expected() != "cpu":
        return
    os.environ[_CPU_DEVICES] = str(num)
    jax = sys.modules.get("jax")
    if jax is not None:
        with suppress(RuntimeError):  # it computes already, with as many devices as it has
            jax.config.update(_CPU_DEVICES.lower(), num)


def cores() -> int:
    """Return how many threads XLA computes with on the CPU; the bits of its sums depend on it."""
    asked = os.environ.get("NPROC", "")
    return max(1, int(asked)) if asked.isdecimal() else available_cores()


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def expected(device: str = "auto") -> str:
    """Return where a training on a device will compute: `cpu` or `gpu`. Changes nothing.

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


def gpu_requested() -> bool:
    """Return whether a GPU was requested, by `select` or by the user's JAX_PLATFORMS."""
    return os.environ.get("JAX_PLATFORMS", "").startswith("cuda")


def gpu_missing() -> tuple[str, str] | None:
    """Return why jax cannot use a GPU here and what to do; None if nothing prevents it."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return (
            "no GPU is visible: CUDA_VISIBLE_DEVICES hides all of them",
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


def _switch_loaded(device: str, platforms: str) -> None:
    """Switch jax and torch to the device if they are already imported.

    Args:
        device: `cpu` or `gpu`.
        platforms: Value for jax_platforms: the device first.

    Raises:
        DeviceUnavailable: One of them already computes on another device.
    """
    jax, torch = (sys.modules.get(name) for name in ("jax", "torch"))
    if jax is not None:
        before = jax.config.jax_platforms
        jax.config.update("jax_platforms", platforms)
        computes = jax.default_backend()  # initialises the back end if needed
        if computes != device:
            jax.config.update("jax_platforms", before)
            raise DeviceUnavailable(
                f"jax computes on the {computes} in this process", _RESTART_HINT
            )
    if torch is not None and device == "cpu" and torch.cuda.is_initialized():
        raise DeviceUnavailable("torch computes on the gpu in this process", _RESTART_HINT)


def _check_platforms() -> None:
    """Refuse values of JAX_PLATFORMS and JAX_PLATFORM_NAME on which jax would fail."""
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
                    f"{variable} is {value}, but jax has no platform {name!r}; "
                    f"its platforms are {', '.join(_PLATFORMS)}",
                    f"unset {variable}, or use --cpu",
                )


def fix_arithmetic() -> None:
    """Remove variables that would change the results of a seed, before jax is imported.

    Raises:
        UsageError: jax is already loaded with such an option changed.
    """
    config = getattr(sys.modules.get("jax"), "config", None)
    for name, default in _ARITHMETIC.items():
        if (value := getattr(config, name, default)) != default:
            raise UsageError(
                f"{name} is {value} in this process; rlctl computes with {default}",
                f'jax.config.update("{name}", {default!r}), or use a separate process',
            )
    for name in (*_ARITHMETIC, *_STRICTNESS):
        os.environ.pop(name.upper(), None)
    for name in _TORCH_ARITHMETIC:
        os.environ.pop(name, None)


def _cache_programs() -> None:
    """Make jax keep compiled programs in the user's cache folder."""
    for name, value in _program_cache().items():
        os.environ.setdefault(name, value)


def _program_cache() -> dict[str, str]:
    """Return the variables that enable jax's compilation cache."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(cache_folder() / "xla"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",  # XLA of jax 0.9 logs pages about every cache hit
    }


def user_jax_variables() -> list[str]:
    """Return the names of the JAX_ and XLA_ variables that rlctl did not set."""
    own = {*_CPU_ALONE, *_program_cache(), _CPU_DEVICES}
    return sorted(
        name for name in os.environ if name.startswith(("JAX_", "XLA_")) and name not in own
    )

"""Checks of JAX and PyTorch: devices, arithmetic, gradients, compilation."""

import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from rlctl.actions.device_checks.base import Finding
from rlctl.core.device import gpu_missing

_SIZE = 1024
_FLOAT32 = 1e-5  # largest relative error of a float32 matrix product; typical: 1e-6
_REDUCED = 1e-2  # the same in reduced precision; typical: TF32 3e-4, bfloat16 3e-3


def jax_devices() -> Finding:
    """List the devices of JAX."""
    import jax

    devices = jax.devices()
    kinds = [f"{device.platform}: {device.device_kind}" for device in devices]
    names = [kind.removeprefix("cpu: ") for kind in kinds]
    detail = f"jax {version('jax')} on {', '.join(names)}"
    if len(devices) > 1:
        detail += "; training uses the first"
    value = {"platform": devices[0].platform, "devices": kinds}
    if devices[0].platform == "cpu" and gpu_missing() is None:
        return Finding(
            "warn", value, detail, "there is a GPU that jax does not use; JAX_PLATFORMS?"
        )
    return Finding("pass", value, detail)


def jax_matmul() -> Finding:
    """Compare a float32 product on JAX's device with float64."""
    import jax
    import jax.numpy as jnp

    product = jax.jit(jnp.matmul)

    def multiply(a: np.ndarray, b: np.ndarray) -> Callable[[], np.ndarray]:
        left, right = jnp.asarray(a), jnp.asarray(b)
        return lambda: np.asarray(product(left, right))

    return _check_product(multiply)


def jax_gradient() -> Finding:
    """Compare the gradient of a small network with its closed form."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(64, 32)), rng.normal(size=(32, 16)) / 6
    gradient = jax.grad(lambda w, x: jnp.sum(jnp.tanh(jnp.dot(x, w, precision="highest")) ** 2))
    result = np.asarray(gradient(jnp.asarray(w, jnp.float32), jnp.asarray(x, jnp.float32)))
    y = np.tanh(x @ w)  # d/dw sum(y^2) = x^T (2 y (1 - y^2))
    error = _error(result, x.T @ (2 * y * (1 - y**2)))
    detail = f"relative error {error:.0e}"
    if not error < 1e-4:
        return Finding("fail", error, detail, "jax computes wrong gradients; reinstall it")
    return Finding("pass", error, detail)


def jax_jit() -> Finding:
    """Compare the speed of a chain of small operations, compiled and not."""
    import jax
    import jax.numpy as jnp

    def chain(x: jax.Array) -> jax.Array:
        for _ in range(30):
            x = jnp.tanh(x) * 1.1 + 0.1
        return x

    x = jnp.ones((64, 64))
    compiled = jax.jit(chain)
    started = time.perf_counter()
    jax.block_until_ready(compiled(x))
    compiling = time.perf_counter() - started
    slow = _seconds(lambda: jax.block_until_ready(chain(x)))
    fast = _seconds(lambda: jax.block_until_ready(compiled(x)))
    value = {"speedup": slow / fast, "compile_seconds": compiling}
    detail = f"{slow / fast:.0f} times faster compiled, compiling took {compiling:.2f} s"
    if slow < fast:
        return Finding("warn", value, detail, "compilation should pay off; is the machine busy?")
    return Finding("pass", value, detail)


def torch_devices() -> Finding:
    """List the devices of PyTorch."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = [torch.cuda.get_device_name(i) for i in range(count)]
    value = {"platform": "cuda" if names else "cpu", "devices": names or ["cpu"]}
    detail = f"torch {version('torch')} on {', '.join(value['devices'])}"
    detail += f", {torch.get_num_threads()} threads"
    if not names and gpu_missing() is None:
        return Finding("warn", value, detail, "there is a GPU that this build of torch cannot use")
    return Finding("pass", value, detail)


def torch_matmul() -> Finding:
    """Compare a float32 product on PyTorch's device with float64."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"

    def multiply(a: np.ndarray, b: np.ndarray) -> Callable[[], np.ndarray]:
        left, right = torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)
        return lambda: (left @ right).cpu().numpy()

    return _check_product(multiply)


def _check_product(
    multiply: Callable[[np.ndarray, np.ndarray], Callable[[], np.ndarray]],
) -> Finding:
    """Measure error and speed of a float32 matrix product."""
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(_SIZE, _SIZE)).astype(np.float32) for _ in range(2))
    product = multiply(a, b)
    error = _error(product(), a.astype(np.float64) @ b.astype(np.float64))
    rate = 2 * _SIZE**3 / _seconds(product) / 1e9
    value = {"error": error, "gflops": rate}
    detail = f"relative error {error:.0e}, {rate:,.0f} GFLOP/s"
    if error < _FLOAT32:
        return Finding("pass", value, detail)
    if error < _REDUCED:
        hint = "this device computes products in TF32 or bfloat16 for speed; training tolerates it"
        return Finding("warn", value, detail, hint)
    return Finding("fail", value, detail, "products are wrong; reinstall, or repair the driver")


def _error(result: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(result - exact) / np.linalg.norm(exact))


def _seconds(action: Callable[[], object], repeats: int = 5) -> float:
    """Return the shortest duration of a few runs, after a warm-up run."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times[1:])

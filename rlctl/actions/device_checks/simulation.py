"""Checks of the physics back ends, and of the simulation speed."""

import time
from importlib.util import find_spec
from typing import Any

import numpy as np

from rlctl.actions.device_checks.base import Finding
from rlctl.actions.device_checks.machine import cores
from rlctl.core.errors import pip_install

_SIZES = (64, 512, 4096)
_BENCH_ENVS = ("pendulum", "inverted-pendulum", "barkour")
_BENCH_SIZES = (64, 256, 1024, 4096, 8192)
_COMPARED_ENV = "pendulum"
_STEPS = 20
_TOLERANCE = 1e-4  # float32 against float64 observations after _STEPS; typical: 1e-6
_BOXES = """
<mujoco>
  <option timestep="0.004"/>
  <worldbody>
    <geom type="plane" size="0 0 1"/>
    <body pos="0 0 .15">
      <freejoint/>
      <geom type="box" size=".2 .1 .05"/>
      <body pos=".2 0 0">
        <joint name="hinge" axis="0 1 0"/>
        <geom type="capsule" fromto="0 0 0 .2 0 -.1" size=".03"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="hinge" gear="2"/></actuator>
</mujoco>
"""


def native() -> Finding:
    """Compare a native batch on all cores with single MuJoCo simulations, bit for bit."""
    import mujoco

    from rlctl.physics.native import NativeBatch

    model = mujoco.MjModel.from_xml_string(_BOXES)
    rng = np.random.default_rng(0)
    number = 16
    qpos = np.tile(model.qpos0, (number, 1))
    qpos[:, :2] += rng.normal(size=(number, 2))
    ctrl = rng.uniform(-1, 1, (_STEPS, number, 1))
    batch = NativeBatch(model, number, ("qpos",), 5, cores())
    batch.reset(np.arange(number), qpos, np.zeros((number, model.nv)))
    for row in ctrl:
        if batch.step({}, row).any():
            return Finding("fail", None, "a simulation diverged", "reinstall mujoco")
    expected = np.array([_simulate(model, qpos[i], ctrl[:, i]) for i in range(number)])
    difference = float(np.abs(np.array(batch.qpos) - expected).max())
    detail = f"differs from single simulations by {difference:.0e} on {cores()} threads"
    if difference:
        return Finding("fail", difference, detail, "reinstall mujoco")
    return Finding("pass", difference, detail)


def jax() -> Finding:
    """Compare MJX (JAX) with native physics."""
    return _compare_with_native("jax")


def warp() -> Finding:
    """Compare MJX (Warp) with native physics."""
    if find_spec("warp") is None:
        return Finding(
            "skip", None, "warp is not installed", f"{pip_install('mujoco-mjx[warp]')} to use it"
        )
    return _compare_with_native("warp")


def throughput() -> Finding:
    """Measure environment steps per second of the pendulum."""
    return _throughput(("pendulum",), _SIZES, 0.4)


def throughput_bench() -> Finding:
    """Measure more environments and sizes, for longer."""
    return _throughput(_BENCH_ENVS, _BENCH_SIZES, 2.0)


def _simulate(model: Any, qpos: np.ndarray, ctrl: np.ndarray) -> np.ndarray:
    """Run one simulation with controls (T, 1); return its final qpos (nq,)."""
    import mujoco

    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_forward(model, data)
    for row in ctrl:
        data.ctrl[:] = row
        mujoco.mj_step(model, data, 5)
    return data.qpos.copy()


def _compare_with_native(physics: str) -> Finding:
    """Run an environment with the same seed and actions on native and another back end."""
    actions = np.random.default_rng(0).uniform(-0.3, 0.3, (_STEPS, 4, 1)).astype(np.float32)
    expected, _ = _observations("native", actions)
    result, seconds = _observations(physics, actions)
    difference = float(np.abs(result - expected).max())
    detail = (
        f"differs from native by {difference:.0e} after {_STEPS} steps, ready in {seconds:.1f} s"
    )
    if not difference < _TOLERANCE:
        return Finding("fail", difference, detail, "use --physics native")
    return Finding("pass", difference, detail)


def _observations(physics: str, actions: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the observations of N environments, (T + 1, N, O), and the seconds to the first.

    Args:
        physics: The back end.
        actions: (T, N, A).
    """
    started = time.perf_counter()
    driver = _driver(_COMPARED_ENV, physics, actions.shape[1])
    observations = [driver.reset(0)]
    seconds = time.perf_counter() - started
    observations += [driver.step(action).final_observation for action in actions]
    driver.close()
    return np.stack(observations), seconds


def _throughput(envs: tuple[str, ...], sizes: tuple[int, ...], seconds: float) -> Finding:
    from rlctl.rollouts.factory import resolve_physics

    rates, best, lines = {}, {}, []
    for env in envs:
        physics = resolve_physics(env, "auto")
        rates[env] = {size: _steps_per_second(env, physics, size, seconds) for size in sizes}
        # The smallest size within 10 % of the best speed: more environments only cost memory.
        fast = 0.9 * max(rates[env].values())
        best[env] = next(size for size in sizes if rates[env][size] >= fast)
        listed = ", ".join(f"{rate:,.0f} with {size:,}" for size, rate in rates[env].items())
        lines.append(f"{env} on {physics}, steps/s: {listed}; use --num-envs {best[env]}")
    value = {"steps_per_second": rates, "num_envs": best}
    return Finding("pass", value, ". ".join(lines))


def _steps_per_second(env: str, physics: str, size: int, seconds: float) -> float:
    driver = _driver(env, physics, size)
    driver.reset(0)
    action = np.zeros((size, driver.spec.action_size), np.float32)
    driver.step(action)
    started, steps = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds:
        driver.step(action)
        steps += size
    driver.close()
    return steps / elapsed


def _driver(env: str, physics: str, size: int) -> Any:
    from rlctl import catalog
    from rlctl.rollouts.factory import make_driver

    return make_driver(env, catalog.load(catalog.env(env).config)(), physics, size, randomize=None)

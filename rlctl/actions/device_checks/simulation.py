"""Checks of the physics back ends, and how fast environments step here."""

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
_COMPARED = "pendulum"
_STEPS = 20
_TOLERANCE = 1e-4  # of observations, in float32 and float64, after the steps; usual is 1e-6
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
    """A batch on all cores against MuJoCo alone, bit for bit, with contacts."""
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
    expected = np.array([_alone(model, qpos[i], ctrl[:, i]) for i in range(number)])
    difference = float(np.abs(np.array(batch.qpos) - expected).max())
    detail = f"differs from MuJoCo alone by {difference:.0e} on {cores()} threads"
    if difference:
        return Finding("fail", difference, detail, "reinstall mujoco")
    return Finding("pass", difference, detail)


def jax() -> Finding:
    """MJX on JAX against native."""
    return _compared("jax")


def warp() -> Finding:
    """MJX on Warp against native."""
    if find_spec("warp") is None:
        return Finding(
            "skip", None, "warp is not installed", f"{pip_install('mujoco-mjx[warp]')} to use it"
        )
    return _compared("warp")


def throughput() -> Finding:
    """Environment steps per second of the pendulum."""
    return _throughput(("pendulum",), _SIZES, 0.4)


def throughput_bench() -> Finding:
    """The same for every environment and more sizes, longer."""
    return _throughput(_BENCH_ENVS, _BENCH_SIZES, 2.0)


def _alone(model: Any, qpos: np.ndarray, ctrl: np.ndarray) -> np.ndarray:
    """Where one simulation ends under controls (T, 1): qpos (nq,)."""
    import mujoco

    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_forward(model, data)
    for row in ctrl:
        data.ctrl[:] = row
        mujoco.mj_step(model, data, 5)
    return data.qpos.copy()


def _compared(physics: str) -> Finding:
    """The same environment, seed and actions on native and on another back end."""
    actions = np.random.default_rng(0).uniform(-0.3, 0.3, (_STEPS, 4, 1)).astype(np.float32)
    expected, _ = _observations("native", actions)
    found, seconds = _observations(physics, actions)
    difference = float(np.abs(found - expected).max())
    detail = (
        f"differs from native by {difference:.0e} after {_STEPS} steps, ready in {seconds:.1f} s"
    )
    if not difference < _TOLERANCE:
        return Finding("fail", difference, detail, "use --physics native")
    return Finding("pass", difference, detail)


def _observations(physics: str, actions: np.ndarray) -> tuple[np.ndarray, float]:
    """What four environments observe, (T + 1, 4, O), and the seconds until the first."""
    started = time.perf_counter()
    driver = _driver(_COMPARED, physics, actions.shape[1])
    seen = [driver.reset(0)]
    seconds = time.perf_counter() - started
    seen += [driver.step(action).final_observation for action in actions]
    driver.close()
    return np.stack(seen), seconds


def _throughput(envs: tuple[str, ...], sizes: tuple[int, ...], seconds: float) -> Finding:
    from rlctl.rollouts.factory import resolve_physics

    rates, best, words = {}, {}, []
    for env in envs:
        physics = resolve_physics(env, "auto")
        rates[env] = {size: _rate(env, physics, size, seconds) for size in sizes}
        fast = 0.9 * max(rates[env].values())
        best[env] = next(size for size in sizes if rates[env][size] >= fast)
        listed = ", ".join(f"{rate:,.0f} with {size:,}" for size, rate in rates[env].items())
        words.append(f"{env} on {physics}, steps/s: {listed}; take --num-envs {best[env]}")
    value = {"steps_per_second": rates, "num_envs": best}
    return Finding("pass", value, ". ".join(words))


def _rate(env: str, physics: str, size: int, seconds: float) -> float:
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

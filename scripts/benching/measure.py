"""Timing helpers and table rows of bench.py."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench_baselines import ROOT, number

RLCTL = [sys.executable, "-m", "rlctl"]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
Row = dict[str, Any]


def barkour(num: int, physics: str = "native") -> tuple[Any, Any]:
    """Return a Barkour environment and a driver of `num` of them, with domain randomisation."""
    from rlctl.envs.barkour.config import BarkourConfig
    from rlctl.rollouts.factory import make_driver, make_environment

    config = BarkourConfig()
    return make_environment("barkour", config), make_driver("barkour", config, physics, num)


def random_actor(size: int) -> Any:
    """Return an actor with negligible cost: random actions, nothing recorded."""
    import jax
    import jax.numpy as jnp

    from rlctl.rollouts.base import Actor, ActorStep
    from rlctl.rollouts.noise import normal

    def act(params: Any, observation: jax.Array, noise: jax.Array) -> ActorStep:
        return ActorStep(jnp.tanh(noise), ())

    def final(params: Any, observation: jax.Array) -> tuple[()]:
        return ()

    return Actor(act, final, partial(normal, size=size))


def alternate(tasks: dict[str, Callable[[], Any]], rounds: int = 7) -> dict[str, float]:
    """Return median seconds per task. Tasks alternate, so that drift of the machine is shared."""
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds + 1):
        for name, task in tasks.items():
            start = time.perf_counter()
            force(task())
            taken[name].append(time.perf_counter() - start)
    return {name: median(values[1:]) for name, values in taken.items()}


def force(result: Any) -> None:
    """Block until all JAX arrays are computed."""
    import jax

    jax.block_until_ready([x for x in jax.tree.leaves(result) if isinstance(x, jax.Array)])


def train(env: str, physics: str = "auto", out: Path | None = None, **settings: Any) -> Row:
    """Run `rlctl train` in a subprocess and return its JSON data, with `phases`."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [*RLCTL, "train", env, "--json", "--cpu", "--physics", physics]
        command += ["--out", str(out or Path(scratch) / "run")]
        for name, value in settings.items():
            command += ["--set", f"{name}={value}"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-500:]}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])["data"]


def timed(command: list[str]) -> tuple[float, float]:
    """Run a command and return its wall and CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# --- rows ---


def ratio(what: str, ours: float, other: float, at_least: float) -> Row:
    """Return a row with a ratio and its lower limit."""
    value = ours / other
    return {
        "what": what,
        "value": f"{value:.2f} ({number(ours)} / {number(other)})",
        "bar": f">= {at_least:g}",
        "met": value >= at_least,
    }


def limit(what: str, value: float, at_most: float) -> Row:
    """Return a row with a number and its upper limit."""
    return {
        "what": what,
        "value": f"{value:.2f}",
        "bar": f"<= {at_most:g}",
        "met": value <= at_most,
    }


def figure(what: str, value: float) -> Row:
    """Return a row with a number without a limit."""
    return {"what": what, "value": f"{value:.1f}", "bar": "", "met": None}

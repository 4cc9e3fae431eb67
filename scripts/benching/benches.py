"""Benchmarks of bench.py: each returns rows of the table."""

import resource
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from benching.measure import (
    CORES,
    RLCTL,
    Row,
    alternate,
    barkour,
    figure,
    force,
    limit,
    random_actor,
    ratio,
    timed,
    train,
)

# --- physics ---


def bench_physics() -> list[Row]:
    """Compare native physics and whole steps with raw mujoco.batch."""
    import numpy as np
    from mujoco.batch import Batch

    from rlctl.physics.native import NativeBatch

    env, driver = barkour(1024)
    driver.reset(0)
    actor, length = random_actor(driver.spec.action_size), 5
    for _ in range(10):
        driver.collect(actor, None, length)
    states = driver.state()["physics"]  # falling robots, with controls
    raw = Batch(env.model(), 1024, CORES)
    for name, values in driver._model_fields.items():
        raw.expand(name)[:] = values
    own = NativeBatch(env.model(), 1024, env.fields, env.spec.substeps, CORES)
    own.randomize(driver._model_fields)
    ctrl = np.array(raw.bind("ctrl"))

    def theirs() -> None:
        raw.state[:] = states
        raw.step(nstep=env.spec.substeps)

    def ours() -> None:
        own.state[:] = states
        own.step({}, ctrl)
        own.fields()

    raw.state[:] = states
    ctrl[:] = raw.bind("ctrl")
    times = alternate(
        {
            "raw": theirs,
            "ours": ours,
            "whole": lambda: driver.collect(actor, None, length),
        }
    )
    steps = {"raw": 1024 / times["raw"], "ours": 1024 / times["ours"]}
    whole = 1024 * length / times["whole"]
    driver.close()
    return [
        ratio(
            "native physics through rlctl / raw mujoco.batch, Barkour, 1024 envs, control steps/s",
            steps["ours"],
            steps["raw"],
            at_least=0.90,
        ),
        ratio(
            "whole Barkour step (observation, reward, resets, randomisation) / raw physics",
            whole,
            steps["raw"],
            at_least=0.60,
        ),
    ]


def bench_hopper() -> list[Row]:
    """Compare whole hopper steps with raw mujoco.batch from the same states."""
    from mujoco.batch import Batch

    from rlctl.envs.gymnasium_tasks.config import HopperConfig
    from rlctl.rollouts.factory import make_driver, make_environment

    env = make_environment("hopper", HopperConfig())
    driver = make_driver("hopper", HopperConfig(), "native", 1024)
    driver.reset(0)
    actor, length = random_actor(env.spec.action_size), 5
    for _ in range(10):
        driver.collect(actor, None, length)
    states = driver.state()["physics"]
    raw = Batch(env.model(), 1024, CORES)

    def theirs() -> None:
        raw.state[:] = states  # states as in whole steps, with controls
        raw.step(nstep=env.spec.substeps)

    times = alternate({"raw": theirs, "whole": lambda: driver.collect(actor, None, length)})
    driver.close()
    return [
        ratio(
            "whole hopper step (observation, reward, resets) / raw mujoco.batch, 1024 envs",
            1024 * length / times["whole"],
            1024 / times["raw"],
            at_least=0.60,
        )
    ]


def bench_widths() -> list[Row]:
    """Compare collecting Barkour with 4096 and 512 environments, steps/s."""
    rates = {}
    for num in (512, 4096):
        _, driver = barkour(num)
        actor = random_actor(driver.spec.action_size)
        driver.reset(0)
        driver.collect(actor, None, 5)
        seconds = alternate({"collect": lambda d=driver, a=actor: d.collect(a, None, 5)})["collect"]
        rates[num] = num * 5 / seconds
        driver.close()
    return [
        ratio(
            "collecting Barkour, 4096 envs / 512 envs, steps/s",
            rates[4096],
            rates[512],
            at_least=1.0,
        )
    ]


def bench_backends() -> list[Row]:
    """Compare Barkour on native physics with MJX on the same CPU."""
    rates = {}
    for physics in ("native", "jax"):
        env, driver = barkour(512, physics)
        actor = random_actor(env.spec.action_size)
        driver.reset(0)
        force(driver.collect(actor, None, 10))
        start = time.perf_counter()
        force(driver.collect(actor, None, 10))
        rates[physics] = 512 * 10 * env.spec.substeps / (time.perf_counter() - start)
        driver.close()
    training = {
        physics: train(
            "barkour",
            physics=physics,
            **{"train.steps": 512 * 20 * (12 if physics == "native" else 4), "train.num_evals": 0},
        )["steps_per_second"]
        for physics in ("native", "jax")
    }
    return [
        ratio(
            "Barkour, native / jax, physics steps/s while collecting",
            rates["native"],
            rates["jax"],
            at_least=6.0,
        ),
        ratio(
            "Barkour, native / jax, training steps/s",
            training["native"],
            training["jax"],
            at_least=2.5,
        ),
    ]


# --- commands ---


def bench_commands() -> list[Row]:
    """Measure the start-up time of interactive commands."""
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        train("inverted-pendulum", out=run, **{"train.steps": 100_000, "train.num_evals": 1})
        helps = [timed([*RLCTL, "--help"])[1] for _ in range(5)]
        inspects = [timed([*RLCTL, "inspect-ckpt", str(run)])[0] for _ in range(5)]
        evals = [timed([*RLCTL, "eval", "--ckpt", str(run), "--cpu"])[0] for _ in range(4)][1:]
    return [
        limit("`rlctl --help`, CPU s", median(helps), 0.2),
        limit("`rlctl inspect-ckpt`, wall s", median(inspects), 0.4),
        limit(
            "`rlctl eval`, 10 inverted-pendulum episodes, warm cache, wall s",
            median(evals),
            5.0,
        ),
    ]


def bench_memory() -> list[Row]:
    """Measure the peak memory of a training with 4096 environments."""
    train("barkour", **{"train.num_envs": 4096, "train.steps": 3 * 4096 * 20})
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return [limit("`rlctl train barkour --num-envs 4096`, peak GiB", peak, 4.0)]


def bench_split() -> list[Row]:
    """Measure the time per phase of a Barkour training and per part of collecting."""
    figures = train("barkour", **{"train.steps": 40 * 512 * 20, "train.num_evals": 1})
    phases = figures["phases"]
    total = sum(phases.values())
    rows = [
        figure(f"Barkour training of 40 updates, {name}, % of {total:.0f} s", 100 * x / total)
        for name, x in sorted(phases.items(), key=lambda item: -item[1])
    ]
    parts, busy = collecting_parts()
    rows += [
        figure(f"collecting, {name}, % of its threads' time", 100 * x) for name, x in parts.items()
    ]
    return [*rows, figure(f"collecting, cores busy of {CORES}", busy)]


def collecting_parts() -> tuple[dict[str, float], float]:
    """Return fractions of thread time within collecting, and the number of busy cores."""
    import jax

    from rlctl.engines.ppo import networks
    from rlctl.engines.ppo.config import PPOConfig

    _, driver = barkour(512)
    sizes = (128,) * 4  # as in the preset
    config = PPOConfig(policy_hidden_layer_sizes=sizes, value_hidden_layer_sizes=sizes)
    spec = networks.policy_spec(driver.spec, config)
    actor, params = networks.Networks(spec).actor(), networks.init(jax.random.PRNGKey(0), spec)
    driver.reset(0)
    driver.collect(actor, params, 20)
    seconds: defaultdict[str, float] = defaultdict(float)

    def clock(owner: Any, method: str, name: str) -> None:
        inner = getattr(owner, method)

        def timed_call(*args: Any) -> Any:
            start = time.perf_counter()
            result = jax.block_until_ready(inner(*args))
            seconds[name] += time.perf_counter() - start
            return result

        setattr(owner, method, timed_call)

    clock(driver._program, "act", "inference")
    clock(driver._program, "observe", "observation and reward")
    for group in driver._groups:
        clock(group.batch, "step", "physics")
        clock(group.batch, "reset", "resets")
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(5):
        driver.collect(actor, params, 20)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    total = wall * len(driver._groups)
    driver.close()
    fractions = {name: x / total for name, x in seconds.items()}
    return fractions | {"the rest (copies, Python)": 1 - sum(fractions.values())}, cpu / wall

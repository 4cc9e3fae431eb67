"""Trainings stopped at random times and resumed, compared with uninterrupted ones."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from reliability_checks.result import CheckResult, clear_jax_caches, setup_jax

PHASES = ("rollout", "update", "eval", "save")
FIRST = ("pendulum", "barkour", "hopper", "inverted-pendulum")  # then the others
HARD = ("ppo.symmetry=true", "ppo.optimizer=muon", "train.curriculum_steps=240")
MORE = {("barkour", "ppo"): HARD, ("pendulum on MJX", "ppo"): ("train.physics=jax",)}


def run(count: int) -> CheckResult:
    """Interrupt `count` trainings: at least five per environment and engine, `FIRST` first."""
    setup_jax()
    from resuming import begin, differences, resume, small
    from stopping import in_phase

    from rlctl import catalog
    from rlctl.core.errors import Stopped, StoppedUnsaved
    from rlctl.engines import interruptible

    interruptible.STOP_POLL_SECONDS = 1e-3  # shorter than one of these updates
    result = CheckResult("interrupted and resumed equals uninterrupted, bit for bit")
    names = sorted((row.name for row in catalog.ENVS), key=lambda n: (n not in FIRST, n))
    pairs = [(name, algo) for name in names for algo in ("ppo", "trpo")]
    pairs = [*pairs[:8], ("pendulum on MJX", "ppo"), *pairs[8:]][: max(1, count // 5)]
    for name, algo in pairs:
        env, more = name.split()[0], MORE.get((name, algo), ())
        with TemporaryDirectory() as folder:
            whole = begin(small(env, algo, Path(folder, "whole"), *more))
            for i in range(-(-count // len(pairs))):
                rng, run = random.Random(f"{name} {algo} {i}"), Path(folder, str(i))
                phase, nth = rng.choice(PHASES), rng.randint(1, 3)
                hooks = in_phase(phase, nth, delay=rng.random() / 50)
                try:
                    begin(small(env, algo, run, *more), hooks)
                except (Stopped, StoppedUnsaved):
                    resume(run)
                wrong = differences(whole, run)
                result.record(
                    not wrong, f"{name} by {algo}, interrupted in {phase} {nth}: {wrong} differ"
                )
                clear_jax_caches()
    result.measurements["pairs of engine and environment"] = str(len(pairs))
    return result

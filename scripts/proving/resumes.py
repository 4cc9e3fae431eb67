"""Trainings of both engines stopped at random moments and resumed, against untouched ones."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from proving.proof import Proof, forget_programs, quiet_jax

PHASES = ("rollout", "update", "eval", "save")
FIRST = ("pendulum", "barkour", "hopper", "inverted-pendulum")  # then the others
HARD = ("ppo.symmetry=true", "ppo.optimizer=muon", "train.curriculum_steps=240")
MORE = {("barkour", "ppo"): HARD, ("pendulum on MJX", "ppo"): ("train.physics=jax",)}


def prove(count: int) -> Proof:
    """Cut `count` trainings: of every environment by each engine, first of a few, five and more."""
    quiet_jax()
    from resuming import begin, differences, resume, small
    from stopping import in_phase

    from rlctl import catalog
    from rlctl.core.errors import Stopped, StoppedUnsaved
    from rlctl.engines import interruptible

    interruptible.STOP_POLL_SECONDS = 1e-3  # these updates take no longer
    proof = Proof("interrupted and resumed equals uninterrupted, bit for bit")
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
                proof.check(not wrong, f"{name} by {algo}, cut in {phase} {nth}: {wrong} differ")
                forget_programs()
    proof.figures["pairs of engine and environment"] = str(len(pairs))
    return proof

"""Evaluate the shipped Barkour policy on each physics back end and compare the results.

    .venv/bin/python scripts/agreement.py                       # all installed back ends
    .venv/bin/python scripts/agreement.py --only jax --robots 4 --steps 200

Whole episodes with the same commands, without noise, kicks or domain randomisation; the policy acts
with its mean, in numpy. Rounding differs and walking is chaotic, so trajectories diverge between
any two back ends: only statistics must agree. A second native run, with actions larger by three
parts in a million, shows the spread that divergence alone causes.
"""

import argparse
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from bench_baselines import machine

from rlctl.core.device import DEVICES, select

QUIET = ("env.obs_noise=0", "env.kick_velocity=0")
NUDGE = ("env.action_scale=0.3000009",)
NUDGED = "native, nudged"
APART = 0.01  # m; farther than this, trajectories have diverged
HEADER = """\
| physics | return | against native | falls | steps | mean errors of vx, vy, yaw \
| within 1 cm of native for, s: least, median, most |
|---|---|---|---|---|---|---|"""


class Episodes(NamedTuple):
    """One episode per robot on a back end.

    Attributes:
        returns: (N,).
        lengths: (N,) control steps.
        fell: (N,) bool.
        errors: Mean absolute tracking errors of vx, vy (m/s) and yaw rate (rad/s).
        track: (T, N, 3) torso positions in m, nan after an episode's end.
        dt: Seconds of a control step.
    """

    returns: np.ndarray
    lengths: np.ndarray
    fell: np.ndarray
    errors: list[float]
    track: np.ndarray
    dt: float


def main() -> None:
    """Run the episodes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--only", nargs="*", choices=("jax", "warp"), help="back ends to compare with native"
    )
    parser.add_argument("--robots", type=int, default=16)
    parser.add_argument("--steps", type=int, default=1000, help="time limit of an episode")
    parser.add_argument("--seed", type=int, default=0, help="of the commands")
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="for JAX and MJX")
    options = parser.parse_args()
    select(options.device)
    installed = ["jax", "warp"] if find_spec("warp") else ["jax"]
    others = installed if options.only is None else options.only
    print(machine(), HEADER, sep="\n\n", flush=True)
    native = run_episodes("native", options.robots, options.steps, options.seed)
    print(row("native", native), flush=True)
    for name in (NUDGED, *others):
        run = run_episodes(name, options.robots, options.steps, options.seed)
        print(row(name, run, *compare(run, native)), flush=True)


def run_episodes(name: str, robots: int, steps: int, seed: int) -> Episodes:
    """Run episodes of the shipped policy on a back end, given by name."""
    from rlctl.checkpoints.find import open_checkpoint
    from rlctl.policies.base import policy_of
    from rlctl.rollouts.evaluate import evaluate
    from rlctl.rollouts.factory import environment_of, make_driver

    checkpoint = open_checkpoint("shipped:barkour")
    env, config = environment_of(checkpoint, QUIET + NUDGE * (name == NUDGED))
    policy, physics = policy_of(checkpoint, "numpy"), name.partition(",")[0]
    track = []
    with make_driver(env, config, physics, robots, episode_length=steps, randomize=None) as driver:

        def on_step(*args: object) -> None:
            *_, step, running = args
            going = running & ~step.terminated & ~step.truncated
            track.append(np.where(going[:, None], driver.qpos()[:, :3], np.nan))

        result = evaluate(policy, driver, robots, seed, on_step=on_step)
        errors = [part["error"] for part in result.tracking.summary().values()]
        dt = driver.spec.control_dt
    return Episodes(result.returns, result.lengths, result.terminated, errors, np.stack(track), dt)


def row(name: str, run: Episodes, difference: str = "", parts: str = "") -> str:
    """Format a row of the table."""
    errors = ", ".join(f"{error:.3f}" for error in run.errors)
    return (
        f"| {name} | {run.returns.mean():.2f} ± {run.returns.std():.2f} | {difference} "
        f"| {run.fell.sum()} of {len(run.fell)} | {run.lengths.mean():.0f} | {errors} | {parts} |"
    )


def compare(run: Episodes, reference: Episodes) -> tuple[str, str]:
    """Return the mean difference of returns with 95 % interval, and seconds until divergence."""
    difference = run.returns - reference.returns
    half = 1.96 * difference.std() / np.sqrt(len(difference))
    length = min(len(run.track), len(reference.track))
    away = np.linalg.norm(run.track[:length] - reference.track[:length], axis=2)
    together = ~(away > APART)  # nan after an episode's end compares false
    ever = np.where(together.all(axis=0), length, together.argmin(axis=0)) * run.dt
    parts = ", ".join(f"{part:.1f}" for part in (ever.min(), np.median(ever), ever.max()))
    return f"{difference.mean():+.2f} ± {half:.2f}", parts


if __name__ == "__main__":
    main()

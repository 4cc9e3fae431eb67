"""Play the Barkour that ships on every physics back end, and say how far they agree.

    .venv/bin/python scripts/agreement.py                       # of those that are installed
    .venv/bin/python scripts/agreement.py --only jax --robots 4 --steps 200

Whole episodes with the same commands, without noise, kicks or randomised models, the policy's mean
action in numpy. Rounding differs, and walking is chaotic: trajectories part sooner or later on any
back end, so what must agree is the statistics. How far those of one back end are apart for such a
reason alone is shown by a second native run, whose actions are larger by three parts in a million.
"""

import argparse
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from bench_peers import machine

from rlctl.core.device import DEVICES, select

QUIET = ("env.obs_noise=0", "env.kick_velocity=0")
NUDGE = ("env.action_scale=0.3000009",)
NUDGED = "native, nudged"
APART = 0.01  # m
HEADER = """\
| physics | return | against native | falls | steps | mean errors of vx, vy, yaw \
| within 1 cm of native for, s: least, median, most |
|---|---|---|---|---|---|---|"""


class Played(NamedTuple):
    """One episode of every robot on a back end.

    Attributes:
        returns: (N,).
        lengths: (N,) control steps.
        fell: (N,) bool.
        errors: Mean absolute errors of vx, vy (m/s) and the turn rate (rad/s).
        track: (T, N, 3) of the torsos, m, nan once an episode is over.
        dt: Seconds of a control step.
    """

    returns: np.ndarray
    lengths: np.ndarray
    fell: np.ndarray
    errors: list[float]
    track: np.ndarray
    dt: float


def main() -> None:
    """Play, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", choices=("jax", "warp"), help="these beside native")
    parser.add_argument("--robots", type=int, default=16)
    parser.add_argument("--steps", type=int, default=1000, help="at most, of an episode")
    parser.add_argument("--seed", type=int, default=0, help="of the commands")
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="for JAX and MJX")
    options = parser.parse_args()
    select(options.device)
    installed = ["jax", "warp"] if find_spec("warp") else ["jax"]
    others = installed if options.only is None else options.only
    print(machine(), HEADER, sep="\n\n", flush=True)
    native = play("native", options.robots, options.steps, options.seed)
    print(row("native", native), flush=True)
    for name in (NUDGED, *others):
        run = play(name, options.robots, options.steps, options.seed)
        print(row(name, run, *compared(run, native)), flush=True)


def play(name: str, robots: int, steps: int, seed: int) -> Played:
    """Episodes of the policy that ships, on a back end by name."""
    from rlctl.checkpoints.find import find
    from rlctl.checkpoints.reading import load
    from rlctl.policies.base import policy_of
    from rlctl.rollouts.evaluate import evaluate
    from rlctl.rollouts.factory import environment_of, make_driver

    checkpoint = load(find("shipped:barkour"))
    env, config = environment_of(checkpoint, QUIET + NUDGE * (name == NUDGED))
    policy, physics = policy_of(checkpoint, "numpy"), name.partition(",")[0]
    track = []
    with make_driver(env, config, physics, robots, episode_length=steps, randomize=None) as driver:

        def keep(*seen: object) -> None:
            *_, step, running = seen
            going = running & ~step.terminated & ~step.truncated
            track.append(np.where(going[:, None], driver.qpos()[:, :3], np.nan))

        result = evaluate(policy, driver, robots, seed, on_step=keep)
        errors = [part["error"] for part in result.tracking.summary().values()]
        dt = driver.spec.control_dt
    return Played(result.returns, result.lengths, result.terminated, errors, np.stack(track), dt)


def row(name: str, run: Played, difference: str = "", parts: str = "") -> str:
    """A line of the table."""
    errors = ", ".join(f"{error:.3f}" for error in run.errors)
    return (
        f"| {name} | {run.returns.mean():.2f} ± {run.returns.std():.2f} | {difference} "
        f"| {run.fell.sum()} of {len(run.fell)} | {run.lengths.mean():.0f} | {errors} | {parts} |"
    )


def compared(run: Played, reference: Played) -> tuple[str, str]:
    """The mean difference of returns with its 95 % interval, and seconds until tracks part."""
    difference = run.returns - reference.returns
    half = 1.96 * difference.std() / np.sqrt(len(difference))
    length = min(len(run.track), len(reference.track))
    away = np.linalg.norm(run.track[:length] - reference.track[:length], axis=2)
    together = ~(away > APART)  # nan where an episode is over: no longer compared
    ever = np.where(together.all(axis=0), length, together.argmin(axis=0)) * run.dt
    parts = ", ".join(f"{part:.1f}" for part in (ever.min(), np.median(ever), ever.max()))
    return f"{difference.mean():+.2f} ± {half:.2f}", parts


if __name__ == "__main__":
    main()

"""Act with a shipped policy, in one Gymnasium environment and in a batch.

python act_in_a_loop.py [STEPS]
"""

import sys

import numpy as np

import rlctl


def one_environment(policy: rlctl.Policy, steps: int) -> float:
    """Act in one environment; return the sum of the rewards."""
    total = 0.0
    with rlctl.make(policy.env, settings=policy.settings) as env:
        observation, _ = env.reset(seed=0)
        for _ in range(steps):
            action = policy.act(observation)
            observation, reward, terminated, truncated, _ = env.step(action)
            total += reward
            if terminated or truncated:
                observation, _ = env.reset()
    return total


def many_environments(policy: rlctl.Policy, steps: int) -> np.ndarray:
    """Act in a batch of environments with auto-reset; return the sums of rewards."""
    batch = rlctl.make_vec(policy.env, num_envs=8, settings=policy.settings)
    observations, _ = batch.reset(seed=0)
    totals = np.zeros(8)
    for _ in range(steps):
        observations, rewards, *_ = batch.step(policy.act(observations))
        totals += rewards
    batch.close()
    return totals


def main(steps: int = 500) -> None:
    """Run both loops for some steps."""
    policy = rlctl.load_policy("shipped:pendulum")
    print(policy)
    print("one environment:", one_environment(policy, steps))
    print("eight environments:", many_environments(policy, steps).round())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

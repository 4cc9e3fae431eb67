"""One policy in numpy, JAX and PyTorch: same actions, different speeds.

python compare_backends.py [OBSERVATIONS]
"""

import sys
import time

import numpy as np

import rlctl


def main(count: int = 10_000) -> None:
    """Act on random observations with every back end."""
    reference = rlctl.load_policy("shipped:barkour")
    rng = np.random.default_rng(0)
    observations = rng.normal(size=(count, reference.spec.observation_size))
    expected = reference.act(observations)
    for backend in ("numpy", "jax", "torch"):
        policy = rlctl.load_policy("shipped:barkour", backend=backend, device="cpu")
        policy.act(observations)  # JAX compiles
        began = time.perf_counter()
        actions = policy.act(observations)
        seconds = time.perf_counter() - began
        difference = np.abs(actions - expected).max()
        print(f"{policy}: within {difference:.1e} of numpy, {count / seconds:,.0f} actions/s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

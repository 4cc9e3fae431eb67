"""Small checkpoints for tests."""

from pathlib import Path

import numpy as np

from rlctl.checkpoints import manifest, store


def groups(seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Return arrays of several dtypes, different for every seed."""
    rng = np.random.default_rng(seed)
    return {
        "policy": {
            "normalizer/count": np.float32(seed),
            "normalizer/mean": rng.normal(size=3).astype(np.float32),
            "policy/hidden_0/kernel": rng.normal(size=(3, 4)).astype(np.float32),
            "policy/hidden_0/bias": rng.normal(size=4).astype(np.float32),
        },
        "train": {
            "optimizer/0/mu": rng.normal(size=(3, 4)),
            "key": rng.integers(0, 2**32, size=2, dtype=np.uint32),
            "done": rng.random(5) < 0.5,
        },
        "envs": {"qpos": rng.normal(size=(8, 7)), "none": np.zeros((0, 3), np.float32)},
    }


def facts(seed: int, **more: object) -> dict[str, object]:
    """Return the content of a small manifest."""
    initial = manifest.digests(groups(0)["policy"])
    env = {"id": "pendulum", "config": {}, "spec": {}}
    return {"engine": "ppo", "env": env, "initial": initial, "updates": seed, **more}


def save(folder: Path, step: int, **more: object) -> Path:
    """Save a checkpoint whose content is determined by its step."""
    return store.save(folder, step, facts(step, **more), groups(step))


def flip(file: Path, position: int = -1) -> None:
    """Change one bit of a file."""
    data = bytearray(file.read_bytes())
    data[position] ^= 1
    file.write_bytes(data)

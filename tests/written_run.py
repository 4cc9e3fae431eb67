"""Run folders with metrics whose figures are known, for tests of what reads them."""

import json
from pathlib import Path

CONFIG = {
    "schema_version": 1,
    "env": "pendulum",
    "algo": "ppo",
    "settings": {"train": {"steps": 1000, "seed": 3}, "ppo": {"learning_rate": 0.001}},
    "origins": {"train.steps": "flag", "train.seed": "default", "ppo.learning_rate": "--set"},
    "provenance": {"argv": ["x", "train", "pendulum"], "git": {"commit": "abc", "dirty": True}},
}


def train_row(update, **changes):
    """Update 1, 2, ...: 100 steps, 10 s and 2 episodes of return 10 x update each.

    The terms are up and down, and add up to the return.
    """
    row = {
        "kind": "train",
        "steps": 100 * update,
        "total": 1000,
        "seconds": 10.0 * update,
        "steps_per_second": 5000.0,
        "episodes": 2 * update,
        "return": 10.0 * update,
        "return_std": 2.0,
        "length": 50.0,
        "terms": {"up": 12.0 * update, "down": -2.0 * update},
        "losses": {"kl_mean": 0.01 * update, "v_loss": 1.0 / update, "explained_variance": 0.5},
    }
    return row | changes


def told(mean):
    """What an evaluation tells of returns."""
    return {"mean": mean, "std": 4.0, "min": 1.0, "max": 99.0, "ci95": [mean - 1, mean + 2]}


def eval_row(update, mean, **changes):
    """An evaluation after an update; without a mean it tells no returns."""
    row = {
        "kind": "eval",
        "steps": 100 * update,
        "seconds": 10.0 * update,
        "return": mean if mean is None else told(mean),
        "length": {"mean": 60.0},
        "terminated": 0.25,
        "episodes": 16,
    }
    return row | changes


def write_run(folder, rows=None, config=CONFIG):
    """Write a run; without rows ten updates and two evaluations, the first of which is better."""
    if rows is None:
        rows = [train_row(i) for i in range(1, 11)]
        rows = [*rows[:5], eval_row(5, 80.0), *rows[5:], eval_row(10, 70.0)]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder

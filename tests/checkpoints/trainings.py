"""Trainings by both engines whose updates take milliseconds, in this process or another."""

import json
from pathlib import Path

UPDATE = 40  # steps
SMALL = {
    "ppo": ("ppo.unroll_length=5", "ppo.batch_size=4", "ppo.num_minibatches=2",
            "ppo.num_updates_per_batch=1", "ppo.policy_hidden_layer_sizes=4",
            "ppo.value_hidden_layer_sizes=4"),
    "trpo": ("trpo.steps_per_update=40", "trpo.value_minibatch=20", "trpo.value_epochs=1",
             "trpo.policy_hidden_layer_sizes=4", "trpo.value_hidden_layer_sizes=4"),
}  # fmt: skip
TIMES = {"seconds", "steps_per_second", "split"}


def settings(algo: str, updates: int, evaluations: int, *more: str) -> tuple[str, ...]:
    """Of a training that saves after every update."""
    return (
        f"train.steps={updates * UPDATE}", f"train.num_evals={evaluations}",
        f"train.save_every={UPDATE}", "train.num_envs=8", "train.eval_episodes=2",
        "train.episode_length=7", "train.keep_last=2", "train.plot=false", *SMALL[algo], *more,
    )  # fmt: skip


def rows(run: Path) -> list[dict]:
    """A run's metrics but for what the clock says."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]

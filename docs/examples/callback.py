"""Log a training with a callback, stop it early, and read its metrics.

python callback.py [STEPS]
"""

import sys
from typing import Any

import rlctl


class Patience:
    """Early stopping: end a training after `evaluations` in a row without a new best return."""

    def __init__(self, evaluations: int) -> None:
        self.left = self.evaluations = evaluations
        self.best = float("-inf")

    def __call__(self, row: dict[str, Any]) -> None:
        """Handle a row of metrics."""
        if row["kind"] != "eval":
            return
        mean = row["return"]["mean"]
        print(f"{row['steps']:>9,} steps: return {mean:.1f}")
        if mean > self.best:
            self.best, self.left = mean, self.evaluations
        else:
            self.left -= 1
        if not self.left:
            raise rlctl.StopTraining


def main(steps: int = 1_000_000) -> None:
    """Train with early stopping, then read the metrics."""
    patience = Patience(evaluations=3)
    report = rlctl.train("inverted-pendulum", steps=steps, callback=patience, progress=False)
    metrics = rlctl.read_metrics(report)
    best = metrics.eval["return/mean"].argmax()
    print(metrics)
    print("best after", metrics.eval["steps"][best], "steps:", metrics.eval["return/mean"][best])
    print("steps per second:", metrics.train["steps_per_second"][-1])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

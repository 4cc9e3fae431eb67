"""Verdict on a training: whether it reached its target return."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlctl.engines.api import Result


@dataclass(frozen=True)
class Verdict:
    """Comparison of a training's evaluations with the target return.

    Attributes:
        target: The return that counts as learned, `train.target_return`.
        last: Mean return of the last evaluation.
        best: Mean return of the best evaluation, whose checkpoint is kept.
        best_step: Its environment step.
        run: The run's folder.
        steps: Environment steps taken.
        seed: Its seed.
    """

    target: float
    last: float
    best: float
    best_step: int
    run: Path
    steps: int
    seed: int

    @property
    def learned(self) -> bool:
        """True if the best evaluation, whose checkpoint is used, reached the target."""
        return self.best >= self.target

    @property
    def message(self) -> str:
        """Return the result in one line."""
        last, target = _number(self.last), _number(self.target)
        best = f"{_number(self.best)} at step {self.best_step:,}"
        if self.last >= self.target:
            return f"learned: {last} of {target}"
        if self.learned:
            return f"learned, then lost: {last} of {target} at the end; the best, {best}, is kept"
        so_far = f"; best so far {best}" if self.best > self.last else ""
        return f"not learned: {last} of {target}{so_far}"

    @property
    def hint(self) -> str:
        """Return what to try next; empty where it learned."""
        if self.learned:
            return ""
        longer = f"rlctl train --resume {shlex.quote(str(self.run))} --steps {2 * self.steps}"
        return f"train longer ({longer}), or try another seed (--seed {self.seed + 1})"

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "learned": self.learned,
            "target": self.target,
            "last": self.last,
            "best": self.best,
            "best_step": self.best_step,
            "message": self.message,
            "hint": self.hint,
        }


def make_verdict(train: Any, run: Path, result: Result) -> Verdict | None:
    """Compare a training with its target return; None without a target or an evaluation.

    Args:
        train: The settings, section `train`.
        run: The run's folder.
        result: The result of the training.
    """
    if train.target_return is None or result.best is None or not result.evaluation:
        return None
    return Verdict(
        target=train.target_return,
        last=result.evaluation["return"]["mean"],
        best=result.best["return"],
        best_step=result.best["step"],
        run=run,
        steps=result.steps,
        seed=train.seed,
    )


def _number(value: float) -> str:
    """Format with up to four significant digits, and all digits before the point: 78.47, 4,187."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"

"""The verdict on a training: learned, lost again, or not learned, and what to try."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from rlctl.actions.verdict import make_verdict
from rlctl.engines.api import Result


def verdict_of(last, best, target=780.0, best_step=500, run="runs/a"):
    result = Result(
        steps=1000,
        seconds=1.0,
        steps_per_second=1000.0,
        checkpoint=Path("c"),
        best_checkpoint=None,
        evaluation={} if last is None else {"return": {"mean": last}},
        best=None if best is None else {"step": best_step, "return": best},
    )
    return make_verdict(SimpleNamespace(target_return=target, seed=3), Path(run), result)


@pytest.mark.parametrize(
    ("last", "best", "learned", "message"),
    [
        (789.2, 789.2, True, "learned: 789.2 of 780"),
        (780.0, 800.0, True, "learned: 780 of 780"),
        (
            300.0,
            789.0,
            True,
            "learned, then lost: 300 of 780 at the end; the best, 789 at step 500, is kept",
        ),
        (77.0, 77.0, False, "not learned: 77 of 780"),
        (0.0, 77.0, False, "not learned: 0 of 780; best so far 77 at step 500"),
    ],
)
def test_words(last, best, learned, message):
    found = verdict_of(last, best).to_json()
    assert (found["learned"], found["message"]) == (learned, message)
    assert bool(found["hint"]) is not learned


def test_negative_returns():
    assert verdict_of(-4.9, -4.0, target=-5.0).learned
    assert verdict_of(-6.0, -5.5, target=-5.0).message == (
        "not learned: -6 of -5; best so far -5.5 at step 500"
    )


def test_hint_can_be_pasted():
    hint = verdict_of(0.0, 1.0, run="my runs/a").hint
    assert "rlctl train --resume 'my runs/a' --steps 2000" in hint
    assert "--seed 4" in hint


@pytest.mark.parametrize(
    ("last", "best", "target"), [(1.0, 1.0, None), (None, None, 780.0), (None, 3.0, 780.0)]
)
def test_none_without_a_target_or_an_evaluation(last, best, target):
    assert verdict_of(last, best, target) is None

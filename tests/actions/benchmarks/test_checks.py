"""What counts as good enough."""

import pytest

from rlctl.actions.benchmarks.checks import share_learned


@pytest.mark.parametrize(("count", "total"), [(7, 50), (7, 25), (7, 100), (1, 3), (3, 3)])
def test_a_share_that_is_met_exactly_is_enough(count, total):
    (check,) = share_learned(count / total, {"pendulum": (count, total)})
    assert check.ok
    (check,) = share_learned(count / total, {"pendulum": (count - 1, total)})
    assert not check.ok

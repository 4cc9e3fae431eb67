"""Tests of the benchmark's checks."""

import pytest

from rlctl.actions.benchmarks.checks import check_learned


@pytest.mark.parametrize(("count", "total"), [(7, 50), (7, 25), (7, 100), (1, 3), (3, 3)])
def test_a_fraction_that_is_met_exactly_passes(count, total):
    (check,) = check_learned(count / total, {"pendulum": (count, total)})
    assert check.ok
    (check,) = check_learned(count / total, {"pendulum": (count - 1, total)})
    assert not check.ok

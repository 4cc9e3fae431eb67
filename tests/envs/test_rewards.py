import jax.numpy as jnp
import numpy as np
import pytest
from dm_control.utils import rewards

from rlctl.envs.rewards import squared, tolerance, tracking


def test_tolerance_without_margin_is_a_step_with_both_bounds_inside():
    x = jnp.array([0.0, 1.0, 1.5, 2.0, 2.1])
    assert tolerance(x, 1.0, 2.0).tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("margin", [0.5, 2.0])
def test_tolerance_equals_dm_control(margin):
    x = np.linspace(-4, 4, 101, dtype=np.float32)
    expected = rewards.tolerance(x, (-0.5, 1.0), margin, value_at_margin=0.2)
    np.testing.assert_allclose(
        tolerance(jnp.asarray(x), -0.5, 1.0, margin, 0.2), expected, atol=1e-6
    )


def test_tracking_by_hand():
    error = jnp.array([0.3, -0.4])  # squared length 0.25
    assert float(squared(error)) == pytest.approx(0.25)
    assert float(tracking(error, 0.25)) == pytest.approx(np.exp(-1), rel=1e-6)
    assert float(tracking(jnp.zeros(2), 0.25)) == 1

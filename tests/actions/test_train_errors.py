"""Hints of a training's errors."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from rlctl.actions.train import _run_in_errors
from rlctl.core.errors import Diverged


@pytest.mark.parametrize(
    ("algo", "setting"), [("ppo", "ppo.max_grad_norm"), ("trpo", "trpo.value_learning_rate")]
)
def test_what_to_change_after_a_divergence_is_the_engines_to_say(algo, setting):
    gone = Path("gone")
    run = SimpleNamespace(checkpoints=gone, config_path=gone / "config.json", folder=gone)
    error = Diverged("qpos is not finite", "lower the timestep", {"environment": 1})
    with pytest.raises(Diverged) as raised, _run_in_errors(SimpleNamespace(run=run, algo=algo)):
        raise error
    assert setting in raised.value.hint
    assert "train.on_nonfinite=reset" in raised.value.hint
    assert "learning" not in error.message

"""What real trainings tell: rates, step sizes, evaluations, and how long they will take."""

import json
from pathlib import Path

import pytest

SMALL = {
    "ppo": (
        "train", "pendulum", "--num-envs", 16, "--cpu", "--set", "ppo.unroll_length=5",
        "--set", "ppo.num_minibatches=2", "--set", "ppo.num_updates_per_batch=1",
        "--set", "ppo.policy_hidden_layer_sizes=8", "--set", "ppo.value_hidden_layer_sizes=8",
        "--set", "train.plot=false",
    ),
    "trpo": (
        "train", "pendulum", "--algo", "trpo", "--num-envs", 16, "--cpu",
        "--set", "trpo.steps_per_update=80", "--set", "trpo.policy_hidden_layer_sizes=8",
        "--set", "trpo.value_hidden_layer_sizes=8", "--set", "train.plot=false",
    ),
}  # fmt: skip
NO_EVALS = ("--set", "train.num_evals=0")


def rates(run):
    rows = map(json.loads, Path(run, "metrics.jsonl").read_text().splitlines())
    return [row["learning_rate"] for row in rows if row["kind"] == "train"]


@pytest.mark.parametrize(
    ("schedule", "expected", "told"),
    [
        ("constant", [1e-3] * 4, ""),
        ("linear", [1e-3, 5e-4, 5e-4, 2.5e-4], "it goes up from 0 to 0.0005"),
    ],
)
def test_a_step_size_that_rises_again_is_told_and_in_the_metrics(rlctl, schedule, expected, told):
    sets = ("--set", f"ppo.learning_rate_schedule={schedule}", "--set", "ppo.learning_rate=1e-3")
    first = rlctl(*SMALL["ppo"], *NO_EVALS, *sets, "--steps", 160, "--out", "run")
    again = rlctl("train", "--resume", "run", "--cpu")
    more = rlctl("train", "--resume", "run", "--cpu", "--steps", 320)
    assert [first.code, again.code, more.code] == [0, 0, 0]
    assert rates("run") == pytest.approx(expected)
    warnings = [line for line in more.err.splitlines() if "learning rate" in line]
    assert len(warnings) == bool(told)
    assert told in "".join(warnings)
    assert "learning rate" not in first.err + again.err
    assert "320, 160 of them now, in " in more.out


def test_trpo_tells_the_step_size_of_its_value_function(rlctl):
    sets = ("--set", "trpo.value_learning_rate=0.002")
    assert rlctl(*SMALL["trpo"], *NO_EVALS, *sets, "--steps", 160, "--out", "run").code == 0
    assert rates("run") == [0.002, 0.002]

"""Output of real trainings: rates, step sizes, evaluations, dry runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlctl import catalog
from rlctl.engines import duration

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
    "sac": (
        "train", "pendulum", "--algo", "sac", "--num-envs", 16, "--cpu",
        "--set", "sac.learning_starts=1", "--set", "sac.batch_size=16",
        "--set", "sac.policy_hidden_layer_sizes=8", "--set", "sac.value_hidden_layer_sizes=8",
        "--set", "train.plot=false",
    ),
}  # fmt: skip
NO_EVALS = ("--set", "train.num_evals=0")


def rates(run):
    rows = map(json.loads, Path(run, "metrics.jsonl").read_text().splitlines())
    return [row["learning_rate"] for row in rows if row["kind"] == "train"]


@pytest.mark.parametrize(
    ("schedule", "expected", "message"),
    [
        ("constant", [1e-3] * 4, ""),
        ("linear", [1e-3, 5e-4, 5e-4, 2.5e-4], "it rises from 0 to 0.0005"),
    ],
)
def test_a_step_size_that_rises_again_is_reported_and_in_the_metrics(
    rlctl, schedule, expected, message
):
    sets = ("--set", f"ppo.learning_rate_schedule={schedule}", "--set", "ppo.learning_rate=1e-3")
    first = rlctl(*SMALL["ppo"], *NO_EVALS, *sets, "--steps", 160, "--out", "run")
    again = rlctl("train", "--resume", "run", "--cpu")
    more = rlctl("train", "--resume", "run", "--cpu", "--steps", 320)
    assert [first.code, again.code, more.code] == [0, 0, 0]
    assert rates("run") == pytest.approx(expected)
    warnings = [line for line in more.err.splitlines() if "learning rate" in line]
    assert len(warnings) == bool(message)
    assert message in "".join(warnings)
    assert "learning rate" not in first.err + again.err
    assert "320, 160 of them now, in " in more.out


def test_a_trust_region_that_grows_again_is_reported(rlctl):
    sets = ("--set", "trpo.max_kl_schedule=linear", "--set", "trpo.max_kl=0.02")
    first = rlctl(*SMALL["trpo"], *NO_EVALS, *sets, "--steps", 160, "--out", "run")
    again = rlctl("train", "--resume", "run", "--cpu")
    more = rlctl("train", "--resume", "run", "--cpu", "--steps", 320)
    assert [first.code, again.code, more.code] == [0, 0, 0]
    assert "the trust region now decays over all 320 steps: it rises from 0 to 0.01" in more.err
    assert "trust region" not in first.err + again.err


def test_trpo_reports_the_step_size_of_its_value_function(rlctl):
    sets = ("--set", "trpo.value_learning_rate=0.002")
    assert rlctl(*SMALL["trpo"], *NO_EVALS, *sets, "--steps", 160, "--out", "run").code == 0
    assert rates("run") == [0.002, 0.002]


@pytest.mark.parametrize("algo", catalog.engines())
def test_a_dry_run_measures_how_long_it_will_take(rlctl, monkeypatch, tmp_path, algo):
    monkeypatch.setattr(duration, "UPDATE_SECONDS", 0.05)
    done = rlctl(*SMALL[algo], "--steps", 1_000_000, "--dry-run", "--json")
    assert done.code == 0
    plan = done.envelope["data"]
    probe = plan["probe"]
    assert probe["measured_updates"] >= 1
    assert probe["expected_seconds"] == pytest.approx(
        probe["start_seconds"]
        + plan["steps"] / probe["steps_per_second"]
        + plan["evals"] * probe["evaluation_seconds"]
    )
    assert probe["evaluation_seconds"] > 0
    text = rlctl(*SMALL[algo], "--steps", 1_000_000, "--dry-run", *NO_EVALS).out
    lines = dict(line.split("  ", 1) for line in text.splitlines())
    assert lines["duration"].strip().startswith("about ")
    assert "measured over" in lines["duration"]
    assert "evaluations" not in lines["duration"]
    assert "none (train.num_evals, from --set)" in lines["evaluations"]
    assert "saving" in lines["not counted"]
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_explains_why_there_are_fewer_evaluations(rlctl, monkeypatch):
    monkeypatch.setattr(duration, "UPDATE_SECONDS", 0.05)
    done = rlctl(*SMALL["ppo"], "--steps", 100_000, "--dry-run")
    (line,) = (text for text in done.out.splitlines() if text.startswith("evaluations"))
    assert "5 with 6 episodes each, every 20,000 steps; 48 of 64 would take more than 30 %" in line
    assert "(train.eval_share, from preset ppo/pendulum.toml)" in line


@pytest.mark.slow  # what compiles for the first time
def test_a_dry_run_leaves_nothing_on_the_disk(tmp_path):
    places = {
        "RLCTL_RUNS": "runs", "XDG_CACHE_HOME": "cache", "TMPDIR": "temporary",
        "JAX_COMPILATION_CACHE_DIR": "programs",
    }  # fmt: skip
    for name in places.values():
        (tmp_path / name).mkdir()
    environ = os.environ | {name: str(tmp_path / place) for name, place in places.items()}
    command = [sys.executable, "-m", "rlctl", *map(str, SMALL["trpo"]), "--dry-run"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "duration" in done.stdout
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_cannot_be_measured_is_reported(rlctl, fake):
    done = rlctl("train", "pendulum", "--algo", "fake", "--dry-run")
    assert "duration     cannot be measured for this algorithm" in done.out.splitlines()

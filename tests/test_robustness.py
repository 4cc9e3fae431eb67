"""Summaries of scripts/robustness.py."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "scripts" / "robustness.py"
spec = importlib.util.spec_from_file_location("robustness", PATH)
robustness = importlib.util.module_from_spec(spec)
spec.loader.exec_module(robustness)


def run(folder, returns, target=10.0):
    """Write a run with an evaluation every 100 steps and 2 seconds."""
    folder.mkdir()
    settings = {"settings": {"train": {"target_return": target}}}
    (folder / "config.json").write_text(json.dumps(settings))
    rows = [
        {"kind": "eval", "steps": 100 * i, "seconds": 2.0 * i, "return": {"mean": value}}
        for i, value in enumerate(returns, 1)
    ]
    rows.insert(0, {"kind": "train", "steps": 50, "seconds": 1.0})
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_when_a_training_reached_its_target_and_how_it_ended(tmp_path):
    found = robustness.outcome(run(tmp_path / "a", [1, 12, 20, 3]), 7, "AVX2", 9.5, None)
    assert found == {
        "seed": 7, "rounding": "AVX2", "target": 10.0, "steps": 200, "seconds": 4.0 + 1.5,
        "best": 20, "last": 3,
    }  # fmt: skip
    found = robustness.outcome(run(tmp_path / "b", [1, 12]), 7, "AVX2", 9.5, 13.0)
    assert (found["steps"], found["seconds"], found["best"]) == (None, None, 12)


def test_a_stopped_call_can_be_repeated(tmp_path, monkeypatch, capsys):
    """Finished runs are kept and an unfinished one is repeated; names with dots and colons work."""
    trained = []

    def command(words, **_):
        folder = Path(words[words.index("--out") + 1])
        assert not folder.exists()
        trained.append(folder.name)
        return subprocess.CompletedProcess(run(folder, [12.0]), 0, stderr="")

    monkeypatch.setattr(robustness.subprocess, "run", command)
    words = ["robustness.py", "gym:my.robot:Arm-v0", "--roundings", "native", "--out"]
    monkeypatch.setattr(sys, "argv", [*words, str(tmp_path), "--seeds", "2"])
    run(tmp_path / "gym_my.robot_Arm-v0-ppo-native-s1", [1.0])
    for _ in range(2):
        robustness.main()
        assert '"learned": 2' in capsys.readouterr().out
    assert trained == [f"gym_my.robot_Arm-v0-ppo-native-s{seed}" for seed in range(2)]


def test_a_run_without_a_target_or_an_evaluation_says_so(tmp_path):
    with pytest.raises(SystemExit, match="--target"):
        robustness.outcome(run(tmp_path / "a", [1.0], target=None), 0, "native", 1.0, None)
    with pytest.raises(SystemExit, match="no evaluation"):
        robustness.outcome(run(tmp_path / "b", []), 0, "native", 1.0, None)


def test_summary():
    rows = [
        {"target": 10.0, "steps": 100 * i, "seconds": float(i), "best": 10 + i, "last": 5 + i}
        for i in range(1, 21)
    ]
    rows.append({"target": 10.0, "steps": None, "seconds": None, "best": 2.0, "last": 1.0})
    found = robustness.report(rows)
    assert (found["trainings"], found["learned"]) == (21, 20)
    assert (found["seconds_median"], found["seconds_p95"]) == (10.5, 19.0)
    assert (found["last_worst"], found["best_worst"]) == (1.0, 2.0)

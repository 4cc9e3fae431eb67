"""What scripts/robustness.py makes of the metrics of several trainings."""

import importlib.util
import json
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "scripts" / "robustness.py"
spec = importlib.util.spec_from_file_location("robustness", PATH)
robustness = importlib.util.module_from_spec(spec)
spec.loader.exec_module(robustness)


def run(folder, returns, target=10.0):
    """A run with an evaluation every 100 steps and 2 seconds."""
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


def test_a_run_without_a_target_asks_for_one(tmp_path):
    with pytest.raises(SystemExit, match="--target"):
        robustness.outcome(run(tmp_path / "a", [1.0], target=None), 0, "native", 1.0, None)


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

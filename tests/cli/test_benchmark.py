"""`rlctl benchmark` over an engine with a known learning curve, in subprocesses."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import bench_engine
import pytest

from rlctl.actions.benchmarks import plots
from rlctl.cli.benchmark import _show
from rlctl.cli.console import Console
from rlctl.cli.formatting import display_width

TESTS = Path(__file__).parents[1]
KNOWN = ("benchmark", "--algo", "known", "--envs", "pendulum", "--steps", "400", "--out", "b")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def known(tmp_path, monkeypatch):
    """Add the engine `known`, here and in every subprocess."""
    site = tmp_path / "site"
    (site / "known-1.dist-info").mkdir(parents=True)
    (site / "known-1.dist-info" / "METADATA").write_text("Name: known\nVersion: 1\n")
    (site / "known-1.dist-info" / "entry_points.txt").write_text(bench_engine.ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(site))
    path = [str(site), str(TESTS), os.environ["PYTHONPATH"]]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))


def results():
    return json.loads(Path("b/results.json").read_text())


def test_scores_files_and_checks(rlctl):
    done = rlctl(*KNOWN, "--seeds", 3, "--jobs", 3, "--min-return", "pendulum=4.5", "--json")
    assert done.code == 0, done.err
    # the last 100 episodes are those of two updates, 3 + seed and 4 + seed
    found = done.envelope["data"]["envs"]["pendulum"]
    assert found["scores"]["values"] == [3.5, 4.5, 5.5]
    assert found["scores"]["mean"] == 4.5
    assert found["scores"]["std"] == 1.0
    assert found["evaluations"]["values"] == [4.0, 14.0, 24.0]
    assert found["steps_per_second"] == 1000.0
    assert "curve" not in found["runs"][0]
    assert done.envelope["data"]["complete"] is True
    events = [event for event in done.events if event["event"] == "run"]
    assert sorted(event["name"] for event in events) == [f"pendulum seed {i}" for i in range(3)]
    last = [event for event in done.events if event["event"] == "progress"][-1]
    assert (last["steps"], last["total"]) == (1200, 1200)

    stored = results()["envs"]["pendulum"]
    assert [x for x in stored["runs"][1]["curve"] if x is not None] == [2.0, 3.0, 4.0, 5.0]
    with open("b/results.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], row["return_mean"]) for row in rows] == [
        ("0", "3.5"), ("1", "4.5"), ("2", "5.5")
    ]  # fmt: skip
    text = Path("b/results.md").read_text()
    assert "| pendulum | 4.5 ± 1 | 4.5 | 3.5 to 5.5 | 14 ± 10 | - | 1,000 | 3 |" in text
    assert "Partial" not in text

    self_compare = rlctl(*KNOWN, "--seeds", 3, "--against", "b/results.json", "--json")
    assert self_compare.code == 0
    assert not [event for event in self_compare.events if event["event"] == "run"]  # all kept

    worse = ("--out", "c", "--set", "known.slope=-5", "--against", "b/results.json")
    fallen = rlctl(*KNOWN, "--seeds", 3, "--jobs", 3, *worse, "--json")
    assert fallen.code == 1
    assert fallen.envelope["error"]["code"] == "check_failed"
    assert "changed by -2" in fallen.envelope["error"]["message"]
    assert fallen.envelope["data"]["checks"][0]["ok"] is False
    assert fallen.envelope["data"]["envs"]["pendulum"]["scores"]["mean"] == -16.5

    mixed = rlctl(*KNOWN, "--seeds", 3, "--set", "known.slope=2")
    assert mixed.code == 2
    assert "known.slope = 1.0, not 2.0" in mixed.err


def test_text_output_is_a_table_and_a_failed_check(rlctl, monkeypatch):
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    done = rlctl(*KNOWN, "--seeds", 1, "--min-return", "pendulum=100")
    assert done.code == 1
    assert done.out.splitlines()[1].split()[:2] == ["pendulum", "3.5"]
    assert "warning: no plots: matplotlib" in done.err
    assert "1 of 1: pendulum seed 0: return 3.5 (400 steps, 0:00)" in done.err
    assert "error: pendulum: mean return 3.50, below 100" in done.err
    assert not Path("b/curves.png").exists()
    assert "![" not in Path("b/results.md").read_text()


def test_too_few_seeds_learn(rlctl):
    """Run a benchmark; its last evaluations are 4, 14 and 24."""
    args = (*KNOWN, "--seeds", 3, "--jobs", 3, "--set", "train.target_return=14", "--json")
    assert rlctl(*args).envelope["data"]["checks"] == []
    enough = rlctl(*args, "--min-share", "0.66")
    assert enough.code == 0
    (check,) = enough.envelope["data"]["checks"]
    assert check["detail"] == "2 of 3 seeds learned, at least 0.66"
    done = rlctl(*args, "--min-share", "0.7")
    assert done.code == 1
    assert done.envelope["error"]["message"] == "pendulum: 2 of 3 seeds learned, below 0.7"
    found = done.envelope["data"]["envs"]["pendulum"]
    assert (found["target"], found["learned"]) == (14.0, 2)
    assert [run["learned"] for run in found["runs"]] == [False, True, True]
    assert "| 2 of 3 reach 14 |" in Path("b/results.md").read_text()


def test_a_training_that_fails_does_not_stop_the_others(rlctl):
    args = (*KNOWN, "--seeds", 2, "--set", "known.bad_seed=0")
    done = rlctl(*args, "--json")
    assert done.code == 1
    assert "pendulum seed 0: loss is not finite" in done.envelope["error"]["message"]
    found = done.envelope["data"]["envs"]["pendulum"]
    assert [run["status"] for run in found["runs"]] == ["failed", "finished"]
    assert found["scores"]["values"] == [4.5]
    assert done.envelope["data"]["complete"] is False
    assert "**Partial" in Path("b/results.md").read_text()


def test_ctrl_c_keeps_results_and_the_same_command_resumes(rlctl):
    slow = (*KNOWN, "--steps", "1000", "--seeds", "2", "--jobs", "2", "--json")
    slow += ("--set", "known.pause=0.15")
    process = subprocess.Popen(
        [sys.executable, "-m", "rlctl", *slow], stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if json.loads(line).get("steps", 0) >= 100:
            process.send_signal(signal.SIGINT)
            break
    envelope = json.loads(process.stdout.read().splitlines()[-1])
    process.stdout.close()
    assert process.wait(60) == 130
    assert envelope["error"]["code"] == "stopped"
    assert envelope["data"]["complete"] is False
    runs = results()["envs"]["pendulum"]["runs"]
    assert {run["status"] for run in runs} <= {"stopped", "finished"}
    assert "stopped" in {run["status"] for run in runs}

    done = rlctl(*slow)
    assert done.code == 0
    assert done.envelope["data"]["envs"]["pendulum"]["scores"]["values"] == [9.5, 10.5]
    configs = [Path(f"b/runs/pendulum-s{seed}/config.json").read_text() for seed in (0, 1)]
    assert any(json.loads(config)["resumed"] for config in configs), "one had begun for certain"


OLD = {
    "algo": "known",
    "steps": 400,
    "envs": {"pendulum": {"scores": {"values": [1.0, 2.0]}}, "barkour": {"scores": None}},
}


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--envs", ","), 2, "needs environments"),
        (("--envs", "pendulm"), 2, "did you mean pendulum?"),
        (("--algo", "knwon"), 2, "did you mean known?"),
        (("--seeds", "0"), 2, "--seeds: 0 is below"),
        (("--steps", "few"), 2, "--steps: 'few' is not a whole number"),
        (("--jobs", "0"), 2, "--jobs: 0 is below"),
        (("--set", "known.slop=1"), 2, "did you mean known.slope?"),
        (("--min-return", "5"), 2, "not of the form ENV=X"),
        (("--min-share", "1.5"), 2, "1.5"),
        (("--min-share", "0.5"), 2, "train.target_return"),
        (("--min-return", "hopper=5"), 2, "ENV one of pendulum"),
        (("--min-return", "pendulum=x"), 2, "'x' is not a number"),
        (("--against", "gone.json"), 3, "gone.json"),
        (("--against", "torn.json"), 6, "does not hold the results"),
        (("--against", "old.json", "--steps", "500"), 6, "of known after 400 steps"),
        (("--against", "old.json", "--envs", "barkour"), 6, "has none of barkour"),
        (("--against", "old.json"), 2, "2 seeds are too few"),
    ],
)
def test_bad_input_trains_nothing(rlctl, args, code, words):
    Path("torn.json").write_text("{")
    Path("old.json").write_text(json.dumps(OLD))
    done = rlctl(*KNOWN, *args)
    assert done.code == code
    assert words in done.err
    assert not Path("b").exists()


def test_what_no_run_left_is_not_removed(rlctl):
    for seed, name in enumerate(("metrics.jsonl", "thesis.tex")):
        folder = Path(f"b/runs/pendulum-s{seed}")
        folder.mkdir(parents=True)
        (folder / name).write_text("")
    done = rlctl(*KNOWN, "--seeds", 2, "--jobs", 2)
    assert done.code == 1
    assert "error: pendulum seed 1: b/runs/pendulum-s1 already exists and is not empty" in done.err
    assert Path("b/runs/pendulum-s1/thesis.tex").exists()
    assert Path("b/runs/pendulum-s0/config.json").exists()


def test_a_folder_that_cannot_be_written(rlctl):
    Path("file").write_text("")
    done = rlctl(*KNOWN, "--out", "file/b")
    assert done.code == 9
    assert "file/b" in done.err


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_a_terminal(width, monkeypatch):
    score = {"values": [], "mean": 9143.2, "std": 412.9, "iqm": 9143.2, "ci95": (-1986.1, 12935.7)}
    found = {
        "scores": score,
        "evaluations": None,
        "learned": 10,
        "steps_per_second": 81649.2,
        "published": [{"title": "A table of returns, 2023", "mean": 9301.5}],
    }
    monkeypatch.setenv("COLUMNS", str(width))
    out = Console("benchmark")
    out.stdout = Terminal()
    _show(out, {"seeds": 10, "envs": {"inverted-double-pendulum": found}})
    header, *lines = out.stdout.getvalue().splitlines()
    assert max(map(display_width, [header, *lines])) < width
    words = ("9,143 +- 412.9", "-1,986 to 12,936", "10 of 10", "81,649", "A table of returns 9,302")
    assert all(word in "\n".join(lines) for word in words)

"""`rlctl train` with a fake engine."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rlctl.checkpoints import shipped

FAKE = Path(__file__).parents[1] / "fake_engine.py"
TRAIN = ("train", "pendulum", "--algo", "fake", "--set", "train.plot=false")
pytestmark = pytest.mark.usefixtures("fake")


def config_of(run):
    return json.loads((Path(run) / "config.json").read_text())


def test_a_training_prints_events_then_the_envelope(rlctl, tmp_path):
    done = rlctl(*TRAIN, "--steps", "2e2", "--num-envs", 8, "--out", tmp_path / "run", "--json")
    assert done.code == 0
    assert [event["event"] for event in done.events if event["event"] != "phase"] == [
        "start",
        *["progress", "eval"] * 2,
    ]
    data = done.envelope["data"]
    assert done.envelope["ok"] is True
    assert data["run"] == str(tmp_path / "run")
    assert Path(data["checkpoint"]) == tmp_path / "run" / "checkpoints" / "step_000000000200"
    assert data["best_checkpoint"] == data["checkpoint"]
    assert data["steps"] == 200
    assert data["steps_per_second"] > 0
    assert data["eval"]["return"] == {"mean": 200.0, "std": None}
    saved = config_of(data["run"])
    assert saved["settings"]["train"]["num_envs"] == 8
    assert saved["origins"]["train.num_envs"] == "flag"
    assert saved["provenance"]["packages"]["rlctl"]


def test_text_output_has_results_on_stdout_and_the_rest_on_stderr(rlctl):
    done = rlctl(*TRAIN, "--steps", 100)
    assert done.code == 0
    assert "return      100" in done.out.splitlines()
    assert "step_000000000100" in done.out
    assert "compile" in done.err.splitlines()
    assert "\033" not in done.out + done.err
    assert done.err.splitlines()[-1] == "next: rlctl eval, rlctl render --out demo.mp4"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ((8192, 0, 50.0, 979.0), "8,192 in 0:50: 979 steps/s once compiled, 164 over all"),
        ((8192, 0, 50.0, 164.0), "8,192 in 0:50: 164 steps/s over all"),
        ((8192, 4096, 50.0, 979.0), "8,192, 4,096 of them now, in 0:50: 979 steps/s once compiled, "
         "82 over all"),
        ((8192, 8192, 0.1, 0.0), "8,192, all of them before"),
    ],
)  # fmt: skip
def test_two_rates_are_shown_separately(monkeypatch, rlctl, data, line):
    from rlctl.actions import train

    steps, before, seconds, rate = data
    to_json = train.TrainReport.to_json

    def changed(report):
        result = replace(
            report.result, steps=steps, steps_before=before, seconds=seconds, steps_per_second=rate
        )
        return to_json(replace(report, result=result))

    monkeypatch.setattr(train.TrainReport, "to_json", changed)
    assert f"steps       {line}" in rlctl(*TRAIN, "--steps", 100).out.splitlines()


def test_a_run_elsewhere_is_named_in_what_to_do_next(rlctl):
    done = rlctl(*TRAIN, "--steps", 100, "--out", "mine")
    assert "next: rlctl eval --ckpt mine, " in done.err


@pytest.mark.parametrize("name", ["my runs/a", "it's", "a$HOME", "x;y", "(z)"])
def test_commands_it_prints_can_be_pasted(rlctl, name):
    done = rlctl(*TRAIN, "--steps", 100, "--out", name)
    assert f"next: rlctl eval --ckpt {shlex.quote(name)}, " in done.err
    again = rlctl(*TRAIN, "--steps", 100, "--out", name)
    assert f"rlctl train --resume {shlex.quote(name)}" in again.err


@pytest.mark.parametrize("name", ["my policy", "it's"])
def test_commands_about_checkpoints_can_be_pasted(rlctl, name):
    shutil.copytree(shipped.named("shipped:pendulum"), name)
    assert f"--init-from {shlex.quote(name)}" in rlctl("train", "--resume", name).err
    Path(f"{name}.pkl").write_bytes(b"\x80")
    done = rlctl("eval", "--ckpt", f"{name}.pkl").err
    assert f"rlctl import {shlex.quote(name + '.pkl')} --out DIR" in done
    Path(f"{name}.toml").write_text("[env]\nx = 1\n")
    done = rlctl("config", "validate", f"{name}.toml").err
    assert f"rlctl config validate {shlex.quote(name + '.toml')} ENV" in done


def test_quiet_json_is_the_envelope_alone(rlctl):
    done = rlctl(*TRAIN, "--steps", 100, "--json", "--quiet")
    assert done.events == []
    assert done.err == ""
    assert done.envelope["ok"]


def test_settings_come_from_every_layer_in_order(rlctl, tmp_path):
    (tmp_path / "mine.toml").write_text("[train]\nsteps = 300\nnum_envs = 3\nseed = 3\n")
    layers = ("--config", "mine.toml", "--set", "train.num_envs=4", "--set", "train.seed=4")
    done = rlctl(*TRAIN, *layers, "--seed", "5", "--json")
    train = config_of(done.envelope["data"]["run"])["settings"]["train"]
    assert (train["steps"], train["num_envs"], train["seed"]) == (300, 4, 5)
    assert done.envelope["data"]["run"].endswith("-s5")


def test_a_dry_run_prints_the_plan_and_writes_nothing(rlctl, tmp_path):
    done = rlctl(*TRAIN, "--steps", 150, "--dry-run", "--json")
    assert done.code == 0
    assert done.envelope["data"]["steps"] == 200
    assert done.envelope["data"]["settings"]["train"]["steps"] == 150
    assert list(tmp_path.iterdir()) == []


def test_a_run_keeps_the_settings_of_the_device_it_began_on(rlctl, tmp_path, monkeypatch):
    from rlctl.core import device
    from rlctl.core import presets as preset_files

    presets = tmp_path / "presets"
    (presets / "fake").mkdir(parents=True)
    (presets / "fake" / "pendulum.toml").write_text("[train]\nsteps = 200\nnum_envs = 8\n")
    (presets / "fake" / "pendulum.gpu.toml").write_text("[train]\nnum_envs = 64\n")
    monkeypatch.setattr(preset_files, "_presets", lambda: presets)
    monkeypatch.setattr(device, "gpu_missing", lambda: None)
    monkeypatch.delenv("JAX_PLATFORMS")
    done = rlctl(*TRAIN, "--dry-run", "--json")
    both = ["preset fake/pendulum.toml", "preset fake/pendulum.gpu.toml"]
    assert sorted(done.envelope["data"]["presets"]) == sorted(both)
    assert done.envelope["data"]["origins"]["train.num_envs"] == both[1]
    lines = rlctl(*TRAIN, "--dry-run").out.splitlines()
    assert any(line.startswith("presets ") and "pendulum.gpu.toml" in line for line in lines)

    rlctl(*TRAIN, "--out", "run")
    monkeypatch.setattr(device, "gpu_missing", lambda: ("there is none", ""))
    assert rlctl("train", "--resume", "run", "--steps", 300).code == 0
    assert config_of("run")["settings"]["train"]["num_envs"] == 64
    assert config_of("run")["origins"]["train.num_envs"] == both[1]
    rlctl(*TRAIN, "--out", "other")
    assert config_of("other")["settings"]["train"]["num_envs"] == 8


@pytest.mark.parametrize("mode", [(), ("--dry-run",)])
def test_what_the_engine_refuses_leaves_nothing_behind(rlctl, tmp_path, mode):
    done = rlctl(*TRAIN, "--set", "fake.odd=13", *mode)
    assert done.code == 2
    assert "12 and 14 do" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_training_can_start_from_a_checkpoint(rlctl, tmp_path):
    rlctl(*TRAIN, "--steps", 100, "--out", "first")
    done = rlctl(*TRAIN, "--steps", 100, "--out", "second", "--init-from", "first", "--json")
    assert done.code == 0
    assert config_of("second")["init_from"].endswith("step_000000000100")
    lost = rlctl(*TRAIN, "--init-from", "third", "--out", "fourth")
    assert lost.code == 3
    assert not (tmp_path / "fourth").exists()


class TestResume:
    @pytest.fixture
    def run(self, rlctl):
        rlctl(*TRAIN, "--steps", 200, "--out", "run", "--set", "fake.odd=7")
        return "run"

    def test_a_run_resumes_from_its_newest_checkpoint(self, rlctl, run):
        with open("run/metrics.jsonl", "a") as file:
            file.write('{"steps": 900}\n')  # a row past the checkpoint
        done = rlctl("train", "--resume", run, "--steps", "4e2", "--json")
        assert done.code == 0
        started = next(event for event in done.events if event["event"] == "start")
        assert started == {
            "event": "start", "run": "run", "env": "pendulum", "algo": "fake",
            "steps": 200, "total": 400,
        }  # fmt: skip
        assert done.envelope["data"]["steps"] == 400
        rows = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
        assert [row["steps"] for row in rows] == [100, 200, 300, 400]
        saved = config_of("run")
        assert saved["settings"]["train"]["steps"] == 400
        assert saved["settings"]["fake"]["odd"] == 7
        assert saved["origins"]["fake.odd"] == "--set"
        assert [row["step"] for row in saved["resumed"]] == [200]

    def test_a_finished_run_is_left_as_it_is(self, rlctl, run):
        done = rlctl("train", "--resume", run, "--json")
        assert done.code == 0
        assert done.envelope["data"]["steps"] == 200

    def test_a_damaged_checkpoint_is_skipped_with_a_warning(self, rlctl, run):
        weights = Path("run/checkpoints/step_000000000200/policy.safetensors")
        weights.write_bytes(weights.read_bytes()[:-1] + b"?")
        done = rlctl("train", "--resume", run, "--json")
        assert done.code == 0
        assert "warning: skipped: " in done.err
        assert "policy.safetensors" in done.err
        assert next(e for e in done.events if e["event"] == "start")["steps"] == 100

    @pytest.mark.parametrize(
        ("extra", "complaint"),
        [
            (("hopper",), "the run is of pendulum, not hopper"),
            (("--out", "other"), "takes out from the run"),
            (("--config", "x.toml"), "takes config from the run"),
            (("--init-from", "run"), "takes init_from from the run"),
            (("--seed", "5"), "train.seed is 0 in the run, not 5"),
            (("--set", "fake.odd=8"), "fake.odd is 7 in the run, not 8"),
            (("--set", "fake.even=8"), "there is no such setting"),
            (("--algo", "ppo"), "the algorithm is fake in the run, not ppo"),
            (("--steps", "100"), "has 200 steps already"),
            (("--dry-run",), "--dry-run"),
        ],
    )
    def test_what_contradicts_the_run_is_refused(self, rlctl, run, extra, complaint):
        before = Path("run/config.json").read_bytes()
        done = rlctl("train", "--resume", run, *extra)
        assert done.code == 2
        assert complaint in done.err
        assert Path("run/config.json").read_bytes() == before

    def test_what_agrees_with_the_run_is_allowed(self, rlctl, run):
        assert rlctl("train", "--resume", run, "--seed", "0", "--algo", "fake").code == 0

    def test_a_run_that_is_not_there_is_not_found(self, rlctl):
        assert rlctl("train", "--resume", "nowhere").code == 3

    def test_a_run_without_a_checkpoint_begins_anew(self, rlctl, run):
        os.rename("run/checkpoints", "elsewhere")
        done = rlctl("train", "--resume", run, "--json")
        assert done.code == 0
        assert "starts over" in done.err
        assert [e["steps"] for e in done.events if e["event"] == "progress"] == [100, 200]
        assert len(Path("run/metrics.jsonl").read_text().splitlines()) == 2

    def test_a_run_in_use_is_left_alone(self, rlctl, run):
        from rlctl.core.runs import Run

        with Run.open(Path(run)):
            done = rlctl("train", "--resume", run)
        assert done.code == 11
        assert f"pid {os.getpid()}" in done.err


@pytest.mark.parametrize(
    ("how", "code", "name"),
    [("diverge", 8, "diverged"), ("memory", 9, "out_of_space"), ("disk", 9, "out_of_space")],
)
def test_a_failure_keeps_what_was_saved(rlctl, how, code, name):
    done = rlctl(*TRAIN, "--steps", 400, "--set", f"fake.fail={how}", "--out", "run", "--json")
    assert done.code == code
    assert done.envelope["error"]["code"] == name
    assert sorted(os.listdir("run/checkpoints")) == [
        "latest", "step_000000000100", "step_000000000200"
    ]  # fmt: skip


def test_a_divergence_names_the_run_and_the_step(rlctl):
    done = rlctl(*TRAIN, "--set", "fake.fail=diverge", "--out", "run", "--json")
    last = "run/checkpoints/step_000000000200"
    assert done.envelope["data"] == {"run": "run", "checkpoint": last, "step": 300}


def test_a_bug_in_an_engine_is_no_traceback(rlctl, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = rlctl(*TRAIN, "--set", "fake.fail=bug")
    assert done.code == 70
    assert "Traceback" not in done.err
    assert "ZeroDivisionError" in done.err


class Process:
    """Start `rlctl train` in a subprocess, slow enough to be interrupted."""

    def __init__(self, *args, **streams):
        command = [sys.executable, str(FAKE), *TRAIN, "--out", "run", "--set", "fake.pause=0.05"]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        self.process = subprocess.Popen([*command, *args], text=True, **streams)

    def wait_for(self, stream, word):
        for line in stream:
            if word in line:
                return
        raise AssertionError(f"no {word}")

    def end(self):
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_the_envelope_still_comes(signum, code):
    training = Process("--json")
    training.wait_for(training.process.stdout, '"eval"')
    training.process.send_signal(signum)
    ended, out, err = training.end()
    envelope = json.loads(out.splitlines()[-1])
    assert ended == code
    assert envelope["ok"] is False
    assert envelope["error"]["code"] == "stopped"
    assert envelope["error"]["hint"] == "rlctl train --resume run"
    assert envelope["data"]["run"] == "run"
    assert "stopping and saving" in err
    assert (Path("run") / "checkpoints" / "latest").is_file()


def test_a_stop_is_not_printed_as_an_error():
    training = Process()
    training.wait_for(training.process.stderr, "evaluation")
    training.process.send_signal(signal.SIGINT)
    code, _, err = training.end()
    assert code == 130
    assert "Ctrl-C: stopping" in err
    assert re.search(r"^stopped at step \d+$", err, re.MULTILINE)
    assert err.splitlines()[-1] == "next: rlctl train --resume run"
    assert not re.search("error|hint|SIGINT", err)


def test_a_second_signal_does_not_wait():
    training = Process("--json", "--set", "fake.pause=2")
    training.wait_for(training.process.stdout, '"compile"')
    training.process.send_signal(signal.SIGTERM)
    training.wait_for(training.process.stderr, "stop immediately")
    training.process.send_signal(signal.SIGTERM)
    code, out, _ = training.end()
    assert code == 12
    assert json.loads(out.splitlines()[-1])["error"]["code"] == "stopped_unsaved"


@pytest.mark.parametrize(("args", "stream"), [(("--json",), "stdout"), ((), "stderr")])
def test_a_closed_pipe_saves_and_ends_quietly(args, stream):
    training = Process(*args)
    reader = getattr(training.process, stream)
    training.wait_for(reader, "compile")
    reader.close()
    other = {"stdout": training.process.stderr, "stderr": training.process.stdout}[stream]
    said = other.read()
    other.close()
    assert training.process.wait(60) == 141
    assert "Traceback" not in said
    assert "Exception" not in said
    assert (Path("run") / "checkpoints" / "latest").is_file()

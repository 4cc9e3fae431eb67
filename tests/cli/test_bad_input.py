"""Bad input: the exit code, and a message with what was given, what is allowed, what to do."""

import os
import subprocess
import sys

import pytest

from rlctl import cli

BAD = [
    # arguments, exit code, words of the message
    (["no-such-command"], 2, ["no-such-command"]),
    (["trian"], 2, ["trian", "train"]),
    (["train"], 2, ["needs an environment", "rlctl envs"]),
    (["train", "pendulm"], 2, ["'pendulm'", "did you mean pendulum?"]),
    (["train", "nothing-like-it"], 2, ["barkour", "rlctl envs"]),
    (["train", "pendulum", "two"], 2, ["two", "rlctl benchmark"]),
    (["train", "pendulum", "--algo", "pppo"], 2, ["'pppo'", "did you mean ppo?"]),
    (["train", "pendulum", "--stesp", "5"], 2, ["--stesp", "--steps"]),
    (["train", "pendulum", "--steps", "0"], 2, ["--steps: 0 is below the smallest allowed, 1"]),
    (["train", "pendulum", "--steps", "-5"], 2, ["--steps: -5 is below"]),
    (["train", "pendulum", "--steps", "1e30"], 2, ["--steps: '1e30' is too large"]),
    (["train", "pendulum", "--steps", "many"], 2, ["--steps: 'many' is not a whole number"]),
    (["train", "pendulum", "--num-envs", "0"], 2, ["--num-envs: 0 is below"]),
    (["train", "pendulum", "--num-envs", "9999999999"], 2, ["--num-envs", "1,000,000"]),
    (["train", "pendulum", "--seed", "-1"], 2, ["--seed: -1 is below"]),
    (["train", "pendulum", "--save-every", "x"], 2, ["--save-every: 'x' is not"]),
    (["train", "pendulum", "--physics", "bullet"], 2, ["bullet", "native"]),
    (["train", "pendulum", "--device", "tpu"], 2, ["tpu", "cpu"]),
    (["train", "pendulum", "--cpu", "--device", "gpu"], 2, ["contradict"]),
    (["train", "pendulum", "--device", "gpu"], 7, ["GPU", "--device cpu"]),
    (["train", "pendulum", "--set", "ppo.lerning_rate=1"], 2, ["did you mean ppo.learning_rate?"]),
    (["train", "hopper", "--algo", "ppo", "--set", "ppo.symmetry=true"], 2, ["ppo.symmetry=false"]),
    (["train", "hopper", "--set", "train.curriculum_steps=9"], 2, ["no curriculum"]),
    (
        ["train", "pendulum", "--set", "learning_rate=1"],
        2,
        [
            "section.key=value",
            "did you mean ppo.learning_rate?",
            "rlctl config show pendulum",
        ],
    ),
    (["train", "pendulum", "--set", "lr=1"], 2, ["did you mean ppo.learning_rate?"]),
    (["train", "pendulum", "--set", "ppo.lr=1"], 2, ["did you mean ppo.learning_rate?"]),
    (
        ["train", "pendulum", "--algo", "trpo", "--set", "gamma=1"],
        2,
        [
            "did you mean trpo.discounting?",
            "rlctl config show pendulum --algo trpo",
        ],
    ),
    (
        ["train", "pendulum", "--set", "ppo.learning_rate", "1e-3"],
        2,
        [
            "write it without a space: --set ppo.learning_rate=1e-3",
        ],
    ),
    (
        ["train", "pendulum", "--set", "ppo.learning_rate", "=", "1e-3"],
        2,
        [
            "write it without a space: --set ppo.learning_rate=1e-3",
        ],
    ),
    (
        ["train", "pendulum", "--set", "ppo.learning_rate=", "1e-3"],
        2,
        [
            "write it without a space: --set ppo.learning_rate=1e-3",
        ],
    ),
    (["train", "pendulum", "--set", "ppo.activation=Tanh"], 2, ["did you mean tanh?"]),
    (["train", "pendulum", "--steps", "1e6.5"], 2, ["`rlctl train --help` says what is allowed"]),
    (["train", "pendulum", "--num_envs", "4"], 2, ["did you mean --num-envs?"]),
    (["train", "pendulum", "--n-envs", "4"], 2, ["did you mean --num-envs?"]),
    (["train", "pendulum", "--total-timesteps", "4"], 2, ["did you mean --steps?"]),
    (["train", "pendulum", "--lr", "4"], 2, ["--set ppo.learning_rate=VALUE"]),
    (["train", "pendulum", "--n-steps", "4"], 2, ["--set ppo.unroll_length=VALUE"]),
    (["train", "pendulum", "--algo", "trpo", "--gamma=4"], 2, ["--set trpo.discounting=VALUE"]),
    (["train", "pendulum", "--gpu"], 2, ["did you mean --device gpu?"]),
    (["train", "--env", "pendulum"], 2, ["rlctl train ENV"]),
    (["eval", "--env-id", "pendulum"], 2, ["rlctl eval ENV"]),
    (["eval", "--checkpoint", "x"], 2, ["did you mean --ckpt?"]),
    (["render", "pendulum", "-o", "x.mp4"], 2, ["did you mean --out?"]),
    (["render", "pendulum", "--size", "640", "--out", "x.png"], 2, ["--size 1280x720"]),
    (["train", "pendulum", "--device", "cuda"], 7, ["GPU", "--device cpu"]),
    (["train", "pendulum", "--device", "cuda", "--cpu"], 2, ["contradict"]),
    (["train", "pendulum", "--device", "CPU"], 2, ["did you mean cpu?"]),
    (["train", "pendulum", "--physics", "mjx"], 2, ["did you mean jax?"]),
    (["export", "--format", "pytorch", "--out", "x"], 2, ["did you mean torch?"]),
    (["train", "pendulum", "--algo", "dqn"], 2, ["there are ppo, sac, trpo", "--algo ppo"]),
    (["train", "CartPole-v1"], 2, ["did you mean gym:CartPole-v1?"]),
    (["train", "Hopper-v5"], 2, ["did you mean gym:Hopper-v5, or hopper"]),
    (["train", "HalfCheetah"], 2, ["did you mean half-cheetah?"]),
    (["render", "shipped", "--out", "x.png"], 2, ["--ckpt shipped:ENV"]),
    (["eval", "shipped:pendulum"], 2, ["--ckpt shipped:pendulum"]),
    (["eval", "latest"], 2, ["--ckpt latest"]),
    (["eval", "runs/a b"], 2, ["--ckpt 'runs/a b'"]),
    (["pendulum"], 2, ["rlctl train pendulum"]),
    (["gym:CartPole-v1"], 2, ["rlctl train gym:CartPole-v1"]),
    (["play", "pendulum"], 2, ["did you mean `rlctl render`?"]),
    (["list"], 2, ["did you mean `rlctl envs`?"]),
    (["train", "pendulum", "--set", "ppo.learning_rate"], 2, ["section.key=value"]),
    (["train", "pendulum", "--set", "ppo.activation=sine"], 2, ["'sine'", "swish, tanh"]),
    (["train", "pendulum", "--set", "env.gravity=1"], 2, ["env.gravity", "no such setting"]),
    (["train", "pendulum", "--config", "gone.toml"], 3, ["gone.toml"]),
    (["train", "pendulum", "--config", "torn.toml"], 2, ["torn.toml", "line 1"]),
    (["train", "pendulum", "--config", "typo.toml"], 2, ["typo.toml", "ppo.learning_rat"]),
    (["train", "pendulum", "--config", "."], 2, ["cannot read"]),
    (["train", "--resume", "gone"], 3, ["gone", "rlctl train ENV"]),
    (["train", "--resume", ""], 3, ["no run"]),
    (["train", "pendulum", "--init-from", "gone"], 3, ["gone"]),
    (["eval", "--episodes", "0"], 2, ["--episodes: 0 is below"]),
    (["eval", "--episodes", "-3"], 2, ["--episodes: -3 is below"]),
    (["eval", "--episodes", "999999999"], 2, ["--episodes: 999999999", "100,000"]),
    (["eval", "--episodes", "few"], 2, ["--episodes: 'few' is not a whole number"]),
    (["eval", "--seed", "-1", "--max-episode-steps", "0"], 2, ["--seed", "--max-episode-steps"]),
    (["eval", "--min-return", "nan"], 2, ["--min-return"]),
    (["eval", "--ckpt", "gone"], 3, ["gone"]),
    (["eval", "--backend", "tensorflow"], 2, ["numpy", "jax", "torch"]),
    (["render", "--out", "x.png", "--backend", "C"], 2, ["numpy", "jax", "torch"]),
    (["compare", "--num-tests", "0"], 2, ["--num-tests: 0 is below"]),
    (["compare", "--tolerance", "2"], 2, ["--tolerance: 2.0 is above"]),
    (["compare", "--tolerance", "nan"], 2, ["--tolerance"]),
    (["compare", "--ckpt", "gone"], 3, ["gone"]),
    (["compare", "--device", "gpu"], 7, ["GPU"]),
    (["export", "--format", "pickle", "--out", "p"], 2, ["torch", "brax", "onnx", "numpy"]),
    (["export", "--format", "numpy", "--out", "p"], 3, ["rlctl train"]),
    (["eval"], 3, ["rlctl train"]),
    (["eval", "pendulm"], 2, ["did you mean pendulum?"]),
    (["eval", "--device", "gpu"], 7, ["GPU"]),
    (["config"], 2, []),
    (["config", "shwo"], 2, ["show"]),
    (["config", "vaildate", "torn.toml"], 2, ["validate"]),
    (["config", "pendulm"], 2, ["did you mean pendulum?"]),
    (["compare", "pendulm"], 2, ["did you mean pendulum?"]),
    (["export", "pendulm", "--format", "numpy", "--out", "p"], 2, ["did you mean pendulum?"]),
    (["compare", "hopper"], 3, ["no run of hopper", "rlctl train hopper"]),
    (["compare", "pendulum", "--ckpt", "shipped:barkour"], 6, ["of environment barkour"]),
    (["inspect-ckpt", "pendulum", "--ckpt", "pendulum"], 2, ["both name a checkpoint"]),
    (["benchmark"], 2, ["rlctl benchmark ENV"]),
    (["benchmark", "pendulm"], 2, ["did you mean pendulum?"]),
    (["config", "show"], 2, ["ENV"]),
    (["config", "show", "pendulm"], 2, ["did you mean pendulum?"]),
    (["config", "show", "pendulum", "--algo", "trpoo"], 2, ["'trpoo'"]),
    (["config", "validate"], 2, ["FILE"]),
    (["config", "validate", "gone.toml"], 3, ["gone.toml"]),
    (["config", "validate", "torn.toml"], 2, ["torn.toml"]),
    (["config", "validate", "typo.toml"], 2, ["did you mean ppo.learning_rate?"]),
    (["config", "validate", "env.toml"], 2, ["rlctl config validate env.toml ENV"]),
    (["envs", "extra"], 2, ["extra"]),
]


@pytest.fixture(autouse=True)
def config_files(tmp_path):
    (tmp_path / "torn.toml").write_text("[ppo\n")
    (tmp_path / "typo.toml").write_text("[ppo]\nlearning_rat = 1\n")
    (tmp_path / "env.toml").write_text("[env]\nx = 1\n")


@pytest.mark.parametrize(("args", "code", "words"), BAD, ids=[" ".join(row[0]) for row in BAD])
def test_bad_input_is_reported_as_text(rlctl, tmp_path, args, code, words):
    before = set(tmp_path.rglob("*"))
    done = rlctl(*args)
    assert done.code == code
    assert done.out == ""
    assert done.err.count("error: ") == 1
    assert "Traceback" not in done.err
    assert [word for word in words if word not in done.err] == []
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("args", "code", "words"), BAD, ids=[" ".join(row[0]) for row in BAD])
def test_bad_input_is_reported_as_json(rlctl, args, code, words):
    done = rlctl(*args, "--json")
    envelope = done.envelope
    assert done.code == code
    assert envelope["ok"] is False
    assert envelope["command"].split()[0] in (args[0], "rlctl")
    text = f"{envelope['error']['message']} {envelope['error']['hint']}"
    assert [word for word in words if word not in text] == []
    assert envelope["error"]["hint"]


def test_all_wrong_settings_are_reported_together(rlctl):
    done = rlctl(
        "train", "pendulum", "--steps", "0", "--set", "ppo.epochs=1", "--config", "typo.toml"
    )
    assert done.code == 2
    for part in ("3 settings", "--steps: 0", "--set ppo.epochs", "typo.toml: ppo.learning_rat"):
        assert part in done.err


def test_an_output_that_cannot_be_written(rlctl, tmp_path):
    (tmp_path / "file").write_text("")
    done = rlctl("train", "pendulum", "--out", "file/run")
    assert done.code == 9
    assert "file/run" in done.err


def test_no_arguments_show_the_help(rlctl):
    done = rlctl()
    assert done.code == 0
    assert "train" in done.out


def test_the_version_is_reported(rlctl):
    assert rlctl("--version").out.startswith("rlctl ")


@pytest.mark.parametrize("name", ["train", "eval", "envs", "config"])
def test_every_command_has_help(rlctl, name):
    for option in ("-h", "--help"):
        done = rlctl(name, option)
        assert done.code == 0
        assert done.out.startswith(f"Usage: rlctl {name}")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_results_that_cannot_be_printed():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "rlctl", "config", "show", "pendulum"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 9
    assert "no space left" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("args", [["config", "show", "pendulum"], ["--help"], ["train", "x"]])
def test_a_closed_pipe_is_quiet(args):
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "rlctl", *args]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.returncode == (2 if args[0] == "train" else 141)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_names_that_are_not_text_are_reported():
    command = [sys.executable, "-m", "rlctl", "train", os.fsdecode(b"\xff\xfe")]
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environ)
    assert done.returncode == 2
    assert b"there is no environment" in done.stderr


def test_completion_knows_environments_and_algorithms(capsys):
    from rlctl.cli import options

    assert [name for name, _ in options.complete_env("b")] == ["barkour", "brax:"]
    assert [name for name, _ in options.complete_algo("p")] == ["ppo"]
    assert options.complete_ckpt("la") == ["latest"]
    assert options.complete_ckpt("pend") == ["pendulum"]


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("rlctl train pend", ["pendulum"]),
        ("rlctl compare pend", ["pendulum"]),
        ("rlctl config show pend", ["pendulum"]),
        ("rlctl benchmark hopper sw", ["swimmer"]),
        ("rlctl eval --ckpt shipped:b", ["shipped:barkour"]),
        ("rlctl train pendulum --device cu", ["cuda"]),
        ("rlctl train pendulum --set ppo.learning_rate_", ["ppo.learning_rate_schedule="]),
        ("rlctl train hopper --algo trpo --set trpo.max_kl_", ["trpo.max_kl_schedule="]),
    ],
)
def test_the_shell_gets_completions(words, completed):
    environ = {
        **os.environ,
        "_RLCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    command = [sys.executable, "-m", "rlctl"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert sorted(done.stdout.split()) == completed


def test_every_command_is_registered():
    from typer.main import get_command

    assert set(get_command(cli.app).commands) == {
        "train", "eval", "render", "inspect-ckpt", "device-check", "envs", "config", "compare",
        "export", "import", "benchmark", "plot", "inspect", "check",
    }  # fmt: skip

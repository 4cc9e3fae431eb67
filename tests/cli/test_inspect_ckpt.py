"""`rlctl inspect-ckpt`: text and JSON output."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints.sample_checkpoints import facts, flip, groups, save

from rlctl.checkpoints import manifest, store
from rlctl.policies.mlp.spec import MLPSpec

SPEC = MLPSpec(3, 3, (-1.0, -1.0), (1.0, 1.0), (), (4,))


@pytest.fixture
def run() -> Path:
    folder = Path("runs/pendulum-ppo-x-s0")
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"env": "pendulum"}))
    for step in (1000, 2000):
        save(
            folder / "checkpoints",
            step,
            config={"train": {"steps": 4000}, "ppo": {"learning_rate": 0.0003}},
            policy=SPEC.to_json(),
            episodes=12,
            seconds=3.5,
            metrics={"return": {"mean": 81.5, "std": 2.25}},
            best={"step": 2000, "return": 90.5},
            provenance={"packages": {"jax": "0.1.0"}, "created": "2026-01-02T03:04:05+00:00"},
        )
    return folder


def test_it_says_what_it_is(rlctl, run):
    done = rlctl("inspect-ckpt")
    assert done.code == 0
    for words in (
        str(run / "checkpoints" / "step_000000002000"),
        "verified, 3 files",
        "2,000 steps of 4,000; 2,000 updates; 12 episodes",
        "return 81.5 +- 2.25, the run's best 90.5 at 2,000 steps",
        "3 -> 4, swish, tanh_normal",
        "16 policy",
        "jax 0.1.0 (installed: ",
        "policy/hidden_0/kernel",
        "3x4",
        "ppo.learning_rate",
    ):
        assert words in done.out, words
    assert done.err == ""


def test_json_has_the_same_facts(rlctl, run):
    done = rlctl("inspect-ckpt", run.name + "@1000", "--json")
    data = done.envelope["data"]
    assert (done.code, done.envelope["ok"], done.envelope["error"]) == (0, True, None)
    assert (data["verified"], data["step"], data["total_steps"]) == (True, 1000, 4000)
    assert data["arrays"]["policy"][2]["name"] == "policy/hidden_0/kernel"
    assert data["arrays"]["policy"][2]["shape"] == [3, 4]
    assert data["metrics"]["return"]["mean"] == 81.5
    assert data["untrained"] is False


def test_an_untrained_one_is_called_so(rlctl, tmp_path):
    path = save(tmp_path / "c", 0)
    assert "NEVER TRAINED" in rlctl("inspect-ckpt", path).out


@pytest.mark.parametrize("file", ["manifest.json", "policy.safetensors", "envs.safetensors"])
def test_a_damaged_one_is_described_and_exits_4(rlctl, run, file):
    path = run / "checkpoints" / "step_000000002000"
    flip(path / file, 100)
    done = rlctl("inspect-ckpt", path)
    assert done.code == 4
    assert "DAMAGED: " + file in done.out
    assert file in done.err
    assert "hint:" in done.err
    asked = rlctl("inspect-ckpt", path, "--json")
    assert asked.code == 4
    assert (asked.envelope["ok"], asked.envelope["error"]["code"]) == (False, "damaged")
    assert list(asked.envelope["data"]["faults"]) == [file]


def test_left_out_it_skips_a_damaged_one_and_says_so(rlctl, run):
    flip(run / "checkpoints" / "step_000000002000" / "policy.safetensors")
    done = rlctl("inspect-ckpt", "--json")
    assert done.code == 0
    assert done.envelope["data"]["step"] == 1000
    assert "skipped" in done.err
    assert "step_000000001000 instead" in done.err


STRANGE = (None, 3, "x", [1], {"a": 1}, {"return": 1}, {"packages": [1]}, {"action_low": 1})


@pytest.mark.parametrize("value", STRANGE)
def test_any_content_can_be_shown(rlctl, tmp_path, value):
    names = (*facts(5), "policy", "config", "best", "metrics", "seconds", "provenance", "initial")
    path = store.save(tmp_path, 5, facts(5), groups(5))
    file = path / "manifest.json"
    held = json.loads(file.read_text())
    file.write_bytes(manifest.encode(held | dict.fromkeys(names, value)))
    done = rlctl("inspect-ckpt", path)
    assert done.code == 4
    assert "policy/hidden_0/kernel" in done.out
    file.write_bytes(manifest.encode(held | {"step": value}))
    assert rlctl("inspect-ckpt", path).code == 4


def test_a_manifest_with_any_byte_changed_is_refused_and_shown(rlctl, run, rng):
    path = run / "checkpoints" / "step_000000002000"
    pristine = (path / "manifest.json").read_bytes()
    for position in rng.choice(len(pristine), size=100, replace=False):
        changed = bytearray(pristine)
        changed[position] = rng.integers(256)
        (path / "manifest.json").write_bytes(changed)
        assert rlctl("inspect-ckpt", path).code == (0 if changed == pristine else 4)


def test_differences(rlctl, run):
    done = rlctl("inspect-ckpt", f"{run}@1000", "--diff", f"{run}@2000")
    assert done.code == 0
    assert "policy/policy/hidden_0/kernel" in done.out
    assert ["step", "1000", "2000"] in [line.split() for line in done.out.splitlines()]
    same = rlctl("inspect-ckpt", f"{run}@1000", "--diff", f"{run}@1000")
    assert "all arrays are equal" in same.out


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("nowhere", 3, "no run nowhere"),
        ("runs/pendulum-ppo-x-s0/config.json", 6, "is a file"),
        ("pendulum-ppo-x-s0@7", 3, "no checkpoint of step 7"),
        ("pendulum-ppo-x-s0@x", 2, "'x' is not a step"),
        (".", 3, "no checkpoint in"),
    ],
)
def test_what_cannot_be_inspected(rlctl, run, path, code, words):
    done = rlctl("inspect-ckpt", path)
    assert (done.code, done.out) == (code, "")
    assert words in done.err
    assert "hint:" in done.err


def test_it_loads_no_framework(run):
    code = """
import sys
from rlctl import cli
assert cli.run(["inspect-ckpt", "--json"]) == 0
heavy = {"jax", "torch", "mujoco", "brax", "orbax", "gymnasium", "flax", "optax", "rich"}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
    )
    assert done.stderr.strip() == "[]"

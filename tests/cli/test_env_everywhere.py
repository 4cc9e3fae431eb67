"""Every command that takes a policy accepts an environment, and uses its latest run."""

import json
import shutil
from pathlib import Path

import pytest

from rlctl.checkpoints import shipped


@pytest.fixture(autouse=True)
def _runs():
    """Make a run of the pendulum, and a later one of Barkour."""
    for name in ("pendulum", "barkour"):
        run = Path("runs") / f"my-{name}"
        policy = shipped.named(f"shipped:{name}")
        step = json.loads((policy / "manifest.json").read_text())["step"]
        shutil.copytree(policy, run / "checkpoints" / f"step_{step:012d}")
        (run / "config.json").write_text(json.dumps({"env": name}))


@pytest.mark.parametrize(
    "args",
    [
        ["compare", "--num-tests", "1"],
        ["export", "--format", "numpy", "--out", "policy.npz"],
        ["inspect-ckpt"],
        ["inspect"],
        ["eval", "--episodes", "1", "--max-episode-steps", "1", "--cpu"],
    ],
    ids=lambda args: args[0],
)
@pytest.mark.parametrize("option", [[], ["--ckpt"]], ids=["ENV", "--ckpt ENV"])
def test_the_policy_is_that_of_the_environment(rlctl, args, option):
    done = rlctl(*args, *option, "pendulum", "--json")
    assert done.code == 0, done.err
    assert "my-pendulum" in json.dumps(done.envelope["data"])
    assert "my-barkour" not in json.dumps(done.envelope["data"])


def test_settings_are_shown_without_the_word(rlctl):
    assert rlctl("config", "hopper").out == rlctl("config", "show", "hopper").out
    assert rlctl("config", "hopper", "--algo", "trpo").out.count("trpo.max_kl ") == 1


def test_short_names_are_those_of_the_long(rlctl):
    for short, long in (("inspect", "inspect-ckpt"), ("check", "device-check")):
        assert rlctl(short, "--help").out.replace(short, long, 1).split() == (
            rlctl(long, "--help").out.split()
        )

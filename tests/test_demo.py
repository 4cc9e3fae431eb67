"""scripts/demo with a fake rlctl whose trainings succeed or fail."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
FAKE_RLCTL = """#!/bin/sh
echo "$*" >> calls
case "$1 $*" in
  eval*demo-*-s[01]*) case "$*" in {learns}) exit 0;; *) exit 1;; esac;;
esac
"""


@pytest.fixture
def demo(tmp_path):
    """Return a function that runs the demo: exit code, stderr and rlctl's command lines."""

    def run(learns):
        (tmp_path / "scripts").mkdir()
        (tmp_path / ".venv/bin").mkdir(parents=True)
        shutil.copy(SCRIPTS / "demo", tmp_path / "scripts")
        for name, text in {"scripts/setup": "#!/bin/sh\n", ".venv/bin/rlctl": FAKE_RLCTL}.items():
            path = tmp_path / name
            path.write_text(text.replace("{learns}", learns))
            path.chmod(0o755)
        env = {**os.environ, "RLCTL_RUNS": "r"}
        done = subprocess.run(
            [tmp_path / "scripts/demo"], env=env, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr, (tmp_path / "calls").read_text().splitlines()

    return run


def test_first_seed_learns(demo):
    code, err, calls = demo("*-s0*")
    assert (code, err) == (0, "")
    assert [call.split()[0] for call in calls] == ["train", "eval", "render"]
    assert "-s0" in calls[-1]


def test_next_seed_is_tried_once(demo):
    code, err, calls = demo("*-s1*")
    assert code == 0
    assert "SEED 0 DID NOT LEARN" in err
    assert [call.split()[0] for call in calls] == ["train", "eval", "train", "eval", "render"]
    assert "-s1" in calls[-1]


def test_shipped_policy_is_shown_when_none_learns(demo):
    code, err, calls = demo("none")
    assert code == 1
    assert "the policy that ships" in err
    assert "shipped:pendulum" in calls[-1]

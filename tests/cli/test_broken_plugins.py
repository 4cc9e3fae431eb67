"""Plugins that cannot be loaded: a warning, and everything else works."""

import os
import subprocess
import sys

import pytest

ROW = """
from rlctl.catalog import EnvRow
ROW = EnvRow({name!r}, "x", "{target}:E", "{target}:C", {observation!r}, 1, 50.0)
"""
GOOD = {"name": "robot", "target": "robot_env", "observation": 1}
BROKEN = {
    # the module's text, None for no module; words of the warning
    "gone": (None, "ModuleNotFoundError: No module named 'robot'"),
    "half-edited": ("def (", "SyntaxError: invalid syntax"),
    "raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "exits": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "imports-what-is-not-there": ("import no_such_thing", "No module named 'no_such_thing'"),
    "no-row": ("", "has no attribute 'ROW'"),
    "another-type": ("ROW = 3", "robot:ROW is int, not EnvRow"),
    "a-field-of-another-type": (
        ROW.format(**GOOD | {"observation": "many"}), "observation of robot:ROW is 'many', not int",
    ),
    "no-name": (ROW.format(**GOOD | {"name": ""}), "the name ''"),
    "built-in-name": (ROW.format(**GOOD | {"name": "pendulum"}), "'pendulum' is taken"),
    "no-target": (ROW.format(**GOOD | {"target": ""}), "not 'module:attribute'"),
}  # fmt: skip


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Put a package of one module, `robot`, and its entry points on the path."""

    def install(text, entry_points="[rlctl.envs]\nrobot = robot:ROW\n", package="robots"):
        site = tmp_path / package
        info = site / f"{package}-0.1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Name: {package}\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text(entry_points)
        if text is not None:
            (site / "robot.py").write_text(text)
        monkeypatch.syspath_prepend(site)
        return site

    yield install
    for name in ("robot", "robot_env"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("kind", BROKEN)
def test_it_costs_a_warning(rlctl, install, kind):
    text, words = BROKEN[kind]
    install(text)
    for args in (["envs"], ["config", "show", "pendulum"]):
        done = rlctl(*args)
        assert done.code == 0
        assert "pendulum" in done.out or "train.steps" in done.out
        (warning,) = done.err.splitlines()
        assert warning.startswith("warning: package robots 0.1 cannot be used for rlctl.envs: ")
        assert words in warning
    assert rlctl("envs", "--json").envelope["ok"]


@pytest.mark.parametrize("kind", sorted(set(BROKEN) - {"built-in-name"}))
@pytest.mark.parametrize("command", [["config", "show"], ["train", "--dry-run"], ["eval"]])
def test_its_own_environment_fails_and_is_no_bug(rlctl, install, kind, command):
    text, words = BROKEN[kind]
    install(text)
    done = rlctl(*command, "robot")
    assert done.code == 2
    assert f"robot is from package robots 0.1, which cannot be used: {words}"[:40] in done.err
    assert words in done.err
    assert "report it" not in done.err


def test_two_packages_with_one_name_are_reported(rlctl, install):
    install(ROW.format(**GOOD))
    install(None, package="copies")
    done = rlctl("envs")
    assert done.code == 0
    assert done.err.count("'robot' is taken") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "No module named 'robot_env'"), ("1 +", "SyntaxError"), ("", "no attribute 'C'")],
)
def test_code_behind_a_good_row_that_fails_is_no_bug(rlctl, install, text, words):
    site = install(ROW.format(**GOOD))
    if text is not None:
        (site / "robot_env.py").write_text(text)
    assert "robot" in rlctl("envs").out
    done = rlctl("train", "robot", "--dry-run")
    assert done.code == 2
    assert "robot_env:C of another package cannot be loaded" in done.err
    assert words in done.err
    assert "import robot_env" in done.err


def test_an_algorithm_that_cannot_be_used(rlctl, install):
    install(None, "[rlctl.engines]\ndqn = robot:DQN\n")
    assert rlctl("config", "show", "pendulum").code == 0
    done = rlctl("train", "pendulum", "--algo", "dqn")
    assert done.code == 2
    assert "dqn is from package robots 0.1, which cannot be used" in done.err


def test_entry_points_that_are_none(rlctl, install):
    install(None, "[rlctl.envs]\nrobot\n")
    done = rlctl("envs")
    assert done.code == 0
    assert "package robots 0.1 cannot be used" in done.err


def test_help_loads_nothing_of_it(install):
    site = install("print('loaded')")
    path = f"{site}{os.pathsep}{os.environ['PYTHONPATH']}"
    for args in (["--help"], ["train", "--help"]):
        command = [sys.executable, "-m", "rlctl", *args]
        environ = os.environ | {"PYTHONPATH": path}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        assert "loaded" not in done.stdout + done.stderr

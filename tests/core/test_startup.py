"""Modules loaded at startup, tested in fresh interpreters."""

import resource
import subprocess
import sys

import pytest

HEAVY = {"brax", "gymnasium", "jax", "mujoco", "numpy", "optax", "rich", "torch", "tqdm"}


def modules_after(code):
    script = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import rlctl.cli",
        "from rlctl.cli import run; assert run(['--help']) == 0",
        "from rlctl.cli import run; assert run(['train', '--help']) == 0",
        "from rlctl.cli import run; assert run(['envs']) == 0",
        "from rlctl.cli import run; assert run(['config', 'show', 'pendulum']) == 0",
        "from rlctl.cli import run; assert run(['config', 'show', 'nothing']) == 2",
        "from rlctl.cli.options import complete_env; assert complete_env('pend')",
    ],
)
def test_nothing_heavy_is_loaded(code):
    loaded = modules_after(code)
    assert "rlctl" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("module", ["rlctl.actions.train", "rlctl.checkpoints.find"])
def test_actions_load_no_framework_before_they_are_called(module):
    assert not modules_after(f"import {module}") & (HEAVY - {"numpy"})


def test_help_costs_little_more_than_what_it_is_made_with():
    def seconds(*arguments):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    baseline = (
        "import typer, difflib, importlib.metadata, inspect, json, shutil, subprocess, tomllib"
    )
    pairs = [(seconds("-m", "rlctl", "--help"), seconds("-c", baseline)) for _ in range(5)]
    ours, theirs = map(min, zip(*pairs, strict=True))
    assert ours <= 2.5 * theirs

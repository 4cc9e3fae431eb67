"""The wheel is complete and works outside the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_wheel_is_complete_and_works(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", str(ROOT)]
    subprocess.run([*build, "--wheel-dir", str(tmp_path)], check=True)
    wheel = next(tmp_path.glob("rlctl-*.whl"))
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    def files(folder: Path, pattern: str) -> set[str]:
        return {str(path.relative_to(folder)) for path in folder.rglob(pattern)}

    presets = files(ROOT / "configs", "*.toml")
    assert presets == files(site / "rlctl" / "configs", "*.toml")
    assert presets
    models = files(ROOT / "rlctl", "*.xml")
    assert models == files(site / "rlctl", "*.xml")
    assert len(models) >= 2

    assert (site / "rlctl" / "py.typed").is_file()
    policies = files(ROOT / "rlctl" / "shipped", "*.*")
    assert policies == files(site / "rlctl" / "shipped", "*.*")
    assert len(policies) >= 4

    for command in (
        ("eval", "pendulum", "--episodes", "2", "--min-return", "500"),  # the policy that ships
        ("train", "pendulum", "--steps", "20000", "--set", "train.num_evals=1"),
    ):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "rlctl", *command],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(site), "RLCTL_RUNS": str(tmp_path / "runs")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert list((tmp_path / "runs").glob("*/checkpoints/step_*/manifest.json"))

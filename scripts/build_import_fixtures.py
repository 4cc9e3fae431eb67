"""Save policies with other tools, and check that `rlctl import` computes the same actions.

    .venv/bin/python scripts/build_import_fixtures.py              # random seed, temporary folder
    .venv/bin/python scripts/build_import_fixtures.py --fixtures   # tests/checkpoints/foreign

Brax and Stable-Baselines3 run in the virtual environment of the baselines (--venv), which
bench_baselines.py makes on first use, or in the interpreters of --brax and --torch. Each version of
rsl_rl is installed into a temporary folder and runs in the interpreter of --rsl-rl, which needs
tensordict. Exits 1 unless every action agrees with the tool's to 1e-5.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout, not the installed one

from bench_baselines import BASELINES, ROOT, baselines_python
from checkpoints.foreign_cases import CASES, FOLDER, arguments, greatest_difference, source

TOLERANCE = 1e-5
RSL_RL = ("2.3.3", "3.3.0", "4.0.1", "5.5.1")  # one of each layout


def main() -> None:
    """Make the files, import them and compare the actions."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fixtures", action="store_true", help="replace the tests' files")
    parser.add_argument(
        "--seed", type=int, help="of the networks; default: random, or 0 with --fixtures"
    )
    parser.add_argument(
        "--venv",
        type=Path,
        default=ROOT / ".venv-baselines",
        help="virtual environment of the baselines",
    )
    parser.add_argument("--brax", type=Path, help="an interpreter with Brax 0.14 on jax 0.9")
    parser.add_argument("--torch", type=Path, help="an interpreter with Stable-Baselines3 2")
    parser.add_argument("--rsl-rl", type=Path, help="an interpreter with PyTorch and tensordict")
    given = parser.parse_args()
    seed = given.seed
    if seed is None:
        seed = 0 if given.fixtures else random.randrange(10**6)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch, "made")
        made.mkdir()
        for script, python in (("brax", given.brax), ("torch", given.torch)):
            maker = BASELINES / f"foreign_{script}.py"
            command = [python or baselines_python(given.venv), maker, made, seed]
            subprocess.run([str(word) for word in command], check=True)
        for version in RSL_RL:
            make_rsl_rl(given.rsl_rl or baselines_python(given.venv), version, Path(scratch), seed)
        worst = max(compare(name, made, Path(scratch, name)) for name in CASES)
        if worst > TOLERANCE:
            sys.exit(f"an action differs by {worst:.1e}, more than {TOLERANCE:g}")
        if given.fixtures:
            shutil.rmtree(FOLDER, ignore_errors=True)
            shutil.copytree(made, FOLDER)


def make_rsl_rl(python: Path, version: str, scratch: Path, seed: int) -> None:
    """Save a checkpoint with one version of rsl_rl."""
    place = scratch / version
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", place]
    subprocess.run([str(w) for w in (python, *words, f"rsl-rl-lib=={version}")], check=True)
    subprocess.run(
        [str(word) for word in (python, BASELINES / "foreign_rsl_rl.py", scratch / "made", seed)],
        env=os.environ | {"PYTHONPATH": str(place)},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def compare(name: str, made: Path, out: Path) -> float:
    """Import a file and return the largest difference of its actions from the tool's."""
    words = ["import", source(name, made), "--out", out, *arguments(name, made)]
    command = [sys.executable, "-m", "rlctl", *map(str, words)]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    difference = greatest_difference(name, out, made)
    print(f"{name:20} {difference:.1e}")
    return difference


if __name__ == "__main__":
    main()

"""Code in the documentation runs: the blocks of docs/python.md and the examples."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rlctl.core.errors import RendererMissing
from rlctl.rendering import gl

DOCS = Path(__file__).parents[2] / "docs"
SMALL = {
    "train_and_evaluate.py": "10000",
    "act_in_a_loop.py": "50",
    "callback.py": "12000",
    "own_environment.py": "2000",
    "compare_backends.py": "20",
}


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def before_return(line):
    """Return a report's text before the return, which differs slightly between processors."""
    return line.partition("return ")[0]


def test_the_page_runs_from_top_to_bottom(private_folder, monkeypatch, capfd):
    monkeypatch.delenv("RLCTL_RUNS")
    try:
        gl.find()
    except RendererMissing as missing:
        pytest.skip(missing.message)
    names = {}
    for block in blocks(DOCS / "python.md"):
        exec(compile(block, "docs/python.md", "exec"), names)
    shown = capfd.readouterr().out.splitlines()
    promised = re.findall(r"print\(\w+\)\s+# (\w+\(.*)", (DOCS / "python.md").read_text())
    reports = [line for line in shown if re.match(r"\w+\(", line)]
    assert [before_return(line) for line in reports] == [before_return(line) for line in promised]
    assert names["metrics"].eval["steps"].tolist() == sorted(names["metrics"].eval["steps"])
    assert (private_folder / "pendulum.gif").stat().st_size > 1000
    assert names["actions"].shape == (16, 1)
    assert min(names["returns"]) > 500


@pytest.mark.parametrize("name", sorted(path.name for path in (DOCS / "examples").glob("*.py")))
def test_an_example_runs(name):
    done = subprocess.run(
        [sys.executable, DOCS / "examples" / name, SMALL[name]],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout

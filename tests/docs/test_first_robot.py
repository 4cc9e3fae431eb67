"""The example robot of docs/first-robot.md works."""

import re
import sys
import tomllib

import doc_pages as pages
import pytest
from cli_runner import run

from rlctl.gym import ids

PAGE = pages.DOCS / "first-robot.md"
TEXT = PAGE.read_text()
TRAINING = ["train", "mybot", "--steps", "2000"]  # first words of the page's short training
NAME = re.compile(r"^(?:# |<!-- )([\w/.]+)(?: -->)?\n")


@pytest.fixture
def _installed(monkeypatch, tmp_path):
    """Install the page's package: put it on the path, with the entry points of pyproject.toml."""
    for _, block in pages.blocks(TEXT):
        if found := NAME.match(block):
            path = tmp_path / "mybot" / found[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block)
    project = tomllib.loads((tmp_path / "mybot" / "pyproject.toml").read_text())["project"]
    info = tmp_path / "site" / f"mybot-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: mybot\nVersion: {project['version']}\n")
    ((name, target),) = project["entry-points"]["rlctl.envs"].items()
    (info / "entry_points.txt").write_text(f"[rlctl.envs]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(tmp_path / "mybot")
    monkeypatch.syspath_prepend(info.parent)
    yield
    for module in [name for name in sys.modules if name.partition(".")[0] == "mybot"]:
        del sys.modules[module]


@pytest.mark.usefixtures("_installed")
def test_it_is_trained_and_evaluated(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    (words,) = [words for words, _ in pages.commands(PAGE) if words[:4] == TRAINING]
    done = run(*words, "--out", "run", "--cpu", "--json")
    assert done.code == 0, done.err
    report = run("eval", "mybot", "--ckpt", "run", "--episodes", 4, "--json", "--cpu")
    returns = report.envelope["data"]["return"]
    assert 10 < returns["mean"] <= 500
    assert "env.start" in run("config", "show", "mybot").out


@pytest.mark.usefixtures("_installed")
@pytest.mark.filterwarnings("ignore:.*A Box observation space")
def test_its_own_test_passes() -> None:
    (code,) = [block for _, block in pages.blocks(TEXT) if block.startswith("import gymnasium")]
    ids.register()  # importing rlctl.gym registers only once per process
    exec(compile(code, "first-robot.md", "exec"), {})

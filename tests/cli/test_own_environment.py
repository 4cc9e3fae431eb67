"""Example of docs/environments.md: a robot in a separate package."""

import json
import tomllib
from pathlib import Path

import pytest

from rlctl.core.errors import RendererMissing
from rlctl.rendering import gl

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "balancer"


@pytest.fixture(autouse=True)
def _installed(monkeypatch, tmp_path):
    """Install the example like pip: on the path, with the entry points of its pyproject.toml."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    info = tmp_path / "site" / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    points = [
        f"[{group}]\n" + "\n".join(f"{name} = {target}" for name, target in rows.items())
        for group, rows in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points))
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.syspath_prepend(info.parent)


def test_it_is_listed_with_its_settings(rlctl):
    rows = rlctl("envs", "--json").envelope["data"]["envs"]
    (row,) = [row for row in rows if row["name"] == "balancer"]
    assert (row["observation"], row["action"], row["rate"]) == (4, 1, 50.0)
    assert "env.start_lean" in rlctl("config", "show", "balancer").out


def test_it_is_trained_evaluated_and_rendered(rlctl):
    done = rlctl(
        "train", "balancer", "--config", EXAMPLE / "ppo.toml", "--steps", 5120, "--out", "run",
        "--set", "train.num_evals=1", "--set", "env.start_lean=0.2", "--json", "--cpu",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.envelope["data"]["eval"]["length"]["mean"] < 500, "it falls, to begin with"
    manifest = json.loads((Path(done.envelope["data"]["checkpoint"]) / "manifest.json").read_text())
    assert manifest["env"]["config"]["start_lean"] == 0.2
    report = rlctl("eval", "balancer", "--ckpt", "run", "--episodes", 3, "--json", "--cpu")
    data = report.envelope["data"]
    assert set(data["terms"]) == {"upright", "drift", "torque"}
    assert data["terms"]["upright"]["mean"] == pytest.approx(
        data["length"]["mean"] - data["terminated"]
    )
    try:
        gl.find()
    except RendererMissing as missing:
        pytest.skip(missing.message)
    done = rlctl("render", "--ckpt", "run", "--out", "a.png", "--steps", 20, "--cpu")
    assert done.code == 0, done.err
    assert Path("a.png").stat().st_size > 1000

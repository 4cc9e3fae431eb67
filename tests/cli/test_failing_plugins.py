"""Errors in plugins name the plugin and the line."""

from pathlib import Path

import pytest

CODE = """
from rlctl.catalog import EnvRow
from rlctl.envs.gymnasium_tasks.config import InvertedPendulumConfig as Config
from rlctl.envs.gymnasium_tasks.inverted_pendulum import InvertedPendulum

ROW = EnvRow(
    "faulty", "It fails.", "faulty_bot:Faulty", "faulty_bot:Config", 4, 1, 25.0, ("native",)
)


class Faulty(InvertedPendulum):
    {where}
        {fault}
"""
AFTER = "def after(self, carry, physics, action, key):"


@pytest.mark.parametrize(
    ("where", "fault", "words"),
    [
        ("def __init__(self, config):", "raise ValueError('no config')", "ValueError: no config"),
        (AFTER, "return float(physics.qpos[0])", "ConcretizationTypeError"),
        (AFTER, "return nothing", "NameError: name 'nothing' is not defined"),
        ("def model(self):", "assert False, 'no model'", "AssertionError: no model"),
    ],
)
def test_package_and_line_are_named(rlctl, monkeypatch, tmp_path, where, fault, words):
    site = tmp_path / "site"
    info = site / "faulty_bot-3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: faulty-bot\nVersion: 3\n")
    (info / "entry_points.txt").write_text("[rlctl.envs]\nfaulty = faulty_bot:ROW\n")
    code = CODE.format(where=where, fault=fault)
    (site / "faulty_bot.py").write_text(code)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(__import__("sys").modules, "faulty_bot", raising=False)
    line = 1 + code.splitlines().index(f"        {fault}")
    done = rlctl("train", "faulty", "--steps", 640, "--num-envs", 32, "--out", "run", "--cpu")
    assert done.code == 2, done.err
    assert f"error: package faulty-bot 3, faulty_bot.py line {line}: {words}" in done.err
    assert "bug" not in done.err
    assert "RLCTL_DEBUG=1" in done.err
    assert not Path("run").exists()

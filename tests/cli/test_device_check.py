import io

import pytest

from rlctl import cli
from rlctl.actions import device_check as action
from rlctl.actions.device_checks.base import ROWS, Check


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def finds(monkeypatch):
    """Set the findings of the checks, without running them."""

    def find(*checks):
        monkeypatch.setattr(action, "run", lambda rows: iter(checks))

    return find


JAX = Check("jax", "pass", 0.25, {"platform": "cpu"}, "jax 1.0 on cpu", "", True)
SLOW = Check("render", "warn", 12.0, "egl", "800 ms a frame", "take smaller pictures", False)
BROKEN = Check("video", "fail", 0.0, None, "no encoder", "install one", False)
WRONG = Check("checkpoint", "fail", 0.0, None, "bits flip", "buy another disk", True)


def test_a_line_a_check_then_a_summary(rlctl, finds):
    finds(JAX, SLOW, BROKEN)
    done = rlctl("device-check")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "pass  jax                0.25 s  jax 1.0 on cpu"
    assert lines[1] == "warn  render            12.00 s  800 ms a frame"
    assert lines[2].strip() == "take smaller pictures"
    assert lines[3].startswith("fail  video")
    assert lines[4].strip() == "install one"
    assert lines[6].startswith("**rlctl")


@pytest.mark.parametrize("width", [80, 120])
def test_on_a_terminal_text_wraps_with_a_hanging_indent(finds, monkeypatch, width):
    versions = {f"package-{i}": "1.0.0" for i in range(16)}
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    gpu = "there is no NVIDIA GPU here, or its driver is not loaded " * 2
    finds(
        Check("packages", "pass", 0.1, versions, listed, "", True),
        Check("gpu", "skip", 0.0, [], gpu.strip(), "install one, " * 9, False),
    )
    monkeypatch.setenv("COLUMNS", str(width))
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    assert cli.run(["device-check"]) == 0
    lines = terminal.getvalue().splitlines()
    assert all(len(line) < width for line in lines)
    assert sum("package-7 1.0.0" in line for line in lines) == 1
    gpu_line = next(i for i, line in enumerate(lines) if line.startswith("skip  gpu"))
    assert lines[gpu_line + 1].startswith(" " * 33)
    assert set(lines[gpu_line + 1].split()) <= set(gpu.split())


def test_what_is_needed_fails_it(rlctl, finds):
    finds(JAX, WRONG)
    done = rlctl("device-check")
    assert done.code == 1
    assert "error: failed: checkpoint" in done.err
    assert "hint: buy another disk" in done.err


def test_json_has_every_number_even_when_it_fails(rlctl, finds):
    finds(JAX, WRONG)
    done = rlctl("device-check", "--json")
    assert done.code == 1
    assert done.envelope["ok"] is False
    assert done.envelope["error"]["code"] == "check_failed"
    first, second = done.envelope["data"]["checks"]
    assert first == {
        "name": "jax",
        "status": "pass",
        "seconds": 0.25,
        "value": {"platform": "cpu"},
        "detail": "jax 1.0 on cpu",
        "hint": "",
        "needed": True,
    }
    assert second["status"] == "fail"


def test_a_required_gpu_that_is_absent(rlctl, finds):
    finds(JAX)
    assert rlctl("device-check", "--require-gpu").code == 1


def test_it_all_works_on_this_machine(rlctl):
    done = rlctl("device-check", "--json")
    checks = {check["name"]: check for check in done.envelope["data"]["checks"]}
    assert list(checks) == [row.name for row in ROWS if not row.bench]
    failed = [
        check
        for check in checks.values()
        if check["status"] == "fail" and check["name"] != "render"
    ]
    assert not failed
    assert done.code == 0
    assert checks["throughput"]["value"]["num_envs"]["pendulum"] in (64, 512, 4096)

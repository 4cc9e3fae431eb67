"""`rlctl eval` with a fake action."""

import pytest

from rlctl.actions import evaluate as action
from rlctl.actions.command_override import CommandOverride
from rlctl.core.errors import CheckFailed

SPREAD = {"mean": 1234.5, "std": 0.5, "min": 1234.0, "max": 1235.0, "ci95": [1233.0, 1236.0]}
FIGURES = {
    "env": "pendulum", "checkpoint": "runs/x/checkpoints/step_000000000100", "step": 100,
    "episodes": 2, "deterministic": True, "device": "cpu", "physics": "native",
    "backend": "numpy",
    "steps_per_second": 1e5, "return": SPREAD, "length": SPREAD,
    "terms": {"upright": {"mean": 0.25, "std": float("nan")}},
    "terminated": 0.5, "terminated_episodes": 1,
    "figures": {
        "power": {"mean": 97.512, "unit": "W"}, "cost": {"mean": 0.5, "unit": "1"},
        "slip": {"mean": float("nan"), "unit": "m/s"},
    },
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """Record the requests to the action, which reports FIGURES."""

    class Report:
        def to_json(self):
            return FIGURES

    def evaluate(request, progress, tell):
        asked.append(request)
        if request.min_return is not None:
            raise CheckFailed("too low", "train longer", FIGURES)
        return Report()

    asked = []
    monkeypatch.setattr(action, "evaluate", evaluate)
    return asked


def test_options_reach_the_action(rlctl, asked):
    rlctl(
        "eval", "pendulum", "--ckpt", "best", "--episodes", 3, "--seed", 4, "--stochastic",
        "--physics", "native", "--max-episode-steps", 5, "--set", "env.x=1", "--cpu",
        "--save-trajectories", "t.npz", "--backend", "jax", "--clip-command",
        "--command", "vx=1", "--command-schedule", "0: vx=1",
    )  # fmt: skip
    (request,) = asked
    assert (request.env, request.ckpt, request.episodes, request.seed) == ("pendulum", "best", 3, 4)
    assert request.stochastic
    assert request.backend == "jax"
    assert (request.physics, request.max_episode_steps) == ("native", 5)
    assert request.overrides == ("env.x=1",)
    assert str(request.save_trajectories) == "t.npz"
    assert request.command_override == CommandOverride("vx=1", "0: vx=1", clip=True)


def test_the_video_is_of_what_was_evaluated(rlctl, asked, monkeypatch):
    from rlctl.actions import render

    requests = []

    def render_video(path, env, ckpt, request, options, progress, warn):
        requests.append(request)
        raise CheckFailed("no film here")

    monkeypatch.setattr(render, "render", render_video)
    rlctl("eval", "--seed", 4, "--set", "env.x=1", "--command", "vx=1", "--video", "a.mp4")
    (request,) = requests
    override = CommandOverride("vx=1")
    assert (request.seed, request.overrides, request.command_override) == (
        4,
        ("env.x=1",),
        override,
    )


def test_command_tracking_is_a_table(rlctl, asked, monkeypatch):
    bins = [{"told": t, "achieved": t / 2, "error": abs(t) / 2, "steps": 1500} for t in (-1.0, 0.5)]
    monkeypatch.setitem(FIGURES, "tracking", {"vx": {"error": 0.375, "bins": bins}})
    assert rlctl("eval").out.splitlines()[-4:] == [
        "command  commanded  actual  mean abs error  steps",
        "vx       -1.00       -0.50           0.500  1,500",
        "vx       +0.50       +0.25           0.250  1,500",
        "vx       all                         0.375  3,000",
    ]


def test_the_report_is_a_table(rlctl, asked):
    done = rlctl("eval")
    assert done.code == 0
    assert done.out.splitlines() == [
        "pendulum at 100 steps, runs/x/checkpoints/step_000000000100",
        "2 episodes, deterministic, native physics on cpu, 100,000 steps/s",
        "",
        "          mean  std    min    max   95 % interval",
        "return   1,234  0.5  1,234  1,235  1,233 to 1,236",
        "length   1,234  0.5  1,234  1,235  1,233 to 1,236",
        "upright   0.25    -",
        "",
        "ended early  1 of 2 episodes (50 %)",
        "power        97.51 W",
        "cost         0.5",
        "slip         -",
    ]


def test_json_has_the_metrics(rlctl, asked):
    data = rlctl("eval", "--json").envelope["data"]
    assert data["return"]["mean"] == 1234.5
    assert data["terms"]["upright"] == {"mean": 0.25, "std": None}
    assert data["figures"]["power"] == {"mean": 97.512, "unit": "W"}
    assert data["figures"]["slip"]["mean"] is None


def test_a_failed_check_still_has_its_data(rlctl, asked):
    done = rlctl("eval", "--min-return", "9999", "--json")
    assert done.code == 1
    assert done.envelope["error"]["code"] == "check_failed"
    assert done.envelope["data"]["return"]["mean"] == 1234.5
    done = rlctl("eval", "--min-return", "9999")
    assert done.code == 1
    assert "return   1,234" in done.out
    assert "error: too low" in done.err

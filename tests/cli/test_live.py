import io
import json
import time

import pytest

from rlctl.cli import live

TRAINING = [
    {
        "event": "start",
        "env": "pendulum",
        "algo": "ppo",
        "run": "runs/x",
        "steps": 0,
        "total": 2000,
    },
    {"event": "phase", "name": "compile"},
    {"event": "progress", "steps": 1000, "total": 2000, "steps_per_second": 500.0, "return": 1.25},
    {"event": "eval", "steps": 1000, "return": {"mean": 12.5, "std": 0.5}},
]


@pytest.fixture
def said():
    return []


def close(listener):
    listener.close()
    assert not listener._thread.is_alive()


def test_lines_tell_everything_once(said):
    listener = live.Lines(said.append, every=60)
    for event in TRAINING + TRAINING[1:]:
        listener(event)
    close(listener)
    assert said == [
        "training pendulum with ppo in runs/x",
        "compile",
        "1,000 of 2,000 steps  500 steps/s  ETA 0:02  return 1.25",
        "evaluation at 1,000 steps: return 12.5 +- 0.5",
        "evaluation at 1,000 steps: return 12.5 +- 0.5",
    ]


def test_lines_leave_out_phases_that_flicker(said):
    listener = live.Lines(said.append)
    for name in ("rollout", "update", "eval", "save"):
        listener({"event": "phase", "name": name})
    close(listener)
    assert said == []


def test_lines_are_not_silent_while_the_work_blocks(said):
    listener = live.Lines(said.append, every=0.05)
    listener({"event": "phase", "name": "compile"})
    time.sleep(0.4)
    close(listener)
    assert said[0] == "compile"
    assert "compile: 0:00 so far" in said[1:]


def test_events_are_json_and_a_silent_second_shows_life(said):
    listener = live.Events(said.append)
    listener({"event": "phase", "name": "compile"})
    listener({"event": "eval", "return": {"mean": float("nan")}})
    time.sleep(2.3)
    close(listener)
    events = [json.loads(line) for line in said]
    assert events[:2] == [
        {"event": "phase", "name": "compile"},
        {"event": "eval", "return": {"mean": None}},
    ]
    assert {event["event"] for event in events[2:]} == {"alive"}
    assert events[2]["phase"] == "compile"
    assert events[2]["seconds"] >= 1.0


def test_the_live_line_ticks_while_the_work_blocks(monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setattr("sys.stderr", terminal)
    listener = live.LiveLine()
    for event in TRAINING[:2]:
        listener(event)
    time.sleep(1.7)
    assert "compile 0:01" in terminal.getvalue()
    for event in TRAINING[2:]:
        listener(event)
    close(listener)
    shown = terminal.getvalue()
    assert "1.00k/2.00k steps, 500 steps/s  ETA 0:02  return 1.25" in shown
    assert "evaluation at 1,000 steps: return 12.5 +- 0.5\n" in shown
    assert shown.endswith("\r")
    assert "\033[" not in shown


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.23456, "1.235"), (123456.7, "123,457"), (float("nan"), "-"), (None, "-"), (0, "0")],
)
def test_figures_are_short(value, text):
    assert live.number(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.9, "0:00"), (75, "1:15"), (3723, "1:02:03")])
def test_durations_read_like_clocks(seconds, text):
    assert live.duration(seconds) == text

"""Tests of schedules: settings that decay to 0 over a training."""

from types import SimpleNamespace

import pytest

from rlctl.engines.schedules import scheduled, warn_if_rising


@pytest.mark.parametrize(
    ("schedule", "progress", "expected"),
    [
        ("constant", 0.7, 0.02),
        ("linear", 0.0, 0.02),
        ("linear", 0.25, 0.015),
        ("linear", 1.0, 0.0),
        ("linear", 1.5, 0.0),
    ],
)
def test_a_setting_is_constant_or_falls_to_nothing(schedule, progress, expected):
    assert scheduled(0.02, schedule, progress) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("schedule", "steps", "expected"),
    [
        ("linear", 100, ""),
        ("linear", 80, ""),
        ("constant", 200, ""),
        ("linear", 200, "the trust region now decays over all 200 steps: it rises from 1 to 1.5,"),
    ],
)
def test_resuming_for_more_steps_warns_of_a_setting_that_rises(schedule, steps, expected):
    manifest = {"config": {"train": {"steps": 100}}}
    checkpoint = SimpleNamespace(step=50, manifest=manifest)
    warnings = []
    warn_if_rising("trust region", 2.0, schedule, checkpoint, steps, warnings.append)
    assert len(warnings) == bool(expected)
    assert "".join(warnings).startswith(expected)

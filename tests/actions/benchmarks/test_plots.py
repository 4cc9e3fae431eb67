import builtins

import numpy as np
import pytest

from rlctl.actions.benchmarks import plots


def test_gaps_are_interpolated_and_ends_cut_to_the_common_range():
    curves = [[None, 1.0, None, 3.0, 4.0], [0.0, 2.0, 4.0, 6.0, None]]
    x, returns = plots.interpolate(curves, 50)
    assert x.tolist() == [15.0, 25.0, 35.0]
    assert returns.tolist() == [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]


def test_a_seed_without_episodes_leaves_nothing():
    x, returns = plots.interpolate([[None, None], [1.0, 2.0]], 10)
    assert (x.shape, returns.shape) == ((0,), (2, 0))


def test_evaluations_are_averaged_where_every_seed_has_one():
    assert plots.mean_evaluations([[(1, 2.0), (5, 4.0)], [(5, 6.0), (9, 8.0)]]) == ([5], [5.0])


def test_an_image_with_axes_per_environment(tmp_path):
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    rising = [float(i) for i in range(20)]
    other = {"title": "Somebody", "mean": 12.0}
    runs = [{"curve": x, "evaluations": [(500, 3.0)]} for x in (rising, rising[::-1])]
    env = {"runs": runs, "published": [other]}
    report = {"algo": "ppo", "steps": 1000, "envs": {"a": env, "b": {**env, "runs": []}}}
    plots.plot_curves(tmp_path / "curves.png", report)
    pixels = np.asarray(image.open(tmp_path / "curves.png").convert("RGB"))
    assert pixels.shape[1] > 2 * pixels.shape[0] * 0.8  # two panels side by side
    blue = (pixels == (0x1F, 0x5F, 0xA8)).all(axis=2).any(axis=0)
    half = len(blue) // 2
    assert blue[:half].any()  # the mean is drawn in the panel that has runs
    assert not blue[half:].any()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    assert "pip install matplotlib" in plots.missing()
    monkeypatch.setattr(plots, "find_spec", lambda name: builtins)
    assert plots.missing() == ""

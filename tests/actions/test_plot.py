"""Tests of learning curves: the data of the panels, labels and ticks."""

import json
from pathlib import Path

import numpy as np
import pytest
from written_run import eval_row, train_row, write_run

from rlctl.actions import plot
from rlctl.plots import style
from rlctl.plots.history import pool, read_history
from rlctl.plots.panels import MAX_LAYERS, make_axis, make_panels


def panels_of(*folders, x="steps", points=100):
    """Return the panels of runs by name."""
    histories = [pool(read_history(folder), points) for folder in folders]
    names = [folder.name for folder in folders]
    return {panel.name: panel for panel in make_panels(histories, names, make_axis(histories, x))}


def test_return_with_its_band_and_evaluations_with_their_intervals():
    training, evaluated = panels_of(write_run("a"))["return"].series
    assert training.x.tolist() == [100.0 * i for i in range(1, 11)]
    assert training.y.tolist() == [10.0 * i for i in range(1, 11)]
    np.testing.assert_allclose(training.low, training.y - 2)
    np.testing.assert_allclose(training.high, training.y + 2)
    assert (evaluated.evaluation, training.evaluation) == (True, False)
    assert evaluated.x.tolist() == [500.0, 1000.0]
    assert evaluated.y.tolist() == [80.0, 70.0]
    assert evaluated.low.tolist() == [79.0, 69.0]
    assert evaluated.high.tolist() == [82.0, 72.0]


def test_the_order_of_the_panels_and_both_engines_names():
    found = panels_of(write_run("a"))
    names = ["return", "length", "terms", "speed", "explained_variance", "kl", "value_loss"]
    assert list(found) == names
    trpo = write_run("b", [train_row(1, losses={"kl": 0.25, "rejected": None})])
    found = panels_of(trpo)
    assert found["kl"].series[0].y.tolist() == [0.25]
    assert not {"value_loss", "explained_variance"} & set(found)


def test_terms_are_stacked_and_add_up_to_the_return_pooled_or_not():
    counts = np.cumsum([1, 5, 2, 9, 3, 3, 7])
    rows = [train_row(i + 1, episodes=int(count)) for i, count in enumerate(counts)]
    for points in (100, 3):
        panel = panels_of(write_run("a", rows), points=points)["terms"]
        assert [layer.label for layer in panel.layers] == ["up", "down"]
        assert (panel.layers[0].y > 0).all()
        assert (panel.layers[1].y < 0).all()
        total = panel.series[0].y
        np.testing.assert_allclose(sum(layer.y for layer in panel.layers), total)
        assert len(total) == min(points, 7)


def test_many_terms_merge_the_small_ones():
    terms = {f"t{i}": float(2**i) for i in range(12)} | {"none": 0.0}
    rows = [train_row(i, terms=terms, **{"return": 4095.0}) for i in (1, 2)]
    layers = panels_of(write_run("a", rows))["terms"].layers
    assert [layer.label for layer in layers] == [*(f"t{i}" for i in range(11, 4, -1)), "5 others"]
    assert len(layers) == MAX_LAYERS + 1
    assert layers[-1].y.tolist() == [31.0, 31.0]


def test_pooling_counts_episodes_and_keeps_the_spread_of_all():
    returns, counts = [3.0, 6.0, 1.0, 0.0], [1, 3, 2, 2]
    rows = [
        train_row(i + 1, episodes=sum(counts[: i + 1]), return_std=0.5, **{"return": value})
        for i, value in enumerate(returns)
    ]
    history = pool(read_history(write_run("a", rows)), points=2)
    assert history.steps.tolist() == [150.0, 350.0]
    assert history.episodes.tolist() == [4, 4]
    assert history.metrics["return"].tolist() == [21 / 4, 1 / 2]
    # within updates 0.5 squared; between them the variance of 3, 6, 6, 6 and of 1, 1, 0, 0
    np.testing.assert_allclose(history.return_std, np.sqrt([0.25 + 27 / 16, 0.25 + 0.25]))


def test_a_missing_std_makes_the_pooled_std_unknown():
    rows = [train_row(i, return_std=None if i == 2 else 0.0) for i in (1, 2, 3, 4)]
    spread = pool(read_history(write_run("a", rows)), points=2).return_std
    assert np.isfinite(spread).tolist() == [False, True]


def test_older_runs_without_a_spread_have_no_band_and_their_evaluations_the_trainings_time():
    rows = [train_row(i, return_std=None) for i in (1, 2, 3, 4)]
    rows.append(eval_row(2, 5.0, seconds=0.3))  # how long it took itself
    for points in (100, 2):
        panel = panels_of(write_run("a", rows), x="time", points=points)["return"]
        assert panel.series[0].low is None
        assert panel.series[1].x.tolist() == [20.0]


def test_values_that_are_not_finite_numbers_are_left_out():
    odd = [None, float("nan"), float("inf"), "3", True, [1], 10**400]
    rows = [train_row(i + 1, **{"return": value}) for i, value in enumerate(odd)]
    rows += [train_row(8, length=None, terms=None, losses=3), train_row(9, seconds=None)]
    rows += [train_row(10, steps=None), 7, [train_row(1)], {"kind": "train"}, {"steps": 1}]
    rows += [eval_row(3, None), eval_row(5, 1.0)]
    rows += [eval_row(4, 2.0, **{"return": {"mean": None, "ci95": [None]}})]
    found = panels_of(write_run("a", rows))
    training, evaluated = found["return"].series
    assert training.x.tolist() == [800.0, 900.0]
    assert evaluated.x.tolist() == [500.0]
    lengths = found["length"].series[0]  # a row with a number that JSON has not is none
    assert lengths.x.tolist() == [100.0 * i for i in (1, 4, 5, 6, 9)]
    assert panels_of(Path("a"), x="time")["return"].series[0].x.tolist() == [80.0]


def test_a_torn_last_line_is_left_out():
    folder = write_run("a")
    with open(folder / "metrics.jsonl", "a") as file:
        file.write(json.dumps(train_row(11))[:40])
    assert panels_of(folder)["return"].series[0].x[-1] == 1000


def test_several_runs_share_panels_but_not_terms():
    found = panels_of(write_run("a"), write_run("b", [train_row(i) for i in (1, 2)]))
    assert "terms" not in found
    assert [(part.label, part.run) for part in found["return"].series] == [
        ("a", 0), ("a", 0), ("b", 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("last", "label", "end"),
    [(90, "wall time (s)", 90), (600, "wall time (min)", 10), (36_000, "wall time (h)", 10)],
)
def test_time_has_a_unit_that_fits(last, label, end):
    history = read_history(write_run("a", [train_row(1, seconds=float(last))]))
    x_axis = make_axis([history], "time")
    assert (x_axis.label, x_axis.end) == (label, end)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["runs/hopper-trpo-s0"], ["hopper-trpo-s0"]),
        (["r/hopper-trpo-1-s0", "r/hopper-trpo-2-s0"], ["1", "2"]),
        (["r/hopper-s0", "r/hopper-s1"], ["s0", "s1"]),
        (["r/walker-a-s0", "r/hopper-s0"], ["walker-a", "hopper"]),
        (["a/run", "b/run"], ["a", "b"]),
        (["run", "run-2"], ["run", "run-2"]),
        (["r/a\nb-1", "r/a\nc-1"], ["a?b", "a?c"]),
    ],
)
def test_labels_are_the_differences(names, expected):
    assert plot.labels([Path(name) for name in names]) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1500, "1.5k"),
        (999_999.9, "1M"),
        (2e6, "2M"),
        (-2500, "\N{MINUS SIGN}2.5k"),
    ],
)
def test_ticks_are_short(value, text):
    assert style.format_tick(value) == text


def test_the_figure_is_drawn_from_the_panels():
    pytest.importorskip("matplotlib")
    from rlctl.plots.figure import draw_figure

    histories = [pool(read_history(write_run("a")))]
    x_axis = make_axis(histories, "steps")
    found = make_panels(histories, ["a"], x_axis)
    figure = draw_figure(found, ["a"], "pendulum", x_axis)
    by_label = {axes.get_ylabel(): axes for axes in figure.axes}
    assert len(by_label) == len(found) == 7
    line = by_label["return"].get_lines()[0]
    assert line.get_ydata().tolist() == [10.0 * i for i in range(1, 11)]
    areas = by_label["reward terms per episode"].collections
    heights = np.concatenate([area.get_paths()[0].vertices[:, 1] for area in areas])
    assert (heights.min(), heights.max()) == (-20, 120)
    assert by_label["value loss"].get_yscale() == "log"


def test_a_band_is_not_negative_where_no_return_is():
    rows = [train_row(i, return_std=30.0) for i in (1, 2, 5)]
    assert panels_of(write_run("a", rows))["return"].series[0].low.tolist() == [0.0, 0.0, 20.0]
    rows.append(train_row(6, return_std=30.0, **{"return": -1.0}))
    assert panels_of(write_run("b", rows))["return"].series[0].low.tolist() == [-20, -10, 20, -31]


def with_settings(**train):
    folder = write_run("a", [*(train_row(i) for i in range(1, 11)), eval_row(10, 90.0)])
    history = pool(read_history(folder, {"train": train}))
    return {
        panel.name: panel for panel in make_panels([history], ["a"], make_axis([history], "steps"))
    }


def test_lengths_of_early_truncated_episodes_are_left_out():
    found = with_settings(episode_length=50, num_envs=8)
    assert found["length"].series[0].x.tolist() == [400, 500, 600, 700, 800, 900, 1000]
    assert len(found["return"].series[0].x) == 10
    assert len(with_settings(episode_length=5000, num_envs=8)["length"].series[0].x) == 10


@pytest.mark.parametrize(("target", "known"), [(780.0, True), (None, False), ("high", False)])
def test_the_target_is_shown_where_there_is_one(target, known):
    assert np.isfinite(with_settings(target_return=target)["return"].target) == known


def test_different_episode_lengths_are_noted():
    assert with_settings()["return"].note == "training episodes: 50 steps; evaluations: 60"
    alike = [train_row(1), eval_row(1, 5.0, length={"mean": 50.0})]
    assert panels_of(write_run("b", alike))["return"].note == ""


def test_only_noise_is_smoothed():
    pytest.importorskip("matplotlib")
    from rlctl.plots.figure import _smoothed

    rising = np.linspace(0.0, 1.0, 50)
    noisy = np.tile([0.0, 1.0], 25)
    assert _smoothed(rising) is None
    assert _smoothed(noisy[:10]) is None
    assert abs(_smoothed(noisy)[4:-4] - 0.5).max() < 0.06

import numpy as np
import pytest

from rlctl.actions.benchmarks import scores
from rlctl.actions.benchmarks.scores import Sample, curve, interquartile_mean, last_episodes


def row(steps, episodes, return_, std=None):
    return {"steps": steps, "episodes": episodes, "return": return_, "return_std": std}


class TestLastEpisodes:
    def test_whole_updates_from_the_end_until_there_are_enough(self):
        rows = [row(1, 500, 0.0), row(2, 560, 10.0), row(3, 560, None), row(4, 600, 20.0)]
        result = last_episodes(rows, 100)
        assert result == Sample(pytest.approx((60 * 10 + 40 * 20) / 100), None, 100)

    def test_an_update_more_than_wanted_is_taken_whole(self):
        rows = [row(1, 90, 1.0), row(2, 180, 3.0)]
        assert last_episodes(rows, 100) == Sample(pytest.approx(2.0), None, 180)

    def test_fewer_than_wanted_are_all_there_are(self):
        assert last_episodes([row(1, 2, 5.0)], 100) == Sample(5.0, None, 2)

    def test_none_at_all(self):
        assert last_episodes([row(1, 0, None)], 100) == Sample(None, None, 0)

    def test_the_spread_of_parts_is_the_spread_of_all(self, rng):
        parts = [rng.normal(3.0, 2.0, 40), rng.normal(7.0, 1.0, 60)]
        rows = [
            row(1, 40, parts[0].mean(), parts[0].std()),
            row(2, 100, parts[1].mean(), parts[1].std()),
        ]
        result = last_episodes(rows, 100)
        everything = np.concatenate(parts)
        assert result.mean == pytest.approx(everything.mean())
        assert result.std == pytest.approx(everything.std(ddof=1))


class TestCurve:
    def test_episodes_weigh_alike_within_a_part(self):
        rows = [row(10, 1, 1.0), row(50, 4, 5.0), row(51, 5, 9.0), row(100, 7, 7.0)]
        assert curve(rows, 100, points=2) == [pytest.approx(4.0), pytest.approx(23 / 3)]

    def test_a_part_without_an_episode_has_none(self):
        assert curve([row(10, 1, 1.0)], 100, points=2) == [1.0, None]

    def test_steps_rounded_up_past_the_end_are_in_the_last_part(self):
        assert curve([row(120, 1, 1.0)], 100, points=4) == [None, None, None, 1.0]


class TestInterquartileMean:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([5.0], 5.0),
            ([1.0, 5.0, 9.0], 5.0),  # floor(3 / 4) = 0 left out
            ([100.0, 2.0, -50.0, 4.0], 3.0),  # one at either end
            ([0.0, 1.0, 2.0, 3.0, 1000.0], 2.0),  # one of five
            ([9.0, 8.0, 1.0, 2.0, 3.0, 4.0, 0.0, 50.0], 4.25),  # two: 2, 3, 4, 8 are left
        ],
    )
    def test_by_hand(self, values, expected):
        assert interquartile_mean(np.array(values)) == pytest.approx(expected)

    def test_the_shape_does_not_matter(self):
        values = np.arange(12.0)
        assert interquartile_mean(values.reshape(3, 4)) == interquartile_mean(values)

    def test_it_is_scipys_trimmed_mean(self, rng):
        stats = pytest.importorskip("scipy.stats")
        for size in range(1, 30):
            values = rng.normal(size=size)
            assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25))


class TestBootstrap:
    def test_two_scores_give_the_binomial_distribution(self):
        """Of two draws from {0, 1} the mean is 0, 1/2, 1 with chance 1/4, 1/2, 1/4."""
        result = scores.bootstrap([np.array([0.0, 1.0])])
        values, counts = np.unique(result, return_counts=True)
        assert values.tolist() == [0.0, 0.5, 1.0]
        assert counts / counts.sum() == pytest.approx([0.25, 0.5, 0.25], abs=0.02)
        assert scores.interval(result) == (0.0, 1.0)

    def test_a_stratum_is_drawn_within_itself(self):
        """Constant strata: every sample is the same, though their mixture would not be."""
        result = scores.bootstrap([np.full(4, 1.0), np.full(4, 3.0)])
        assert np.ptp(result) == 0.0
        assert result[0] == pytest.approx(2.0)  # of 1 1 1 1 3 3 3 3 the middle is 1 1 3 3

    def test_the_interval_of_many_scores_is_the_textbooks(self, rng):
        """The trimmed mean of 400 normal scores: standard error 1.09 / sqrt(400)."""
        low, high = scores.interval(scores.bootstrap([rng.normal(size=400)]))
        assert high - low == pytest.approx(2 * 1.96 * 1.09 / 20, rel=0.15)

    def test_percentiles(self):
        assert scores.interval(np.arange(101.0), 0.9) == pytest.approx((5.0, 95.0))

    def test_the_same_scores_give_the_same_interval(self, rng):
        values = rng.normal(size=5)
        assert scores.summarize(values) == scores.summarize(values)

    def test_a_shift_is_result_and_chance_is_not(self):
        old = [100.0, 110.0, 120.0, 130.0, 140.0]
        low, high = scores.difference([x - 60.0 for x in old], old)
        assert high < 0.0
        low, high = scores.difference([x - 3.0 for x in old], old)
        assert low < 0.0 < high

    def test_equal_samples_are_drawn_apart(self):
        """Else the difference of a sample and itself would have no width."""
        low, high = scores.difference([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
        assert low < 0.0 < high


def test_a_summary_by_hand():
    result = scores.summarize([1.0, 2.0, 6.0])
    assert result.mean == pytest.approx(3.0)
    assert result.std == pytest.approx(7**0.5)  # (4 + 1 + 9) / 2
    assert result.iqm == pytest.approx(3.0)
    assert result.ci95 == (1.0, 6.0)  # 1 1 1 has chance 1/27, over 2.5 %


def test_one_score_has_no_spread():
    result = scores.summarize([4.0])
    assert (result.mean, result.std, result.ci95) == (4.0, None, (4.0, 4.0))

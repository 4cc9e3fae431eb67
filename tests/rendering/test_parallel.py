"""Frames are in order, from threads that open and close the renderer they render with."""

import threading
import time

import numpy as np
import pytest

from rlctl.rendering.parallel import map_ordered


class FakeRenderer:
    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log.append(("open", threading.get_ident()))
        return self

    def __exit__(self, *_):
        self.log.append(("close", threading.get_ident()))


def render(renderer, index):
    time.sleep(0.002 * (5 - index % 5))  # later frames are done first
    if index == 99:
        raise ValueError("frame 99 fails")
    return np.full(1, index)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_in_their_order(threads):
    log = []
    images = list(map_ordered(range(17), render, lambda: FakeRenderer(log), threads))
    assert np.concatenate(images).tolist() == list(range(17))
    opened, closed = ([who for what, who in log if what == word] for word in ("open", "close"))
    assert sorted(opened) == sorted(closed)
    assert len(set(opened)) == max(1, threads)
    assert (threading.get_ident() in opened) == (threads == 0)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_a_failure_is_raised_and_all_is_closed(threads):
    log, before = [], threading.active_count()
    with pytest.raises(ValueError, match="frame 99 fails"):
        list(map_ordered([1, 2, 99, 4, 5], render, lambda: FakeRenderer(log), threads))
    assert [what for what, _ in log].count("close") == max(1, threads)
    assert threading.active_count() == before


def test_one_that_is_left_early_is_closed():
    log, before = [], threading.active_count()
    images = map_ordered(range(100), render, lambda: FakeRenderer(log), 2)
    next(images)
    images.close()
    assert [what for what, _ in log].count("close") == 2
    assert threading.active_count() == before

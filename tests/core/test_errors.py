"""Errors as one-line warnings."""

from pathlib import Path

import pytest

from rlctl.actions import plot
from rlctl.checkpoints import store
from rlctl.core.errors import Damaged, in_brief


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (Damaged("it is damaged", "copy it again"), "it is damaged"),
        (Damaged("two trainings failed:\n  a\n  b", "see logs"), "two trainings failed: a b"),
        (ValueError("one\n\ntwo"), "one two"),
        (KeyError(), "KeyError"),
    ],
)
def test_an_error_is_one_line_in_a_warning(error, line):
    assert in_brief(error) == line


def test_a_figure_without_its_best_checkpoint_says_so_in_one_line(monkeypatch):
    def damaged(*arguments):
        raise Damaged("it is damaged", "copy it again")

    monkeypatch.setattr(store, "best", damaged)
    told = []
    assert plot._best_checkpoint(Path("run"), told.append) is None
    assert told == ["no best checkpoint of run: it is damaged"]

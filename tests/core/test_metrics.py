import errno
import math
import os

import pytest

from rlctl.core.errors import OutOfSpace
from rlctl.core.metrics import Metrics


def test_rows_are_on_the_disk_at_once_and_strict(tmp_path):
    metrics = Metrics(tmp_path / "m.jsonl")
    metrics.write({"steps": 1, "loss": math.nan})
    assert (tmp_path / "m.jsonl").read_text() == '{"steps": 1, "loss": null}\n'
    metrics.close()


def test_rows_not_wanted_are_dropped_and_a_torn_line(tmp_path):
    path = tmp_path / "m.jsonl"
    metrics = Metrics(path)
    for steps in (100, 200, 300):
        metrics.write({"steps": steps})
    with open(path, "a") as file:
        file.write('{"steps": 1')
    metrics.keep(lambda row: row["steps"] <= 200)
    metrics.write({"steps": 250})
    metrics.close()
    assert [row["steps"] for row in Metrics(path).rows()] == [100, 200, 250]


def test_no_file_has_no_rows(tmp_path):
    metrics = Metrics(tmp_path / "m.jsonl")
    metrics.keep(lambda row: True)
    assert list(metrics.rows()) == []
    assert not metrics.path.exists()


class Disk:
    """File on a disk with limited free space."""

    fails_after_writing = False

    def __init__(self, file, room):
        self._file, self.room = file, room

    def write(self, data):
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fits = data[: self.room]
        self.room -= len(fits)
        written = self._file.write(fits)
        if self.fails_after_writing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return written

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_rows_wait_for_space_and_none_is_torn(tmp_path):
    metrics = Metrics(tmp_path / "m.jsonl")
    metrics.write({"steps": 1})
    disk = metrics._file = Disk(metrics._file, room=7)
    for steps in (2, 3):
        with pytest.raises(OutOfSpace, match="no space left to write"):
            metrics.write({"steps": steps})
    assert [row["steps"] for row in Metrics(metrics.path).rows()] == [1]
    disk.room = 1000
    metrics.flush(durable=True)
    metrics.write({"steps": 4})
    metrics.close()
    assert [row["steps"] for row in Metrics(metrics.path).rows()] == [1, 2, 3, 4]


def test_a_part_of_a_row_that_failed_is_cut_off(tmp_path):
    metrics = Metrics(tmp_path / "m.jsonl")
    metrics.write({"steps": 1})
    disk = metrics._file = Disk(metrics._file, room=7)
    disk.fails_after_writing = True
    with pytest.raises(OutOfSpace):
        metrics.write({"steps": 2})
    disk.room, disk.fails_after_writing = 1000, False
    metrics.write({"steps": 3})
    metrics.close()
    lines = metrics.path.read_text().splitlines()
    assert lines == ['{"steps": 1}', '{"steps": 2}', '{"steps": 3}']

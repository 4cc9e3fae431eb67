"""Tests of the TensorBoard callback: its event files are read with tensorboardX."""

import math
import os
import struct
from pathlib import Path

import pytest
from written_run import eval_row, train_row

from rlctl.callbacks.scalars import scalars
from rlctl.callbacks.tensorboard import TensorBoard

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def tensorboardx():
    """Import tensorboardX late: it imports torch."""
    from tensorboardX import record_writer
    from tensorboardX.proto import event_pb2

    return event_pb2.Event, record_writer.masked_crc32c


@pytest.fixture
def events(tensorboardx):
    """Return a function that reads the run's event files and verifies their checksums."""
    Event, checksum = tensorboardx

    def read(path):
        data, records = path.read_bytes(), []
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            content, check = data[12 : 12 + length], data[12 + length : 16 + length]
            assert data[8:12] == struct.pack("<I", checksum(data[:8]))
            assert check == struct.pack("<I", checksum(content))
            records.append(Event.FromString(content))
            data = data[16 + length :]
        return records

    return lambda: [read(path) for path in sorted(Path("run/tensorboard").iterdir())]


def scalars_of(event):
    return {value.tag: value.simple_value for value in event.summary.value}


def as_event(kind, row):
    return {"event": kind, **{key: value for key, value in row.items() if key != "kind"}}


def test_events_are_written_unbuffered(training, events):
    board = TensorBoard(training.info())
    board.on_event({"event": "phase", "name": "update"})
    board.on_event(as_event("progress", train_row(3)))
    of_parts = {
        "terms": {"up": {"mean": 7.0, "std": 1.0}},
        "tracking": {"vx": {"error": 0.2, "bins": [{"told": 1.0}]}},
    }
    board.on_event(as_event("eval", eval_row(3, 80.0, **of_parts)))
    ((version, train, evaluation),) = events()
    assert version.file_version == "brain.Event:2"
    assert train.step == evaluation.step == 300
    assert abs(train.wall_time - os.path.getmtime("run")) < 60
    assert scalars_of(train) == pytest.approx(
        {
            "train/return": 30, "train/return_std": 2, "train/length": 50, "train/episodes": 6,
            "perf/steps_per_second": 5000, "perf/seconds": 30, "terms/up": 36, "terms/down": -6,
            "losses/kl_mean": 0.03, "losses/v_loss": 1 / 3, "losses/explained_variance": 0.5,
        }
    )  # fmt: skip
    assert scalars_of(evaluation) == pytest.approx(
        {
            "eval/return": 80, "eval/return_std": 4, "eval/return_min": 1, "eval/return_max": 99,
            "eval/length": 60, "eval/terminated": 0.25, "eval/episodes": 16, "eval/terms/up": 7,
            "eval/tracking/vx": 0.2,
        }
    )  # fmt: skip
    board.close()


def test_values_that_are_not_finite_numbers_are_left_out():
    row = train_row(1, losses={"a": math.nan, "b": math.inf, "c": 1}, **{"return": None})
    values = scalars(as_event("progress", row | {"note": "text", "flag": True}))
    assert {"train/return", "losses/a", "losses/b", "train/note", "train/flag"}.isdisjoint(values)
    assert values["losses/c"] == 1.0


def test_numbers_outside_float32_are_left_out(training, events):
    board = TensorBoard(training.info())
    board.on_event(
        as_event("progress", {"steps": 2**40, "losses": {"large": 1e300, "small": 1e-300}})
    )
    board.close()
    (event,) = events()[0][1:]
    assert scalars_of(event) == {"losses/small": 0.0}
    assert event.step == 2**40


def test_a_resumed_training_replaces_the_steps_it_trains_again(training, events, tensorboardx):
    for start, updates in ((0, (1, 2, 3)), (200, (3,))):
        board = TensorBoard(training.info(start=start))
        for update in updates:
            board.on_event(as_event("progress", train_row(update)))
        board.close()
    _, second = events()
    assert second[1].session_log.status == 1  # START: TensorBoard drops step 201 and later
    assert second[1].step == 201
    assert [event.step for event in second[2:]] == [300]

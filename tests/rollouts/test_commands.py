"""Command schedules: parsing and bounds."""

import numpy as np
import pytest

from rlctl.core.errors import NotFound, UsageError
from rlctl.rollouts.commands import out_of_range, parse_commands

NAMES = ("vx", "vy", "yaw")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vx=1.0,vy=0,yaw=-0.5", [1.0, 0.0, -0.5]),
        ("yaw = .5", [0.0, 0.0, 0.5]),
        ("1, -2, 3e-1", [1.0, -2.0, 0.3]),
    ],
)
def test_a_command_by_names_or_in_their_order(text, expected):
    schedule = parse_commands(text, None, NAMES)
    np.testing.assert_allclose(schedule.at(np.array([0.0, 99.0])), [expected] * 2, rtol=1e-6)


def test_a_schedule_on_the_command_line_or_in_a_file(tmp_path):
    written = tmp_path / "walk.txt"
    written.write_text("# first forward\n0: 1,0,0\n\n4.5: yaw=0.5  # then turn\n")
    for text in ("0:1,0,0; 4.5: yaw=0.5", str(written)):
        schedule = parse_commands(None, text, NAMES)
        found = schedule.at(np.array([0.0, 4.49, 4.5, 100.0]))
        np.testing.assert_array_equal(found, [[1, 0, 0], [1, 0, 0], [0, 0, 0.5], [0, 0, 0.5]])


def test_nothing_is_commanded_unless_asked():
    assert parse_commands(None, None, ()) is None


@pytest.mark.parametrize(
    ("command", "schedule", "names", "words"),
    [
        ("vx=1", "0: vx=1", NAMES, "contradict"),
        ("vx=1", None, (), "takes no command"),
        ("1,2", None, NAMES, "needs 3 numbers, not 2"),
        ("", None, NAMES, "the command is empty"),
        (None, "", NAMES, "the schedule is empty"),
        ("vz=1", None, NAMES, "vx, vy, yaw; give each once"),
        ("vx=1,vx=2", None, NAMES, "not one NAME=NUMBER"),
        ("vx=1,2", None, NAMES, "not one NAME=NUMBER"),
        ("vx=fast", None, NAMES, "'fast' of 'vx=fast' is not a number"),
        ("vx=nan", None, NAMES, "not a number"),
        (None, "1: vx=1", NAMES, "begin at 0"),
        (None, "0: vx=1; 2: vx=2; 2: vx=3", NAMES, "give rising times"),
        (None, "0: vx=1; vx=2", NAMES, "not SECONDS: COMMAND"),
        (None, "soon: vx=1", NAMES, "not a number"),
        (None, ":", NAMES, "not a number"),
    ],
)
def test_invalid_commands_are_refused(command, schedule, names, words):
    with pytest.raises(UsageError) as error:
        parse_commands(command, schedule, names)
    assert words in f"{error.value.message} {error.value.hint}"


@pytest.mark.parametrize(("content", "kind"), [(None, NotFound), (b"\xff\xfe\x00", UsageError)])
def test_a_schedule_that_cannot_be_read(tmp_path, content, kind):
    path = tmp_path / "walk.txt"
    if content:
        path.write_bytes(content)
    with pytest.raises(kind, match=r"walk\.txt"):
        parse_commands(None, str(path), NAMES)


def test_commands_beyond_the_training_are_named_and_clipped():
    low, high = np.array([-0.6, -0.8, -0.7], np.float32), np.array([1.5, 0.8, 0.7], np.float32)
    schedule = parse_commands(None, "0: vx=1.5,vy=0.8,yaw=-0.7; 1: vx=2,yaw=-1", NAMES)
    beyond = out_of_range(schedule, low, high, NAMES)
    assert beyond == "vx of 2 (trained on -0.6 to 1.5), yaw of -1 (trained on -0.7 to 0.7)"
    clipped = schedule.clip(low, high)
    assert out_of_range(clipped, low, high, NAMES) == ""
    np.testing.assert_array_equal(clipped.values[1], [np.float32(1.5), 0, np.float32(-0.7)])

import errno
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rlctl.core import files
from rlctl.core.errors import OutOfSpace


def test_a_file_is_written_with_its_folders(tmp_path):
    path = tmp_path / "a" / "b.txt"
    files.write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["b.txt"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, code):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(descriptor):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutOfSpace, match="file"):
        files.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_where_a_folder_should_be_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutOfSpace, match="cannot write"):
        files.write_atomic(tmp_path / "file" / "below", b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_device_is_out_of_space():
    full = Path("/dev/full")
    with pytest.raises(OutOfSpace, match="no space left"), files.writing(full):
        full.write_bytes(b"x")


def test_other_failures_are_not_renamed(tmp_path):
    with pytest.raises(ConnectionResetError), files.writing(tmp_path):
        raise ConnectionResetError


def test_json_is_strict_and_one_line():
    @dataclass
    class Point:
        x: float

    value = {
        "nan": math.nan,
        "inf": [math.inf, -math.inf],
        "array": np.array([1.0, np.nan], np.float32),
        "scalar": np.int64(3),
        "path": Path("a/b"),
        "point": Point(2.0),
        "flag": np.bool_(True),
        "nothing": None,
        3: "key",
    }
    line = files.to_json(value)
    assert "\n" not in line
    assert json.loads(line) == {
        "nan": None,
        "inf": [None, None],
        "array": [1.0, None],
        "scalar": 3,
        "path": "a/b",
        "point": {"x": 2.0},
        "flag": True,
        "nothing": None,
        "3": "key",
    }


def test_the_cache_folder_follows_the_user(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert files.cache_folder() == Path("/somewhere/rlctl")

"""The restricted unpickler reads Brax's files and refuses all other names."""

import pickle

import numpy as np
import pytest
from checkpoints.foreign_cases import FOLDER
from checkpoints.payloads import PICKLES

from rlctl.checkpoints.foreign import pickles
from rlctl.checkpoints.foreign.sandbox import read
from rlctl.checkpoints.foreign.source import open_source
from rlctl.core.errors import Damaged, Incompatible, Unsafe


@pytest.mark.parametrize("name", PICKLES)
def test_what_would_run_code_is_refused_by_its_name(name, tmp_path):
    with pytest.raises(Unsafe) as raised:
        pickles.read({"x": PICKLES[name]})
    assert "nothing of it was run" in raised.value.hint
    assert list(tmp_path.iterdir()) == []  # no canary


def test_the_name_is_told():
    with pytest.raises(Unsafe, match=r"it names posix\.system, which no policy"):
        pickles.read({"x": PICKLES["os.system"]})


def test_statistics_are_no_policy():
    with pytest.raises(Incompatible, match="the statistics of a VecNormalize") as raised:
        pickles.read({"x": (FOLDER / "sb3_vec.pkl").read_bytes()})
    assert "--vec-normalize" in raised.value.hint


@pytest.mark.parametrize(("name", "message"), [("brax_2.pkl", True), ("brax_3.pkl", False)])
def test_a_pair_may_be_of_another_algorithm(name, message):
    found = pickles.read({"x": (FOLDER / name).read_bytes()})
    assert any("SAC and ES have relu" in note for note in found.notes) == message


def array_state(shape, data, dtype="f4"):
    """Return a pickle with one array twice, with this state."""
    whole = np.zeros(2, np.float32).__reduce__()

    class Array:
        def __reduce__(self):
            return whole[0], whole[1], (1, shape, np.dtype(dtype), False, data)

    return pickle.dumps((Array(), Array()), 4)


@pytest.mark.parametrize(
    "data",
    [
        array_state((10**6, 10**6), b"1234"),  # numbers that are not there
        array_state((1,), b"12345"),
        array_state((-1,), b""),
        array_state((1,), b"12345678", object),
        array_state((1,), b"1234")[:40],
        b"\x80\x04" + b"(" * 200_000 + b".",
        b"\x80\x04.",
        b"\x80\x04}b.",
        b"\x80\x04\x82\x01.",  # a registered extension
    ],
)
def test_nonsense_is_damaged(data):
    with pytest.raises((Damaged, Incompatible)):
        pickles.read({"x": data})


def test_deep_nests_are_no_danger():
    with pytest.raises(Incompatible, match="no \\(normaliser, policy\\)"):
        pickles.read({"x": b"\x80\x04" + b"]" + b"]" * 200_000 + b"a" * 200_000 + b"."})


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x05\x96" + (3 * 2**30).to_bytes(8, "little") + b"x.",  # a bytearray of 3 GiB
        b"\x80\x04Nr" + (2**31 - 1).to_bytes(4, "little") + b".",  # a memo of 2^31 places
    ],
)
def test_memory_is_limited(data, tmp_path):
    (tmp_path / "big.pkl").write_bytes(data)
    with pytest.raises(Unsafe, match=r"big\.pkl: it needs more memory"):
        read(open_source(tmp_path / "big.pkl"))

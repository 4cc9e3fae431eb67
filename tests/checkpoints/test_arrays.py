"""Encoding of arrays round-trips for any memory layout."""

import numpy as np
import pytest

from rlctl.checkpoints import arrays
from rlctl.core.errors import Damaged, Diverged

KINDS = [
    "float64",
    "float32",
    "float16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint64",
    "uint32",
    "uint16",
    "uint8",
    "bool",
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_dtype_and_layout_comes_back(kind, rng):
    whole = (rng.random((4, 6, 5)) * 100).astype(kind)
    held = {
        "whole": whole,
        "fortran": np.asfortranarray(whole),
        "transposed": whole.T,
        "strided": whole[::2, 1:, ::-1],
        "big endian": whole.astype(whole.dtype.newbyteorder(">")),
        "scalar": whole[0, 0, 0],
        "empty": whole[:0],
    }
    listing = arrays.describe(held)
    back = arrays.decode(arrays.encode(held), listing, "x")
    assert list(back) == list(held)
    for name, array in held.items():
        assert back[name].dtype == np.dtype(kind)
        assert back[name].shape == array.shape
        np.testing.assert_array_equal(back[name], array)


def test_special_values_keep_their_bits():
    bits = np.array([0x7FC00001, 0x80000000, 0x00000001, 0xFF800000], np.uint32)
    held = {"a": bits.view(np.float32)}
    back = arrays.decode(arrays.encode(held), arrays.describe(held), "x")
    np.testing.assert_array_equal(back["a"].view(np.uint32), bits)


def test_dtypes_that_cannot_come_back_are_refused():
    for array in (np.array(["a"]), np.array([1j]), np.array([None])):
        with pytest.raises(TypeError, match="cannot be saved"):
            arrays.encode({"a": array})


@pytest.mark.parametrize(
    ("listing", "words"),
    [
        ({}, "nothing"),
        ({"a": {"dtype": "float64", "shape": [2]}}, r"float32\[2\]"),
        ({"a": {"dtype": "float32", "shape": [1, 2]}}, r"float32\[1, 2\]"),
        ({"a": {"dtype": "float32", "shape": [2]}, "b": {"dtype": "bool", "shape": []}}, "'b'"),
    ],
)
def test_other_arrays_than_listed_are_damage(listing, words):
    data = arrays.encode({"a": np.zeros(2, np.float32)})
    with pytest.raises(Damaged, match=words):
        arrays.decode(data, listing, "policy.safetensors")


@pytest.mark.parametrize("data", [b"", b"12345678", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}" + b"x"])
def test_bytes_that_are_no_safetensors_are_damage(data):
    with pytest.raises(Damaged, match=r"policy\.safetensors cannot be read"):
        arrays.decode(data, {}, "policy.safetensors")


def test_nonfinite_arrays_are_named():
    good = {"count": np.int32(3), "a": np.ones(3)}
    arrays.check_finite(good)
    with pytest.raises(Diverged, match="b has 2 non-finite of 3"):
        arrays.check_finite({**good, "b": np.array([np.nan, 1, -np.inf])})

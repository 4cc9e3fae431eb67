"""The manifest: its digest covers every byte, its members are validated."""

import hashlib
import json

import numpy as np
import pytest

from rlctl.checkpoints import manifest
from rlctl.core.errors import Damaged, Incompatible, Unsafe

ENTRY = {"bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()}
FACTS = {
    "schema": manifest.SCHEMA,
    "engine": "ppo",
    "metrics": {"return": {"mean": 1.5}},
    "step": 10,
    "arrays": {"policy": {"a/b": {"dtype": "float32", "shape": [2, 3]}}},
    "files": {"policy.safetensors": ENTRY},
}


def sealed(text: str) -> bytes:
    """Return a manifest of invalid content with a valid digest."""
    body = text.encode()
    digest = hashlib.sha256(body).hexdigest()
    return body + f',\n  "manifest_sha256": "{digest}"\n}}\n'.encode()


def test_what_is_encoded_is_decoded():
    back = manifest.decode(manifest.encode(FACTS))
    assert back.pop("manifest_sha256")
    assert back == FACTS


def test_a_decoded_manifest_can_be_encoded_again():
    data = manifest.encode(FACTS)
    assert manifest.encode(manifest.decode(data)) == data


def test_nonfinite_and_numpy_values_become_plain():
    strange = {"a": float("nan"), "b": np.float32("inf"), "c": np.int64(3), "d": (1, 2)}
    back = manifest.decode(manifest.encode({**FACTS, "metrics": strange}))
    assert back["metrics"] == {"a": None, "b": None, "c": 3, "d": [1, 2]}


def test_every_changed_byte_is_noticed():
    data = manifest.encode(FACTS)
    for position in range(len(data)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(data)
            changed[position] ^= flip
            with pytest.raises(Damaged, match=r"manifest\.json"):
                manifest.decode(bytes(changed))


def test_every_cut_is_noticed():
    data = manifest.encode(FACTS)
    for length in range(len(data)):
        with pytest.raises(Damaged):
            manifest.decode(data[:length])
    for more in (b"\n", b" ", data):
        with pytest.raises(Damaged):
            manifest.decode(data + more)


def test_a_newer_minor_schema_is_read_and_a_newer_major_one_is_not():
    newer = {**FACTS, "schema": {**manifest.SCHEMA, "minor": 9}, "unheard_of": [1]}
    assert manifest.decode(manifest.encode(newer))["unheard_of"] == [1]
    newer["schema"] = {**manifest.SCHEMA, "major": 2, "minor": 0}
    newer["provenance"] = {"packages": {"rlctl": "3.1.4"}}
    with pytest.raises(Incompatible, match=r"schema 2\.0; this rlctl reads 1\.x") as caught:
        manifest.decode(manifest.encode(newer))
    assert "install rlctl 3.1.4, which wrote it" in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"schema": {"name": "webapp"}},
        {"schema": "1"},
        {"schema": {**manifest.SCHEMA, "minor": -1}},
        {"schema": {**manifest.SCHEMA, "minor": None}},
        {"step": None},
        {"step": -1},
        {"step": True},
        {"step": "10"},
        {"arrays": None},
        {"arrays": {"policy": {"a": {"dtype": "float32"}}}},
        {"arrays": {"policy": [1]}},
        {"files": {}},
        {"files": {"policy.safetensors": {"bytes": "3", "sha256": ""}}},
        {"files": {"policy.safetensors": ENTRY, "more.safetensors": ENTRY}},
    ],
)
def test_members_that_reading_needs_are_checked(change):
    data = manifest.encode({**FACTS, **change})
    assert not manifest.is_complete(manifest.salvage(data))
    with pytest.raises(Damaged, match=r"manifest\.json"):
        manifest.decode(data)


@pytest.mark.parametrize("group", ["../policy", "/etc/x", "a/b", "", "A", "a" * 65, "a\0", ".."])
def test_names_that_lead_elsewhere_are_unsafe(group):
    file = group + ".safetensors"
    data = manifest.encode({**FACTS, "arrays": {group: {}}, "files": {file: ENTRY}})
    with pytest.raises(Unsafe):
        manifest.decode(data)
    with pytest.raises(Unsafe):
        manifest.file_of(group)


@pytest.mark.parametrize(
    "text",
    [
        '{"step": 1, "step": 2',
        '{"step": NaN',
        '{"step": ' + "9" * 5000,
        '{"step": ' + "[" * 100_000 + "]" * 100_000,
        "[1",
        '{"step": "\udcff"'.encode(errors="surrogatepass").decode(errors="replace"),
        "",
    ],
)
def test_hostile_json_with_a_right_digest_is_refused(text):
    with pytest.raises(Damaged):
        manifest.decode(sealed(text))


def test_digests_tell_value_dtype_and_shape_apart():
    a = np.arange(6, dtype=np.float32)
    kinds = {"a": a, "b": a + 1, "c": a.reshape(2, 3), "d": a.view(np.int32), "e": a.copy()}
    found = manifest.digests(kinds)
    assert found["a"] == found["e"]
    assert len(set(found.values())) == 4
    transposed = np.asfortranarray(a.reshape(2, 3))
    assert manifest.digests({"c": transposed})["c"] == found["c"]


def test_salvage_reads_a_manifest_whose_digest_is_wrong():
    data = manifest.encode(FACTS).replace(b'"ppo"', b'"pqo"')
    assert manifest.salvage(data)["engine"] == "pqo"
    assert manifest.salvage(b"\xff{") == {}
    assert json.loads(manifest.encode(FACTS)) == manifest.salvage(manifest.encode(FACTS))

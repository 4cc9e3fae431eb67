"""A checkpoint does not depend on the devices of its training."""

import json
import re
from pathlib import Path

import pytest

from rlctl.checkpoints import manifest, shipped

RELEASED = Path(__file__).parent / "released"
MANIFESTS = [*RELEASED.rglob("manifest.json"), *shipped.FOLDER.rglob("manifest.json")]
DEVICE = re.compile(r"\b(cuda|gpu|tpu|cpu|device|sharding)\b", re.IGNORECASE)


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: "-".join(file.parts[-5:-1]))
def test_nothing_names_a_device(file):
    facts = manifest.decode(file.read_bytes())
    del facts["provenance"]  # who made it, how and where: read by people alone
    assert DEVICE.findall(json.dumps(facts)) == []


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: "-".join(file.parts[-5:-1]))
def test_files_of_arrays_hold_arrays_alone(file):
    for path in file.parent.glob("*.safetensors"):
        data = path.read_bytes()
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        assert all(set(entry) == {"dtype", "shape", "data_offsets"} for entry in header.values())

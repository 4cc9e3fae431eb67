"""The documented reader works and detects damage."""

import re
from pathlib import Path

import numpy as np
import pytest
from checkpoints.sample_checkpoints import flip, groups, save

DOC = Path(__file__).parents[2] / "docs" / "checkpoints.md"


@pytest.fixture(scope="module")
def read():
    code = re.search(r"```python\n(import hashlib.*?)```", DOC.read_text(), re.DOTALL)[1]
    assert len([line for line in code[code.index("def") :].splitlines() if line.strip()]) <= 20
    names = {}
    exec(code, names)
    return names["read"]


def test_it_reads_what_was_saved(read, tmp_path):
    manifest, arrays = read(save(tmp_path, 7))
    assert manifest["step"] == 7
    for group, saved in groups(7).items():
        assert arrays[group].keys() == saved.keys()
        for name, array in saved.items():
            assert arrays[group][name].dtype == array.dtype
            np.testing.assert_array_equal(arrays[group][name], array)


@pytest.mark.parametrize("file", ["manifest.json", "policy.safetensors", "envs.safetensors"])
def test_it_notices_damage(read, tmp_path, file):
    path = save(tmp_path, 7)
    flip(path / file, 200)
    with pytest.raises(AssertionError, match=r"damaged"):
        read(path)

"""Contract of the formats that policies are exported to and imported from."""

import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from checkpoints.foreign_cases import CASES, FOLDER, REFUSED, source
from exporting import check_actions, exported
from policies.random_policies import BRAX, NORMAL, SPECS, TANH_NORMAL, arrays_of

from rlctl.actions.export import FORMATS
from rlctl.checkpoints.foreign.base import ForeignPolicy
from rlctl.checkpoints.foreign.sandbox_child import READERS
from rlctl.checkpoints.foreign.source import open_source
from rlctl.policies.mlp.kind import ACTIVATIONS

VARIANTS = {
    **SPECS,
    "unclipped": replace(TANH_NORMAL, normalizer_clip=None),
    "not normalized": replace(NORMAL, normalize=False),
    "unbounded": replace(NORMAL, action_low=(None,) * 3, action_high=(None,) * 3),
    "bounded": replace(NORMAL, action_low=(-2.0,) * 3, action_high=(3.0,) * 3),
    "no hidden layer": replace(TANH_NORMAL, policy_hidden_layer_sizes=()),
    **{name: replace(TANH_NORMAL, activation=name) for name in ACTIVATIONS},
}
EXPRESSIBLE = {  # format -> the policies that it can express, where these are not all
    "brax": {
        "as brax": BRAX,
        "not normalized": replace(BRAX, normalize=False),
        "elu": replace(BRAX, activation="elu"),
    },
}


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        pytest.param(kind, spec, id=f"{kind}-{name}")
        for kind in FORMATS
        for name, spec in EXPRESSIBLE.get(kind, VARIANTS).items()
    ],
)
def test_an_export_acts_the_same(kind, spec, tmp_path, rng):
    arrays = arrays_of(spec, rng)
    done, act = exported(kind, spec, arrays, tmp_path)
    check_actions(act, spec, arrays, rng)
    assert json.loads(done.contract.read_text())["format"] == done.format == kind
    assert done.bytes > sum(arrays[n].nbytes for n in arrays if n.startswith("policy/hidden"))


@pytest.mark.parametrize("kind", READERS)
def test_every_reader_has_policies_whose_actions_are_known(kind):
    """`tests/cli/test_import.py` imports all of these and compares their actions."""
    cases = [name for name in CASES if open_source(source(name)).kind == kind]
    assert cases, f"no file in {FOLDER} is read by {READERS[kind]}"
    for name in cases:
        known = json.loads((FOLDER / f"{name}.json").read_text())
        assert len(known["observation"]) == len(known["action"]) > 1
        assert np.ptp(known["action"], axis=0).min() > 0.0
    read = import_module(READERS[kind]).read(open_source(source(cases[0])).files)
    again = ForeignPolicy.from_bytes(read.to_bytes())
    assert again.inputs == len(known["observation"][0]) or len(cases) > 1
    assert {**vars(again), "arrays": None} == {**vars(read), "arrays": None}
    for name, array in read.arrays.items():
        assert array.dtype == np.float32, name
        np.testing.assert_array_equal(again.arrays[name], array)


def test_every_file_is_a_case():
    files = {path.name for path in FOLDER.iterdir() if path.suffix != ".json"}
    assert files - {"sb3_vec.pkl"} == {*CASES, *REFUSED}

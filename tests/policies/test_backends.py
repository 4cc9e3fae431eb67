"""Tests that every back end gives the actions of the reference."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from policies.random_policies import NORMAL, SPECS, arrays_of
from policies.random_policies import TANH_NORMAL as SPEC

from rlctl.checkpoints import store
from rlctl.core.errors import DeviceUnavailable, Incompatible, UsageError
from rlctl.policies import base
from rlctl.policies.base import ACTIVATIONS, BACKENDS, make_policy, policy_of, sample_noise

OTHERS = sorted(set(BACKENDS) - {"numpy"})
VARIANTS = {
    **SPECS,
    **{name: replace(SPEC, activation=name) for name in ACTIVATIONS if name != SPEC.activation},
    "not clipped": replace(SPEC, normalizer_clip=None),
    "not normalized": replace(SPEC, normalize=False),
    "without bounds": replace(NORMAL, action_low=(None,) * 3, action_high=(None,) * 3),
    "no hidden layer": replace(SPEC, policy_hidden_layer_sizes=()),
    "eleven layers": replace(SPEC, policy_hidden_layer_sizes=(4,) * 10),  # hidden_10 sorts early
}


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_back_ends_agree(backend, variant, rng):
    spec = VARIANTS[variant]
    arrays = arrays_of(spec, rng)
    ours, theirs = make_policy(spec, arrays), make_policy(spec, arrays, backend, "cpu")
    low, high, bounded = base.action_bounds(spec)
    observation = rng.normal(size=(64, spec.observation_size)).astype(np.float32) * 3
    noise = sample_noise(spec, rng, 64)
    for draw in (None, noise):
        right, found = ours.act(observation, noise=draw), theirs.act(observation, noise=draw)
        assert (found.dtype, found.shape) == (np.float32, (64, spec.action_size))
        assert np.abs((right - found) / np.where(bounded, high - low, 1.0)).max() < 1e-5
    one = theirs.act(observation[0], noise=noise[0])
    assert one.shape == (spec.action_size,)
    np.testing.assert_allclose(one, ours.act(observation, noise=noise)[0], atol=3e-4)


@pytest.mark.parametrize("backend", sorted(BACKENDS))
@pytest.mark.parametrize("variant", [*SPECS, "eleven layers"])
def test_stages_come_in_order_and_end_in_the_action(backend, variant, rng):
    spec = VARIANTS[variant]
    policy = make_policy(spec, arrays_of(spec, rng), backend)
    observation, noise = rng.normal(size=(7, spec.observation_size)), sample_noise(spec, rng, 7)
    found = policy.stages(observation, noise=noise)
    layers = [f"hidden_{i}" for i in range(len(spec.policy_hidden_layer_sizes) + 1)]
    moments = [] if variant == "categorical" else ["mean", "scale"]
    assert list(found) == ["normalized", *layers, *moments, "action"]
    assert {stage.dtype.name for stage in found.values()} == {"float32"}
    assert found["normalized"].shape == (7, spec.policy_size)
    assert found[layers[-1]].shape == (7, spec.output_size)
    assert all(found[name].shape == (7, spec.action_size) for name in moments)
    np.testing.assert_allclose(
        found["action"], policy.act(observation, noise=noise), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_policy_comes_back_from_its_checkpoint(backend, rng, tmp_path: Path):
    arrays = arrays_of(SPEC, rng)
    path = store.save(tmp_path, 7, {"policy": SPEC.to_json()}, {"policy": arrays})
    observation = rng.normal(size=(3, 11)).astype(np.float32)
    right = make_policy(SPEC, arrays).act(observation)
    checkpoint = store.load(path)
    for policy in (policy_of(checkpoint, backend), policy_of(checkpoint, backend, device="cpu")):
        assert policy.spec == SPEC
        np.testing.assert_allclose(policy.act(observation), right, atol=3e-4)


def test_a_spec_that_is_not_understood_is_refused(tmp_path: Path):
    path = store.save(tmp_path, 7, {"policy": {"kind": "transformer"}}, {"policy": {}})
    with pytest.raises(Incompatible, match="no policy that this rlctl knows"):
        policy_of(store.load(path))


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_back_end_needs_no_other_framework(backend, rng, tmp_path: Path):
    path = store.save(tmp_path, 7, {"policy": SPEC.to_json()}, {"policy": arrays_of(SPEC, rng)})
    code = f"""
import sys
import rlctl
import numpy as np
rlctl.load_policy({str(path)!r}, backend={backend!r}).act(np.zeros(11))
print(*sorted({{"jax", "torch", "mujoco", "brax", "orbax"}} & set(sys.modules)))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.split() == ([] if backend == "numpy" else [backend])


def test_what_is_not_there_is_said(rng, monkeypatch):
    arrays = arrays_of(SPEC, rng)
    with pytest.raises(UsageError, match="no device 'cuda:1'; there are auto, cpu, gpu, cuda"):
        make_policy(SPEC, arrays, "jax", "cuda:1")

    def missing(name):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(base, "import_module", missing)
    with pytest.raises(DeviceUnavailable, match="torch, which is not installed"):
        make_policy(SPEC, arrays, "torch")
    with pytest.raises(ModuleNotFoundError):  # something else is broken
        make_policy(SPEC, arrays, "jax")

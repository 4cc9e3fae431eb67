"""Tests of export: every format computes the checkpoint's actions."""

import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from exporting import exported
from policies.random_policies import BRAX, CATEGORICAL, NORMAL, TANH_NORMAL, arrays_of, save

from rlctl.actions.export import FORMATS, export
from rlctl.core.errors import DeviceUnavailable, Incompatible, OutOfSpace, UsageError
from rlctl.policies.base import make_policy


@pytest.mark.foreign
def test_brax_has_statistics_value_and_noise_as_well(tmp_path, rng):
    import jax
    from brax.training.acme import running_statistics
    from brax.training.agents.ppo import checkpoint, networks

    arrays = arrays_of(BRAX, rng) | {
        "normalizer/count": np.float32(2**33),
        "normalizer/summed_variance": np.arange(11, dtype=np.float32),
    }
    done, _ = exported("brax", BRAX, arrays, tmp_path)
    normalizer, policy, value = checkpoint.load(done.path)
    np.testing.assert_array_equal(normalizer.summed_variance, np.arange(11))
    assert normalizer.count.to_numpy() == 2**33

    config = checkpoint.load_config(done.path)
    nets = networks.make_ppo_networks(
        config.observation_size,
        config.action_size,
        running_statistics.normalize,
        **config.network_factory_kwargs,
    )
    observation = rng.normal(size=(1, 11)).astype(np.float32)
    key = jax.random.key(3)
    action, _ = networks.make_inference_fn(nets)((normalizer, policy))(observation, key)
    noise = np.asarray(jax.random.normal(key, (1, 3)))
    right = make_policy(BRAX, arrays).act(observation, noise=noise)
    np.testing.assert_allclose(action, right, atol=1e-5)

    h = (observation - arrays["normalizer/mean"]) / arrays["normalizer/std"]
    h = h @ arrays["value/hidden_0/kernel"] + arrays["value/hidden_0/bias"]
    h = (h / (1 + np.exp(-h))) @ arrays["value/hidden_1/kernel"] + arrays["value/hidden_1/bias"]
    np.testing.assert_allclose(nets.value_network.apply(normalizer, value, observation), h[:, 0],
                               rtol=1e-4)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"action_high": (1.0, 1.0, 2.0)}, "bounds"),
        ({"normalizer_clip": 10.0}, "clips"),
        ({"min_std": 0.01}, "standard deviation"),
        ({"var_scale": 2.0}, "standard deviation"),
        ({"distribution": "normal"}, "is normal, not tanh_normal"),
    ],
)
def test_policies_brax_cannot_express_are_refused(change, words, tmp_path, rng):
    spec = replace(BRAX, **change)
    path = save(tmp_path, spec, arrays_of(spec, rng))
    with pytest.raises(Incompatible, match=words):
        export(tmp_path / "brax", "brax", str(path))
    assert not list(tmp_path.glob("*brax*"))


def test_an_unused_clip_is_ignored(tmp_path, rng):
    spec = replace(BRAX, normalize=False, normalizer_clip=10.0)
    export(tmp_path / "brax", "brax", str(save(tmp_path, spec, arrays_of(spec, rng))))


def test_the_contract_describes_inputs_and_outputs(tmp_path, rng):
    path = save(tmp_path, TANH_NORMAL, arrays_of(TANH_NORMAL, rng))
    done = export(tmp_path / "policy.npz", "numpy", str(path))
    assert done.contract == tmp_path / "policy.npz.json"
    facts = json.loads(done.contract.read_text())
    angle, friction = facts["observation"]["layout"]
    assert angle.items() >= {"start": 0, "name": "angle", "size": 8, "unit": "rad"}.items()
    assert friction.items() >= {"start": 8, "size": 3, "unit": "1", "privileged": True}.items()
    assert facts["action"]["parts"][1] == {
        "name": "joint_1", "low": -0.5, "high": 0.25, "unit": "N m", "meaning": "torque",
        "discrete": False,
    }  # fmt: skip
    assert (facts["environment"], facts["control_dt"]) == ("thing", 0.02)
    assert (facts["format"], facts["file"]) == ("numpy", "policy.npz")
    assert facts["policy"]["distribution"] == "tanh_normal"
    assert facts["versions"]["numpy"] == np.__version__
    assert facts["checkpoint"]["step"] == done.step == 7


def test_the_torch_file_is_an_ordinary_state_dict(tmp_path, rng):
    import torch

    arrays = arrays_of(NORMAL, rng)
    done = export(tmp_path / "p.pt", "torch", str(save(tmp_path, NORMAL, arrays)))
    state = torch.load(done.path, weights_only=True)
    assert state["mlp.2.weight"].shape == (16, 16)
    np.testing.assert_array_equal(state["mlp.2.weight"].T, arrays["policy/hidden_1/kernel"])
    np.testing.assert_array_equal(state["log_std"], arrays["policy/log_std"])


def test_the_numpy_file_restores_the_policy(tmp_path, rng):
    from rlctl.policies.mlp.spec import MLPSpec

    done = export(
        tmp_path / "p", "numpy", str(save(tmp_path, CATEGORICAL, arrays_of(CATEGORICAL, rng)))
    )
    held = dict(np.load(done.path))
    spec = MLPSpec.from_json(json.loads(str(held.pop("spec"))))
    assert spec == CATEGORICAL
    assert make_policy(spec, held).act(np.zeros(4)).shape == (1,)


def test_onnx_is_an_extra(tmp_path, rng, monkeypatch):
    path = str(save(tmp_path, NORMAL, arrays_of(NORMAL, rng)))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(DeviceUnavailable, match="not installed") as raised:
        export(tmp_path / "p.onnx", "onnx", path)
    assert raised.value.hint == f"{sys.executable} -m pip install onnx"
    assert not list(tmp_path.glob("*p.onnx*"))


@pytest.mark.parametrize("taken", ["policy", "policy.json"])
def test_existing_files_are_not_overwritten(taken, tmp_path, rng):
    path = str(save(tmp_path, BRAX, arrays_of(BRAX, rng)))
    (tmp_path / taken).write_text("mine")
    for kind in FORMATS:
        with pytest.raises(UsageError, match=f"{taken} already exists"):
            export(tmp_path / "policy", kind, path)
    assert (tmp_path / taken).read_text() == "mine"
    with pytest.raises(UsageError, match="no format 'tflite'"):
        export(tmp_path / "other", "tflite", path)


@pytest.mark.parametrize("kind", ["torch", "numpy", "brax"])
def test_a_failed_write_leaves_no_files(kind, tmp_path, rng, monkeypatch):
    path = str(save(tmp_path / "ckpt", BRAX, arrays_of(BRAX, rng)))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutOfSpace, match="file"):
        export(tmp_path / "file" / "policy", kind, path)

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutOfSpace, match="no space left"):
        export(tmp_path / "policy", kind, path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ckpt", "file"]

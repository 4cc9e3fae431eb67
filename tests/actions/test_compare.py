"""Tests of compare: back ends agree, and injected faults are found."""

import importlib.util
import math
from dataclasses import replace

import numpy as np
import pytest
from policies.random_policies import SPECS, TANH_NORMAL, arrays_of, save

from rlctl.actions import compare as action
from rlctl.actions.compare import CompareRequest, compare_backends
from rlctl.core.errors import CheckFailed, DeviceUnavailable
from rlctl.policies import normalizer
from rlctl.policies.mlp import jax_net, jax_policy, tanh_normal, torch_net, torch_policy

NETS = {"jax": jax_net, "torch": torch_net}
POLICIES = {"jax": jax_policy, "torch": torch_policy}


def run(tmp_path, spec=TANH_NORMAL, **request):
    arrays = arrays_of(spec, np.random.default_rng(1))
    arrays["normalizer/std"][0] = 1e-6  # an observation that was constant, as there often is
    return compare_backends(CompareRequest(ckpt=str(save(tmp_path, spec, arrays)), **request))


@pytest.mark.parametrize("distribution", SPECS)
def test_back_ends_agree(distribution, tmp_path):
    report = run(tmp_path, SPECS[distribution], num_tests=20)
    assert report.failed == []
    assert set(report.gaps) == {"jax", "torch"}
    report_data = report.to_json()
    assert report_data["distribution"] == distribution
    for name in ("jax", "torch"):
        found = report_data["backends"][name]
        assert 0 <= found["mean_difference"] <= found["max_difference"] < 1e-5
        assert found["first_stage"] is None
        assert list(found["stages"])[:: len(found["stages"]) - 1] == ["normalized", "action"]
        assert found["seconds"] > 0
    assert report_data["backends"]["numpy"].keys() == {"seconds"}


def activation(backend, patch):
    """Another function than the spec's."""
    patch.setitem(NETS[backend].ACTIVATIONS, "swish", NETS[backend].ACTIVATIONS["relu"])


def epsilon(backend, patch):
    """The classic 1e-8 beside the standard deviation."""

    def normalize(mean, std, observation, clip):
        return normalizer.normalize(mean, std + 1e-8, observation, clip)

    patch.setattr(POLICIES[backend], "normalize", normalize)


def variance(backend, patch):
    """Divides by the variance."""

    def normalize(mean, std, observation, clip):
        return normalizer.normalize(mean, std * std, observation, clip)

    patch.setattr(POLICIES[backend], "normalize", normalize)


def missing_clip(backend, patch):
    def normalize(mean, std, observation, clip):
        return normalizer.normalize(mean, std, observation)

    patch.setattr(POLICIES[backend], "normalize", normalize)


def transposed_layer(backend, patch):
    """A square kernel, which fits either way."""
    right = POLICIES[backend].layers

    def layers(params, x, activation):
        wrong = dict(params)
        if backend == "jax":
            wrong["hidden_1"] = {**params["hidden_1"], "kernel": params["hidden_1"]["kernel"].T}
        else:
            wrong["hidden_1/kernel"] = params["hidden_1/kernel"].T
        return right(wrong, x, activation)

    patch.setattr(POLICIES[backend], "layers", layers)


def forgotten_min_std(backend, patch):
    if backend == "jax":
        right = tanh_normal.mean_and_scale
        wrong = lambda logits, min_std, var_scale: right(logits, 0.0, var_scale)  # noqa: E731
        patch.setattr(tanh_normal, "mean_and_scale", wrong)
    else:
        right = torch_policy.softplus
        patch.setattr(torch_policy, "softplus", lambda raw: right(raw) - TANH_NORMAL.min_std)


def wrong_action_scale(backend, patch):
    """Scaled as if the bounds were symmetric."""
    if backend == "jax":
        patch.setattr(
            tanh_normal, "scale_action", lambda u, low, high: jax_policy.jnp.tanh(u) * high
        )
    else:
        patch.setattr(
            torch_policy.TorchPolicy, "_into_bounds", lambda self, unit: unit * self._high
        )


FAULTS = {
    activation: "hidden_0",
    epsilon: "normalized",
    variance: "normalized",
    missing_clip: "normalized",
    transposed_layer: "hidden_1",
    forgotten_min_std: "scale",
    wrong_action_scale: "action",
}


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("fault", FAULTS)
def test_an_injected_fault_is_found_at_its_stage(fault, backend, tmp_path, monkeypatch):
    fault(backend, monkeypatch)
    with pytest.raises(CheckFailed, match=rf"^{backend} by .*1e-05 is tolerated") as raised:
        run(tmp_path)
    report_data = raised.value.data
    assert report_data["failed"] == [backend]
    assert report_data["backends"][backend]["first_stage"] == FAULTS[fault]
    assert report_data["backends"][backend]["max_difference"] > 1e-4


@pytest.mark.parametrize(("choice", "exists"), [(-2.0, True), (0.5, False), (4.0, False)])
def test_another_choice_is_found(choice, exists, tmp_path, monkeypatch):
    """One that is there but worse, and some that are not there."""

    def wrong(self, logits, noise):
        return {"action": logits[:, :1] * 0 + choice}

    monkeypatch.setattr(torch_policy.TorchPolicy, "_categorical", wrong)
    with pytest.raises(CheckFailed, match=r"^torch by") as raised:
        run(tmp_path, SPECS["categorical"])
    found = raised.value.data["backends"]["torch"]
    assert found["first_stage"] == "action"
    assert math.isfinite(found["max_difference"]) == exists


def test_equally_good_choices_are_the_same(tmp_path):
    spec = SPECS["categorical"]
    arrays = {name: 0 * array for name, array in arrays_of(spec, np.random.default_rng(0)).items()}
    arrays["normalizer/std"] += 1
    ours, theirs = (action.make_policy(spec, arrays) for _ in range(2))
    theirs._categorical = lambda logits, noise: {"action": np.full((len(logits), 1), 3.0)}
    gap = action.compare(ours, theirs, np.zeros((4, 4), np.float32), [None])
    assert gap.max == 0.0


def test_nan_differs(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_policy, "softplus", lambda raw: raw * math.nan)
    with pytest.raises(CheckFailed) as raised:
        run(tmp_path)
    assert raised.value.data["failed"] == ["torch"]
    assert raised.value.data["backends"]["torch"]["first_stage"] == "scale"


def test_the_seed_sets_observations_and_noise(tmp_path):
    ours, same, other = (
        run(tmp_path / str(i), seed=seed).gaps["jax"] for i, seed in enumerate((3, 3, 4))
    )
    assert ours == same != other


def test_a_tolerance_that_float32_cannot_meet_fails(tmp_path):
    spec = replace(TANH_NORMAL, policy_hidden_layer_sizes=(64, 64))
    with pytest.raises(CheckFailed, match="1e-09 is tolerated"):
        run(tmp_path, spec, tolerance=1e-9)


def test_a_missing_framework_is_skipped_with_a_warning(tmp_path, monkeypatch):
    missing = {"torch"}
    monkeypatch.setattr(
        action, "find_spec", lambda n: None if n in missing else importlib.util.find_spec(n)
    )
    arrays = arrays_of(TANH_NORMAL, np.random.default_rng(1))
    request = CompareRequest(ckpt=str(save(tmp_path, TANH_NORMAL, arrays)))
    warnings = []
    report = compare_backends(request, warn=warnings.append)
    assert set(report.gaps) == {"jax"}
    assert warnings == ["torch is not installed, so it is not compared"]
    assert report.to_json()["skipped"] == {"torch": "not installed"}
    missing.add("jax")
    with pytest.raises(DeviceUnavailable, match="nothing to compare numpy with"):
        compare_backends(request)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_gpu_that_is_not_here_is_an_error(backend, rng):
    arrays = arrays_of(TANH_NORMAL, rng)
    with pytest.raises(DeviceUnavailable, match=r"no (GPU|gpu)"):
        action.make_policy(TANH_NORMAL, arrays, backend, "gpu")

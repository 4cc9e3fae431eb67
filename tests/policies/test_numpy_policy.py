"""Tests of the reference policy against the formulas of MLPSpec in scalar arithmetic."""

import math
from dataclasses import replace

import numpy as np
import pytest

from rlctl.core.errors import Incompatible, UsageError
from rlctl.policies.base import kind_of, make_policy, sample_noise
from rlctl.policies.mlp.kind import ACTIVATIONS
from rlctl.policies.mlp.spec import MLPSpec

SPEC = MLPSpec(
    observation_size=5,
    policy_size=3,
    action_low=(-2.0, 0.0),
    action_high=(1.0, 10.0),
    policy_hidden_layer_sizes=(8, 7),
    value_hidden_layer_sizes=(4,),
    normalizer_clip=1.5,
)
NORMAL = replace(
    SPEC, distribution="normal", action_low=(-2.0, None), action_high=(1.0, None), activation="tanh"
)
CATEGORICAL = replace(SPEC, distribution="categorical", action_low=(3.0,), action_high=(6.0,))


def random_arrays(spec: MLPSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    arrays = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in kind_of(spec).shapes(spec).items()
    }
    arrays["normalizer/std"] = np.abs(arrays["normalizer/std"]) + np.float32(0.1)
    return arrays


def by_hand(spec, arrays, observation, noise):
    """Compute one action in double precision with plain loops."""
    functions = {
        "swish": lambda x: x / (1 + math.exp(-x)),
        "tanh": math.tanh,
        "relu": lambda x: max(x, 0.0),
        "elu": lambda x: x if x > 0 else math.exp(x) - 1,
    }
    x = [float(v) for v in observation[: spec.policy_size]]
    if spec.normalize:
        mean, std = arrays["normalizer/mean"], arrays["normalizer/std"]
        x = [(v - float(mean[i])) / float(std[i]) for i, v in enumerate(x)]
        if spec.normalizer_clip is not None:
            x = [min(max(v, -spec.normalizer_clip), spec.normalizer_clip) for v in x]
    layers = len(spec.policy_hidden_layer_sizes) + 1
    for layer in range(layers):
        kernel = arrays[f"policy/hidden_{layer}/kernel"].astype(float)
        bias = arrays[f"policy/hidden_{layer}/bias"].astype(float)
        x = [sum(x[i] * kernel[i, j] for i in range(len(x))) + bias[j] for j in range(len(bias))]
        if layer < layers - 1:
            x = [functions[spec.activation](v) for v in x]
    if spec.distribution == "categorical":
        best = max(range(len(x)), key=lambda i: x[i] + float(noise[i]))
        return [spec.action_low[0] + best]
    action = []
    for i in range(size := len(spec.action_low)):
        if spec.distribution == "normal":
            u = x[i] + math.exp(float(arrays["policy/log_std"][i])) * noise[i]
        else:
            sigma = (math.log1p(math.exp(x[size + i])) + spec.min_std) * spec.var_scale
            u = math.tanh(x[i] + sigma * noise[i])
        low, high = spec.action_low[i], spec.action_high[i]
        action.append(u if low is None else low + (min(max(u, -1), 1) + 1) / 2 * (high - low))
    return action


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("change", [{}, {"normalizer_clip": None}, {"normalize": False}])
def test_acts_as_the_formulas_say(activation, change, rng):
    spec = replace(SPEC, activation=activation, min_std=0.05, var_scale=0.7, **change)
    arrays = random_arrays(spec, rng)
    policy = make_policy(spec, arrays)
    for noise in (np.zeros(2, np.float32), rng.normal(size=2).astype(np.float32)):
        observation = rng.normal(size=5).astype(np.float32)
        action = policy.act(observation, noise=noise)
        assert action.dtype == np.float32
        assert action == pytest.approx(by_hand(spec, arrays, observation, noise), abs=2e-5)


@pytest.mark.parametrize("spec", [NORMAL, CATEGORICAL], ids=lambda spec: spec.distribution)
def test_other_distributions_act_as_the_formulas_say(spec, rng):
    arrays = random_arrays(spec, rng)
    policy = make_policy(spec, arrays)
    draws = [np.zeros((20, spec.noise_size)), sample_noise(spec, rng, 20)]
    for noise in np.concatenate(draws):
        observation = rng.normal(size=5).astype(np.float32)
        action = policy.act(observation, noise=noise)
        assert (action.dtype, action.shape) == (np.float32, (spec.action_size,))
        assert action == pytest.approx(by_hand(spec, arrays, observation, noise), abs=1e-4)


def test_gumbel_noise_samples_the_softmax(rng):
    arrays = random_arrays(CATEGORICAL, rng)
    policy = make_policy(CATEGORICAL, arrays)
    logits = policy.stages(np.zeros((1, 5)))["hidden_2"][0]
    wanted = np.exp(logits) / np.exp(logits).sum()
    n = 20_000
    drawn = policy.act(np.zeros((n, 5)), noise=sample_noise(CATEGORICAL, rng, n))[:, 0]
    found = np.bincount(drawn.astype(int) - 3, minlength=4) / n
    np.testing.assert_allclose(found, wanted, atol=0.015)
    assert policy.act(np.zeros(5)) == 3 + logits.argmax()


@pytest.mark.parametrize("spec", [SPEC, NORMAL], ids=lambda spec: spec.distribution)
def test_noise_is_standard_normal(spec, rng):
    noise = sample_noise(spec, rng, 20_000)
    assert (noise.dtype, noise.shape) == (np.float32, (20_000, 2))
    np.testing.assert_allclose([noise.mean(), noise.std()], [0, 1], atol=0.02)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (replace(SPEC, action_low=(None, 0.0)), "tanh_normal policy needs bounds"),
        (replace(CATEGORICAL, action_high=(None,)), "categorical policy needs bounds"),
        (replace(SPEC, distribution="categorical"), "makes one choice"),
        (replace(CATEGORICAL, action_high=(2.0,)), "makes one choice"),
        (replace(SPEC, action_low=(0.0,)), "1 lower and 2 upper"),
        (replace(SPEC, distribution="beta"), "'beta'"),
    ],
)
def test_specs_that_make_no_sense_are_refused(spec, message):
    with pytest.raises(Incompatible, match=message):
        make_policy(spec, {})


def test_the_clip_bounds_what_the_network_sees(rng):
    arrays = random_arrays(SPEC, rng)
    policy = make_policy(SPEC, arrays)
    far, farther = (arrays["normalizer/mean"] + arrays["normalizer/std"] * k for k in (1.5, 900.0))
    np.testing.assert_allclose(policy.act(far), policy.act(farther), atol=1e-5)


@pytest.mark.parametrize("name", sorted(kind_of(SPEC).shapes(SPEC)))
@pytest.mark.parametrize("change", ["missing", "shape", "dtype"])
def test_arrays_that_do_not_fit_the_spec_are_named(name, change, rng):
    arrays = random_arrays(SPEC, rng)
    if change == "missing":
        del arrays[name]
    elif change == "shape":
        arrays[name] = arrays[name][:-1]
    else:
        arrays[name] = arrays[name].astype(np.float64)
    with pytest.raises(Incompatible, match=name):
        make_policy(SPEC, arrays)


def test_other_mismatches_are_refused(rng):
    arrays = random_arrays(SPEC, rng)
    with pytest.raises(Incompatible, match="softsign"):
        make_policy(replace(SPEC, activation="softsign"), arrays)
    with pytest.raises(Incompatible, match="policy/hidden_3/bias"):
        make_policy(SPEC, {**arrays, "policy/hidden_3/bias": np.zeros(1, np.float32)})
    with pytest.raises(UsageError, match="numpy, jax"):
        make_policy(SPEC, arrays, "cuda")

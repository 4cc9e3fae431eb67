"""Contract of every back end of policies: the reference's actions, shapes and refusals."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from policies.random_policies import NORMAL, SPECS, arrays_of
from policies.random_policies import TANH_NORMAL as SPEC

from rlctl.checkpoints import store
from rlctl.policies import base
from rlctl.policies.base import make_policy, policy_of, sample_noise
from rlctl.policies.mlp.kind import ACTIVATIONS, DISTRIBUTIONS, KIND

VARIANTS = {
    **{
        f"{distribution} {activation}": replace(SPECS[distribution], activation=activation)
        for distribution in DISTRIBUTIONS
        for activation in ACTIVATIONS
    },
    "not clipped": replace(SPEC, normalizer_clip=None),
    "not normalized": replace(SPEC, normalize=False),
    "without bounds": replace(NORMAL, action_low=(None,) * 3, action_high=(None,) * 3),
    "no hidden layer": replace(SPEC, policy_hidden_layer_sizes=()),
    "eleven layers": replace(SPEC, policy_hidden_layer_sizes=(4,) * 10),  # hidden_10 sorts early
}


@pytest.fixture(autouse=True)
def strict():
    """Let implicit rank and dtype promotion raise in JAX."""
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        yield


each_back_end = pytest.mark.parametrize("backend", sorted(KIND.backends))
each_distribution = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


@pytest.mark.parametrize("backend", sorted(set(KIND.backends) - {"numpy"}))
@pytest.mark.parametrize("variant", VARIANTS)
def test_back_ends_agree(backend, variant, rng):
    spec = VARIANTS[variant]
    arrays = arrays_of(spec, rng)
    ours, theirs = make_policy(spec, arrays), make_policy(spec, arrays, backend, "cpu")
    low, high, bounded = base.action_bounds(spec)
    span = np.where(bounded, high - low, 1.0)
    observation = rng.normal(size=(64, spec.observation_size)).astype(np.float32) * 3
    noise = sample_noise(spec, rng, 64)
    for draw in (None, noise):
        right, found = ours.act(observation, noise=draw), theirs.act(observation, noise=draw)
        assert (found.dtype, found.shape) == (np.float32, (64, spec.action_size))
        assert (np.ptp(right, axis=0) / span).min() > 1e-3  # or nothing would be tested
        assert np.abs((right - found) / span).max() < 1e-5
    one = theirs.act(observation[0], noise=noise[0])
    assert one.shape == (spec.action_size,)
    assert np.abs((one - ours.act(observation, noise=noise)[0]) / span).max() < 1e-5


@each_back_end
@each_distribution
def test_a_batch_is_its_rows(backend, spec, rng):
    policy = make_policy(spec, arrays_of(spec, rng), backend)
    observation = rng.normal(size=(17, spec.observation_size)).astype(np.float32)
    noise = sample_noise(spec, rng, 17)
    batch = policy.act(observation, noise=noise)
    rows = [policy.act(o, noise=n) for o, n in zip(observation, noise, strict=True)]
    assert batch.shape == (17, spec.action_size)
    np.testing.assert_allclose(batch, rows, atol=1e-5)
    grid = policy.act(observation[:12].reshape(3, 4, -1), noise=noise[:12].reshape(3, 4, -1))
    np.testing.assert_allclose(grid.reshape(12, -1), batch[:12], atol=1e-5)


@each_back_end
@each_distribution
def test_without_noise_it_is_deterministic_and_with_noise_it_is_not(backend, spec, rng):
    policy = make_policy(spec, arrays_of(spec, rng), backend)
    observation = rng.normal(size=(9, spec.observation_size)).astype(np.float32)
    still = policy.act(observation)
    np.testing.assert_array_equal(still, policy.act(observation))
    nothing = np.zeros((9, spec.noise_size), np.float32)
    np.testing.assert_array_equal(still, policy.act(observation, noise=nothing))
    moved = policy.act(observation, noise=nothing + 5 * np.eye(9, spec.noise_size))
    assert (np.abs(still - moved) > 1e-4).any()


@each_back_end
@each_distribution
def test_actions_stay_in_bounds_for_any_observation(backend, spec, rng):
    spec = replace(spec, normalizer_clip=None)
    policy = make_policy(spec, arrays_of(spec, rng), backend)
    sizes = np.repeat(10.0 ** np.arange(-3, 9), 50)[:, None]
    observation = rng.normal(size=(600, spec.observation_size)) * sizes
    action = policy.act(observation, noise=100 * sample_noise(spec, rng, 600))
    low, high, bounded = base.action_bounds(spec)
    assert np.isfinite(action).all()
    assert (action >= low - 1e-5)[:, bounded].all()
    assert (action <= high + 1e-5)[:, bounded].all()
    assert (np.ptp(action, axis=0) > 0.9 * (high - low))[bounded].all()
    assert (np.ptp(action, axis=0) > 100)[~bounded].all(), "these are not cut"


@each_back_end
@each_distribution
def test_privileged_observations_change_nothing_and_may_be_left_out(backend, spec, rng):
    spec = replace(spec, observation_size=spec.policy_size + 3)
    policy = make_policy(spec, arrays_of(spec, rng), backend)
    observation = rng.normal(size=(5, spec.observation_size)).astype(np.float32)
    right = policy.act(observation)
    for hidden in (0.0, 7.0):
        observation[:, spec.policy_size :] = hidden
        np.testing.assert_array_equal(policy.act(observation), right)
    np.testing.assert_array_equal(policy.act(observation[:, : spec.policy_size]), right)


@each_back_end
@each_distribution
def test_other_shapes_are_refused(backend, spec, rng):
    policy = make_policy(spec, arrays_of(spec, rng), backend)
    given = np.zeros((3, spec.observation_size))
    for size in (1, spec.observation_size + 1):
        with pytest.raises(ValueError, match=rf"observation \({size},\), not"):
            policy.act(np.zeros(size))
    for shape in ((3, spec.noise_size + 1), (2, spec.noise_size), (spec.noise_size,)):
        with pytest.raises(ValueError, match=re.escape(f"noise {shape}, not")):
            policy.act(given, noise=np.zeros(shape))


@each_back_end
@pytest.mark.parametrize("variant", [*(f"{name} swish" for name in DISTRIBUTIONS), "eleven layers"])
def test_stages_come_in_order_and_end_in_the_action(backend, variant, rng):
    spec = VARIANTS[variant]
    policy = make_policy(spec, arrays_of(spec, rng), backend)
    observation, noise = rng.normal(size=(7, spec.observation_size)), sample_noise(spec, rng, 7)
    found = policy.stages(observation, noise=noise)
    layers = [f"hidden_{i}" for i in range(len(spec.policy_hidden_layer_sizes) + 1)]
    moments = [] if spec.distribution == "categorical" else ["mean", "scale"]
    assert list(found) == ["normalized", *layers, *moments, "action"]
    assert {stage.dtype.name for stage in found.values()} == {"float32"}
    assert found["normalized"].shape == (7, spec.policy_size)
    assert found[layers[-1]].shape == (7, spec.output_size)
    assert all(found[name].shape == (7, spec.action_size) for name in moments)
    np.testing.assert_allclose(
        found["action"], policy.act(observation, noise=noise), rtol=1e-5, atol=1e-5
    )


@each_back_end
def test_a_policy_comes_back_from_its_checkpoint(backend, rng, tmp_path: Path):
    arrays = arrays_of(SPEC, rng)
    path = store.save(tmp_path, 7, {"policy": SPEC.to_json()}, {"policy": arrays})
    observation = rng.normal(size=(3, 11)).astype(np.float32)
    right = make_policy(SPEC, arrays).act(observation)
    checkpoint = store.load(path)
    for policy in (policy_of(checkpoint, backend), policy_of(checkpoint, backend, device="cpu")):
        assert policy.spec == SPEC
        np.testing.assert_allclose(policy.act(observation), right, atol=3e-4)


@each_back_end
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

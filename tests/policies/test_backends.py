"""Every back end gives the actions of the reference."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rlctl.checkpoints import store
from rlctl.core.errors import Incompatible
from rlctl.core.specs import PolicySpec
from rlctl.policies.base import ACTIVATIONS, BACKENDS, expected_shapes, load_policy, make_policy

SPEC = PolicySpec(
    observation_size=11,
    policy_size=8,
    action_low=(-1.0, -0.5, 2.0),
    action_high=(1.0, 0.25, 30.0),
    policy_hidden_layer_sizes=(32, 16),
    value_hidden_layer_sizes=(8,),
    normalizer_clip=5.0,
)
OTHERS = sorted(set(BACKENDS) - {"numpy"})


def trained_like(spec: PolicySpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random arrays of the size that networks have."""
    arrays = {}
    for name, shape in expected_shapes(spec).items():
        scale = 1.0 / np.sqrt(shape[0]) if name.endswith("kernel") else 1.0
        arrays[name] = (rng.normal(size=shape) * scale).astype(np.float32)
    arrays["normalizer/std"] = np.abs(arrays["normalizer/std"]) + np.float32(0.2)
    return arrays


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("change", [{}, {"normalizer_clip": None}, {"normalize": False}])
def test_back_ends_agree(backend, activation, change, rng):
    spec = replace(SPEC, activation=activation, min_std=0.01, var_scale=1.3, **change)
    arrays = trained_like(spec, rng)
    ours, theirs = make_policy(spec, arrays), make_policy(spec, arrays, backend)
    span = np.float32(spec.action_high) - np.float32(spec.action_low)
    observation = rng.normal(size=(64, 11)).astype(np.float32) * 3
    noise = rng.normal(size=(64, 3)).astype(np.float32)
    for draw in (None, noise):
        difference = ours.act(observation, noise=draw) - theirs.act(observation, noise=draw)
        assert np.abs(difference / span).max() < 1e-5
    one = theirs.act(observation[0], noise=noise[0])
    assert one.shape == (3,)
    np.testing.assert_allclose(one, ours.act(observation, noise=noise)[0], atol=3e-4)


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_policy_comes_back_from_its_checkpoint(backend, rng, tmp_path: Path):
    arrays = trained_like(SPEC, rng)
    path = store.save(tmp_path, 7, {"policy": SPEC.to_json()}, {"policy": arrays})
    observation = rng.normal(size=(3, 11)).astype(np.float32)
    policy = load_policy(path, backend)
    assert policy.spec == SPEC
    np.testing.assert_allclose(
        policy.act(observation), make_policy(SPEC, arrays).act(observation), atol=3e-4
    )


def test_a_spec_that_is_not_understood_is_refused(tmp_path: Path):
    path = store.save(tmp_path, 7, {"policy": {"kind": "transformer"}}, {"policy": {}})
    with pytest.raises(Incompatible, match="no policy that this rlctl knows"):
        load_policy(path)


def test_the_reference_needs_no_framework(rng, tmp_path: Path):
    import subprocess
    import sys

    path = store.save(tmp_path, 7, {"policy": SPEC.to_json()}, {"policy": trained_like(SPEC, rng)})
    code = f"""
import sys
from rlctl.policies.base import load_policy
import numpy as np
load_policy({str(path)!r}).act(np.zeros(11))
print(sorted({{"jax", "torch", "mujoco", "brax", "orbax"}} & set(sys.modules)))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "[]"

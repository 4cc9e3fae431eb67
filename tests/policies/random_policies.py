"""Random policies: a spec of every distribution, arrays, and checkpoints."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from rlctl.checkpoints import store
from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.policies.base import kind_of
from rlctl.policies.mlp.spec import MLPSpec

TANH_NORMAL = MLPSpec(
    observation_size=11,
    policy_size=8,
    action_low=(-1.0, -0.5, 2.0),
    action_high=(1.0, 0.25, 30.0),
    policy_hidden_layer_sizes=(16, 16),
    value_hidden_layer_sizes=(8,),
    min_std=0.01,
    var_scale=1.3,
    normalizer_clip=5.0,
)
NORMAL = MLPSpec(
    observation_size=8,
    policy_size=8,
    action_low=(-1.0, None, 2.0),
    action_high=(1.0, None, 30.0),
    policy_hidden_layer_sizes=(16, 16),
    value_hidden_layer_sizes=(8,),
    activation="tanh",
    distribution="normal",
    normalizer_clip=5.0,
)
CATEGORICAL = MLPSpec(
    observation_size=4,
    policy_size=4,
    action_low=(-2.0,),
    action_high=(3.0,),
    policy_hidden_layer_sizes=(16, 16),
    value_hidden_layer_sizes=(8,),
    activation="tanh",
    distribution="categorical",
    normalizer_clip=5.0,
)
BRAX = replace(
    TANH_NORMAL,
    action_low=(-1.0,) * 3,
    action_high=(1.0,) * 3,
    min_std=0.001,
    var_scale=1.0,
    normalizer_clip=None,
)
SPECS = {spec.distribution: spec for spec in (TANH_NORMAL, NORMAL, CATEGORICAL)}


def arrays_of(spec: MLPSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return random arrays, including a value function's."""
    shapes = kind_of(spec).shapes(spec)
    sizes = (spec.observation_size, *spec.value_hidden_layer_sizes, 1)
    for i, shape in enumerate(pairwise(sizes)):
        shapes |= {f"value/hidden_{i}/kernel": shape, f"value/hidden_{i}/bias": shape[1:]}
    arrays = {}
    for name, shape in shapes.items():
        scale = 1.0 / np.sqrt(shape[0]) if name.endswith("kernel") else 0.3
        arrays[name] = (rng.normal(size=shape) * scale).astype(np.float32)
    arrays["normalizer/std"] = np.abs(arrays["normalizer/std"]) + np.float32(0.2)
    return arrays


def save(folder: Path, spec: MLPSpec, arrays: dict[str, np.ndarray]) -> Path:
    """Save a checkpoint of the policy with a matching environment; return its folder."""
    hidden = spec.observation_size - spec.policy_size
    parts = [ObservationPart("angle", spec.policy_size, "rad")]
    if hidden:
        parts.append(ObservationPart("friction", hidden, privileged=True))
    env = EnvSpec(
        id="thing",
        observation=tuple(parts),
        action=tuple(
            ActionPart(f"joint_{i}", low, high, "N m", "torque", spec.distribution == "categorical")
            for i, (low, high) in enumerate(zip(spec.action_low, spec.action_high, strict=True))
        ),
        control_dt=0.02,
        substeps=4,
        episode_length=100,
    )
    facts = {
        "engine": "ppo",
        "env": {"id": env.id, "config": {}, "spec": env.to_json()},
        "policy": spec.to_json(),
    }
    return store.save(folder, 7, facts, {"policy": arrays})

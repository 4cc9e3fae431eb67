"""A run with one checkpoint of a policy that nobody trained, of any environment."""

from pathlib import Path

import numpy as np

from rlctl import catalog
from rlctl.checkpoints import manifest, store
from rlctl.core.config import Resolved
from rlctl.core.runs import Run
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.rollouts.factory import make_environment


def save(env: str = "pendulum", out: Path | None = None, **config: object) -> Path:
    """Make the run; `config` are the environment's settings. Returns the checkpoint's folder."""
    settings = catalog.load(catalog.env(env).config)(**config)
    spec = make_environment(env, settings).spec
    policy = MLPSpec(
        observation_size=spec.observation_size,
        policy_size=spec.policy_size,
        action_low=tuple(part.low for part in spec.action),
        action_high=tuple(part.high for part in spec.action),
        policy_hidden_layer_sizes=(8,),
        value_hidden_layer_sizes=(),
    )
    arrays = _arrays(policy)
    plain = Resolved({"env": settings}, {}).to_json()["env"]
    facts = {
        "engine": "ppo",
        "env": {"id": env, "config": plain, "spec": spec.to_json()},
        "policy": policy.to_json(),
        "initial": manifest.digests(arrays),
    }
    with Run.create(env, "ppo", 0, out) as run:
        run.write_config({"env": env})
        return store.save(run.checkpoints, 1000, facts, {"policy": arrays})


def _arrays(policy: MLPSpec) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    size = policy.observation_size
    arrays = {
        "normalizer/mean": np.zeros(size),
        "normalizer/std": np.ones(size),
        "normalizer/summed_variance": np.zeros(size),
        "normalizer/count": np.zeros(()),
        "policy/hidden_0/kernel": rng.normal(size=(policy.policy_size, 8)),
        "policy/hidden_0/bias": np.zeros(8),
        "policy/hidden_1/kernel": rng.normal(size=(8, 2 * policy.action_size)),
        "policy/hidden_1/bias": np.zeros(2 * policy.action_size),
        "value/hidden_0/kernel": rng.normal(size=(size, 1)),
        "value/hidden_0/bias": np.zeros(1),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}

"""Export to a checkpoint of Brax's PPO, with which Brax gives the same actions.

    (normaliser, policy, value) saved by Orbax, beside ppo_network_config.json

Brax 0.14 cannot read some files that it writes itself: with a keyword that is null in the
configuration, or an observation size that is not a number. So the configuration has only what is
needed.
"""

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.core.errors import Incompatible
from rlctl.policies.mlp.spec import MLPSpec

_MIN_STD, _VAR_SCALE = 0.001, 1.0  # fixed in Brax's NormalTanhDistribution


def check_supported(spec: MLPSpec) -> None:
    """Check that Brax's PPO can represent a policy.

    Raises:
        Incompatible: It cannot.
    """
    faults = {
        f"its distribution is {spec.distribution}, not tanh_normal": (
            spec.distribution != "tanh_normal"
        ),
        "its actions have bounds other than [-1, 1]": (
            set(spec.action_low) != {-1.0} or set(spec.action_high) != {1.0}
        ),
        "its normaliser clips": spec.normalize and spec.normalizer_clip is not None,
        f"its standard deviation is not softplus + {_MIN_STD}": (
            (spec.min_std, spec.var_scale) != (_MIN_STD, _VAR_SCALE)
        ),
    }
    if found := [fault for fault, there in faults.items() if there]:
        raise Incompatible(
            f"Brax's PPO cannot represent this policy: {'; '.join(found)}",
            "export it with --format torch, onnx or numpy",
        )


def write(spec: MLPSpec, arrays: Arrays, path: Path) -> None:
    """Write the folder.

    Raises:
        Incompatible: Brax's PPO cannot represent the policy.
    """
    check_supported(spec)
    from orbax.checkpoint import PyTreeCheckpointer

    params = [_normalizer(spec, arrays), _network(arrays, "policy", spec.observation_size)]
    if any(name.startswith("value/") for name in arrays):
        params.append(_network(arrays, "value", spec.observation_size))
    try:
        PyTreeCheckpointer().save(path.resolve(), tuple(params))
    except ValueError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
    config = {
        "observation_size": spec.observation_size,
        "action_size": spec.action_size,
        "normalize_observations": spec.normalize,
        "network_factory_kwargs": {
            "policy_hidden_layer_sizes": spec.policy_hidden_layer_sizes,
            "value_hidden_layer_sizes": spec.value_hidden_layer_sizes,
            "activation": spec.activation,
        },
    }
    (path / "ppo_network_config.json").write_text(json.dumps(config, indent=2) + "\n")


def program(spec: MLPSpec, name: str) -> str:
    """Return a program that acts with the folder `name`."""
    return (
        "from pathlib import Path\n\n"
        "import jax\n"
        "from brax.training.agents.ppo import checkpoint\n\n"
        f"policy = jax.jit(checkpoint.load_policy(Path({name!r}).resolve()))\n\n\n"
        "def act(observation):\n"
        "    return policy(observation, jax.random.key(0))[0]  # deterministic, key or not\n"
    )


def _normalizer(spec: MLPSpec, arrays: Arrays) -> dict[str, Any]:
    """Return Brax's RunningStatisticsState; its count is 64 bits in two halves."""
    zero = np.zeros(spec.observation_size, np.float32)
    count = int(arrays.get("normalizer/count", 0))
    return {
        "mean": arrays["normalizer/mean"],
        "std": arrays["normalizer/std"],
        "count": {"hi": np.uint32(count >> 32), "lo": np.uint32(count & 0xFFFFFFFF)},
        "summed_variance": arrays.get("normalizer/summed_variance", zero),
        "std_eps": np.float32(0.0),
    }


def _network(arrays: Arrays, name: str, inputs: int) -> dict[str, Any]:
    """Return one network's parameters as flax nests them.

    In Brax both networks get the whole observation. A policy without the privileged part gets zero
    kernel rows for it in its first layer.
    """
    layers: dict[str, dict[str, np.ndarray]] = {}
    for key, array in arrays.items():
        network, _, rest = key.partition("/")
        if network == name:
            layer, _, part = rest.partition("/")
            layers.setdefault(layer, {})[part] = array
    kernel = layers["hidden_0"]["kernel"]
    layers["hidden_0"]["kernel"] = np.pad(kernel, ((0, inputs - len(kernel)), (0, 0)))
    return {"params": layers}

"""Brax's PPO in any of its formats: (normaliser, policy, value) as a tree of arrays.

    0/mean 0/std                        or 0/mean/KEY ... for dict observations
    0/count                             or 0/count/hi and /lo
    1/params/hidden_{i}/kernel, /bias   the policy; 2/params/... the value function

The configuration file holds what the arrays do not show. Brax itself fails to read some of its own
configurations (null keywords, an observation size with a dtype), so only what matters is read.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.foreign.base import ForeignPolicy, Layer, network, to_float32
from rlctl.core.errors import Incompatible

_ACTIVATIONS = {"silu": "swish", **{name: name for name in ("swish", "tanh", "relu", "elu")}}
_LAYER = re.compile(r"params/hidden_([0-9]{1,3})/(kernel|bias)")
_PLAIN = "only plain tanh-normal policies of Brax's PPO can be imported"
_OTHER = {  # settings that change how actions are computed -> the only supported value
    "distribution_type": "tanh_normal",
    "mean_clip_scale": None,
    "state_dependent_std": False,
    "layer_norm": False,
}
_SETTINGS = {  # known network settings: read here, visible in the arrays, or for training only
    *_OTHER, "activation", "policy_hidden_layer_sizes", "value_hidden_layer_sizes",
    "policy_obs_key", "value_obs_key", "noise_std_type", "init_noise_std", "num_quantiles",
    "use_distributional_critic", "policy_network_kernel_init_fn", "value_network_kernel_init_fn",
    "policy_network_kernel_init_kwargs", "value_network_kernel_init_kwargs",
    "mean_kernel_init_fn", "mean_kernel_init_kwargs",
}  # fmt: skip


def policy_of(
    arrays: Mapping[str, np.ndarray], config: Mapping[str, Any] | None, format: str
) -> ForeignPolicy:
    """Return the policy in a tree of arrays.

    Args:
        arrays: As above; PPONetworkParams instead of the second and third part is accepted too.
        config: The content of `ppo_network_config.json`, None without one.
        format: Description of the file format.

    Raises:
        Incompatible: rlctl cannot represent the policy.
        Diverged: It has non-finite values.
    """
    arrays = {
        name.replace("1/policy/", "1/", 1).replace("1/value/", "2/", 1): array
        for name, array in arrays.items()
    }
    facts = config or {}
    factory = facts.get("network_factory_kwargs") or {}
    activation = factory.get("activation", "silu")
    if activation not in _ACTIVATIONS:
        raise Incompatible(
            f"its activation is {activation}; rlctl has {', '.join(sorted(_ACTIVATIONS))}"
        )
    for key, plain in _OTHER.items():
        if factory.get(key, plain) not in (plain, None):
            raise Incompatible(f"its {key} is {factory[key]}", _PLAIN)
    for key, value in factory.items():
        if key not in _SETTINGS and value is not None:
            raise Incompatible(f"its networks have an unknown setting {key[:80]}", _PLAIN)
    layers, value = _network(arrays, "1"), _network(arrays, "2")
    if not layers:
        raise Incompatible("it has no policy: no params/hidden_0/kernel in its second part", _PLAIN)
    key, notes = _key(arrays, factory.get("policy_obs_key", "state"), len(layers[0][0])), []
    if value and (key != _key(arrays, factory.get("value_obs_key", "state"), len(value[0][0]))):
        value = []
        notes.append("left out: the value function, which has other observations than the policy")
    if config is None:
        notes.append("assumed: observations are normalised, as the file does not say")
        if not any(name.startswith("2/") for name in arrays):  # Brax's SAC and ES save such pairs
            notes.append("assumed: it is of PPO; networks of Brax's SAC and ES have relu")
    normalizer = _normalizer(arrays, key) if facts.get("normalize_observations", True) else {}
    found = to_float32(network("policy", layers) | network("value", value) | normalizer)
    return ForeignPolicy(
        format,
        found,
        distribution="tanh_normal",
        activation=_ACTIVATIONS[activation] if config is not None else "",
        default_activation="swish",
        normalized_actions=True,
        notes=tuple(notes),
    )


def _network(arrays: Mapping[str, np.ndarray], part: str) -> list[Layer]:
    layers: dict[int, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        top, _, rest = name.partition("/")
        if top != part:
            continue
        found = _LAYER.fullmatch(rest)
        if not found:
            raise Incompatible(f"it has an array {rest}, which a plain MLP does not have", _PLAIN)
        layers.setdefault(int(found[1]), {})[found[2]] = array
    if sorted(layers) != list(range(len(layers))) or any(len(x) < 2 for x in layers.values()):
        raise Incompatible(f"a kernel or a bias is missing: it has layers {sorted(layers)}", _PLAIN)
    return [(layers[i]["kernel"], layers[i]["bias"]) for i in range(len(layers))]


def _key(arrays: Mapping[str, np.ndarray], asked: str, size: int) -> str:
    """Return the observation of this size: "" if there is one, else "/" and its key.

    Raises:
        Incompatible: No observation, or no single one, has this size.
    """
    if "0/mean" in arrays:
        held = {"": arrays["0/mean"]}
    else:
        held = {n[6:]: array for n, array in arrays.items() if n.startswith("0/mean")}
    fitting = [name for name, array in held.items() if array.shape == (size,)]
    if f"/{asked}" in fitting:
        return f"/{asked}"
    if len(fitting) != 1:
        shapes = {name or "all": array.shape for name, array in held.items()}
        raise Incompatible(
            f"a network has input size {size}, and its normaliser has observations {shapes}",
            _PLAIN,
        )
    return fitting[0]


def _normalizer(arrays: Mapping[str, np.ndarray], key: str) -> Arrays:
    found = {}
    for name in ("mean", "std"):
        if f"0/{name}{key}" not in arrays:
            raise Incompatible(f"its normaliser has no {name}", _PLAIN)
        found[f"normalizer/{name}"] = arrays[f"0/{name}{key}"]
    if "0/count" in arrays:
        count = arrays["0/count"].item()
    else:
        # Newer Brax counts in a UInt64 of two halves.
        high, low = (arrays[f"0/count/{half}"].item() for half in ("hi", "lo"))
        count = (high << 32) + low
    return found | {"normalizer/count": np.array(count, np.float32)}

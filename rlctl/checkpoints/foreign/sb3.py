"""Reader of Stable-Baselines3's zips: PPO, A2C and TRPO with MlpPolicy.

Only the plain JSON in `data` is read, never its pickles, and not the optimiser. The module of
`policy_class` tells which algorithm saved the file.
"""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from rlctl.checkpoints.foreign import torch_file, vec_normalize
from rlctl.checkpoints.foreign.base import ForeignPolicy, Layer, network, to_float32
from rlctl.checkpoints.foreign.chains import chain
from rlctl.checkpoints.foreign.source import STATISTICS
from rlctl.core.errors import Damaged, Incompatible

_MODULE = "stable_baselines3.common.policies"  # module of the policies of PPO, A2C and TRPO
_OTHERS = {  # part of another module -> algorithm
    ".dqn.": "DQN",
    ".sac.": "SAC",
    ".td3.": "TD3 or DDPG",
    ".ars.": "ARS",
    ".qrdqn.": "QR-DQN",
    ".tqc.": "TQC",
    ".crossq.": "CrossQ",
    ".recurrent.": "RecurrentPPO",
    ".maskable.": "MaskablePPO",
}
_ACTIVATIONS = {"Tanh": "tanh", "ReLU": "relu", "ELU": "elu", "SiLU": "swish"}
_FLATTEN = "<class 'stable_baselines3.common.torch_layers.FlattenExtractor'>"
_PLAIN = "supported are PPO, A2C and TRPO with MlpPolicy"
_ACTIONS = {"Box", "Discrete"}
_HARMLESS = {  # policy_kwargs that are visible in the weights or matter for training only
    "net_arch", "ortho_init", "log_std_init", "full_std", "use_expln", "share_features_extractor",
    "optimizer_class", "optimizer_kwargs", "normalize_images",
}  # fmt: skip
_NETWORKS = {  # role -> the prefix of its hidden layers, its last layer
    "policy": ("mlp_extractor.policy_net.", "action_net"),
    "value": ("mlp_extractor.value_net.", "value_net"),
}


def read(files: dict[str, bytes]) -> ForeignPolicy:
    """Read the policy in a zip and its VecNormalize; see `sandbox_child.READERS`."""
    statistics = files.get(STATISTICS)
    (data,) = (content for name, content in files.items() if name != STATISTICS)
    torch_file.check_zip(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        facts = _facts(archive)
        _check_algorithm(facts.get("policy_class"))
        _check_spaces(facts)
        activation = _check_settings(facts)
        tensors, _ = torch_file.load(archive.read("policy.pth"))
    normalized = facts.get("_last_original_obs") is not None  # a VecNormalize sets it
    if statistics is None and normalized:
        raise Incompatible(
            "it was trained with a VecNormalize, whose statistics are in a separate file",
            "give the file that VecNormalize.save wrote: --vec-normalize FILE",
        )
    normalizer = vec_normalize.read(statistics) if statistics is not None else None
    arrays = _arrays(tensors) | (normalizer.arrays if normalizer else {})
    notes = [normalizer.note] if normalizer and normalizer.note else []
    if normalizer and not normalized:
        notes.append(
            "assumed: it was trained with this VecNormalize, although the zip does not say so"
        )
    steps = facts.get("num_timesteps")
    return ForeignPolicy(
        "a zip of Stable-Baselines3",
        to_float32(arrays),
        activation=activation,
        clip=normalizer.clip if normalizer else None,
        step=steps if isinstance(steps, int) and steps > 0 else 0,
        notes=tuple(notes),
    )


def _facts(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        facts = json.loads(archive.read("data"))
    except (KeyError, ValueError, RecursionError) as error:
        raise Damaged(f"its `data` cannot be read: {error}", "copy it again") from error
    if not isinstance(facts, dict):
        raise Damaged("its `data` is not a JSON object", "copy it again")
    return facts


def _check_algorithm(policy_class: Any) -> None:
    """Refuse all but MlpPolicy of PPO, A2C and TRPO, by name."""
    module = policy_class.get("__module__") if isinstance(policy_class, dict) else None
    if not isinstance(module, str):
        raise Incompatible("its `data` does not say which policy class it has", _PLAIN)
    if module != _MODULE:
        module = module[:80]
        of = next((name for part, name in _OTHERS.items() if part in module), None)
        subject = (
            f"it is of {of}: its policy class is" if of else "its policy class is a custom one,"
        )
        raise Incompatible(f"{subject} from {module}", _PLAIN)


def _check_spaces(facts: Mapping[str, Any]) -> None:
    """Refuse image, dict and multi-discrete spaces."""
    observed, action = facts.get("observation_space"), facts.get("action_space")
    kind = _space(observed)
    shape = observed.get("_shape") if isinstance(observed, dict) else None
    if kind != "Box" or not isinstance(shape, list) or len(shape) > 2:
        policy = {"Box": "CnnPolicy", "Dict": "MultiInputPolicy"}.get(kind, "another")
        raise Incompatible(
            f"its observation space is {kind} of shape {shape}, as of {policy}", _PLAIN
        )
    if _space(action) not in _ACTIONS:
        raise Incompatible(f"its action space is {_space(action)}", _PLAIN)


def _space(space: Any) -> str:
    named = space.get(":type:") if isinstance(space, dict) else None
    found = re.fullmatch(r"<class 'gym(nasium)?\.spaces\.\w+\.(\w+)'>", str(named))
    return found[2] if found else str(named)[:80]


def _check_settings(facts: Mapping[str, Any]) -> str:
    """Check the policy's settings and return its activation.

    Raises:
        Incompatible: An unsupported setting changes how the policy acts.
    """
    kwargs = facts.get("policy_kwargs") or {}
    if not isinstance(kwargs, dict):
        raise Incompatible(f"its policy_kwargs are {str(kwargs)[:80]}", _PLAIN)
    settings = {name: value for name, value in kwargs.items() if not name.startswith(":")}
    activation = settings.pop("activation_fn", "<class 'torch.nn.modules.activation.Tanh'>")
    extractor = settings.pop("features_extractor_class", _FLATTEN)
    arguments = settings.pop("features_extractor_kwargs", None)
    if facts.get("use_sde") or settings.pop("use_sde", False):
        raise Incompatible("its noise depends on the observation (use_sde)", _PLAIN)
    if settings.pop("squash_output", False):
        raise Incompatible("its actions are squashed by tanh (squash_output)", _PLAIN)
    if extractor != _FLATTEN or arguments not in (None, {}):
        raise Incompatible(f"it has a features extractor: {str(extractor)[:80]}", _PLAIN)
    if unknown := sorted(settings.keys() - _HARMLESS):
        raise Incompatible(f"its policy_kwargs have an unknown {unknown[0][:80]}", _PLAIN)
    found = re.fullmatch(r"<class 'torch\.nn\.modules\.activation\.(\w+)'>", str(activation))
    if not found or found[1] not in _ACTIVATIONS:
        raise Incompatible(f"its activation is {str(activation)[:80]}; rlctl has {[*_ACTIVATIONS]}")
    return _ACTIVATIONS[found[1]]


def _arrays(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return all tensors under rlctl's names.

    Raises:
        Incompatible: There are tensors that an MlpPolicy does not have.
    """
    # Whatever remains in `left` at the end is not of an MlpPolicy.
    left, found = dict(tensors), {}
    if "log_std" in left:
        found["policy/log_std"] = left.pop("log_std").reshape(-1)
    for role, (hidden, last) in _NETWORKS.items():
        stems = [name.removesuffix(".weight") for name in tensors if name.endswith(".weight")]
        held = {stem: tensors[f"{stem}.weight"] for stem in stems if stem.startswith(hidden)}
        found |= network(role, [_layer(left, stem) for stem in (*chain(held), last)])
    if left:
        name = next(iter(left))
        raise Incompatible(
            f"its tensor {name} {tuple(left[name].shape)} does not belong to an MlpPolicy", _PLAIN
        )
    return found


def _layer(left: dict[str, np.ndarray], stem: str) -> Layer:
    """Pop a layer from `left`: its kernel [in, out] and bias [out]."""
    try:
        weight, bias = left.pop(f"{stem}.weight"), left.pop(f"{stem}.bias")
    except KeyError as error:
        raise Incompatible(f"it has no {error.args[0]}", _PLAIN) from error
    return weight.T, bias

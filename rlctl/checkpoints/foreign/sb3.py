"""Stable-Baselines3's zips, of PPO, A2C and TRPO with MlpPolicy.

Of `data` plain JSON is looked at, never what is pickled in it; the optimiser is left alone.
"""

import io
import json
import re
import zipfile
from typing import Any

from rlctl.checkpoints.foreign import state_dict, torch_file
from rlctl.checkpoints.foreign.base import Foreign
from rlctl.core.errors import Damaged, Incompatible

_ACTIVATIONS = {"Tanh": "tanh", "ReLU": "relu", "ELU": "elu", "SiLU": "swish"}
_PLAIN = "read are PPO, A2C and TRPO with MlpPolicy"
_VEC_NORMALIZE = (
    "left out: the statistics of the VecNormalize it was trained with, which SB3 keeps in another "
    "file; if it normalised observations, the policy does not act as it did"
)


def read(files: dict[str, bytes]) -> Foreign:
    """The policy in a zip; see `child.READERS`."""
    (data,) = files.values()
    torch_file.check_zip(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        weights = archive.read("policy.pth")
        facts = _facts(archive)
    if facts.get("use_sde"):
        raise Incompatible("its noise depends on the state (use_sde)", _PLAIN)
    arrays, notes = state_dict.arrays_of(torch_file.load(weights))
    if facts.get("_last_original_obs") is not None:  # which VecNormalize alone has
        notes.append(_VEC_NORMALIZE)
    steps = facts.get("num_timesteps")
    return Foreign(
        "a zip of Stable-Baselines3",
        arrays,
        activation=_activation(facts.get("policy_kwargs")),
        step=steps if isinstance(steps, int) and steps > 0 else 0,
        notes=tuple(notes),
    )


def _facts(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        facts = json.loads(archive.read("data"))
    except (KeyError, ValueError, RecursionError) as error:
        raise Damaged(f"its `data` cannot be read: {error}", "copy it again") from error
    if not isinstance(facts, dict):
        raise Damaged("its `data` holds no object", "copy it again")
    return facts


def _activation(kwargs: Any) -> str:
    """By the class's name, tanh where none is named.

    Raises:
        Incompatible: One that rlctl has not.
    """
    named = kwargs.get("activation_fn") if isinstance(kwargs, dict) else None
    if named is None:
        return "tanh"
    found = re.fullmatch(r"<class 'torch\.nn\.modules\.activation\.(\w+)'>", str(named))
    if not found or found[1] not in _ACTIVATIONS:
        raise Incompatible(f"its activation is {str(named)[:80]}; rlctl has {[*_ACTIVATIONS]}")
    return _ACTIVATIONS[found[1]]

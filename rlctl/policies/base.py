"""What a policy is, and how one is made from a checkpoint: a spec, arrays and a back end.

The arrays are those of a checkpoint's group `policy`:

    normalizer/mean, /std (O,) float32      of the whole observation
    policy/hidden_{i}/kernel [in, out] and /bias [out]      the last one gives mean and raw scale

The value function's arrays lie beside them and are not needed to act.
"""

from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.reading import Checkpoint, load
from rlctl.core.errors import Incompatible, UsageError
from rlctl.core.specs import PolicySpec

BACKENDS = {
    "numpy": "rlctl.policies.mlp.numpy_policy:NumpyPolicy",
    "jax": "rlctl.policies.mlp.jax_policy:JaxPolicy",
}
ACTIVATIONS = ("swish", "tanh", "relu", "elu")


class Policy(Protocol):
    """Turns observations into actions, with its normaliser inside.

    Attributes:
        spec: All that can be said of it without its arrays.
    """

    spec: PolicySpec

    def act(self, observation: np.ndarray, *, noise: np.ndarray | None = None) -> np.ndarray:
        """The action for one observation, or for each of a batch.

        Args:
            observation: (O,) or (N, O), in the environment's units.
            noise: (A,) or (N, A) standard normal; None for the deterministic action.

        Returns:
            (A,) or (N, A) float32, within the spec's bounds, in the environment's units.
        """


def load_policy(checkpoint: Checkpoint | Path | str, backend: str = "numpy") -> Policy:
    """The policy in a checkpoint.

    Args:
        checkpoint: Its folder, or one that is loaded already with group `policy`.
        backend: A key of `BACKENDS`.

    Raises:
        NotFound, Damaged, Unsafe: See `rlctl.checkpoints.store.load`.
        Incompatible: Its spec or arrays are of no policy that this version knows.
        UsageError: No such back end.
    """
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = load(checkpoint)
    try:
        spec = PolicySpec.from_json(checkpoint.manifest["policy"])
    except (KeyError, TypeError, AttributeError) as error:
        raise Incompatible(
            f"{checkpoint.path} describes no policy that this rlctl knows: {error}",
            "install the version of rlctl that wrote it",
        ) from error
    return make_policy(spec, checkpoint.groups["policy"], backend)


def make_policy(spec: PolicySpec, arrays: Arrays, backend: str = "numpy") -> Policy:
    """The policy that `spec` describes, with these arrays.

    Args:
        spec: What the arrays mean.
        arrays: Name -> array, as above; names not needed are ignored.
        backend: A key of `BACKENDS`.

    Raises:
        Incompatible: An array is missing or has another shape or dtype than the spec says.
        UsageError: No such back end.
    """
    if backend not in BACKENDS:
        raise UsageError(f"there is no back end {backend!r}; there are {', '.join(BACKENDS)}")
    _check(spec, arrays)
    module, _, name = BACKENDS[backend].partition(":")
    return getattr(import_module(module), name)(spec, arrays)


def expected_shapes(spec: PolicySpec) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the arrays that acting needs; all are float32."""
    sizes = (spec.policy_size, *spec.policy_hidden_layer_sizes, 2 * spec.action_size)
    shapes: dict[str, tuple[int, ...]] = {
        "normalizer/mean": (spec.observation_size,),
        "normalizer/std": (spec.observation_size,),
    }
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        shapes[f"policy/hidden_{i}/kernel"] = (inputs, outputs)
        shapes[f"policy/hidden_{i}/bias"] = (outputs,)
    return shapes


def _check(spec: PolicySpec, arrays: Arrays) -> None:
    """Refuse what would give wrong actions rather than none."""
    if spec.activation not in ACTIVATIONS or spec.distribution != "tanh_normal":
        raise Incompatible(
            f"the policy has activation {spec.activation!r} and distribution "
            f"{spec.distribution!r}; this rlctl knows {', '.join(ACTIVATIONS)} and tanh_normal"
        )
    for name, shape in expected_shapes(spec).items():
        held = arrays.get(name)
        if held is None or held.shape != shape or held.dtype != np.float32:
            found = "is missing" if held is None else f"is {held.dtype}{list(held.shape)}"
            raise Incompatible(f"{name} {found}, the policy's spec says float32{list(shape)}")
    layers = {name for name in arrays if name.startswith("policy/")}
    if extra := sorted(layers - set(expected_shapes(spec))):
        raise Incompatible(f"{extra[0]} is an array that the policy's spec has no layer for")

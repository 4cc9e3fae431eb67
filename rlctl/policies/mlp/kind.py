"""The kind of policies `mlp`: a multi-layer perceptron on normalised observations.

Its arrays in a checkpoint's group `policy`:

    normalizer/mean, /std (O,) float32                      of the whole observation
    policy/hidden_{i}/kernel [in, out] and /bias [out]      the last one is the output layer
    policy/log_std (A,)                                     only with the distribution `normal`
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.core.errors import Incompatible
from rlctl.policies.mlp.spec import MLPSpec

ACTIVATIONS = ("swish", "tanh", "relu", "elu")
DISTRIBUTIONS = ("tanh_normal", "normal", "categorical")


class MLPKind:
    """Functions of MLP policies; see `rlctl.policies.base.PolicyKind`."""

    spec: type[MLPSpec] = MLPSpec
    backends: ClassVar[Mapping[str, str]] = {
        "numpy": "rlctl.policies.mlp.numpy_policy:NumpyPolicy",
        "jax": "rlctl.policies.mlp.jax_policy:JaxPolicy",
        "torch": "rlctl.policies.mlp.torch_policy:TorchPolicy",
    }

    def check(self, spec: MLPSpec) -> None:
        if spec.activation not in ACTIVATIONS or spec.distribution not in DISTRIBUTIONS:
            raise Incompatible(
                f"the policy has activation {spec.activation!r} and distribution "
                f"{spec.distribution!r}; this rlctl knows {', '.join(ACTIVATIONS)} and "
                f"{', '.join(DISTRIBUTIONS)}"
            )
        if spec.inputs:
            raise Incompatible(f"the policy has named inputs; kind {spec.kind} takes one vector")
        _check_bounds(spec)
        if min(spec.layer_sizes) < 1 or spec.policy_size > spec.observation_size:
            raise Incompatible(
                f"the policy has {spec.policy_size} inputs of {spec.observation_size} observed "
                f"numbers and hidden layers of {list(spec.policy_hidden_layer_sizes)} units"
            )

    def shapes(self, spec: MLPSpec) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {
            "normalizer/mean": (spec.observation_size,),
            "normalizer/std": (spec.observation_size,),
        }
        for i, (inputs, outputs) in enumerate(pairwise(spec.layer_sizes)):
            shapes[f"policy/hidden_{i}/kernel"] = (inputs, outputs)
            shapes[f"policy/hidden_{i}/bias"] = (outputs,)
        if spec.distribution == "normal":
            shapes["policy/log_std"] = (spec.action_size,)
        return shapes

    def stage_names(self, spec: MLPSpec) -> list[str]:
        """Return the names of an action's stages.

        `normalized` (policy_size), every layer's output under its name in the arrays, `mean` and
        `scale` (A) of the raw action if the distribution has them, `action` (A).
        """
        layers = [f"hidden_{i}" for i in range(len(spec.layer_sizes) - 1)]
        moments = [] if spec.distribution == "categorical" else ["mean", "scale"]
        return ["normalized", *layers, *moments, "action"]

    def sample_noise(self, spec: MLPSpec, rng: np.random.Generator, n: int) -> np.ndarray:
        """Sample the noise of n actions, (n, spec.noise_size) float32.

        Standard normal, or standard Gumbel for a categorical policy: argmax(h + Gumbel noise) is k
        with probability softmax(h)_k.
        """
        sample = rng.gumbel if spec.distribution == "categorical" else rng.normal
        return sample(size=(n, spec.noise_size)).astype(np.float32)

    def sample_observations(
        self, spec: MLPSpec, arrays: Arrays, rng: np.random.Generator, n: int
    ) -> np.ndarray:
        """Sample observations (n, O): normal, with the normaliser's statistics.

        If the normaliser clips, there is one more, (n + 1, O), with every component beyond the
        clip.
        """
        mean, std = arrays["normalizer/mean"], arrays["normalizer/std"]
        z = rng.normal(size=(n, spec.observation_size)) * arrays.get("normalizer/weight", 1.0)
        if spec.normalize and spec.normalizer_clip is not None:
            sign = np.sign(rng.normal(size=(1, spec.observation_size)))
            z = np.concatenate([z, sign * spec.normalizer_clip * rng.uniform(1.1, 3.0, sign.shape)])
        return (mean + std * z).astype(np.float32)


def _check_bounds(spec: MLPSpec) -> None:
    low, high = spec.action_low, spec.action_high
    if len(low) != len(high) or not low:
        raise Incompatible(f"the policy has {len(low)} lower and {len(high)} upper action bounds")
    if spec.distribution != "normal" and None in (*low, *high):
        raise Incompatible(f"a {spec.distribution} policy needs bounds for its actions")
    first, last = low[0], high[0]
    ordered = first is not None and last is not None and first <= last
    if spec.distribution == "categorical" and not (len(low) == 1 and ordered):
        raise Incompatible(f"a categorical policy makes one choice, not one from {low} to {high}")


KIND = MLPKind()

"""A multi-layer perceptron as pure functions on {"hidden_0": {"kernel", "bias"}, ...}.

Layout and initialisation are Brax's: kernels [in, out] drawn lecun-uniform, biases zero, the last
hidden_i is the linear output layer.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import jax
import jax.numpy as jnp

Params = dict[str, dict[str, jax.Array]]

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "swish": jax.nn.swish,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "elu": jax.nn.elu,
}


def init(key: jax.Array, sizes: Sequence[int]) -> Params:
    """Fresh parameters for layers of `sizes`: input, hidden ones, output."""
    draw = jax.nn.initializers.lecun_uniform()
    return {
        f"hidden_{i}": {
            "kernel": draw(jax.random.fold_in(key, i), shape, jnp.float32),
            "bias": jnp.zeros(shape[1], jnp.float32),
        }
        for i, shape in enumerate(pairwise(sizes))
    }


def layers(params: Params, x: jax.Array, activation: str) -> dict[str, jax.Array]:
    """What every layer gives for x (..., in), by name, in order."""
    last = len(params) - 1
    found = {}
    for i in range(last + 1):
        layer = params[f"hidden_{i}"]
        x = x @ layer["kernel"] + layer["bias"]
        found[f"hidden_{i}"] = x = ACTIVATIONS[activation](x) if i < last else x
    return found


def mlp(params: Params, x: jax.Array, activation: str) -> jax.Array:
    """Apply the network: x (..., in) -> (..., out)."""
    *_, output = layers(params, x, activation).values()
    return output

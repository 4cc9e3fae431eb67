"""A multi-layer perceptron as pure functions on {"hidden_0": {"kernel", "bias"}, ...}.

Layout and initialisation are Brax's: kernels [in, out] LeCun-uniform, biases zero; the last
hidden_i is the linear output layer.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

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
    """Return initial parameters of a network with `sizes`: input, hidden layers, output."""
    sample = jax.nn.initializers.lecun_uniform()
    return {
        f"hidden_{i}": {
            "kernel": sample(jax.random.fold_in(key, i), shape, jnp.float32),
            "bias": jnp.zeros(shape[1], jnp.float32),
        }
        for i, shape in enumerate(pairwise(sizes))
    }


@jax.custom_vjp
def dense(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """Compute x W + b, for x (..., in) and W (in, out).

    The gradients are matrix products, b's as well, of materialised arrays: XLA on a CPU would sum
    b's gradient on one core and recompute x and dy inside each of the three products.
    """
    return x @ kernel + bias


def _dense(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> tuple[jax.Array, Any]:
    x = jax.lax.optimization_barrier(x)  # materialise: do not fuse x into the products
    return x @ kernel + bias, (x, kernel)


def _dense_gradient(residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    x, kernel = residuals
    dy = jax.lax.optimization_barrier(dy)
    x_rows, dy_rows = (a.reshape(-1, a.shape[-1]) for a in (x, dy))
    ones = jnp.ones((1, dy_rows.shape[0]), dy.dtype)
    return dy @ kernel.T, x_rows.T @ dy_rows, (ones @ dy_rows)[0]


dense.defvjp(_dense, _dense_gradient)


def _apply(function: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """Apply an activation to x (...); its derivative is computed in the same pass and kept."""
    return function(x)


activate = jax.custom_vjp(_apply, nondiff_argnums=(0,))


def _activate(
    function: Callable[[jax.Array], jax.Array], x: jax.Array
) -> tuple[jax.Array, jax.Array]:
    return jax.lax.optimization_barrier(jax.jvp(function, (x,), (jnp.ones_like(x),)))


def _activate_gradient(
    function: Callable[[jax.Array], jax.Array], slope: jax.Array, dy: jax.Array
) -> tuple[jax.Array]:
    return (dy * slope,)


activate.defvjp(_activate, _activate_gradient)


def layers(params: Params, x: jax.Array, activation: str) -> dict[str, jax.Array]:
    """Return the output of every layer for x (..., in), by name, in order."""
    last = len(params) - 1
    outputs = {}
    for i in range(last + 1):
        layer = params[f"hidden_{i}"]
        x = dense(x, layer["kernel"], layer["bias"])
        outputs[f"hidden_{i}"] = x = activate(ACTIVATIONS[activation], x) if i < last else x
    return outputs


def mlp(params: Params, x: jax.Array, activation: str) -> jax.Array:
    """Apply the network: x (..., in) -> (..., out)."""
    *_, output = layers(params, x, activation).values()
    return output

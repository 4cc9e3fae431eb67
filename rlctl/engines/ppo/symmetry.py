"""Equivariant networks for a left-right symmetry, at half the cost of plain networks.

A reflection M maps a vector to its image, (M x)[i] = sign[i] x[order[i]], and M M = 1. A vector is
the sum of an even part, M x = x, and an odd part, M x = -x. A layer is equivariant (it maps images
to images) if it maps even parts to even parts and odd parts to odd parts:

    W = Q_e_in E Q_e_out^T + Q_o_in O Q_o_out^T        b = Q_e_out b_e

with Q_e and Q_o orthonormal bases of both parts (van der Pol et al. 2020, arXiv 2006.16908;
Ordonez-Apraez et al. 2024, arXiv 2402.15552). A reflection of a hidden layer exchanges its
halves. Such a network learns from a step and from its image at the same time.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.core.specs import Symmetry
from rlctl.policies.mlp.jax_net import ACTIVATIONS, Params, activate, dense
from rlctl.policies.normalizer import Normalizer, with_std

ROOT_HALF = np.float32(math.sqrt(0.5))


class Basis(NamedTuple):
    """Orthonormal bases of the even and the odd vectors of size n, as columns.

    Attributes:
        even: (n, n_e) float32.
        odd: (n, n - n_e).
    """

    even: np.ndarray
    odd: np.ndarray


def basis(order: tuple[int, ...], sign: tuple[int, ...]) -> Basis:
    """Return the basis of a reflection, ordered by the first component of each swapped pair."""
    unit = np.eye(len(order), dtype=np.float32)
    even, odd = [], []
    for i, (other, s) in enumerate(zip(order, sign, strict=True)):
        if other == i:
            (even if s > 0 else odd).append(unit[i])
        elif other > i:
            even.append(ROOT_HALF * (unit[i] + s * unit[other]))
            odd.append(ROOT_HALF * (unit[i] - s * unit[other]))
    return Basis(*(np.array(part, np.float32).reshape(-1, len(order)).T for part in (even, odd)))


def hidden_basis(size: int) -> Basis:
    """Return the basis of a hidden layer."""
    return basis(tuple(np.roll(np.arange(size), size // 2).tolist()), (1,) * size)


def output_basis(reflection: Symmetry) -> Basis:
    """Return the basis of a policy's A means and A deviations; the latter keep their sign."""
    order = reflection.action_order
    both = (*order, *(len(order) + i for i in order))
    return basis(both, (*reflection.action_sign, *(1,) * len(order)))


SCALAR = basis((0,), (1,))  # basis of the value function's output, which is even


def to_blocks(params: Params, first: Basis, last: Basis) -> Params:
    """Convert plain layers to even and odd blocks; the part that is not equivariant is lost.

        E = Q_e_in^T W Q_e_out        O = Q_o_in^T W Q_o_out        b_e = Q_e_out^T b

    Args:
        params: A plain network: kernels (in, out), biases (out,).
        first: Basis of the network's input.
        last: Basis of its output.

    Returns:
        For each layer `even` (in_e, out_e), `odd` (in_o, out_o) unless empty, `bias` (out_e,).
    """
    layers = {}
    widths = [params[f"hidden_{i}"]["bias"].size for i in range(len(params) - 1)]
    for name, before, after in _layers(widths, first, last):
        kernel, bias = params[name]["kernel"], params[name]["bias"]
        layers[name] = {"even": before.even.T @ kernel @ after.even, "bias": bias @ after.even}
        if after.odd.size:
            layers[name]["odd"] = before.odd.T @ kernel @ after.odd
    return layers


def from_blocks(params: Params, first: Basis, last: Basis) -> Params:
    """Convert the blocks of `to_blocks` back to a plain network."""
    layers = {}
    widths = [2 * params[f"hidden_{i}"]["bias"].size for i in range(len(params) - 1)]
    for name, before, after in _layers(widths, first, last):
        layer = params[name]
        kernel = before.even @ layer["even"] @ after.even.T
        if after.odd.size:
            kernel = kernel + before.odd @ layer["odd"] @ after.odd.T
        layers[name] = {"kernel": kernel, "bias": after.even @ layer["bias"]}
    return layers


def _layers(widths: list[int], first: Basis, last: Basis) -> Iterator[tuple[str, Basis, Basis]]:
    """Yield every layer's name with the bases of its input and output."""
    bases = [first, *map(hidden_basis, widths), last]
    for i, (before, after) in enumerate(pairwise(bases)):
        yield f"hidden_{i}", before, after


def mlp(
    params: Params, even: jax.Array, odd: jax.Array, activation: str
) -> tuple[jax.Array, jax.Array]:
    """Apply the network of blocks: parts (..., n_e), (..., n_o) of x -> parts of its output.

    Activations apply to units, not to parts: a hidden layer's halves are (e + o) / sqrt 2 and
    (e - o) / sqrt 2.
    """
    last = len(params) - 1
    for i in range(last + 1):
        layer = params[f"hidden_{i}"]
        even = dense(even, layer["even"], layer["bias"])
        kernel = layer.get("odd", jnp.zeros((odd.shape[-1], 0)))
        odd = dense(odd, kernel, jnp.zeros(kernel.shape[1]))
        if i < last:
            sides = ROOT_HALF * (even + odd), ROOT_HALF * (even - odd)
            left, right = (activate(ACTIVATIONS[activation], side) for side in sides)
            even, odd = ROOT_HALF * (left + right), ROOT_HALF * (left - right)
    return even, odd


def symmetrize(statistics: Normalizer, reflection: Symmetry) -> Normalizer:
    """Return the statistics of the observations together with their images.

    mean' = (mean + M mean) / 2
    M2'   = (M2 + M2[order]) / 2 + n ((mean - M mean) / 2)^2
    """
    order = np.array(reflection.observation_order)
    sign = np.array(reflection.observation_sign, np.float32)
    mean, squares = statistics.mean, statistics.summed_variance
    image = mean[order] * sign
    squares = (squares + squares[order]) / 2 + statistics.count * ((mean - image) / 2) ** 2
    return with_std(statistics._replace(mean=(mean + image) / 2, summed_variance=squares))

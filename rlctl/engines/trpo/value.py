"""The fit of the value function: Adam on the squared error, in shuffled minibatches.

Shapes: B steps, O observation, P parameters.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from rlctl.engines.trpo.vectors import Params, flatten, unflatten

# (parameters, observations (b, O), targets (b, 1), where to write g) -> errors (b, 1)
Gradient = Callable[[Params, Tensor, Tensor, Params], Tensor]
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Adam(NamedTuple):
    """The optimizer's memory.

    Attributes:
        count: () float32, steps so far.
        mean: (P,), running mean of gradients.
        square: (P,), running mean of their squares.
    """

    count: Tensor
    mean: Tensor
    square: Tensor


def fresh(params: Params) -> Adam:
    """The memory of no step."""
    zeros = torch.zeros_like(flatten(params))
    return Adam(zeros.new_zeros(()), zeros, zeros)


def fit(
    gradient: Gradient,
    params: Params,
    adam: Adam,
    observation: Tensor,
    target: Tensor,
    orders: Iterable[Tensor],
    minibatch: int,
    learning_rate: float,
) -> tuple[Params, Adam, float]:
    """Descend the mean of (V(s) - target)^2 over a minibatch, one after another.

        m = b1 m + (1 - b1) g      s = b2 s + (1 - b2) g^2
        theta -= lr m / (1 - b1^t) / (sqrt(s / (1 - b2^t)) + eps)        (Kingma and Ba 2015)

    Args:
        gradient: Writes the gradient g of that mean, and returns V(s) - target.
        params: Where it starts; never written to.
        adam: Likewise.
        observation: (B, O), normalised.
        target: (B,).
        orders: The rows (B,) in the order of each pass.
        minibatch: b; the last one of a pass has what is left.
        learning_rate: lr.

    Returns:
        Parameters, memory, and the mean of (V(s) - target)^2 over all that was seen.
    """
    theta, g = flatten(params), torch.empty_like(adam.mean)
    current, slopes = unflatten(theta, params), unflatten(g, params)
    mean, square, count = adam.mean.clone(), adam.square.clone(), float(adam.count)
    errors = []
    for x, y in _minibatches(observation, target[:, None], orders, minibatch):
        errors.append(gradient(current, x, y, slopes))
        count += 1.0
        mean.lerp_(g, 1.0 - BETA_1)
        square.mul_(BETA_2).addcmul_(g, g, value=1.0 - BETA_2)
        root = (1.0 - BETA_2**count) ** 0.5
        rate = learning_rate * root / (1.0 - BETA_1**count)
        theta.addcdiv_(mean, square.sqrt().add_(EPSILON * root), value=-rate)
    memory = Adam(torch.full_like(adam.count, count), mean, square)
    return current, memory, float(torch.cat(errors).square().mean())


def _minibatches(
    observation: Tensor, target: Tensor, orders: Iterable[Tensor], size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    for order in orders:
        yield from zip(observation[order].split(size), target[order].split(size), strict=True)

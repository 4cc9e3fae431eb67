"""Fit of the value function: Adam on the squared error, in shuffled minibatches.

Shapes: B steps, O observation, P parameters.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rlctl.engines.trpo.vectors import Params, flatten, unflatten

# (parameters, observations (b, O), targets (b, 1), output for the gradient) -> errors (b, 1)
Gradient = Callable[[Params, Tensor, Tensor, Params], Tensor]
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Adam:
    """Adam's state.

    Attributes:
        count: () float32, steps so far.
        mean: (P,), running mean of gradients.
        square: (P,), running mean of their squares.
    """

    count: Tensor
    mean: Tensor
    square: Tensor


def init_adam(params: Params) -> Adam:
    """Return the initial Adam state."""
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
    """Minimise the mean of (V(s) - target)^2 over minibatches with Adam.

        m = b1 m + (1 - b1) g      s = b2 s + (1 - b2) g^2
        theta -= lr m / (1 - b1^t) / (sqrt(s / (1 - b2^t)) + eps)        (Kingma and Ba 2015)

    Args:
        gradient: Writes the gradient g of the mean and returns V(s) - target.
        params: Initial parameters; never written to.
        adam: Adam's state; never written to.
        observation: (B, O), normalised.
        target: (B,).
        orders: Permutation of the rows (B,) for each epoch.
        minibatch: b; the last minibatch of an epoch may be smaller.
        learning_rate: lr.

    Returns:
        Parameters, Adam's state, and the mean of (V(s) - target)^2 over all minibatches.
    """
    theta, g = flatten(params), torch.empty_like(adam.mean)
    current, gradients = unflatten(theta, params), unflatten(g, params)
    mean, square, count = adam.mean.clone(), adam.square.clone(), float(adam.count)
    errors = []
    for x, y in _minibatches(observation, target[:, None], orders, minibatch):
        errors.append(gradient(current, x, y, gradients))
        count += 1.0
        mean.lerp_(g, 1.0 - BETA_1)
        square.mul_(BETA_2).addcmul_(g, g, value=1.0 - BETA_2)
        # Both bias corrections are moved into the scalar rate, which saves two passes over P.
        root = (1.0 - BETA_2**count) ** 0.5
        rate = learning_rate * root / (1.0 - BETA_1**count)
        theta.addcdiv_(mean, square.sqrt().add_(EPSILON * root), value=-rate)
    adam = Adam(torch.full_like(adam.count, count), mean, square)
    return current, adam, float(torch.cat(errors).square().mean())


def _minibatches(
    observation: Tensor, target: Tensor, orders: Iterable[Tensor], size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    for order in orders:
        yield from zip(observation[order].split(size), target[order].split(size), strict=True)

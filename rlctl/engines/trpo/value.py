"""The fit of the value function: Adam on the squared error, in shuffled minibatches.

Shapes: B steps, O observation, P parameters.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from rlctl.engines.trpo.vectors import Params, flatten, unflatten

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
    return Adam(torch.zeros((), device=zeros.device), zeros, zeros)


def fit(
    network: Callable[[Params, Tensor], Tensor],
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
        network: (parameters, observations (b, O)) -> values (b,).
        params: Where it starts; never written to.
        adam: Likewise.
        observation: (B, O), normalised.
        target: (B,).
        orders: The rows (B,) in the order of each pass.
        minibatch: b; the last one of a pass has what is left.
        learning_rate: lr.

    Returns:
        Parameters, memory, and the mean loss over all minibatches.
    """
    theta = flatten(params)
    leaves = {name: x.requires_grad_() for name, x in unflatten(theta.detach(), params).items()}
    mean, square, count = adam.mean.clone(), adam.square.clone(), float(adam.count)
    losses = []
    for x, y in _minibatches(observation, target, orders, minibatch):
        with torch.enable_grad():
            loss = torch.nn.functional.mse_loss(network(leaves, x), y)
        gradient = torch.cat(
            [g.reshape(-1) for g in torch.autograd.grad(loss, tuple(leaves.values()))]
        )
        count += 1.0
        mean.lerp_(gradient, 1.0 - BETA_1)
        square.lerp_(gradient * gradient, 1.0 - BETA_2)
        deviation = (square / (1.0 - BETA_2**count)).sqrt_().add_(EPSILON)
        theta.addcdiv_(mean, deviation, value=-learning_rate / (1.0 - BETA_1**count))
        losses.append(loss.detach())
    memory = Adam(torch.full_like(adam.count, count), mean, square)
    return unflatten(theta, params), memory, float(torch.stack(losses).mean())


def _minibatches(
    observation: Tensor, target: Tensor, orders: Iterable[Tensor], size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    for order in orders:
        yield from zip(observation[order].split(size), target[order].split(size), strict=True)

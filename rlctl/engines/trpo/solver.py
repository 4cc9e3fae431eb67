"""Conjugate gradient and Fisher-vector products.

Shapes: P parameters, as one flat vector. Source: Schulman et al. 2015, appendix C.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import vjp

from rlctl.engines.trpo.distributions import Distribution
from rlctl.engines.trpo.vectors import Params, flatten, unflatten

Product = Callable[[Tensor], Tensor]  # v (P,) -> H v (P,)


class Solution(NamedTuple):
    """Result of conjugate gradient.

    Attributes:
        x: (P,), the solution so far.
        iterations: Number of iterations.
        residual: |b - H x| according to the recurrence.
        fault: Why it stopped too early, "" if it did not.
    """

    x: Tensor
    iterations: int
    residual: float
    fault: str


def conjugate_gradient(product: Product, b: Tensor, iterations: int, tolerance: float) -> Solution:
    """Solve H x = b for a symmetric positive definite H, from x = 0 (Hestenes and Stiefel 1952).

        alpha = r.r / p.Hp      x += alpha p      r -= alpha Hp      p = r + (r'.r' / r.r) p

    Vectors are float64, because rounding would spoil their conjugacy; `product` gets b's dtype. If
    H is not positive definite, or a product is not finite, the current x is returned.

    Args:
        product: v -> H v.
        b: (P,).
        iterations: Most iterations.
        tolerance: Stop when |r|^2 is below it.
    """
    residual = b.double()
    direction, x = residual.clone(), torch.zeros_like(residual)
    square = float(residual @ residual)
    for i in range(iterations):
        if square < tolerance:
            return Solution(x, i, square**0.5, "")
        image = product(direction.to(b.dtype)).double()
        curvature = float(direction @ image)
        if not 0.0 < curvature < float("inf"):
            kind = "negative curvature" if curvature <= 0.0 else "a product that is not finite"
            return Solution(x, i, square**0.5, f"{kind} in conjugate gradient iteration {i + 1}")
        alpha = square / curvature
        x = x + alpha * direction
        residual = residual - alpha * image
        before, square = square, float(residual @ residual)
        direction = residual + (square / before) * direction
    return Solution(x, iterations, square**0.5, "")


def fisher_product(
    distribution: Callable[[Params], Distribution], params: Params, damping: float
) -> Product:
    """Return exact products with the damped Fisher matrix, v -> (J^T M J + damping) v.

    J is the Jacobian of the distribution's parameters with respect to the network's, M their Fisher
    matrix (appendix C.1): together the Hessian of the mean KL at `params`.

    Args:
        distribution: The policy's distributions over fixed observations.
        params: The network's parameters.
        damping: Added to the diagonal.
    """
    old, pull_back, *_ = vjp(distribution, params)
    # J v is the derivative of the linear u -> J^T u: torch's forward mode imports and runs slowly.
    _, push_forward, *_ = vjp(pull_back, type(old)(*map(torch.zeros_like, old)))

    def product(v: Tensor) -> Tensor:
        (change,) = push_forward((unflatten(v, params),))
        (curved,) = pull_back(old.fisher(change))
        return flatten(curved) + damping * v

    return product

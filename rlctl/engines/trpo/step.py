"""TRPO's policy update: natural gradient, trust region, line search.

Shapes: B steps, O observation, A action, P parameters. Source: Schulman et al. 2015 (arXiv
1502.05477), appendix C.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rlctl.engines.trpo.config import TRPOConfig
from rlctl.engines.trpo.distributions import Distribution
from rlctl.engines.trpo.solver import conjugate_gradient, fisher_product
from rlctl.engines.trpo.vectors import Params, flatten, unflatten

Network = Callable[[Params, Tensor], Distribution]  # normalised observations (B, O) -> B of them


class Experience(NamedTuple):
    """Data of a policy update.

    Attributes:
        observation: (B, O), normalised.
        raw_action: (B, A), or choices (B, 1) numbered from 0.
        log_prob: (B,), under the policy that acted.
        advantage: (B,).
    """

    observation: Tensor
    raw_action: Tensor
    log_prob: Tensor
    advantage: Tensor


class LineSearchResult(NamedTuple):
    """Result of a line search.

    Attributes:
        params: The accepted parameters, or the initial ones if no step was accepted.
        accepted: Index of the accepted step, None if none was.
        gain: Improvement of the surrogate by the accepted step, otherwise by the last one.
        kl: Mean KL of the same step.
    """

    params: Params
    accepted: int | None
    gain: float
    kl: float


def surrogate(distribution: Distribution, data: Experience, entropy_cost: float) -> Tensor:
    """Compute the objective (), eq. 14, with q the behaviour policy, and an entropy bonus.

    L = mean pi(a|s) / q(a|s) A + c_e mean H
    """
    ratio = torch.exp(distribution.log_prob(data.raw_action) - data.log_prob)
    return (ratio * data.advantage).mean() + entropy_cost * distribution.entropy()


def update_policy(
    network: Network, params: Params, data: Experience, rows: Tensor, config: TRPOConfig
) -> tuple[Params, dict[str, Any]]:
    """Update the policy once.

        x    = H^-1 g                        the natural gradient, by conjugate gradient
        step = sqrt(2 delta / x^T H x) x     the longest within the trust region, to second order

    then the first of step, shrink step, shrink^2 step, ... that improves L within the KL bound.

    Args:
        network: The policy.
        params: Its parameters; never written to.
        data: The experience.
        rows: Indices of the steps used for Fisher-vector products.
        config: The settings.

    Returns:
        The new parameters, or `params` itself if no step was accepted, and metrics; `rejected` is
        None or the reason.
    """
    gradient, start = _gradient(network, params, data, config.entropy_cost)
    sample = data.observation[rows]
    product = fisher_product(lambda p: network(p, sample), params, config.cg_damping)
    solution = conjugate_gradient(product, gradient, config.cg_iterations, config.cg_tolerance)
    x = solution.x.to(gradient.dtype)
    curvature = float(x @ product(x))
    metrics = {
        "entropy": float(start.entropy()),
        "gradient_norm": float(gradient.norm()),
        "cg_iterations": solution.iterations,
        "cg_residual": solution.residual,
        "cg_fault": solution.fault or None,
        "curvature": curvature,
        "surrogate_predicted": None,
        "surrogate_gain": 0.0,
        "kl": 0.0,
        "line_search_step": None,
    }
    if reason := _direction_fault(gradient, x, curvature, solution.fault):
        return params, {**metrics, "rejected": reason}
    step = math.sqrt(2.0 * config.max_kl / curvature) * x
    result = _search(network, params, step, data, start, config)
    taken = config.line_search_shrink ** (result.accepted or 0)
    metrics |= {
        "surrogate_predicted": taken * float(gradient @ step),
        "surrogate_gain": result.gain,
        "kl": result.kl,
        "line_search_step": result.accepted,
    }
    reason = None if result.accepted is not None else _rejection_reason(result, config)
    return result.params, {**metrics, "rejected": reason}


def line_search(
    evaluate: Callable[[Params], tuple[float, float]],
    params: Params,
    step: Tensor,
    max_kl: float,
    shrink: float,
    max_steps: int,
) -> LineSearchResult:
    """Find the first params + shrink^i step, i = 0, 1, ..., with a gain and a KL within max_kl.

    Args:
        evaluate: Parameters -> improvement of the surrogate over `params`, and mean KL from them.
        params: Initial parameters; never written to.
        step: (P,).
        max_kl: The largest KL accepted.
        shrink: Backtracking factor.
        max_steps: Most steps to try.
    """
    start = flatten(params)
    gain = kl = math.nan
    for i in range(max_steps):
        candidate = unflatten(start + shrink**i * step, params)
        gain, kl = evaluate(candidate)
        if gain > 0.0 and kl <= max_kl and math.isfinite(gain):  # false for NaN
            return LineSearchResult(candidate, i, gain, kl)
    return LineSearchResult(params, None, gain, kl)


def _gradient(
    network: Network, params: Params, data: Experience, entropy_cost: float
) -> tuple[Tensor, Distribution]:
    """Return the gradient (P,) of the surrogate at params, and the distributions there."""
    with torch.enable_grad():
        leaves = {name: param.detach().requires_grad_() for name, param in params.items()}
        old = network(leaves, data.observation)
        objective = surrogate(old, data, entropy_cost)
        gradient = torch.autograd.grad(objective, tuple(leaves.values()))
    return torch.cat([g.reshape(-1) for g in gradient]), type(old)(*(x.detach() for x in old))


def _search(
    network: Network,
    params: Params,
    step: Tensor,
    data: Experience,
    start: Distribution,
    config: TRPOConfig,
) -> LineSearchResult:
    """Run the line search on the surrogate and the KL."""
    before = surrogate(start, data, config.entropy_cost)

    def evaluate(candidate: Params) -> tuple[float, float]:
        new = network(candidate, data.observation)
        gain = surrogate(new, data, config.entropy_cost) - before
        return float(gain), float(start.kl(new).mean())

    bound = config.kl_acceptance * config.max_kl
    max_steps, shrink = config.line_search_steps, config.line_search_shrink
    return line_search(evaluate, params, step, bound, shrink, max_steps)


def _direction_fault(gradient: Tensor, x: Tensor, curvature: float, fault: str) -> str | None:
    """Return why the natural gradient gives no usable step, None if it does."""
    if not bool(torch.isfinite(gradient).all()):
        return "the gradient is not finite"
    if not bool(gradient.any()):
        return "the gradient is zero"
    if not bool(torch.isfinite(x).all()):
        return "the natural gradient is not finite"
    if not 0.0 < curvature < math.inf:
        return fault or f"the curvature along the natural gradient is {curvature:.3g}"
    return None


def _rejection_reason(result: LineSearchResult, config: TRPOConfig) -> str:
    if not (math.isfinite(result.gain) and math.isfinite(result.kl)):
        return "the surrogate or the KL is not finite along the step"
    what = "the surrogate does not improve" if result.gain <= 0.0 else "the KL is too large"
    smallest = config.line_search_shrink ** (config.line_search_steps - 1)
    return f"{what}, even at {smallest:.3g} of the step"

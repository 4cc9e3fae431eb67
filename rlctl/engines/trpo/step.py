"""TRPO's step of the policy: natural gradient, trust region, line search.

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
    """What the policy learns from.

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


class Found(NamedTuple):
    """What the line search came to.

    Attributes:
        params: The parameters to go on with: those given, themselves, if no try was accepted.
        index: Of the accepted try, None if none was.
        gain: The surrogate's, of the accepted try or the last one.
        kl: Likewise.
    """

    params: Params
    index: int | None
    gain: float
    kl: float


def surrogate(distribution: Distribution, data: Experience, entropy_cost: float) -> Tensor:
    """The objective (), eq. 14, with q the policy that acted, and an entropy bonus.

    L = mean pi(a|s) / q(a|s) A + c_e mean H
    """
    ratio = torch.exp(distribution.log_prob(data.raw_action) - data.log_prob)
    return (ratio * data.advantage).mean() + entropy_cost * distribution.entropy()


def improve(
    network: Network, params: Params, data: Experience, rows: Tensor, config: TRPOConfig
) -> tuple[Params, dict[str, Any]]:
    """One step of the policy.

        x    = H^-1 g                        the natural gradient, by conjugate gradient
        step = sqrt(2 delta / x^T H x) x     the longest within the trust region, to second order

    and then the largest of step, shrink step, shrink^2 step, ... that improves L and keeps the KL.

    Args:
        network: The policy.
        params: Its parameters; never written to.
        data: The experience.
        rows: Indices of the steps that Fisher products are taken over.
        config: The settings.

    Returns:
        The new parameters, or `params` itself where no step could be taken, and the figures of the
        step; `rejected` is None or says why there was none.
    """
    gradient, start = _gradient(network, params, data, config.entropy_cost)
    sample = data.observation[rows]
    product = fisher_product(lambda p: network(p, sample), params, config.cg_damping)
    solution = conjugate_gradient(product, gradient, config.cg_iterations, config.cg_tolerance)
    x = solution.x.to(gradient.dtype)
    curvature = float(x @ product(x))
    figures = {
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
    if reason := _no_direction(gradient, x, curvature, solution.fault):
        return params, {**figures, "rejected": reason}
    step = math.sqrt(2.0 * config.max_kl / curvature) * x
    found = _search(network, params, step, data, start, config)
    taken = config.line_search_shrink ** (found.index or 0)
    figures |= {
        "surrogate_predicted": taken * float(gradient @ step),
        "surrogate_gain": found.gain,
        "kl": found.kl,
        "line_search_step": found.index,
    }
    reason = None if found.index is not None else _why_not(found, config)
    return found.params, {**figures, "rejected": reason}


def line_search(
    evaluate: Callable[[Params], tuple[float, float]],
    params: Params,
    step: Tensor,
    max_kl: float,
    shrink: float,
    tries: int,
) -> Found:
    """The first of params + shrink^i step, i = 0, 1, ..., that gains and stays within max_kl.

    Args:
        evaluate: Parameters -> gain of the surrogate over `params`, and mean KL from them.
        params: Where it starts; never written to.
        step: (P,).
        max_kl: The largest KL accepted.
        shrink: Factor between tries.
        tries: How many.
    """
    start = flatten(params)
    gain = kl = math.nan
    for i in range(tries):
        candidate = unflatten(start + shrink**i * step, params)
        gain, kl = evaluate(candidate)
        if gain > 0.0 and kl <= max_kl and math.isfinite(gain):  # false for NaN as well
            return Found(candidate, i, gain, kl)
    return Found(params, None, gain, kl)


def _gradient(
    network: Network, params: Params, data: Experience, entropy_cost: float
) -> tuple[Tensor, Distribution]:
    """Gradient (P,) of the surrogate at params, and the policy's distributions there."""
    with torch.enable_grad():
        leaves = {name: param.detach().requires_grad_() for name, param in params.items()}
        here = network(leaves, data.observation)
        objective = surrogate(here, data, entropy_cost)
        gradient = torch.autograd.grad(objective, tuple(leaves.values()))
    return torch.cat([g.reshape(-1) for g in gradient]), type(here)(*(x.detach() for x in here))


def _search(
    network: Network,
    params: Params,
    step: Tensor,
    data: Experience,
    start: Distribution,
    config: TRPOConfig,
) -> Found:
    before = surrogate(start, data, config.entropy_cost)

    def evaluate(candidate: Params) -> tuple[float, float]:
        there = network(candidate, data.observation)
        gain = surrogate(there, data, config.entropy_cost) - before
        return float(gain), float(start.kl(there).mean())

    bound = config.kl_acceptance * config.max_kl
    tries, shrink = config.line_search_steps, config.line_search_shrink
    return line_search(evaluate, params, step, bound, shrink, tries)


def _no_direction(gradient: Tensor, x: Tensor, curvature: float, fault: str) -> str | None:
    """Why no step can be made of a gradient and a solution, None if one can."""
    if not bool(torch.isfinite(gradient).all()):
        return "the gradient is not finite"
    if not bool(gradient.any()):
        return "the gradient is zero"
    if not bool(torch.isfinite(x).all()):
        return "the natural gradient is not finite"
    if not 0.0 < curvature < math.inf:
        return fault or f"the curvature along the natural gradient is {curvature:.3g}"
    return None


def _why_not(found: Found, config: TRPOConfig) -> str:
    if not (math.isfinite(found.gain) and math.isfinite(found.kl)):
        return "the surrogate or the KL is not finite along the step"
    what = "the surrogate does not improve" if found.gain <= 0.0 else "the KL is too large"
    return (
        f"{what}, even at {config.line_search_shrink ** (config.line_search_steps - 1):.3g} of it"
    )

"""Tests of conjugate gradient and Fisher-vector products against exact results."""

import pytest
import torch

from rlctl.engines.trpo.distributions import Categorical, Normal
from rlctl.engines.trpo.solver import conjugate_gradient, fisher_product
from rlctl.engines.trpo.vectors import flatten, unflatten
from rlctl.policies.mlp import torch_net

DOUBLE = torch.float64


@pytest.fixture
def matrix():
    """Return a well-conditioned symmetric positive definite matrix."""
    root = torch.randn(12, 12, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))
    return root @ root.T + torch.eye(12, dtype=DOUBLE)


@pytest.fixture(params=["normal", "categorical"])
def policy(request):
    """Return parameters and a function to their distributions, in float64."""
    generator = torch.Generator().manual_seed(2)
    params = torch_net.init((3, 5, 2), generator, output_scale=1.0)
    if request.param == "normal":
        params["log_std"] = torch.tensor([-0.4, 0.3])
    params = {name: x.to(DOUBLE) for name, x in params.items()}
    observation = torch.randn(7, 3, dtype=DOUBLE, generator=generator)

    def distribution(params):
        output = torch_net.mlp(params, observation, "tanh")
        return Normal(output, params["log_std"]) if "log_std" in params else Categorical(output)

    return params, distribution


def mean_kl(distribution, params, vector):
    """Return the mean KL from `params` to the parameters of a vector."""
    here = distribution(params)
    return here.kl(distribution(unflatten(vector, params))).mean()


def test_conjugate_gradient_is_the_exact_solution(matrix):
    b = torch.arange(12, dtype=DOUBLE) - 3.0
    found = conjugate_gradient(lambda v: matrix @ v, b, iterations=12, tolerance=0.0)
    torch.testing.assert_close(found.x, torch.linalg.solve(matrix, b), rtol=1e-6, atol=1e-8)
    assert found.fault == ""
    assert found.residual == pytest.approx(0.0, abs=1e-6)


def test_conjugate_gradient_ends_at_the_tolerance_or_the_iterations(matrix):
    b = torch.ones(12, dtype=DOUBLE)
    soon = conjugate_gradient(lambda v: v, b, iterations=10, tolerance=1e-10)
    assert soon.iterations == 1
    few = conjugate_gradient(lambda v: matrix @ v, b, iterations=3, tolerance=1e-10)
    assert few.iterations == 3
    true = (b - matrix @ few.x).norm()
    assert few.residual == pytest.approx(float(true), rel=1e-6)


def test_negative_curvature_ends_it_with_a_reason():
    sign = torch.tensor([1.0, -1.0])
    found = conjugate_gradient(lambda v: sign * v, torch.tensor([1.0, 2.0]), 10, 1e-10)
    assert "negative curvature" in found.fault
    assert torch.isfinite(found.x).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_product_that_is_not_finite_ends_it_with_a_reason(bad):
    found = conjugate_gradient(lambda v: bad * v, torch.ones(3), 10, 1e-10)
    assert "not finite" in found.fault
    assert (found.x == 0.0).all()


def test_fisher_products_are_those_of_the_finite_difference_hessian_of_the_kl(policy):
    params, distribution = policy
    theta, eps = flatten(params), 1e-4
    generator = torch.Generator().manual_seed(4)
    directions = torch.randn(6, len(theta), dtype=DOUBLE, generator=generator)

    def kl(vector):
        return mean_kl(distribution, params, theta + eps * vector)

    def second(a, b):
        """Estimate a^T H b by finite differences."""
        return (kl(a + b) - kl(a - b) - kl(b - a) + kl(-a - b)) / (4.0 * eps**2)

    hessian = torch.stack([torch.stack([second(a, b) for b in directions]) for a in directions])
    product = fisher_product(distribution, params, damping=0.0)
    exact = torch.stack([directions @ product(v) for v in directions])
    torch.testing.assert_close(exact, hessian, rtol=1e-5, atol=1e-5)


def test_fisher_products_are_those_of_double_backward(policy):
    params, distribution = policy
    theta = flatten(params).requires_grad_()
    generator = torch.Generator().manual_seed(3)
    v = torch.randn(len(theta), dtype=DOUBLE, generator=generator)
    (slope,) = torch.autograd.grad(mean_kl(distribution, params, theta), theta, create_graph=True)
    (expected,) = torch.autograd.grad(slope @ v, theta)
    product = fisher_product(distribution, params, damping=0.25)
    torch.testing.assert_close(product(v), expected + 0.25 * v)

"""Tests of the value fit against torch's Adam."""

import torch

from rlctl.engines.trpo import value
from rlctl.policies.mlp import torch_net


def gradient(params, x, y, out):
    return torch_net.squared_error_gradient(params, x, y, "tanh", out)


def network(params, x):
    return torch_net.mlp(params, x, "tanh")[:, 0]


def test_the_fit_is_adam_on_the_squared_error():
    generator = torch.Generator().manual_seed(0)
    params = torch_net.init((3, 4, 1), generator)
    x, y = torch.randn(20, 3, generator=generator), torch.randn(20, generator=generator)
    before = {name: p.clone() for name, p in params.items()}
    orders = [torch.randperm(20, generator=generator) for _ in range(3)]
    batches = [rows for order in orders for rows in order.split(6)]

    state = value.init_adam(params)
    fitted, state, _ = value.fit(gradient, params, state, x, y, orders[:1], 6, 0.01)
    fitted, state, loss = value.fit(gradient, fitted, state, x, y, orders[1:], 6, 0.01)

    theirs = {name: p.clone().requires_grad_() for name, p in params.items()}
    adam, errors = torch.optim.Adam(theirs.values(), 0.01), []
    for rows in batches:
        adam.zero_grad()
        error = network(theirs, x[rows]) - y[rows]
        error.square().mean().backward()
        adam.step()
        errors.append(error.detach())
    for name, p in theirs.items():
        torch.testing.assert_close(fitted[name], p.detach(), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(params[name], before[name], rtol=0.0, atol=0.0)
    assert float(state.count) == len(batches)
    assert abs(loss - float(torch.cat(errors[4:]).square().mean())) < 1e-5

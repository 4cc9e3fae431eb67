"""Tests of networks in torch: initialisation, layers and gradients."""

import math

import pytest
import torch

from rlctl.policies.mlp import torch_net


def test_fresh_networks_are_orthogonal_and_repeatable():
    sizes = (3, 8, 5, 2)
    params = torch_net.init(sizes, torch.Generator().manual_seed(1), output_scale=0.01)
    again = torch_net.init(sizes, torch.Generator().manual_seed(1), output_scale=0.01)
    assert list(params) == [f"hidden_{i}/{p}" for i in range(3) for p in ("kernel", "bias")]
    for i, gain in enumerate((math.sqrt(2), math.sqrt(2), 0.01)):
        kernel, bias = params[f"hidden_{i}/kernel"], params[f"hidden_{i}/bias"]
        assert (kernel.shape, bias.shape) == (sizes[i : i + 2], sizes[i + 1 : i + 2])
        assert not bias.any()
        assert torch.linalg.svdvals(kernel).numpy() == pytest.approx(gain, rel=1e-5)
        assert torch.equal(kernel, again[f"hidden_{i}/kernel"])
    other = torch_net.init(sizes, torch.Generator().manual_seed(2))
    assert not torch.equal(other["hidden_0/kernel"], params["hidden_0/kernel"])


def test_the_last_layer_is_linear_and_gradients_flow():
    params = torch_net.init((2, 4, 1), torch.Generator().manual_seed(0))
    kernel = params["hidden_0/kernel"].requires_grad_()
    x = torch.tensor([[0.5, -1.0], [2.0, 3.0]])
    found = torch_net.layers(params, x, "tanh")
    assert torch.allclose(found["hidden_0"], torch.tanh(x @ kernel))
    assert torch.equal(found["hidden_1"], torch_net.mlp(params, x, "tanh"))
    assert torch.allclose(found["hidden_1"], found["hidden_0"] @ params["hidden_1/kernel"])
    found["hidden_1"].sum().backward()
    assert kernel.grad.abs().sum() > 0


@pytest.mark.parametrize("activation", torch_net.ACTIVATIONS)
def test_the_gradient_is_that_of_autograd(activation):
    generator = torch.Generator().manual_seed(0)
    params = torch_net.init((3, 8, 5, 1), generator)
    x, y = 2.0 * torch.randn(7, 3, generator=generator), torch.randn(7, 1, generator=generator)
    leaves = {name: p.clone().requires_grad_() for name, p in params.items()}
    error = torch_net.mlp(leaves, x, activation) - y
    error.square().mean().backward()

    found = {name: torch.empty_like(p) for name, p in params.items()}
    errors = torch_net.squared_error_gradient(params, x, y, activation, found)

    torch.testing.assert_close(errors, error.detach())
    for name, leaf in leaves.items():
        torch.testing.assert_close(found[name], leaf.grad)
        assert found[name].any()


def test_tanh_is_tanh():
    z = torch.linspace(-12.0, 12.0, 10_001)
    torch.testing.assert_close(torch_net.tanh(z), torch.tanh(z), rtol=0.0, atol=2e-7)
    assert torch_net.tanh(torch.tensor([-1e30, 1e30])).tolist() == [-1.0, 1.0]

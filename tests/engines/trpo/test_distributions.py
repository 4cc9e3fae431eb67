"""Tests of the distributions against torch's own."""

import pytest
import torch
from torch import distributions as reference

from rlctl.engines.trpo.distributions import Categorical, Normal


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def pair(kind, generator):
    """Return two distributions of a kind, the same from torch, and values for them."""
    first, second = torch.randn(2, 6, 3, generator=generator)
    if kind == "normal":
        scales = torch.tensor([-0.5, 0.2, 0.9]), torch.tensor([0.1, -0.3, 0.4])
        ours = [Normal(mean, scale) for mean, scale in zip((first, second), scales, strict=True)]
        theirs = [reference.Independent(reference.Normal(n.mean, n.log_std.exp()), 1) for n in ours]
        return ours, theirs, second
    ours = [Categorical(first), Categorical(second)]
    theirs = [reference.Categorical(logits=c.logits) for c in ours]
    return ours, theirs, torch.tensor([0, 2, 1, 1, 0, 2.0])[:, None]


@pytest.mark.parametrize("kind", ["normal", "categorical"])
def test_equal_to_torch(kind, generator):
    (one, other), theirs, value = pair(kind, generator)
    given = value if kind == "normal" else value[:, 0]
    torch.testing.assert_close(one.log_prob(value), theirs[0].log_prob(given))
    torch.testing.assert_close(one.kl(other), reference.kl_divergence(*theirs))
    torch.testing.assert_close(one.entropy(), theirs[0].entropy().mean())
    torch.testing.assert_close(one.kl(one), torch.zeros(6))

"""Action distributions of TRPO: their parameters and pure functions of them.

A network gives one distribution for each of B observations. `fisher` is the matrix M of the
Fisher information in the space of these parameters: the Hessian of KL(old || new) at new = old.
"""

import math
from typing import NamedTuple, Self

import torch
from torch import Tensor


class Normal(NamedTuple):
    """Independent normal distributions with a state-independent standard deviation.

    Attributes:
        mean: (B, A).
        log_std: (A,).
    """

    mean: Tensor
    log_std: Tensor

    def log_prob(self, raw_action: Tensor) -> Tensor:
        """Return log-densities (B,) of raw actions (B, A)."""
        z = (raw_action - self.mean) * torch.exp(-self.log_std)
        return (-0.5 * z * z - self.log_std - 0.5 * math.log(2.0 * math.pi)).sum(-1)

    def kl(self, other: "Distribution") -> Tensor:
        """Return KL(self || other), (B,).

        sum over A of log(s'/s) + (s^2 + (mu - mu')^2) / (2 s'^2) - 1/2
        """
        assert isinstance(other, Normal)
        distance = (self.mean - other.mean) * torch.exp(-other.log_std)
        change = self.log_std - other.log_std
        return (-change + 0.5 * (torch.exp(2.0 * change) + distance * distance - 1.0)).sum(-1)

    def entropy(self) -> Tensor:
        """Return the entropy (), the same for every observation."""
        return (self.log_std + 0.5 * math.log(2.0 * math.pi * math.e)).sum()

    def fisher(self, tangent: Self) -> Self:
        """Return M t for the mean KL over B: diag(1 / (B s^2)) on the means, 2 on log_std."""
        precision = torch.exp(-2.0 * self.log_std)
        return type(self)(tangent.mean * precision / len(self.mean), 2.0 * tangent.log_std)


class Categorical(NamedTuple):
    """A choice among K actions.

    Attributes:
        logits: (B, K).
    """

    logits: Tensor

    def log_prob(self, choice: Tensor) -> Tensor:
        """Return log-probabilities (B,) of choices (B, 1), numbered from 0."""
        return torch.log_softmax(self.logits, -1).gather(-1, choice.long())[:, 0]

    def kl(self, other: "Distribution") -> Tensor:
        """Return KL(self || other), (B,): sum over K of p (log p - log p')."""
        assert isinstance(other, Categorical)
        mine, theirs = (torch.log_softmax(d.logits, -1) for d in (self, other))
        return (mine.exp() * (mine - theirs)).sum(-1)

    def entropy(self) -> Tensor:
        """Return the mean entropy () over the observations."""
        log_p = torch.log_softmax(self.logits, -1)
        return -(log_p.exp() * log_p).sum(-1).mean()

    def fisher(self, tangent: Self) -> Self:
        """Return M t for the mean KL over B: (diag(p) - p p^T) / B on the logits."""
        p, t = torch.softmax(self.logits, -1), tangent.logits
        return type(self)(p * (t - (p * t).sum(-1, keepdim=True)) / len(p))


Distribution = Normal | Categorical

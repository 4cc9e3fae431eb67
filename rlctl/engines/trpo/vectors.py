"""Conversion between named parameters and one flat vector (P,)."""

from torch import Tensor, cat

Params = dict[str, Tensor]  # "hidden_0/kernel" -> tensor


def flatten(params: Params) -> Tensor:
    """Concatenate all parameters in their order."""
    return cat([param.reshape(-1) for param in params.values()])


def unflatten(vector: Tensor, like: Params) -> Params:
    """Return parameters with the names and shapes of `like`, as views of the vector."""
    parts = vector.split([param.numel() for param in like.values()])
    return {n: part.view(p.shape) for part, (n, p) in zip(parts, like.items(), strict=True)}

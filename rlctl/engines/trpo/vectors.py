"""Parameters by name, and all of them as one flat vector (P,)."""

from torch import Tensor, cat

Params = dict[str, Tensor]  # "hidden_0/kernel" -> tensor


def flatten(params: Params) -> Tensor:
    """One vector of all, in their order."""
    return cat([param.reshape(-1) for param in params.values()])


def unflatten(vector: Tensor, like: Params) -> Params:
    """Parameters of the names and shapes of `like`: views of the vector."""
    parts = vector.split([param.numel() for param in like.values()])
    return {n: part.view(p.shape) for part, (n, p) in zip(parts, like.items(), strict=True)}

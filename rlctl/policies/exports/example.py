"""Code of example programs: the deterministic action of `MLPSpec` in numpy or torch."""

import numpy as np

from rlctl.policies.base import action_bounds
from rlctl.policies.mlp.spec import MLPSpec


def constant_lines(spec: MLPSpec, make: str) -> list[str]:
    """Return lines that define the bounds; `make` makes an array of a list, e.g. `np.array`."""
    if spec.distribution == "normal" and not action_bounds(spec)[2].any():
        return []
    low, high, bounded = (x.tolist() for x in action_bounds(spec))
    lines = [f"low = {make}({low})", f"high = {make}({high})"]
    return lines if all(bounded) else [*lines, f"bounded = {make}({bounded})"]


def normalize_lines(spec: MLPSpec, mean: str, std: str) -> list[str]:
    """Return lines that compute the normalised `h` from `observation`."""
    lines = [f"h = observation[..., :{spec.policy_size}]"]
    if spec.normalize:
        lines.append(f"h = (h - {mean}) / {std}")
        if spec.normalizer_clip is not None:
            lines.append(f"h = h.clip({-spec.normalizer_clip!r}, {spec.normalizer_clip!r})")
    return lines


def action_lines(spec: MLPSpec, module: str) -> list[str]:
    """Return lines that return the action from the network's output `h`."""
    if spec.distribution == "categorical":
        return ["return low + h.argmax(-1)[..., None]"]
    bounded = action_bounds(spec)[2]
    into_bounds = "low + ({} + 1) / 2 * (high - low)"
    if spec.distribution == "tanh_normal":
        mean = f"h[..., :{spec.action_size}]"
        return [f"mean = {mean}", "return " + into_bounds.format(f"{module}.tanh(mean)")]
    if not np.any(bounded):
        return ["return h"]
    action = into_bounds.format("h.clip(-1, 1)")
    return [f"return {action}" if all(bounded) else f"return {module}.where(bounded, {action}, h)"]


def act_lines(body: list[str]) -> list[str]:
    """Return the lines of a function `act` with this body."""
    return ["", "", "def act(observation):", *(f"    {line}" for line in body)]

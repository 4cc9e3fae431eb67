"""Names and precision of MjData's fields, as environments see them.

Physics in float64 is seen in float32. What that rounding leaves out of a field is a field too,
`qpos_residual` of `qpos`: a small difference of two large numbers needs it. Back ends that compute
in float32 leave nothing out: theirs are zeros.
"""

import numpy as np

RESIDUAL = "_residual"  # suffix of a field's name


def source(field: str) -> str:
    """The MjData field behind a name: itself, or the one it is the residual of."""
    return field.removesuffix(RESIDUAL)


def rounded(field: str, values: np.ndarray) -> np.ndarray:
    """What is seen of float64 values: float32, or what that leaves out if it is a residual."""
    seen = values.astype(np.float32)
    return (values - seen).astype(np.float32) if field.endswith(RESIDUAL) else seen

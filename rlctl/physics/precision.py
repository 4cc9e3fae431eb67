"""Precision of MjData fields: environments get float32, and residuals on request.

Native physics computes in float64 and environments in float32. The rounding error of a field is a
field too, `qpos_residual` of `qpos`: a small difference of two large numbers needs it. Back ends
that compute in float32 have no rounding error; their residuals are zeros.
"""

import numpy as np

RESIDUAL_SUFFIX = "_residual"


def source_field(field: str) -> str:
    """Return the MjData field behind a name: itself, or the field that it is the residual of."""
    return field.removesuffix(RESIDUAL_SUFFIX)


def to_float32(field: str, values: np.ndarray) -> np.ndarray:
    """Round float64 values to float32; for a residual field, return the rounding error instead."""
    rounded = values.astype(np.float32)
    if field.endswith(RESIDUAL_SUFFIX):
        return (values - rounded).astype(np.float32)
    return rounded

"""Observations as a user gives them: checked, and brought into the form that back ends take.

Shapes: N batch, O observation.
"""

from collections.abc import Mapping

import numpy as np

from rlctl.core.specs import PolicySpec

Observation = np.ndarray | Mapping[str, np.ndarray]


def as_batch(
    spec: PolicySpec, observation: Observation
) -> tuple[tuple[int, ...], np.ndarray | dict[str, np.ndarray]]:
    """Return the batch axes of an observation, and the observation with one batch axis N.

    Args:
        spec: The policy.
        observation: (..., O); or a mapping with an array (..., *shape) for each of `spec.inputs`.

    Returns:
        The axes `...`, and (N, O) float32 or name -> (N, *shape), where N is their product.

    Raises:
        ValueError: An array is missing, unknown or of another shape.
    """
    if spec.inputs:
        return _named_arrays(spec, observation)
    if isinstance(observation, Mapping):
        raise ValueError(f"observation {sorted(observation)}, not (..., {spec.observation_size})")
    vector = np.asarray(observation, np.float32)
    if vector.shape[-1:] == (spec.policy_size,):  # without the privileged part: pad it
        missing = spec.observation_size - spec.policy_size
        vector = np.pad(vector, [(0, 0)] * (vector.ndim - 1) + [(0, missing)])
    if vector.shape[-1:] != (spec.observation_size,):
        raise ValueError(f"observation {vector.shape}, not (..., {spec.observation_size})")
    return vector.shape[:-1], vector.reshape(-1, spec.observation_size)


def rows(observation: Observation) -> int:
    """Return N of a batch (N, ...)."""
    return len(
        next(iter(observation.values())) if isinstance(observation, Mapping) else observation
    )


def first(observation: Observation) -> Observation:
    """Return the first observation of a batch (N, ...)."""
    if isinstance(observation, Mapping):
        return {name: array[0] for name, array in observation.items()}
    return observation[0]


def _named_arrays(
    spec: PolicySpec, observation: Observation
) -> tuple[tuple[int, ...], dict[str, np.ndarray]]:
    names = [item.name for item in spec.inputs]
    if not isinstance(observation, Mapping) or set(observation) != set(names):
        given = sorted(observation) if isinstance(observation, Mapping) else np.shape(observation)
        raise ValueError(f"observation {given}, not a mapping of {', '.join(names)}")
    arrays = {x.name: np.asarray(observation[x.name], np.dtype(x.dtype)) for x in spec.inputs}
    lead = arrays[names[0]].shape[: arrays[names[0]].ndim - len(spec.inputs[0].shape)]
    for item in spec.inputs:
        if (shape := arrays[item.name].shape) != (*lead, *item.shape):
            raise ValueError(f"{item.name} {shape}, not {(*lead, *item.shape)}")
    return lead, {x.name: arrays[x.name].reshape(-1, *x.shape) for x in spec.inputs}

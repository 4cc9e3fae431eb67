"""Several devices of one training: the environments are split over them in equal parts.

A program runs on every device with its own part of the environments (`jax.shard_map`). It sums
explicitly what concerns all environments. If XLA splits a program by itself instead, it gathers
all environments on every device, which then repeats the whole work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from rlctl.core.errors import DeviceUnavailable
from rlctl.rollouts.base import Unroll

AXIS = "envs"  # of the mesh
# How an array is placed: a copy on every device; split where environments lead; split in the second
# axis, after time. A placement of a pytree is one for each part of it.
COPIES, ENVS, COLUMNS = PartitionSpec(), PartitionSpec(AXIS), PartitionSpec(None, AXIS)
UNROLL = Unroll(*(COLUMNS,) * len(Unroll._fields))._replace(last_observation=ENVS)


@dataclass(frozen=True)
class Devices:
    """The devices of a training.

    Outside of split programs, everything but environments is on the first device.

    Attributes:
        mesh: The devices in one axis, `AXIS`.
    """

    mesh: Mesh

    @classmethod
    def first(cls, num: int) -> "Devices":
        """Return the first `num` devices that JAX sees.

        Raises:
            DeviceUnavailable: It sees fewer.
        """
        visible = jax.devices()
        if len(visible) < num:
            platform = visible[0].platform
            raise DeviceUnavailable(
                f"train.devices is {num}, and jax sees {len(visible)} "
                f"{platform} device{'s' * (len(visible) > 1)}",
                "a CPU is split into devices before jax first computes: start a new process"
                if platform == "cpu"
                else f"--devices {len(visible)}, or --cpu to split the CPU",
            )
        return cls(Mesh(np.array(visible[:num]), (AXIS,)))

    @property
    def num(self) -> int:
        """Number of devices."""
        return self.mesh.size

    def split(self, function: Callable[..., Any], given: Any, returned: Any) -> Callable[..., Any]:
        """Return the function of all environments that applies `function` to each device's part.

        Args:
            function: A function of part of the environments; of all, if there is one device.
            given: Placement of each argument.
            returned: Placement of the result.
        """
        if self.num == 1:
            return function
        # Without check_vma, a gradient is that of a device's own part, to be summed explicitly.
        return jax.shard_map(
            function, mesh=self.mesh, in_specs=given, out_specs=returned, check_vma=False
        )

    def jit(self, function: Callable[..., Any], given: Any) -> jax.stages.Wrapped:
        """Jit a function of all environments, for arguments that are placed as `given`."""
        if self.num == 1:
            return jax.jit(function)
        return jax.jit(function, in_shardings=self._shardings(given))

    def put(self, tree: Any, placement: Any) -> Any:
        """Return arrays placed on the devices; unchanged if there is one device."""
        return tree if self.num == 1 else jax.device_put(tree, self._shardings(placement))

    def on_first(self, tree: Any) -> Any:
        """Return arrays, or the copies of arrays placed as COPIES, on the first device."""
        return tree if self.num == 1 else jax.device_put(tree, self.mesh.devices[0])

    def _shardings(self, placement: Any) -> Any:
        return jax.tree.map(lambda spec: NamedSharding(self.mesh, spec), placement)


def part_shape(shape: tuple[int, ...], placement: PartitionSpec, parts: int) -> tuple[int, ...]:
    """Return a shape with the axis of environments split in two, (parts, environments of each)."""
    axis = placement.index(AXIS)
    return (*shape[:axis], parts, shape[axis] // parts, *shape[axis + 1 :])

"""Where TRPO's networks live: beside the physics, unless a GPU was asked for."""

import torch

from rlctl.core import device
from rlctl.core.errors import DeviceUnavailable


def choose_device(physics: str) -> torch.device:
    """CUDA if a GPU was asked for or the physics runs on one, else the CPU.

    Args:
        physics: The driver's back end.

    Raises:
        DeviceUnavailable: A GPU was asked for, and torch has none.
    """
    usable = torch.cuda.is_available()
    if device.gpu_requested() and not usable:
        raise DeviceUnavailable(
            "a GPU was asked for, and this torch cannot use one",
            "install PyTorch with CUDA, or use --device cpu",
        )
    on_gpu = physics in ("jax", "warp") and device.gpu_missing() is None
    return torch.device("cuda" if usable and (on_gpu or device.gpu_requested()) else "cpu")

"""Device of TRPO's networks: that of the physics, unless a GPU is requested."""

import torch

from rlctl.core import device
from rlctl.core.errors import DeviceUnavailable


def choose_device(physics: str) -> torch.device:
    """Return CUDA if a GPU is requested or the physics runs on one, else the CPU.

    Args:
        physics: The driver's physics back end.

    Raises:
        DeviceUnavailable: A GPU is requested and PyTorch cannot use one.
    """
    usable = torch.cuda.is_available()
    if device.gpu_requested() and not usable:
        raise DeviceUnavailable(
            "a GPU was asked for, and this torch cannot use one",
            "install PyTorch with CUDA, or use --device cpu",
        )
    on_gpu = physics in ("jax", "warp") and device.gpu_missing() is None
    return torch.device("cuda" if usable and (on_gpu or device.gpu_requested()) else "cpu")

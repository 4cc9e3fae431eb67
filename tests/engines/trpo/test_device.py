"""Tests of the choice of TRPO's device."""

import pytest
import torch

from rlctl.core import device
from rlctl.core.errors import DeviceUnavailable
from rlctl.engines.trpo.device import choose_device


@pytest.mark.parametrize(
    ("asked", "usable", "physics", "chosen"),
    [
        ("cpu", False, "native", "cpu"),
        ("", True, "native", "cpu"),
        ("", True, "gymnasium", "cpu"),
        ("", True, "warp", "cuda"),
        ("cuda,cpu", True, "native", "cuda"),
    ],
)
def test_beside_the_physics_unless_a_gpu_is_asked_for(asked, usable, physics, chosen, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", asked)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
    monkeypatch.setattr(device, "gpu_missing", lambda: None)
    assert choose_device(physics).type == chosen


def test_a_gpu_that_torch_cannot_use_is_an_error(monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cuda,cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceUnavailable, match="torch"):
        choose_device("native")

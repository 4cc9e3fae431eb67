"""A package that an environment needs to be drawn has the exit code of every missing package."""

import sys

import gymnasium
import pytest
from gymnasium.envs.classic_control import PendulumEnv

from rlctl.core.errors import DeviceUnavailable, RendererMissing
from rlctl.envs.families.gymnasium import make
from rlctl.envs.families.gymnasium_config import GymnasiumConfig
from rlctl.rollouts.gym_group import GymGroup

ID = "CannotBeDrawn-v0"


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (gymnasium.error.DependencyNotInstalled("run `pip install pygame`"), DeviceUnavailable, 7),
        (ModuleNotFoundError("No module named 'pygame'", name="pygame"), DeviceUnavailable, 7),
        (RuntimeError("no display"), RendererMissing, 10),
    ],
)
def test_a_drawing_that_fails(raised, kind, code):
    class CannotBeDrawn(PendulumEnv):
        def render(self):
            raise raised

    gymnasium.register(ID, entry_point=CannotBeDrawn)
    try:
        group = GymGroup(make(ID, GymnasiumConfig()), 1, 10, "rgb_array")
        group.reset([0])
        with pytest.raises(kind, match=f"gym:{ID}") as caught:
            group.picture()
        group.close()
    finally:
        del gymnasium.registry[ID]
    assert caught.value.exit_code == code
    if code == 7:
        assert caught.value.hint == f"{sys.executable} -m pip install pygame"

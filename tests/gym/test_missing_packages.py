"""A package that an environment needs to render has the exit code of every missing package."""

import sys

import gymnasium
import pytest
from gymnasium.envs.classic_control import PendulumEnv

from rlctl.core.errors import PackageMissing, RendererMissing
from rlctl.families.gymnasium.config import GymnasiumConfig
from rlctl.families.gymnasium.environment import make
from rlctl.families.gymnasium.group import GymGroup

ID = "CannotBeDrawn-v0"


@pytest.mark.parametrize(
    ("raised", "kind", "package"),
    [
        (gymnasium.error.DependencyNotInstalled("run `pip install box`"), PackageMissing, "box"),
        (
            ModuleNotFoundError("No module named 'pygame'", name="pygame"),
            PackageMissing,
            "pygame-ce",
        ),
        (RuntimeError("no display"), RendererMissing, ""),
    ],
)
def test_a_render_that_fails(raised, kind, package):
    class CannotBeDrawn(PendulumEnv):
        def render(self):
            raise raised

    gymnasium.register(ID, entry_point=CannotBeDrawn)
    try:
        group = GymGroup(make(ID, GymnasiumConfig()), 1, 10, "rgb_array")
        group.reset([0])
        with pytest.raises(kind, match=f"gym:{ID}") as caught:
            group.render()
        group.close()
    finally:
        del gymnasium.registry[ID]
    assert caught.value.exit_code == (7 if package else 10)
    if package:
        assert caught.value.hint == f"{sys.executable} -m pip install {package}"

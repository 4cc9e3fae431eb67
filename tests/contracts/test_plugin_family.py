"""A family of another package, whose environments are MuJoCo models with a file as a setting."""

import sys

import numpy as np
import pytest

from rlctl import catalog
from rlctl.actions.envs import list_envs
from rlctl.checkpoints import compatibility
from rlctl.core.capabilities import capabilities_of
from rlctl.core.config import Resolved, flag_layer, resolve
from rlctl.core.errors import Unsafe, UsageError
from rlctl.rollouts.factory import make_driver, make_environment

SOURCE = """
from dataclasses import dataclass
from pathlib import Path
from rlctl.catalog import FamilyRow
from rlctl.core.config import setting

ROW = FamilyRow("robots", "robots of a test", "robots:make", "robots:Config", "robots:names",
                physics=("native", "jax"))

@dataclass(frozen=True)
class Config:
    clip: Path | None = setting(None, "a motion")
    speed: float = setting(1.0, "a number")

def names():
    return ("arm", "leg")

def make(name, config):
    from dataclasses import replace
    from rlctl.envs.pendulum.env import Pendulum
    class Robot(Pendulum):
        spec = replace(Pendulum.spec, id=f"robots:{name}")
    return Robot()
"""


@pytest.fixture(autouse=True)
def _installed(monkeypatch, tmp_path):
    info = tmp_path / "robots-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: robots\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[rlctl.families]\nrobots = robots:ROW\n")
    (tmp_path / "robots.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("robots", None)


def config(**values):
    return settings(**values)["env"]


def settings(**values) -> Resolved:
    kinds = {"env": catalog.load(catalog.env("robots:leg").config)}
    return resolve(kinds, [flag_layer({f"env.{key}": value for key, value in values.items()})])


def test_its_environments_are_listed_and_stepped():
    assert list_envs("robots").families[0].names == ("arm", "leg")
    with pytest.raises(UsageError, match="robots: has arm, leg"):
        catalog.env("robots:foot")
    made = make_environment("robots:leg", config())
    assert made is make_environment("robots:leg", config())
    assert made is not make_environment("robots:leg", config(speed=2.0))
    assert capabilities_of(made).kind == "environment"
    assert capabilities_of(made).resumable
    driver = make_driver("robots:leg", config(), "native", 2)
    driver.reset(0)
    assert np.isfinite(driver.step(np.zeros((2, 1), np.float32)).reward).all()
    driver.close()


def test_a_file_in_a_setting_is_read_only_for_who_names_the_environment(tmp_path):
    saved = settings(clip=str(tmp_path / "clip")).to_json()["env"]
    assert saved == {"clip": str(tmp_path / "clip"), "speed": 1.0}
    with pytest.raises(Unsafe, match=r"would read a file: env\.clip is"):
        catalog.check_trusted("robots:leg", saved, None)
    with pytest.raises(Unsafe):  # a name without a slash is a file's as well
        catalog.check_trusted("robots:leg", {"clip": "clip"}, "robots:arm")
    catalog.check_trusted("robots:leg", saved, "robots:leg")
    catalog.check_trusted("robots:leg", {"clip": None, "speed": 2.0}, None)


def test_a_files_content_is_in_the_digest_of_the_model(tmp_path):
    clip = tmp_path / "clip"
    assert compatibility.model_digest("robots:leg", {"clip": str(clip)}) is None
    digests = []
    for content in (b"a step", b"a jump"):
        clip.write_bytes(content)
        digests.append(compatibility.model_digest("robots:leg", {"clip": str(clip)}))
    clip.rename(tmp_path / "moved")
    digests.append(compatibility.model_digest("robots:leg", {"clip": str(tmp_path / "moved")}))
    assert digests[0] != digests[1] == digests[2]

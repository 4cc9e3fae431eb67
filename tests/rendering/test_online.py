"""Videos of environments that render themselves."""

import os
from pathlib import Path

import numpy as np
import pytest
import saved_policy
from PIL import Image

from rlctl.actions.render import render
from rlctl.actions.videos.request import RenderRequest
from rlctl.core.errors import RendererMissing, UsageError
from rlctl.rendering.online import fit, headless
from rlctl.rendering.options import RenderOptions

TOY = "gym:toy_gym:Toy-v0"


def test_a_contact_sheet_shows_the_steps():
    saved_policy.save(TOY, length=100, colour=50)
    done = render(Path("toy.png"), request=RenderRequest(steps=4))
    assert (done.frames, done.steps, done.size) == (5, 4, (120, 90))
    assert (done.physics, done.camera, len(done.returns)) == ("gymnasium", "its own", 1)
    page = np.asarray(Image.open("toy.png"))
    places = [(89, 119 + 126 * column) for column in range(4)] + [(185, 119)]
    corners = [page[place] for place in places]
    assert [int(corner[0]) for corner in corners] == [50, 51, 52, 53, 54]


def test_a_video_lasts_as_long_as_what_it_shows():
    saved_policy.save(TOY)
    done = render(
        Path("toy.mp4"), request=RenderRequest(steps=40), options=RenderOptions(size=(160, 160))
    )
    assert (done.fps, done.frames, done.seconds) == (20.0, 40, 2.0)
    assert len(done.returns) == 8
    assert done.path.stat().st_size > 500


def test_it_ends_with_the_episode_by_default():
    saved_policy.save(TOY)
    assert render(Path("toy.png")).steps == 8


def test_images_are_fitted_whole():
    picture = np.full((10, 20, 3), 200, np.uint8)
    fitted = fit(picture, (40, 40))
    assert fitted.shape == (40, 40, 3)
    assert (fitted[:10] == 0).all()
    assert (fitted[30:] == 0).all()
    assert (fitted[10:30] == 200).all()
    assert fit(picture, (20, 10)) is picture


def test_there_is_no_camera_to_choose():
    saved_policy.save(TOY)
    with pytest.raises(UsageError, match="renders itself; there is no camera 'nose'"):
        render(Path("a.png"), options=RenderOptions(camera="nose"))


@pytest.mark.parametrize(
    "render_request", [RenderRequest(num_envs=2), RenderRequest(other_ckpts=("runs/other",))]
)
def test_there_is_no_second_tile(render_request):
    saved_policy.save(TOY)
    saved_policy.save(TOY, out=Path("runs/other"))
    with pytest.raises(UsageError, match="renders itself, one environment per video; 2 tiles"):
        render(Path("a.png"), request=render_request)


def test_an_environment_that_does_not_render():
    saved_policy.save("gym:toy_gym:Odd-v0")
    with pytest.raises(RendererMissing, match="cannot render images; its render modes are none"):
        render(Path("a.png"))


def test_variables_of_the_user_stay(monkeypatch):
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    with headless():
        assert os.environ["SDL_VIDEODRIVER"] == "dummy"
        assert os.environ["MUJOCO_GL"] == "osmesa"
    assert "SDL_VIDEODRIVER" not in os.environ
    assert os.environ["MUJOCO_GL"] == "osmesa"

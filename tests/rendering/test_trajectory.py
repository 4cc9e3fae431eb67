from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from rlctl.core.errors import Incompatible, UsageError
from rlctl.core.specs import EnvSpec
from rlctl.rendering import parallel, writer
from rlctl.rendering.options import RenderOptions
from rlctl.rendering.trajectory import Trajectory
from rlctl.rendering.writer import write
from rlctl.rollouts.base import Step

SPEC = EnvSpec("ball", (), (), 0.02, 1, 100, cameras=("side",), commands=("forward",))


class Rail:
    """Driver of two balls that move 1 cm per step; the first one resets after `length` steps."""

    observation = np.zeros((2, 0))

    def __init__(self, length=1000):
        self.length, self.steps = length, 0

    def qpos(self):
        return np.array([[0.01 * self.steps], [9.0]])

    def command(self):
        return np.array([[0.5], [9.0]])

    def step(self):
        self.steps = (self.steps + 1) % self.length
        over = np.array([self.steps == 0, False])
        nothing = np.zeros((2, 0))
        return Step(nothing, np.array([2.0, 9.0]), over, np.zeros(2, bool), nothing, {})


def record(steps, length=1000, index=0, title=""):
    driver, trajectory = Rail(length), Trajectory(SPEC, index, title)
    trajectory.start(driver)
    for _ in range(steps):
        trajectory.add(driver, driver.step())
    return trajectory


@pytest.fixture
def rendered(monkeypatch):
    """Record [(qpos, text)] of every frame instead of rendering it."""
    frames = []

    class Canvas:
        platform = "none"

        def __init__(self, model, width, height, camera):
            self.size = height, width

        def render(self, qpos, arrows):
            frames.append([qpos[0]])
            return np.zeros((*self.size, 3), np.uint8)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def caption(image, text):
        frames[-1].append(text)
        return image

    monkeypatch.setattr(writer, "Canvas", Canvas)
    monkeypatch.setattr(parallel, "thread_count", lambda: 1)  # else the order of frames is random
    monkeypatch.setattr(writer, "caption", caption)
    return frames


@pytest.mark.parametrize(
    ("fps", "count", "stride"), [(None, 50, 1), (25, 25, 2), (100, 100, 0.5), (10, 10, 5)]
)
def test_a_second_of_video_is_a_second_of_simulation(tmp_path, ball, rendered, fps, count, stride):
    written = write([record(50)], tmp_path / "a.mp4", ball, RenderOptions(fps=fps))
    assert written.frames == len(rendered) == count
    assert written.seconds == pytest.approx(1.0)
    places = [place for place, _ in rendered]
    np.testing.assert_allclose(places, 0.01 * np.floor(stride * np.arange(count) + 0.5))


def test_captions_show_time_return_command_and_episode(tmp_path, ball, rendered):
    trajectory = record(7, length=5)
    write([trajectory], tmp_path / "a.mp4", ball, RenderOptions(fps=50))
    texts = [text for _, text in rendered]
    assert texts[0] == "0.00 s    return 0.0\nforward +0.50"
    assert texts[4] == "0.08 s    return 8.0\nforward +0.50"
    assert texts[6] == "0.02 s    return 2.0    episode 2\nforward +0.50"
    assert trajectory.episode_returns() == (10.0, 4.0)
    assert record(5, length=5).episode_returns() == (10.0,)


def test_captions_show_actual_values_if_the_observation_has_them(tmp_path, ball, rendered):
    driver, trajectory = Rail(), Trajectory(replace(SPEC, achieved=(1,)))
    driver.observation = np.array([[7.0, 0.25], [9.0, 9.0]])
    trajectory.start(driver)
    trajectory.add(driver, driver.step()._replace(observation=np.array([[7.0, -0.1], [9.0, 9.0]])))
    write([trajectory], tmp_path / "a.png", ball, RenderOptions())
    texts = [text for _, text in rendered]
    assert texts[0] == "0.00 s    return 0.0\ncommand   forward +0.50\nactual      forward +0.25"
    assert texts[1] == "0.02 s    return 2.0\ncommand   forward +0.50\nactual      forward -0.10"


@pytest.mark.parametrize(("name", "fps"), [("a.png", None), ("a.mp4", 55)])
def test_the_last_image_is_of_the_episode_that_ends(tmp_path, ball, rendered, name, fps):
    write([record(5, length=5)], tmp_path / name, ball, RenderOptions(fps=fps))
    assert rendered[-1] == [0.04, "0.08 s    return 8.0\nforward +0.50"]


def test_a_heading_is_written_in_the_first_seconds(tmp_path, ball, rendered, monkeypatch):
    seconds = []
    monkeypatch.setattr(
        writer, "with_heading", lambda image, text, at: seconds.append((text, at)) or image
    )
    trajectory = record(2)
    trajectory.heading = "ball"
    write([trajectory], tmp_path / "a.mp4", ball, RenderOptions())
    assert seconds == [("ball", 0.0), ("ball", 0.02)]


def test_a_contact_sheet_has_its_heading_once(tmp_path, ball, rendered, monkeypatch):
    headings = []
    monkeypatch.setattr(
        writer, "with_heading", lambda image, text, at: headings.append(text) or image
    )
    trajectory = record(50)
    trajectory.heading = "ball"
    write([trajectory], tmp_path / "a.png", ball, RenderOptions())
    assert headings == ["ball"]


def test_a_contact_sheet_spans_the_trajectory(tmp_path, ball, rendered):
    written = write([record(50)], tmp_path / "a.png", ball, RenderOptions())
    places = [place for place, _ in rendered]
    assert written.frames == len(places) == 12
    assert places[0] == 0
    assert places[-1] == pytest.approx(0.5)
    assert np.ptp(np.diff(places)) < 0.011
    assert written.seconds == 0
    assert written.size == (320, 180)


def test_a_single_step_is_a_video_too(tmp_path, ball, rendered):
    assert write([record(1)], tmp_path / "a.mp4", ball, RenderOptions()).frames == 1
    assert write([record(1)], tmp_path / "a.png", ball, RenderOptions()).frames == 2


def test_a_trajectory_may_begin_after_the_first_step(tmp_path, ball, rendered):
    driver, trajectory = Rail(), Trajectory(SPEC)
    trajectory.add(driver, driver.step())
    write([trajectory], tmp_path / "a.png", ball, RenderOptions())
    assert rendered == [[0.01, "0.02 s    return 2.0\nforward +0.50"]]


def test_several_trajectories_are_tiles_of_one(tmp_path, ball, rendered):
    titles = "number 0", "a run of another name"
    trajectories = [record(4, 3, index, title) for index, title in enumerate(titles)]
    written = write(
        [*trajectories, trajectories[0]],
        tmp_path / "a.mp4",
        ball,
        RenderOptions(size=(32, 16), fps=50),
    )
    assert (written.frames, written.size) == (4, (64, 32))
    first, second, third = rendered[9:]
    assert first == third == [0.0, "number 0    0.00 s    return 0.0    episode 2\nforward +0.50"]
    assert second == [9.0, "a run of another name\n0.06 s    return 27.0\nforward +9.00"]
    assert trajectories[1].episode_returns() == (36.0,)


@pytest.mark.usefixtures("opengl")
def test_every_tile_shows_its_own_robot(tmp_path, ball):
    trajectories = [record(1), record(1, index=1)]  # the second one's is out of sight
    write(trajectories, tmp_path / "a.png", ball, RenderOptions("side", (128, 96)))
    page = np.asarray(Image.open(tmp_path / "a.png")).astype(int)
    red = page[..., 0] > 60 + page[..., 1:].max(axis=-1)
    assert page.shape == (96, 2 * 2 * 128 + 6, 3)
    starts = (0, 128, 2 * 128 + 6, 3 * 128 + 6)
    assert [red[:, start : start + 128].any() for start in starts] == [True, False] * 2


def test_progress_is_reported(tmp_path, ball, rendered):
    calls = []
    write(
        [record(4)],
        tmp_path / "a.gif",
        ball,
        RenderOptions(fps=50),
        lambda *pair: calls.append(pair),
    )
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_scene_with_other_joints(tmp_path, ball):
    trajectory = Trajectory(SPEC)
    trajectory.start(
        SimpleNamespace(
            qpos=lambda: np.zeros((1, 3)),
            command=lambda: np.zeros((1, 1)),
            observation=np.zeros((1, 0)),
        )
    )
    with pytest.raises(Incompatible, match="has 1 positions, its physics 3"):
        write([trajectory], tmp_path / "a.mp4", ball, RenderOptions())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            RenderOptions(size=(641, 480)),
            "641x480 cannot be encoded; width and height are even numbers",
        ),
        (RenderOptions(size=(0, 480)), "from 16 to 4096"),
        (RenderOptions(size=(640, 100_000)), "from 16 to 4096"),
        (RenderOptions(fps=0), "0 frames per second"),
        (RenderOptions(fps=-3), "-3 frames per second"),
        (RenderOptions(fps=float("nan")), "nan frames per second"),
        (RenderOptions(fps=1e9), "between 0 and 240"),
        (RenderOptions(camera="top"), "ball has no camera 'top'; it has side, free"),
    ],
)
def test_options_that_cannot_be_used(tmp_path, ball, options, message):
    with pytest.raises(UsageError, match=message):
        write([record(1)], tmp_path / "a.mp4", ball, options)
    assert list(tmp_path.iterdir()) == []


def test_tiles_make_a_image_that_can_be_encoded():
    RenderOptions(size=(1024, 1024)).validate(16)
    with pytest.raises(UsageError, match="5 tiles of 2048x480 make frames of 6144x960; 4096x40"):
        RenderOptions(size=(2048, 480)).validate(5)
    sizes = [RenderOptions().tile(tiles) for tiles in (1, 4, 9, 16)]
    assert sizes == [(1280, 720), (640, 360), (426, 240), (320, 180)]
    assert [RenderOptions().tile(1, suffix) for suffix in (".PNG", ".gif")] == [
        (320, 180),
        (640, 360),
    ]
    assert RenderOptions(size=(64, 48)).tile(16) == (64, 48)


@pytest.mark.usefixtures("opengl")
def test_it_is_rendered_and_written(tmp_path, ball):
    written = write([record(10)], tmp_path / "a.mp4", ball, RenderOptions(size=(64, 48)))
    assert written.path.stat().st_size > 500
    assert written.camera == "side"
    assert (written.frames, written.fps) == (10, 50)

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from rlctl.core.errors import Incompatible, UsageError
from rlctl.core.specs import EnvSpec
from rlctl.rendering import painters, writer
from rlctl.rendering.options import RenderOptions
from rlctl.rendering.trajectory import Trajectory
from rlctl.rendering.writer import write
from rlctl.rollouts.base import Step

SPEC = EnvSpec("ball", (), (), 0.02, 1, 100, cameras=("side",), commands=("forward",))


class Rail:
    """A driver of two balls that move 1 cm a step; the first starts again after `length` steps."""

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


def filmed(steps, length=1000, index=0, title=""):
    driver, film = Rail(length), Trajectory(SPEC, index, title)
    film.start(driver)
    for _ in range(steps):
        film.add(driver, driver.step())
    return film


@pytest.fixture
def shown(monkeypatch):
    """What would be drawn and written, instead of drawing: [(qpos, text)]."""
    frames = []

    class Canvas:
        platform = "none"

        def __init__(self, model, width, height, camera):
            self.size = height, width

        def draw(self, qpos, arrows):
            frames.append([qpos[0]])
            return np.zeros((*self.size, 3), np.uint8)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def caption(picture, text):
        frames[-1].append(text)
        return picture

    monkeypatch.setattr(writer, "Canvas", Canvas)
    monkeypatch.setattr(painters, "count", lambda: 1)  # or the order of frames would be by chance
    monkeypatch.setattr(writer, "caption", caption)
    return frames


@pytest.mark.parametrize(
    ("fps", "count", "stride"), [(None, 50, 1), (25, 25, 2), (100, 100, 0.5), (10, 10, 5)]
)
def test_a_second_of_film_is_a_second_of_simulation(tmp_path, ball, shown, fps, count, stride):
    written = write([filmed(50)], tmp_path / "a.mp4", ball, RenderOptions(fps=fps))
    assert written.frames == len(shown) == count
    assert written.seconds == pytest.approx(1.0)
    places = [place for place, _ in shown]
    np.testing.assert_allclose(places, 0.01 * np.floor(stride * np.arange(count) + 0.5))


def test_the_words_tell_time_return_command_and_episode(tmp_path, ball, shown):
    film = filmed(7, length=5)
    write([film], tmp_path / "a.mp4", ball, RenderOptions(fps=50))
    texts = [text for _, text in shown]
    assert texts[0] == "0.00 s    return 0.0\nforward +0.50"
    assert texts[4] == "0.08 s    return 8.0\nforward +0.50"
    assert texts[6] == "0.02 s    return 2.0    episode 2\nforward +0.50"
    assert film.totals() == (10.0, 4.0)
    assert filmed(5, length=5).totals() == (10.0,)


def test_the_words_tell_what_is_achieved_where_the_observation_shows_it(tmp_path, ball, shown):
    driver, film = Rail(), Trajectory(replace(SPEC, achieved=(1,)))
    driver.observation = np.array([[7.0, 0.25], [9.0, 9.0]])
    film.start(driver)
    film.add(driver, driver.step()._replace(observation=np.array([[7.0, -0.1], [9.0, 9.0]])))
    write([film], tmp_path / "a.png", ball, RenderOptions())
    texts = [text for _, text in shown]
    assert texts[0] == "0.00 s    return 0.0\ncommand   forward +0.50\nactual      forward +0.25"
    assert texts[1] == "0.02 s    return 2.0\ncommand   forward +0.50\nactual      forward -0.10"


@pytest.mark.parametrize(("name", "fps"), [("a.png", None), ("a.mp4", 55)])
def test_the_last_picture_is_of_the_episode_that_ends(tmp_path, ball, shown, name, fps):
    write([filmed(5, length=5)], tmp_path / name, ball, RenderOptions(fps=fps))
    assert shown[-1] == [0.04, "0.08 s    return 8.0\nforward +0.50"]


def test_a_heading_is_written_in_the_first_seconds(tmp_path, ball, shown, monkeypatch):
    seconds = []
    monkeypatch.setattr(writer, "headed", lambda page, text, at: seconds.append((text, at)) or page)
    film = filmed(2)
    film.heading = "ball"
    write([film], tmp_path / "a.mp4", ball, RenderOptions())
    assert seconds == [("ball", 0.0), ("ball", 0.02)]


def test_a_contact_sheet_has_its_heading_once(tmp_path, ball, shown, monkeypatch):
    headings = []
    monkeypatch.setattr(writer, "headed", lambda page, text, at: headings.append(text) or page)
    film = filmed(50)
    film.heading = "ball"
    write([film], tmp_path / "a.png", ball, RenderOptions())
    assert headings == ["ball"]


def test_a_contact_sheet_spans_the_film(tmp_path, ball, shown):
    written = write([filmed(50)], tmp_path / "a.png", ball, RenderOptions())
    places = [place for place, _ in shown]
    assert written.frames == len(places) == 12
    assert places[0] == 0
    assert places[-1] == pytest.approx(0.5)
    assert np.ptp(np.diff(places)) < 0.011
    assert written.seconds == 0
    assert written.size == (320, 180)


def test_a_single_step_is_a_film_too(tmp_path, ball, shown):
    assert write([filmed(1)], tmp_path / "a.mp4", ball, RenderOptions()).frames == 1
    assert write([filmed(1)], tmp_path / "a.png", ball, RenderOptions()).frames == 2


def test_a_film_may_begin_after_the_first_step(tmp_path, ball, shown):
    driver, film = Rail(), Trajectory(SPEC)
    film.add(driver, driver.step())
    write([film], tmp_path / "a.png", ball, RenderOptions())
    assert shown == [[0.01, "0.02 s    return 2.0\nforward +0.50"]]


def test_several_films_are_tiles_of_one(tmp_path, ball, shown):
    titles = "number 0", "a run of another name"
    films = [filmed(4, 3, index, title) for index, title in enumerate(titles)]
    written = write(
        [*films, films[0]], tmp_path / "a.mp4", ball, RenderOptions(size=(32, 16), fps=50)
    )
    assert (written.frames, written.size) == (4, (64, 32))
    first, second, third = shown[9:]
    assert first == third == [0.0, "number 0    0.00 s    return 0.0    episode 2\nforward +0.50"]
    assert second == [9.0, "a run of another name\n0.06 s    return 27.0\nforward +9.00"]
    assert films[1].totals() == (36.0,)


@pytest.mark.usefixtures("drawing")
def test_every_tile_shows_its_own_robot(tmp_path, ball):
    films = [filmed(1), filmed(1, index=1)]  # the second one's is out of sight
    write(films, tmp_path / "a.png", ball, RenderOptions("side", (128, 96)))
    page = np.asarray(Image.open(tmp_path / "a.png")).astype(int)
    red = page[..., 0] > 60 + page[..., 1:].max(axis=-1)
    assert page.shape == (96, 2 * 2 * 128 + 6, 3)
    starts = (0, 128, 2 * 128 + 6, 3 * 128 + 6)
    assert [red[:, start : start + 128].any() for start in starts] == [True, False] * 2


def test_progress_is_told(tmp_path, ball, shown):
    told = []
    write(
        [filmed(4)],
        tmp_path / "a.gif",
        ball,
        RenderOptions(fps=50),
        lambda *pair: told.append(pair),
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_scene_with_other_joints(tmp_path, ball):
    film = Trajectory(SPEC)
    film.start(
        SimpleNamespace(
            qpos=lambda: np.zeros((1, 3)),
            command=lambda: np.zeros((1, 1)),
            observation=np.zeros((1, 0)),
        )
    )
    with pytest.raises(Incompatible, match="has 1 positions, its physics 3"):
        write([film], tmp_path / "a.mp4", ball, RenderOptions())


@pytest.mark.parametrize(
    ("look", "words"),
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
        (RenderOptions(fps=1e9), "within 0 and 240"),
        (RenderOptions(camera="top"), "ball has no camera 'top'; it has side, free"),
    ],
)
def test_looks_that_cannot_be(tmp_path, ball, look, words):
    with pytest.raises(UsageError, match=words):
        write([filmed(1)], tmp_path / "a.mp4", ball, look)
    assert list(tmp_path.iterdir()) == []


def test_tiles_make_a_picture_that_can_be_encoded():
    RenderOptions(size=(1024, 1024)).check(16)
    with pytest.raises(UsageError, match="5 tiles of 2048x480 make pictures of 6144x960; 4096x40"):
        RenderOptions(size=(2048, 480)).check(5)
    sizes = [RenderOptions().tile(tiles) for tiles in (1, 4, 9, 16)]
    assert sizes == [(1280, 720), (640, 360), (426, 240), (320, 180)]
    assert [RenderOptions().tile(1, suffix) for suffix in (".PNG", ".gif")] == [
        (320, 180),
        (640, 360),
    ]
    assert RenderOptions(size=(64, 48)).tile(16) == (64, 48)


@pytest.mark.usefixtures("drawing")
def test_it_is_drawn_and_written(tmp_path, ball):
    written = write([filmed(10)], tmp_path / "a.mp4", ball, RenderOptions(size=(64, 48)))
    assert written.path.stat().st_size > 500
    assert written.camera == "side"
    assert (written.frames, written.fps) == (10, 50)

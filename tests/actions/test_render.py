from pathlib import Path

import pytest
import saved_policy

from rlctl.actions import render as action
from rlctl.actions.films.request import RenderRequest
from rlctl.actions.render import render
from rlctl.core.errors import (
    Damaged,
    Incompatible,
    NotFound,
    OutOfSpace,
    RendererMissing,
    UsageError,
)
from rlctl.core.progress import Progress
from rlctl.rendering import gl
from rlctl.rendering.options import RenderOptions
from rlctl.rollouts.native_driver import NativeDriver

SMALL = RenderOptions(size=(64, 48))


@pytest.fixture
def drawing():
    try:
        gl.find()
    except RendererMissing as missing:
        pytest.skip(missing.message)


@pytest.fixture
def no_rollout(monkeypatch):
    """Fails the test when a step is taken."""
    monkeypatch.setattr(NativeDriver, "step", lambda *_: pytest.fail("a step was taken"))


@pytest.mark.usefixtures("drawing")
class TestAFilm:
    def test_of_the_latest_run(self, tmp_path):
        checkpoint = saved_policy.save()
        done = render(Path("demo.mp4"), shot=RenderRequest(steps=25), look=SMALL)
        assert done.path.stat().st_size > 500
        assert done.checkpoint.resolve() == checkpoint.resolve()
        assert (done.env, done.step, done.physics) == ("pendulum", 1000, "native")
        assert (done.steps, done.frames, done.fps, done.seconds) == (25, 25, 50.0, 0.5)
        assert (done.camera, done.size) == ("front", (64, 48))
        assert len(done.returns) == 1
        assert done.to_json()["platform"] == gl.find()
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["demo.mp4", "runs"]

    def test_lasts_ten_seconds_at_most(self):
        saved_policy.save()
        assert render(Path("sheet.png"), look=SMALL).steps == 500

    def test_is_the_same_for_the_same_seed(self):
        saved_policy.save()
        films = [
            render(Path(f"{i}.png"), shot=RenderRequest(steps=3, seed=seed), look=SMALL)
            for i, seed in enumerate((1, 1, 2))
        ]
        first, again, other = (film.path.read_bytes() for film in films)
        assert first == again
        assert first != other

    def test_of_the_environment_as_it_was_configured(self):
        upright = saved_policy.save(out=Path("runs/upright"), start_angle=0.0)
        hanging = saved_policy.save(out=Path("runs/any"))
        first, second = (
            render(Path(f"{i}.png"), ckpt=str(path), shot=RenderRequest(steps=1), look=SMALL)
            for i, path in enumerate((upright, hanging))
        )
        assert first.returns == (1.0,)
        assert second.returns == (0.0,)

    def test_tells_its_progress(self):
        saved_policy.save()
        heard = []
        render(
            Path("a.png"), shot=RenderRequest(steps=2), look=SMALL, progress=Progress(heard.append)
        )
        phases = [event["name"] for event in heard if event["event"] == "phase"]
        assert phases == ["import", "build", "compile", "rollout", "film"]
        steps = [(e["steps"], e["total"]) for e in heard if e["event"] == "progress"]
        assert steps == [(1, 2), (2, 2), (1, 3), (2, 3), (3, 3)]


@pytest.mark.usefixtures("drawing")
class TestTiles:
    def test_environments_are_those_of_one_driver(self):
        checkpoint = saved_policy.save("reacher")
        alone = render(Path("a.png"), shot=RenderRequest(steps=12), look=SMALL)
        done = render(Path("b.png"), shot=RenderRequest(steps=12, num_envs=3), look=SMALL)
        assert [tile.title for tile in done.tiles] == [f"environment {n}" for n in (1, 2, 3)]
        assert {tile.checkpoint.resolve() for tile in done.tiles} == {checkpoint.resolve()}
        assert alone.tiles[0].returns == alone.returns
        assert alone.tiles[0].title == ""
        assert done.returns == done.tiles[0].returns == pytest.approx(alone.returns, rel=1e-4)
        assert len({tile.returns for tile in done.tiles}) == 3
        assert (alone.size, done.size) == ((64, 48), (128, 96))

    def test_checkpoints_start_from_the_same_state(self):
        first = saved_policy.save(out=Path("runs/first"), start_angle=0.0)
        second = saved_policy.save(out=Path("runs/second"), start_angle=0.0)
        shot = RenderRequest(steps=3, beside=("second",))
        done = render(Path("a.png"), ckpt="first", shot=shot, look=SMALL)
        assert [tile.title for tile in done.tiles] == ["first step 1,000", "second step 1,000"]
        paths = [tile.checkpoint.resolve() for tile in done.tiles]
        assert paths == [first.resolve(), second.resolve()]
        assert done.checkpoint.resolve() == first.resolve()
        assert done.tiles[0].returns == done.tiles[1].returns == (3.0,)
        assert done.size == (128, 48)

    def test_all_play_by_the_settings_of_the_first(self):
        saved_policy.save(out=Path("runs/upright"), start_angle=0.0)
        saved_policy.save(out=Path("runs/any"))
        told = []
        shot = RenderRequest(steps=1, beside=("any",))
        done = render(Path("a.png"), ckpt="upright", shot=shot, look=SMALL, tell=told.append)
        assert [tile.returns for tile in done.tiles] == [(1.0,), (1.0,)]
        (line,) = told
        assert "any/checkpoints/step_000000001000 was trained with another start_angle" in line

    def test_settings_may_differ_from_the_checkpoints(self):
        saved_policy.save(out=Path("runs/any"))
        saved_policy.save(out=Path("runs/hanging"), start_angle=3.0)
        shot = RenderRequest(steps=1, beside=("hanging",), overrides=("env.start_angle=0.0",))
        told = []
        done = render(Path("a.png"), ckpt="any", shot=shot, look=SMALL, tell=told.append)
        assert [tile.returns for tile in done.tiles] == [(1.0,), (1.0,)]
        assert not told, "neither is what it was trained with, as asked"

    def test_long_names_keep_their_end(self):
        saved_policy.save(out=Path("runs") / ("a" * 60 + "-seed-7"))
        shot = RenderRequest(steps=1, beside=("latest",))
        (title, _) = (tile.title for tile in render(Path("a.png"), shot=shot, look=SMALL).tiles)
        assert title == "..." + "a" * 33 + "-seed-7 step 1,000"


@pytest.mark.usefixtures("no_rollout")
class TestWhatIsWrongIsFoundFirst:
    @pytest.mark.parametrize(
        ("out", "shot", "look"),
        [
            ("a.avi", RenderRequest(), SMALL),
            ("a.mp4", RenderRequest(steps=0), SMALL),
            ("a.mp4", RenderRequest(steps=-5), SMALL),
            ("a.mp4", RenderRequest(steps=10**12), SMALL),
            ("a.mp4", RenderRequest(seed=-1), SMALL),
            ("a.mp4", RenderRequest(), RenderOptions(fps=-1)),
            ("a.mp4", RenderRequest(), RenderOptions(size=(63, 48))),
            ("a.mp4", RenderRequest(), RenderOptions(camera="nose")),
            ("a.mp4", RenderRequest(physics="brax"), SMALL),
            ("a.mp4", RenderRequest(num_envs=0), SMALL),
            ("a.mp4", RenderRequest(num_envs=17), SMALL),
            ("a.mp4", RenderRequest(num_envs=2), RenderOptions(size=(4096, 48))),
            ("a.mp4", RenderRequest(num_envs=2), RenderOptions(camera="nose")),
            ("a.mp4", RenderRequest(num_envs=2, beside=("latest",)), SMALL),
            ("a.mp4", RenderRequest(beside=("latest",) * 4), SMALL),
        ],
    )
    def test_options(self, tmp_path, out, shot, look):
        saved_policy.save()
        with pytest.raises(UsageError):
            render(Path(out), shot=shot, look=look)
        assert [entry.name for entry in tmp_path.iterdir()] == ["runs"]

    def test_an_unknown_environment(self):
        with pytest.raises(UsageError, match="pendulom"):
            render(Path("a.mp4"), "pendulom")

    def test_an_unknown_camera_is_told_the_known_ones(self):
        saved_policy.save()
        with pytest.raises(UsageError, match="it has front"):
            render(Path("a.mp4"), look=RenderOptions(camera="nose"))

    def test_another_environment(self):
        checkpoint = saved_policy.save()
        with pytest.raises(Incompatible, match="pendulum"):
            render(Path("a.mp4"), "inverted-pendulum", str(checkpoint))

    def test_checkpoints_of_two_environments(self):
        saved_policy.save(out=Path("runs/swing"))
        saved_policy.save("inverted-pendulum", out=Path("runs/cart"))
        with pytest.raises(Incompatible, match=r"is of environment inverted-p.* of pendulum"):
            render(Path("a.mp4"), ckpt="swing", shot=RenderRequest(beside=("cart",)))

    def test_no_such_checkpoint_beside(self):
        saved_policy.save()
        with pytest.raises(NotFound, match="nowhere"):
            render(Path("a.mp4"), shot=RenderRequest(beside=("nowhere",)))

    def test_no_run(self):
        with pytest.raises(NotFound):
            render(Path("a.mp4"))

    def test_a_damaged_checkpoint(self):
        checkpoint = saved_policy.save()
        (checkpoint / "policy.safetensors").write_bytes(b"nothing")
        with pytest.raises(Damaged):
            render(Path("a.mp4"), ckpt=str(checkpoint))

    def test_a_place_that_cannot_be_written(self):
        saved_policy.save()
        Path("file").touch()
        with pytest.raises(OutOfSpace):
            render(Path("file/a.mp4"))

    def test_nothing_to_draw_with(self, monkeypatch):
        saved_policy.save()
        monkeypatch.setattr(gl, "problem", lambda platform: "not here")
        with pytest.raises(RendererMissing, match="no OpenGL platform"):
            action.render(Path("a.mp4"))

from pathlib import Path

import pytest
import saved_policy

from rlctl.actions import render as action
from rlctl.actions.render import render
from rlctl.actions.videos.request import RenderRequest
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
def renderer():
    try:
        gl.find()
    except RendererMissing as missing:
        pytest.skip(missing.message)


@pytest.fixture
def no_rollout(monkeypatch):
    """Fail the test when a step is taken."""
    monkeypatch.setattr(NativeDriver, "step", lambda *_: pytest.fail("a step was taken"))


@pytest.mark.usefixtures("renderer")
class TestAVideo:
    def test_of_the_latest_run(self, tmp_path):
        checkpoint = saved_policy.save()
        done = render(Path("demo.mp4"), request=RenderRequest(steps=25), options=SMALL)
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
        assert render(Path("sheet.png"), options=SMALL).steps == 500

    def test_is_the_same_for_the_same_seed(self):
        saved_policy.save()
        videos = [
            render(Path(f"{i}.png"), request=RenderRequest(steps=3, seed=seed), options=SMALL)
            for i, seed in enumerate((1, 1, 2))
        ]
        first, again, other = (video.path.read_bytes() for video in videos)
        assert first == again
        assert first != other

    def test_of_the_environment_as_it_was_configured(self):
        upright = saved_policy.save(out=Path("runs/upright"), start_angle=0.0)
        hanging = saved_policy.save(out=Path("runs/any"))
        first, second = (
            render(Path(f"{i}.png"), ckpt=str(path), request=RenderRequest(steps=1), options=SMALL)
            for i, path in enumerate((upright, hanging))
        )
        assert first.returns == (1.0,)
        assert second.returns == (0.0,)

    def test_reports_its_progress(self):
        saved_policy.save()
        events = []
        render(
            Path("a.png"),
            request=RenderRequest(steps=2),
            options=SMALL,
            progress=Progress(events.append),
        )
        phases = [event["name"] for event in events if event["event"] == "phase"]
        assert phases == ["import", "build", "compile", "rollout", "film"]
        steps = [(e["steps"], e["total"]) for e in events if e["event"] == "progress"]
        assert steps == [(1, 2), (2, 2), (1, 3), (2, 3), (3, 3)]


@pytest.mark.usefixtures("renderer")
class TestTiles:
    def test_environments_are_those_of_one_driver(self):
        checkpoint = saved_policy.save("reacher")
        alone = render(Path("a.png"), request=RenderRequest(steps=12), options=SMALL)
        done = render(Path("b.png"), request=RenderRequest(steps=12, num_envs=3), options=SMALL)
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
        request = RenderRequest(steps=3, other_ckpts=("second",))
        done = render(Path("a.png"), ckpt="first", request=request, options=SMALL)
        assert [tile.title for tile in done.tiles] == ["first step 1,000", "second step 1,000"]
        paths = [tile.checkpoint.resolve() for tile in done.tiles]
        assert paths == [first.resolve(), second.resolve()]
        assert done.checkpoint.resolve() == first.resolve()
        assert done.tiles[0].returns == done.tiles[1].returns == (3.0,)
        assert done.size == (128, 48)

    def test_all_run_with_the_settings_of_the_first(self):
        saved_policy.save(out=Path("runs/upright"), start_angle=0.0)
        saved_policy.save(out=Path("runs/any"))
        warnings = []
        request = RenderRequest(steps=1, other_ckpts=("any",))
        done = render(
            Path("a.png"), ckpt="upright", request=request, options=SMALL, warn=warnings.append
        )
        assert [tile.returns for tile in done.tiles] == [(1.0,), (1.0,)]
        (line,) = warnings
        assert "any/checkpoints/step_000000001000 was trained with a different start_angle" in line

    def test_settings_may_differ_from_the_checkpoints(self):
        saved_policy.save(out=Path("runs/any"))
        saved_policy.save(out=Path("runs/hanging"), start_angle=3.0)
        request = RenderRequest(
            steps=1, other_ckpts=("hanging",), overrides=("env.start_angle=0.0",)
        )
        warnings = []
        done = render(
            Path("a.png"), ckpt="any", request=request, options=SMALL, warn=warnings.append
        )
        assert [tile.returns for tile in done.tiles] == [(1.0,), (1.0,)]
        assert not warnings, "neither is what it was trained with, as asked"

    def test_long_names_keep_their_end(self):
        saved_policy.save(out=Path("runs") / ("a" * 60 + "-seed-7"))
        request = RenderRequest(steps=1, other_ckpts=("latest",))
        (title, _) = (
            tile.title for tile in render(Path("a.png"), request=request, options=SMALL).tiles
        )
        assert title == "..." + "a" * 33 + "-seed-7 step 1,000"


@pytest.mark.usefixtures("no_rollout")
class TestInvalidInputIsRefusedBeforeTheRollout:
    @pytest.mark.parametrize(
        ("out", "render_request", "options"),
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
            ("a.mp4", RenderRequest(num_envs=2, other_ckpts=("latest",)), SMALL),
            ("a.mp4", RenderRequest(other_ckpts=("latest",) * 4), SMALL),
        ],
    )
    def test_options(self, tmp_path, out, render_request, options):
        saved_policy.save()
        with pytest.raises(UsageError):
            render(Path(out), request=render_request, options=options)
        assert [entry.name for entry in tmp_path.iterdir()] == ["runs"]

    def test_an_unknown_environment(self):
        with pytest.raises(UsageError, match="pendulom"):
            render(Path("a.mp4"), "pendulom")

    def test_an_unknown_camera_error_lists_the_cameras(self):
        saved_policy.save()
        with pytest.raises(UsageError, match="it has front"):
            render(Path("a.mp4"), options=RenderOptions(camera="nose"))

    def test_another_environment(self):
        checkpoint = saved_policy.save()
        with pytest.raises(Incompatible, match="pendulum"):
            render(Path("a.mp4"), "inverted-pendulum", str(checkpoint))

    def test_checkpoints_of_two_environments(self):
        saved_policy.save(out=Path("runs/swing"))
        saved_policy.save("inverted-pendulum", out=Path("runs/cart"))
        with pytest.raises(Incompatible, match=r"is of environment inverted-p.* of pendulum"):
            render(Path("a.mp4"), ckpt="swing", request=RenderRequest(other_ckpts=("cart",)))

    def test_a_missing_second_checkpoint(self):
        saved_policy.save()
        with pytest.raises(NotFound, match="nowhere"):
            render(Path("a.mp4"), request=RenderRequest(other_ckpts=("nowhere",)))

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

    def test_no_opengl_platform(self, monkeypatch):
        saved_policy.save()
        monkeypatch.setattr(gl, "problem", lambda platform: "not here")
        with pytest.raises(RendererMissing, match="no OpenGL platform"):
            action.render(Path("a.mp4"))

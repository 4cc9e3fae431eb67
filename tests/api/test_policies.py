"""Policies through the library: load, evaluate, render, act."""

import os
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import saved_policy

import rlctl
from rlctl.core.errors import RendererMissing
from rlctl.rendering import gl


@pytest.fixture
def run():
    """Make a run of the pendulum in the runs folder."""
    return saved_policy.save().parents[1]


@pytest.mark.parametrize(
    "name", [None, "latest", "best", "{name}", "{name}@1000", "{name}@latest", "{run}", "pendulum"]
)
def test_a_policy_is_named_as_for_the_command_line(run, name):
    text = name and name.format(name=run.name, run=run)
    policy = rlctl.load_policy(text)
    assert policy.checkpoint.resolve() == (run / "checkpoints" / "step_000000001000").resolve()
    assert policy.checkpoint.resolve() == rlctl.load_policy(policy.checkpoint).checkpoint.resolve()


def test_a_path_will_do(run):
    assert rlctl.load_policy(Path(run)).step == 1000


def test_without_a_run_an_environment_is_the_policy_that_ships_with_a_warning():
    with pytest.warns(rlctl.RlctlWarning, match="the policy that ships") as warned:
        policy = rlctl.load_policy("pendulum")
    assert warned[0].filename == __file__
    assert policy.checkpoint == rlctl.load_policy("shipped:pendulum").checkpoint


def test_what_is_not_there_is_reported(tmp_path):
    with pytest.raises(rlctl.NotFound, match="there is no run nothing"):
        rlctl.load_policy("nothing")
    with pytest.raises(rlctl.NotFound, match="no checkpoint in"):
        rlctl.load_policy(tmp_path)
    with pytest.raises(rlctl.Incompatible, match="of environment pendulum, not hopper"):
        rlctl.load_policy("shipped:pendulum", env="hopper")
    with pytest.raises(rlctl.UsageError, match="there is no back end 'tensorflow'"):
        rlctl.load_policy("shipped:pendulum", backend="tensorflow")


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_a_policy_has_a_description(run, backend):
    policy = rlctl.load_policy(run, backend=backend, device="cpu")
    network = "3 -> 8 -> 2, swish, tanh_normal"
    known = f"env='pendulum', step=1000, network={network!r}, backend={backend!r}"
    assert repr(policy) == f"Policy({known})"


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_a_policy_needs_only_what_it_sees(backend, rng):
    policy = rlctl.load_policy("shipped:barkour", backend=backend, device="cpu")
    observation = rng.normal(size=(2, policy.spec.observation_size))
    seen = observation[:, : policy.spec.policy_size]
    assert seen.shape < observation.shape
    np.testing.assert_array_equal(policy.act(seen), policy.act(observation))
    np.testing.assert_allclose(policy.act(seen[0]), policy.act(observation)[0], atol=1e-5)


def test_an_environment_is_that_of_the_policy():
    policy = rlctl.load_policy("shipped:barkour")
    assert policy.settings["env.history"] == 6
    with rlctl.make(policy.env, settings=policy.settings, max_episode_steps=3) as env:
        observation, _ = env.reset(seed=0)
        assert observation.shape == (policy.spec.policy_size,)
        ended = [env.step(policy.act(observation))[2:4] for _ in range(3)]
    assert ended == [(False, False), (False, False), (False, True)]


def test_an_evaluation_has_every_episode(run):
    report = rlctl.evaluate(run, episodes=3, max_episode_steps=5, device="cpu", progress=False)
    assert report.lengths.tolist() == [5, 5, 5]
    assert report.mean_return == report.returns.mean() == report.summary["return"]["mean"]
    assert "pendulum, 1,000 steps trained" in repr(report)
    assert "3 episodes" in repr(report)


def test_a_return_below_min_return_is_an_error_with_the_metrics(run):
    with pytest.raises(rlctl.CheckFailed, match="below --min-return") as caught:
        rlctl.evaluate(run, episodes=2, max_episode_steps=5, min_return=1e6, device="cpu")
    assert caught.value.data["episodes"] == 2


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"episodes": 0}, "^episodes: 0 is below the smallest allowed"),
        ({"seed": 1.5}, "^seed: 1.5 is not a whole number"),
        ({"settings": {"ppo.learning_rate": 1}}, "no section 'ppo'"),
        ({"settings": {"env.start_angel": 1}}, "did you mean env.start_angle"),
        ({"settings": ["env.start_angle=1"]}, "settings is a list, not a dict"),
        ({"physics": "magic"}, "does not run on magic physics"),
        ({"save_trajectories": "."}, "is a folder"),
        ({"command": {"vx": 1}}, "takes no command"),
    ],
)
def test_what_an_evaluation_cannot_use_is_reported(run, given, complaint, capfd):
    with pytest.raises(rlctl.UsageError, match=complaint):
        rlctl.evaluate(run, device="cpu", progress=False, **given)
    assert capfd.readouterr() == ("", "")


def test_commands_are_mappings():
    common = {"episodes": 1, "max_episode_steps": 4, "device": "cpu"}
    by_text = rlctl.evaluate("shipped:barkour", command="vx=0.5,yaw=-0.2", **common)
    by_name = rlctl.evaluate("shipped:barkour", command={"vx": 0.5, "yaw": -0.2}, **common)
    schedule = {0: {"vx": 0.5, "yaw": -0.2}, 3.5: {"vx": 0}}
    timed = rlctl.evaluate("shipped:barkour", command_schedule=schedule, **common)
    np.testing.assert_array_equal(by_name.returns, by_text.returns)
    np.testing.assert_array_equal(timed.returns, by_text.returns)
    assert by_name.summary["tracking"]["yaw"]["bins"][0]["told"] == pytest.approx(-0.2)


def test_videos_of_one_and_of_several(run):
    try:
        gl.find()
    except RendererMissing as missing:
        pytest.skip(missing.message)
    options = {"steps": 2, "size": (32, 32), "device": "cpu", "progress": False}
    film = rlctl.render(run, out="a.png", **options)
    assert film.path.stat().st_size > 100
    assert "pendulum, 1,000 steps trained: a.png" in repr(film)
    film = rlctl.render([run, f"{run}@1000"], out=Path("b.png"), **options)
    assert len(film.tiles) == 2


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"steps": 2.5}, "^steps: 2.5 is not a whole number"),
        ({"steps": 0}, "0 steps cannot be rendered"),
        ({"seed": None}, "^seed: None is not a whole number"),
        ({"num_envs": "two"}, "^num_envs: 'two' is not a whole number"),
        ({"fps": "fast"}, "^fps: 'fast' is not a number"),
        ({"size": (32, 32, 32)}, "^size: needs 2 values, got 3"),
        ({"size": "32x32"}, "^size: needs 2 values, got 1"),
        ({"size": (32, 33)}, "a size of 32x33 cannot be encoded"),
        ({"settings": ["env.start_angle=1"]}, "settings is a list, not a dict"),
        ({"out": "film.txt"}, "does not end in"),
    ],
)
def test_what_a_video_cannot_use_is_reported(run, given, complaint, capfd):
    with pytest.raises(rlctl.UsageError, match=complaint):
        rlctl.render(run, **{"out": "a.png", "device": "cpu", "progress": False, **given})
    assert capfd.readouterr() == ("", "")


def test_a_video_has_a_default_name_and_takes_numpys_numbers(run):
    try:
        gl.find()
    except RendererMissing as missing:
        pytest.skip(missing.message)
    film = rlctl.render(run, steps=np.int64(2), size=np.array([32, 32]), fps=np.float32(25))
    assert film.path == Path("pendulum-1000.mp4")
    assert film.size == (32, 32)


@pytest.mark.parametrize("mode", [None, "rgb_array"])
def test_gymnasiums_environments_are_made_as_a_policy_sees_them(mode):
    name = "gym:toy_gym:Toy-v0"
    with rlctl.make(name, mode, max_episode_steps=3, settings={"env.colour": 40}) as env:
        observation, _ = env.reset(seed=0)
        assert env.observation_space.contains(observation)
        assert observation.shape == (7,)
        ended = [env.step(env.action_space.sample())[3] for _ in range(3)]
        assert ended == [False, False, True]
        if mode:
            assert env.render().shape == (90, 121, 3)


def test_a_batch(rng):
    batch = rlctl.make_vec("pendulum", 3, settings={"env.start_angle": 0.1}, device="cpu")
    assert isinstance(batch, gymnasium.vector.VectorEnv)
    observations, _ = batch.reset(seed=1)
    assert (observations[:, 0] > np.cos(0.1) - 1e-6).all()
    actions = rlctl.load_policy("shipped:pendulum").act(observations)
    assert batch.step(actions)[1].shape == (3,)
    batch.close()


@pytest.mark.parametrize("make", [rlctl.make, lambda env, **given: rlctl.make_vec(env, 2, **given)])
@pytest.mark.parametrize(
    ("env", "given", "complaint"),
    [
        ("pendulm", {}, "there is no environment 'pendulm'"),
        ("pendulum", {"settings": {"env.start_angel": 1}}, "did you mean env.start_angle"),
        ("pendulum", {"settings": {"start_angle": 1}}, "did you mean env.start_angle"),
        ("pendulum", {"settings": ["env.start_angle=1"]}, "settings is a list, not a dict"),
        ("pendulum", {"device": "tpu"}, "there is no device 'tpu'"),
        ("pendulum", {"max_episode_steps": 0}, "^max_episode_steps: 0 is below"),
        ("pendulum", {"max_episode_steps": 2.5}, "^max_episode_steps: 2.5 is not a whole number"),
        ("pendulum", {"size": 64}, "^size: needs 2 values, got 1"),
        ("pendulum", {"size": (0, 64)}, "a size of 0x64"),
    ],
)
def test_what_cannot_be_made_is_reported(make, env, given, complaint):
    with pytest.raises(rlctl.UsageError, match=complaint):
        make(env, **given)


@pytest.mark.parametrize("number", [0, -1, 2.5, "many", True])
def test_a_batch_is_of_a_number_of_environments(number):
    with pytest.raises(rlctl.UsageError, match=r"^num_envs: "):
        rlctl.make_vec("pendulum", number)


FORKED = """
import multiprocessing
import numpy as np
import rlctl

policy = rlctl.load_policy("shipped:pendulum", backend="jax")
policy.act(np.zeros(3, np.float32))

def use(how):
    try:
        {"act": lambda: policy.act(np.zeros(3, np.float32)),
         "load": lambda: rlctl.load_policy("shipped:pendulum", backend="jax"),
         "evaluate": lambda: rlctl.evaluate("shipped:pendulum", episodes=1),
         "render": lambda: rlctl.render("shipped:pendulum", out="film.gif", steps=1)}[how]()
    except Exception as error:
        print(how, type(error).__name__, error, flush=True)

for how in ("act", "load", "evaluate", "render"):
    process = multiprocessing.get_context("fork").Process(target=use, args=(how,))
    process.start()
    process.join(20)
    if process.is_alive():
        process.kill()
        print(how, "hangs")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_is_told_at_once():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [how, "UsageError"] for how in ("act", "load", "evaluate", "render")
    ], done.stderr
    assert all('get_context("spawn")' in line for line in lines)

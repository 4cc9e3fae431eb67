"""Commands on a fresh install, without runs: they use the shipped policies."""

import pytest


def test_the_pendulum_that_ships_swings_up(rlctl):
    done = rlctl("eval", "pendulum", "--episodes", 4, "--min-return", 500, "--json", "--cpu")
    assert done.code == 0
    assert done.err.count("no run of pendulum found: using the policy that ships with rlctl") == 1
    assert done.envelope["data"]["checkpoint"].endswith("shipped/pendulum")


def test_the_barkour_that_ships_follows_commands(rlctl):
    done = rlctl(
        "eval", "--ckpt", "shipped:barkour", "--episodes", 2, "--max-episode-steps", 200,
        "--command", "vx=0.5", "--json", "--cpu",
    )  # fmt: skip
    data = done.envelope["data"]
    assert data["terminated"] == 0
    assert data["tracking"]["vx"]["bins"][0]["achieved"] > 0.25


def test_it_is_inspected_and_exported_but_not_gone_on_with(rlctl):
    assert "rlctl train pendulum" in rlctl("inspect-ckpt", "shipped:pendulum").out
    done = rlctl("export", "--ckpt", "shipped:pendulum", "--format", "numpy", "--out", "p.npz")
    assert done.code == 0
    done = rlctl("train", "--resume", "shipped:pendulum")
    assert done.code == 6
    assert "rlctl train pendulum --init-from shipped:pendulum" in done.err


def test_a_training_starts_from_it(rlctl):
    done = rlctl(
        "train", "pendulum", "--init-from", "shipped:pendulum", "--steps", 640, "--num-envs", 32,
        "--set", "ppo.batch_size=0", "--set", "ppo.num_minibatches=2", "--set", "train.num_evals=1",
        "--set", "train.eval_episodes=4", "--set", "ppo.learning_rate=1e-6", "--json", "--cpu",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.envelope["data"]["eval"]["return"]["mean"] > 400


@pytest.mark.parametrize("command", ["eval", "render --out a.png"])
def test_without_one_the_error_names_those_that_ship(rlctl, command):
    done = rlctl(*command.split(), "hopper")
    assert done.code == 3
    assert "shipped:barkour, shipped:pendulum" in done.err

"""Session: environments stepped with a policy on request."""

import numpy as np
import pytest
from rollouts.drivers import make
from rollouts.slider import Slider

from rlctl.core.errors import UsageError
from rlctl.core.specs import EnvSpec
from rlctl.physics.edits import body_force
from rlctl.rollouts.base import ActorStep, Step
from rlctl.rollouts.commands import CommandSchedule
from rlctl.rollouts.session import Session

STILL = np.zeros((6, 1), np.float32)


class Recorder:
    """Driver of two environments that records commands; the second ends every third step."""

    spec = EnvSpec("recorder", (), (), 0.5, 1, 100, commands=("speed",))
    num_envs, physics = 2, "native"

    def __init__(self):
        self.commands, self.steps = [], 0

    @property
    def observation(self):
        return np.full((2, 1), self.steps)

    def reset(self, seed):
        self.steps = 0
        return self.observation

    def step(self, action, edits=None):
        assert edits is None
        self.steps += 1
        over = np.array([False, self.steps % 3 == 0])
        return Step(self.observation, np.zeros(2), over, np.zeros(2, bool), self.observation, {})

    def set_command(self, command):
        self.commands.append(command[:, 0].tolist())

    def edit_shapes(self):
        return {}


def test_the_policy_acts_on_the_last_observation_and_remembers_until_an_episode_ends():
    def act(observation, memory):
        count = np.zeros((2, 1)) if memory is None else memory[0]
        return ActorStep(observation, count, (count + 1.0,))

    driver = Recorder()
    driver.steps = 6
    running = Session(driver, act)
    assert running.step()[0].action[0] == 6, "of a driver that runs already"
    running.reset(0)
    taken = [running.step()[0] for _ in range(5)]
    assert [step.action[0, 0] for step in taken] == [0, 1, 2, 3, 4]
    assert [step.extras[:, 0].tolist() for step in taken] == [
        [0, 0],
        [1, 1],
        [2, 2],
        [3, 0],
        [4, 1],
    ]
    running.reset(0)
    assert running.memory is None


def test_every_episode_follows_the_schedule_from_its_start():
    driver = Recorder()
    schedule = CommandSchedule(np.array([0.0, 1.0]), np.array([[5.0], [7.0]]))
    session = Session(driver, schedule=schedule)
    session.reset(0)
    for _ in range(4):
        session.take(np.zeros((2, 0)))
    # set after the reset, then after each step of half a second
    assert driver.commands == [[5, 5], [5, 5], [7, 7], [7, 5], [7, 5]]
    session.reset(1)
    assert driver.commands[-1] == [5, 5]


def test_a_command_holds_until_it_is_given_back():
    driver = make("native", copy="session", episode_length=2)
    session = Session(driver)
    session.reset(0)
    session.set_command(np.array([3.0]))
    assert (driver.command() == 3.0).all(), "at once"
    for _ in range(3):
        assert (session.take(STILL).final_observation[:, 3] == 3.0).all()
    session.set_command(None)
    session.take(STILL)
    assert (driver.command() < 1.0).all(), "sampled for the next episode"
    with pytest.raises(UsageError, match=r"a command has 1 numbers, not shape \(2,\)"):
        session.set_command(np.zeros(2))


class Shoved(Slider):
    """Slider without kicks, which reads the force on its body."""

    fields = ("qpos", "qvel", "xfrc_applied")

    def before(self, carry, physics, action, key):
        return {"qvel": 0.0 * physics.qvel}, action

    def _observe(self, memory, physics):
        return super()._observe(memory, physics).at[2].set(physics.xfrc_applied[1, 0])


def pushed(physics, edits, steps=2):
    """Return observations (T, N, O) of which some steps are pushed, and all without a push."""
    session, runs = Session(make(physics, env=Shoved, randomize=False)), []
    for push in ({}, edits):
        session.reset(0)
        session.push(push, steps)
        runs.append(np.stack([session.take(STILL).observation for _ in range(5)]))
    return runs


@pytest.mark.parametrize(
    "physics", ["native", pytest.param("jax", marks=(pytest.mark.foreign, pytest.mark.slow))]
)
def test_a_push_moves_the_body_for_its_steps(physics):
    model = Shoved().model()
    still, moved = pushed(physics, body_force(model, "block", (3.0, 0.0, 0.0)))
    np.testing.assert_array_equal(moved[..., 2], [[3.0] * 6] * 2 + [[0.0] * 6] * 3)
    # v' = (v + h F) / (1 + h d) for a mass of 1 kg and damping 1, twice a control step
    change, expected = (moved - still)[..., 1], 0.0
    for t in range(5):
        for _ in range(2):
            expected = (expected + 0.01 * (3.0 if t < 2 else 0.0)) / 1.01
        np.testing.assert_allclose(change[t], expected, atol=1e-6)


def test_edits_of_the_environment_and_of_each_push_add_up():
    each = np.linspace(0.0, 0.5, 6, dtype=np.float32)[:, None]
    still, moved = pushed("native", {"qvel": each}, steps=1)
    np.testing.assert_allclose((moved - still)[0, :, 1], each[:, 0] / 1.01**2, atol=1e-6)


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({"sensordata": np.zeros(4)}, "sensordata of slider cannot be edited"),
        ({"qvel": np.zeros(2)}, r"qvel of slider has shape \(1,\), not \(2,\)"),
    ],
)
def test_a_push_that_does_not_fit_is_refused(edits, words):
    with pytest.raises(UsageError, match=words):
        Session(make("native")).push(edits)


def test_what_cannot_be_pushed_says_so():
    with pytest.raises(UsageError, match="recorder cannot be pushed on native physics"):
        Session(Recorder()).push({"qvel": np.zeros(1)})
    with pytest.raises(UsageError, match="there is no body 'head'") as caught:
        body_force(Slider().model(), "head", (1.0, 0.0, 0.0))
    assert caught.value.hint == "the bodies are block"

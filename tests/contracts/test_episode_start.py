"""Contract of the start of an episode: `begin` gets what `initial` drew, on every back end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rollouts.drivers import make
from rollouts.slider import Slider

from rlctl.core.errors import Incompatible
from rlctl.envs.base import Start

PHYSICS = ["native", pytest.param("jax", marks=pytest.mark.foreign)]
POSITION, COMMAND = 0, 3  # where the observation has them
LIMIT = 7  # control steps of an episode


class Imitator(Slider):
    """Slider that starts in a pose of a motion and is commanded the phase of this pose."""

    fields = ("qpos", "qvel")

    def initial(self, key):
        phase = jax.random.uniform(key, (1,), minval=-0.5, maxval=0.5)
        return Start(phase, jnp.zeros(1), {"phase": phase})

    def begin(self, physics, drawn, key):
        memory, observation = super().begin(physics, drawn, key)
        memory = memory._replace(command=drawn["phase"])
        return memory, observation.at[COMMAND].set(drawn["phase"][0])


def make_imitator(physics):
    return make(physics, env=Imitator, episode_length=LIMIT)


@pytest.mark.parametrize("physics", PHYSICS)
def test_it_arrives_in_the_first_and_in_later_episodes(physics):
    driver = make_imitator(physics)
    first, phases = driver.reset(0), []
    np.testing.assert_array_equal(first[:, POSITION], first[:, COMMAND])
    for t in range(1, 3 * LIMIT + 1):
        step = driver.step(np.linspace(-1.0, 1.0, 6)[:, None])
        done = step.terminated | step.truncated
        assert done.all() == (t % LIMIT == 0), "none terminates"
        moved = step.observation[:, POSITION] != step.observation[:, COMMAND]
        np.testing.assert_array_equal(moved, ~done)
        phases.append(step.observation[done, COMMAND])
    phases = np.concatenate([first[:, COMMAND], *phases])
    assert len(np.unique(phases)) == 4 * 6


@pytest.mark.parametrize(
    "physics", ["native", pytest.param("jax", marks=(pytest.mark.foreign, pytest.mark.slow))]
)
def test_it_arrives_while_collecting(physics, actor):
    driver = make_imitator(physics)
    driver.reset(1)
    unroll, _ = driver.collect(actor, jnp.float32(1.0), 2 * LIMIT)
    seen = np.concatenate([unroll.observation, unroll.last_observation[None]])
    began = np.concatenate([np.ones((1, 6)), unroll.terminated + unroll.truncated]) > 0
    assert began[[0, LIMIT, -1]].all()
    assert began.sum() >= 18
    np.testing.assert_array_equal(seen[..., POSITION] == seen[..., COMMAND], began)


@pytest.mark.parametrize("physics", PHYSICS)
def test_an_environment_of_an_earlier_rlctl_is_told_what_to_change(physics):
    class Old(Slider):
        def initial(self, key):
            return jnp.zeros(1), jnp.zeros(1)

    with pytest.raises(Incompatible, match=r"Old\.initial returns a tuple") as caught:
        make(physics, env=Old).reset(0)
    assert "Start(qpos, qvel), and begin take (physics, drawn, key)" in caught.value.hint

"""Contract of every family of the catalog: names, and one environment of each."""

import json

import numpy as np
import pytest

from rlctl import catalog
from rlctl.core.errors import UsageError
from rlctl.core.specs import EnvSpec
from rlctl.rollouts.factory import make_driver, make_environment

EXAMPLES = {"brax": "inverted_pendulum", "gym": "Pendulum-v1"}  # else the first of its names
SETTINGS = {"brax": {"backend": "spring"}}  # which compiles fastest
NUM_ENVS = 3
LIMIT = 4  # control steps of an episode

each_family = pytest.mark.parametrize("row", catalog.FAMILIES, ids=lambda row: row.prefix)
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:brax"),
    pytest.mark.filterwarnings("ignore:Brax System:UserWarning"),
]


def example(row):
    """Return the name of an environment, and its settings."""
    name = EXAMPLES.get(row.prefix, catalog.names(row)[0])
    return f"{row.prefix}:{name}", catalog.load(row.config)(**SETTINGS.get(row.prefix, {}))


@each_family
def test_names_are_names_of_environments(row):
    names = catalog.names(row)
    assert names
    assert len(set(names)) == len(names)
    assert catalog.family(row.prefix) is row
    for name in names:
        assert name.strip() == name != ""
        assert catalog.env(f"{row.prefix}:{name}") is row


@each_family
def test_a_name_that_is_not_there_is_refused_with_the_nearest(row):
    name, _ = example(row)
    prefix, _, rest = name.partition(":")
    with pytest.raises(UsageError, match=f"no environment '{prefix}:") as refused:
        catalog.env(f"{prefix}:{rest[0]}{rest[2:]}")
    assert refused.value.hint == f"did you mean {name}?"
    with pytest.raises(UsageError) as refused:
        catalog.env(f"{prefix}:")
    assert f"rlctl envs {prefix}" in refused.value.hint


@each_family
def test_its_specs_are_valid(row):
    name, config = example(row)
    spec = make_environment(name, config).spec
    assert spec.id == name
    assert EnvSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert spec.control_dt > 0
    assert min(spec.substeps, spec.episode_length, spec.action_size, spec.observation_size) > 0
    assert len({part.name for part in spec.action}) == spec.action_size
    assert all(part.low is None or part.low < part.high for part in spec.action)


@each_family
def test_its_environments_return_what_the_spec_says(row):
    name, config = example(row)
    driver = make_driver(name, config, row.physics[0], NUM_ENVS, episode_length=LIMIT)
    try:
        spec = driver.spec
        assert spec.id == name
        assert (driver.num_envs, driver.physics) == (NUM_ENVS, row.physics[0])
        observation = driver.reset(0)
        assert (observation.shape, observation.dtype) == (
            (NUM_ENVS, spec.observation_size),
            np.float32,
        )
        action = np.zeros((NUM_ENVS, spec.action_size), np.float32)
        for time in range(LIMIT):
            step = driver.step(action)
            assert step.observation.shape == step.final_observation.shape == observation.shape
            assert np.isfinite(step.final_observation).all()
            assert {x.shape for x in (step.reward, step.terminated, step.truncated)} == {
                (NUM_ENVS,)
            }
            assert set(step.metrics) >= set(spec.metrics)
            assert not step.terminated.any()
            np.testing.assert_array_equal(step.truncated, time == LIMIT - 1)
        assert driver.take_episodes().count == NUM_ENVS
        assert (driver.reset(0) == observation).all()
        assert (driver.reset(1) != observation).any()
    finally:
        driver.close()

"""Environments of a training: those it collects in, with their curriculum, and the evaluations'.

Environments are made from their catalog name, without importing JAX here.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import numpy as np

from rlctl import catalog
from rlctl.engines.api import TrainingJob
from rlctl.engines.config import TrainConfig
from rlctl.policies.base import Policy
from rlctl.rollouts.base import WHOLE, Arrays, Driver, Partition
from rlctl.rollouts.evaluate import evaluate

CURRICULUM_STAGES = 8  # few, because each one needs new environments and a compilation
EVAL_SEED = 10_000  # added to the seed: every evaluation has the same episodes, none of training's
MAX_EVAL_ENVS = 128


class TrainingEnvironments:
    """The environments that a training collects in.

    Args:
        job: The training.
        partition: Groups and devices that they are divided into.

    Attributes:
        driver: The environments of the current curriculum stage.
    """

    driver: Driver

    def __init__(self, job: TrainingJob[Any], partition: Partition) -> None:
        self._job, self._partition = job, partition
        self._stage = 0 if job.settings[TrainConfig].curriculum_steps else CURRICULUM_STAGES
        self.driver = self._make_driver()

    def reset(self, seed: int) -> None:
        """Start episodes, with their clocks spread over the time limit."""
        self.driver.reset(seed)
        self.driver.stagger()

    def advance(self, steps: int) -> Arrays:
        """Advance the curriculum to a step count; return the driver's state."""
        train = self._job.settings[TrainConfig]
        stage = CURRICULUM_STAGES
        if steps < train.curriculum_steps:
            stage = CURRICULUM_STAGES * steps // train.curriculum_steps
        if stage != self._stage:
            self._stage = stage
            self.driver.close()
            self.driver = self._make_driver()
            self.reset(train.seed + stage)  # not the episodes of the stage before
        return self.driver.state()

    def _make_driver(self) -> Driver:
        config, train = self._job.settings["env"], self._job.settings[TrainConfig]
        if self._stage < CURRICULUM_STAGES:
            config = config.curriculum(self._stage / CURRICULUM_STAGES)
        return make_driver(self._job, config, train.num_envs, train.episode_length, self._partition)


class Evaluator:
    """Evaluations of a training, always of the same episodes, in environments of their own.

    Args:
        job: The training.
        executor: Compiles the environments' step in the background.
    """

    def __init__(self, job: TrainingJob[Any], executor: Executor) -> None:
        self._train, self._episodes = job.settings[TrainConfig], job.plan.eval_episodes
        self.driver = make_driver(job, job.settings["env"], min(self._episodes, MAX_EVAL_ENVS))
        self._warm_up = executor.submit(self._step_once)

    def run(self, policy: Policy, on_step: Callable[..., None] | None = None) -> dict[str, Any]:
        """Evaluate a policy on whole episodes; return the summary."""
        self._warm_up.result()
        seed, sampled = self._train.seed + EVAL_SEED, not self._train.deterministic_eval
        return evaluate(policy, self.driver, self._episodes, seed, sampled, on_step).summary()

    def close(self) -> None:
        """Free the environments."""
        self.driver.close()

    def _step_once(self) -> None:
        self.driver.reset(0)
        size = self.driver.num_envs, self.driver.spec.action_size
        self.driver.step(np.zeros(size, np.float32))


def make_driver(
    job: TrainingJob[Any],
    config: Any,
    num_envs: int,
    episode_length: int = 0,
    partition: Partition = WHOLE,
) -> Driver:
    """Make environments of a training; see `rlctl.rollouts.factory.make_driver`."""
    train = job.settings[TrainConfig]
    return catalog.load("rlctl.rollouts.factory:make_driver")(
        job.env,
        config,
        train.physics,
        num_envs,
        episode_length=episode_length,
        randomize=train.randomize_each if train.randomize else None,
        on_nonfinite=train.on_nonfinite,
        partition=partition,
    )

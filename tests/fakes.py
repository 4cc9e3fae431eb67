"""Fakes of the slow parts: commands validate their input, then finish immediately.

Engines save one checkpoint, episodes end after one step, videos are empty files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace
from unittest import mock

import numpy as np

from rlctl import catalog
from rlctl.actions import benchmark, compare, device_check, import_
from rlctl.actions.benchmarks.trainings import Ended
from rlctl.actions.device_checks.base import Check
from rlctl.actions.videos import env_rendered, mujoco_rendered
from rlctl.callbacks import factory as callbacks
from rlctl.checkpoints import compatibility, manifest, store
from rlctl.checkpoints.foreign.sandbox_child import READERS
from rlctl.core.files import write_atomic
from rlctl.engines.api import Result
from rlctl.engines.state import Counters
from rlctl.policies.base import make_policy
from rlctl.rollouts import factory
from rlctl.rollouts.base import Step


@contextmanager
def idle() -> Iterator[None]:
    """Replace the slow parts by the fakes in the `with` body."""
    engines = tuple(replace(row, target="fakes:ENGINE") for row in catalog.ENGINES)
    places = {
        (catalog, "ENGINES"): engines,
        (callbacks, "make_callbacks"): lambda training: iter(()),
        (factory, "make_driver"): IdleDriver,
        (mujoco_rendered, "render_video"): render_video,
        (env_rendered, "render_video"): render_video,
        (compare, "make_policy"): lambda spec, arrays, backend, device: make_policy(spec, arrays),
        (callbacks.videos, "validate"): lambda env, config: None,
        (benchmark, "train_all"): train_all,
        (benchmark.plots, "plot_curves"): lambda path, data: None,
        (device_check, "run"): lambda rows: [Check("idle", "pass", 0.0, None, "", "", True)],
        (import_, "read"): read_foreign,
    }
    patches = [mock.patch.object(*place, stand_in) for place, stand_in in places.items()]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def read_foreign(source, actor=""):
    """Read another tool's policy in this process."""
    more = (actor,) * (source.kind == "torch")
    return import_module(READERS[source.kind]).read(source.files, *more)


def plan(settings, env_name):
    """Return the plan of the real engine."""
    algo = next(name for name in settings if name not in ("train", "env"))
    return import_module(f"rlctl.engines.{algo}.train").ENGINE.plan(settings, env_name)


def details(settings, env_name, plan):
    """Return those of the real engine."""
    algo = next(name for name in settings if name not in ("train", "env"))
    return import_module(f"rlctl.engines.{algo}.train").ENGINE.details(settings, env_name, plan)


def train(job, hooks):
    """Save one checkpoint at the last step."""
    settings, env_name, run = job.settings, job.env, job.run
    algo = next(name for name in settings if name not in ("train", "env"))
    if job.resume:
        Counters.from_manifest(job.start.manifest)
        _ = job.start.manifest["metrics"]
    weights = {"policy/hidden_0/kernel": np.zeros((1, 1), np.float32)}
    facts = {
        "engine": algo,
        "env": {"id": env_name, "config": settings.to_json()["env"], "spec": {}},
        "policy": {},
        "updates": 1,
        "episodes": 0,
        "seconds": 0.0,
        "metrics": {},
        "best": None,
        "initial": manifest.digests(weights),
    }
    groups = {"policy": weights, "train": weights, "envs": weights}
    path = store.save(run.checkpoints, settings["train"].steps, facts, groups)
    run.metrics.write({"kind": "train", "steps": settings["train"].steps})
    return Result(settings["train"].steps, 0.0, 0.0, path, None, {})


ENGINE = SimpleNamespace(plan=plan, details=details, train=train)


class IdleDriver:
    """Driver whose episodes end after one step."""

    def __init__(self, name, config, physics, num_envs, **kwargs):
        self.physics = factory.resolve_physics(name, physics)
        self.spec = factory.make_environment(name, config).spec
        self.num_envs = num_envs
        self.observation = np.zeros((num_envs, self.spec.observation_size), np.float32)

    def reset(self, seed):
        return self.observation

    def step(self, action, edits=None):
        number, yes = np.zeros(self.num_envs, np.float32), np.ones(self.num_envs, bool)
        metrics = dict.fromkeys(self.spec.metrics, number)
        return Step(self.observation, number, yes, ~yes, self.observation, metrics)

    def set_command(self, command):
        assert command.shape == (self.num_envs, len(self.spec.commands))

    def close(self):
        pass


def render_video(out, policies, config, request, options, progress, warn):
    """Write an empty file after one inference of each policy."""
    name = policies[0].checkpoint.manifest["env"]["id"]
    driver = IdleDriver(name, config, request.physics, request.num_envs)
    request.command_override.schedule_of(driver.spec, name, config, warn)
    for policy in policies:
        compatibility.check(policy.checkpoint, driver.spec, warn)
        policy.policy.act(driver.reset(request.seed))
    write_atomic(out, b"")
    films = [SimpleNamespace(title="", frames=[0, 1], episode_returns=lambda: (0.0,))]
    facts = {"path": out, "frames": 1, "fps": 1.0, "seconds": 1.0, "size": (1, 1), "camera": ""}
    acted = films * (len(policies) if request.other_ckpts else request.num_envs)
    return acted, SimpleNamespace(**facts, platform=""), driver.physics


def train_all(tasks, jobs, stop, on_event):
    """Report every training as finished without running it."""
    for task in tasks:
        yield Ended(task, 0, "")

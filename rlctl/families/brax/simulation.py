"""Brax environments: `brax:NAME`, without Brax's wrappers.

Brax's wrappers drop the final observation and restart every episode from the same few states.
Actions are in [-1, 1], as in Brax; environments scale them to their own units.
"""

import warnings
from pathlib import Path

import jax
import mujoco
from brax import envs
from brax.envs.base import PipelineEnv

from rlctl.core.capabilities import Capabilities
from rlctl.core.errors import UsageError
from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.scene import compile_scene
from rlctl.families.brax.config import BraxConfig
from rlctl.physics.simulation import BaseSimulation, Fields, Transition

FLOOR = -0.35  # m, for models without a floor


class BraxSimulation(BaseSimulation):
    """Simulation of a Brax environment; see physics.simulation.Simulation.

    Args:
        name: Its name in Brax.
        config: Pipeline and time limit.

    Raises:
        UsageError: The environment does not support the pipeline.
    """

    capabilities = Capabilities("simulation")

    def __init__(self, name: str, config: BraxConfig) -> None:
        # Silence MuJoCo's warnings of old model files and Brax's deprecation warnings.
        mujoco.set_mju_user_warning(lambda message: None)
        try:
            with warnings.catch_warnings(action="ignore"):
                env = envs.get_environment(name, backend=config.backend)
        except ValueError as error:
            raise UsageError(
                f"brax:{name} does not run on Brax's {config.backend} pipeline: {error}",
                "choose another one, as in --set env.backend=generalized",
            ) from error
        assert isinstance(env, PipelineEnv)  # as all of `brax_config.NAMES`
        self._env = env
        key = jax.ShapeDtypeStruct((2,), jax.numpy.uint32)
        self._first = jax.eval_shape(self._env.reset, key)
        self.spec = self._describe(f"brax:{name}", config.episode_length)

    def scene(self) -> mujoco.MjModel:
        """Compile the scene to render: Brax's model file with lights and a floor."""
        name = type(self._env).__module__.rpartition(".")[2]
        assets = Path(envs.__file__).parent / "assets"
        with warnings.catch_warnings(action="ignore"):
            return compile_scene(assets / f"{name}.xml", floor=FLOOR)

    def reset(
        self, initial_keys: jax.Array, begin_keys: jax.Array, model_fields: Fields
    ) -> tuple[envs.State, jax.Array]:
        with jax.default_matmul_precision("highest"):
            state = jax.vmap(self._env.reset)(initial_keys)
        return self._restore_dtypes(state), _observation(state)

    def step(
        self,
        state: envs.State,
        action: jax.Array,
        before_keys: jax.Array,
        after_keys: jax.Array,
        model_fields: Fields,
        edits: Fields,
    ) -> tuple[envs.State, Transition]:
        with jax.default_matmul_precision("highest"):
            state = self._restore_dtypes(jax.vmap(self._env.step)(state, action))
        return state, Transition(_observation(state), state.reward, state.done, state.metrics)

    def fields(self, state: envs.State) -> Fields:
        assert state.pipeline_state is not None
        return {"qpos": state.pipeline_state.q, "qvel": state.pipeline_state.qd}

    def _restore_dtypes(self, state: envs.State) -> envs.State:
        """Cast every leaf to its dtype after a reset: Brax changes some, which scan refuses."""
        return jax.tree.map(lambda x, first: x.astype(first.dtype), state, self._first)

    def _describe(self, name: str, episode_length: int) -> EnvSpec:
        env, first = self._env, self._first
        terms = sorted(first.metrics, key=lambda term: (not term.startswith("reward"), term))
        timestep, dt = float(env.sys.opt.timestep), float(env.dt)
        model = env.sys.mj_model
        actuators = [model.actuator(i).name for i in range(model.nu)]
        cameras = [model.camera(i).name for i in range(model.ncam)]
        return EnvSpec(
            id=name,
            observation=(ObservationPart("observation", first.obs.shape[0]),),
            action=tuple(
                ActionPart(actuator or f"actuator_{i}", -1.0, 1.0, meaning="Brax's own unit")
                for i, actuator in enumerate(actuators)
            ),
            control_dt=dt,
            substeps=round(dt / timestep),
            episode_length=episode_length,
            terms=tuple(terms),
            cameras=tuple(name for name in cameras if name),
        )


def _observation(state: envs.State) -> jax.Array:
    """Return the observation of a state; those of Brax's environments have one part."""
    assert isinstance(state.obs, jax.Array)
    return state.obs


make = BraxSimulation

"""MJX physics: MuJoCo in JAX (`jax`) or NVIDIA Warp (`warp`), compiled together with environments.

Between control steps only the state is kept (positions, velocities, activations, the solver's warm
start) and the fields that the environment reads. Everything else in mjx.Data is derived, and the
next step recomputes it. That keeps memory and checkpoints small, and single rows can be restarted
whatever the layout of the rest.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from mujoco import mjx

from rlctl.core.errors import UsageError
from rlctl.envs.base import Carry, Environment, sample_start
from rlctl.physics.base import Physics
from rlctl.physics.edits import add_edits, edit_shapes
from rlctl.physics.native import FORCES
from rlctl.physics.precision import RESIDUAL_SUFFIX, source_field
from rlctl.physics.simulation import Fields, Transition

STATE = ("time", "qpos", "qvel", "act", "history", "qacc_warmstart", "mocap_pos", "mocap_quat")


class MjxState(NamedTuple):
    """Full state of n instances.

    Attributes:
        carry: State that the environments keep between steps.
        fields: Physics fields that the environments read.
        hidden: The rest of the physics state.
    """

    carry: Carry
    fields: Fields
    hidden: Fields


class MjxSimulation:
    """Simulation of an environment on MJX; see physics.simulation.Simulation.

    MJX has no PGS solver: a model that asks for it gets the Newton solver.

    Args:
        env: The environment.
        impl: `jax` or `warp`.

    Raises:
        UsageError: MJX lacks a feature that the model or the environment needs.
    """

    def __init__(self, env: Environment, impl: str) -> None:
        self.spec = env.spec
        self._env = env
        self._impl = impl
        self._source = env.model()
        if self._source.opt.solver == mujoco.mjtSolver.mjSOL_PGS:
            self._source.opt.solver = mujoco.mjtSolver.mjSOL_NEWTON
        if impl == "warp":
            _silence_warp()
        try:
            self._model = mjx.put_model(self._source, impl=impl)
        except NotImplementedError as error:
            raise UsageError(
                f"{env.spec.id} does not run on {impl} physics: {error}", "use --physics native"
            ) from error
        empty, sample = self._empty_data(1), mujoco.MjData(self._source)
        read = tuple(dict.fromkeys(("qpos", "qvel", *env.fields)))
        for name in map(source_field, read):
            if name not in empty.__dict__ and name not in empty._impl.__dict__:
                raise UsageError(
                    f"{env.spec.id} reads {name}, which {impl} physics does not provide",
                    "use --physics native",
                )
        self._shapes = {name: np.shape(getattr(sample, source_field(name))) for name in read}
        self._hidden = [n for n in STATE if n not in read and np.size(getattr(empty, n))]
        self._reads_derived = not set(map(source_field, read)) <= set(STATE)

    def randomize(self, keys: jax.Array) -> Fields:
        model_fields = jax.vmap(lambda key: self._env.randomize(key, self._source))(keys)
        for name in model_fields:
            # Native physics calls mj_setConst for these; MJX has no such function.
            if name in mujoco.MjModel._setconst_inputs:
                raise UsageError(
                    f"{self.spec.id} randomises {name}, whose dependent constants "
                    f"{self._impl} physics cannot recompute",
                    "use --physics native, or --set train.randomize=false",
                )
        return model_fields

    def reset(
        self, initial_keys: jax.Array, begin_keys: jax.Array, model_fields: Fields
    ) -> tuple[MjxState, jax.Array]:
        reset = partial(self._reset, self._empty_data(len(initial_keys)))
        return jax.vmap(reset)(initial_keys, begin_keys, model_fields)

    def step(
        self,
        state: MjxState,
        action: jax.Array,
        before_keys: jax.Array,
        after_keys: jax.Array,
        model_fields: Fields,
        edits: Fields,
    ) -> tuple[MjxState, Transition]:
        step = partial(self._step, self._empty_data(len(action)))
        return jax.vmap(step)(state, action, before_keys, after_keys, model_fields, edits)

    def edit_shapes(self) -> dict[str, tuple[int, ...]]:
        return edit_shapes(self._source)

    def fields(self, state: MjxState) -> Fields:
        return state.fields

    def command(self, state: MjxState) -> jax.Array:
        if not self.spec.commands:
            return jnp.zeros((len(state.fields["qpos"]), 0))
        return jax.vmap(self._env.command)(state.carry)

    def set_command(self, state: MjxState, command: jax.Array) -> MjxState:
        return state._replace(carry=jax.vmap(self._env.set_command)(state.carry, command))

    # --- one instance ---

    def _reset(
        self, empty: mjx.Data, initial_key: jax.Array, begin_key: jax.Array, model_fields: Fields
    ) -> tuple[MjxState, jax.Array]:
        qpos, qvel, drawn = sample_start(self._env, initial_key)
        data = empty.replace(qpos=qpos, qvel=qvel)
        if self._reads_derived:
            with jax.default_matmul_precision("highest"):
                data = mjx.forward(self._model.replace(**model_fields), data)
            # MJX normalises quaternions in qpos here, native physics does not.
            data = data.replace(qpos=qpos)
        fields, hidden = self._split(data)
        carry, observation = self._env.begin(Physics(fields), drawn, begin_key)
        return MjxState(carry, fields, hidden), observation

    def _step(
        self,
        empty: mjx.Data,
        state: MjxState,
        action: jax.Array,
        before_key: jax.Array,
        after_key: jax.Array,
        model_fields: Fields,
        push: Fields,
    ) -> tuple[MjxState, Transition]:
        edits, ctrl = self._env.before(state.carry, Physics(state.fields), action, before_key)
        edits = add_edits(edits, push)
        kept = {name: x for name, x in state.fields.items() if name in STATE} | state.hidden
        data = empty.replace(**kept, ctrl=ctrl)
        data = data.replace(
            **{n: edit if n in FORCES else getattr(data, n) + edit for n, edit in edits.items()}
        )
        model = self._model.replace(**model_fields)
        # By default NVIDIA GPUs multiply matrices in TF32, which is too coarse for dynamics.
        with jax.default_matmul_precision("highest"):
            data = jax.lax.fori_loop(
                0, self.spec.substeps, lambda _, data: mjx.step(model, data), data
            )
        fields, hidden = self._split(data)
        carry, observation, reward, terminated, metrics = self._env.after(
            state.carry, Physics(fields), action, after_key
        )
        transition = Transition(observation, reward, terminated, metrics)
        return MjxState(carry, fields, hidden), transition

    def _split(self, data: mjx.Data) -> tuple[Fields, Fields]:
        """Split data into the environment's fields, in MjData's shapes, and the hidden state."""

        def read(name: str, shape: tuple[int, ...]) -> jax.Array:
            if name.endswith(RESIDUAL_SUFFIX):
                return jnp.zeros(shape)
            values = getattr(data if name in data.__dict__ else data._impl, name)
            return values.reshape(shape).astype(jnp.float32)

        fields = {name: read(name, shape) for name, shape in self._shapes.items()}
        return fields, {name: getattr(data, name) for name in self._hidden}

    def _empty_data(self, num: int) -> mjx.Data:
        """Return the mjx.Data of one instance: zeros except for constants of the model.

        Warp stores the contacts of all `num` instances in one buffer, sized here.
        """
        with jax.ensure_compile_time_eval():
            if self._impl == "jax":
                return mjx.make_data(self._source, impl="jax")
            contacts = mjx.make_data(self._source, impl="warp")._impl.naconmax
            return mjx.make_data(self._source, impl="warp", naconmax=num * contacts)


def _silence_warp() -> None:
    """Keep Warp's banner and its list of loaded kernels off standard output."""
    import warp  # pyright: ignore[reportMissingImports] - an optional dependency

    warp.config.log_level = warp.LOG_WARNING

"""MJX physics: MuJoCo in JAX (`jax`) or in NVIDIA Warp's kernels (`warp`), fused with environments.

Only the state proper is kept between control steps (positions, velocities, activations, the
solver's warm start) and the fields the environment reads; everything else in mjx.Data is derived,
and the next step derives it anew. That keeps memory and checkpoints small, and lets single rows be
restarted, whichever implementation lays out the rest as it likes.
"""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from mujoco import mjx

from rlctl.core.errors import UsageError
from rlctl.physics.base import Physics
from rlctl.physics.native import FORCES
from rlctl.physics.precision import RESIDUAL, source
from rlctl.physics.simulation import Fields, Transition

if TYPE_CHECKING:
    from rlctl.envs.base import Carry, Environment

STATE = ("time", "qpos", "qvel", "act", "history", "qacc_warmstart", "mocap_pos", "mocap_quat")


class MjxState(NamedTuple):
    """All there is to n instances.

    Attributes:
        carry: The environments' own memory.
        fields: What they see of the physics.
        hidden: The rest of the physics' state.
    """

    carry: "Carry"
    fields: Fields
    hidden: Fields


class MjxSimulation:
    """An environment on MJX; see physics.simulation.Simulation.

    A model that asks for the PGS solver, which MJX does not have, gets Newton's.

    Args:
        env: The environment.
        impl: `jax` or `warp`.

    Raises:
        UsageError: MJX lacks something that the model or the environment needs.
    """

    def __init__(self, env: "Environment", impl: str) -> None:
        self.spec = env.spec
        self._env = env
        self._impl = impl
        self._source = env.model()
        if self._source.opt.solver == mujoco.mjtSolver.mjSOL_PGS:
            self._source.opt.solver = mujoco.mjtSolver.mjSOL_NEWTON
        if impl == "warp":
            _hush_warp()
        try:
            self._model = mjx.put_model(self._source, impl=impl)
        except NotImplementedError as error:
            raise UsageError(
                f"{env.spec.id} does not run on {impl} physics: {error}", "use --physics native"
            ) from error
        blank, sample = self._blank(1), mujoco.MjData(self._source)
        read = tuple(dict.fromkeys(("qpos", "qvel", *env.fields)))
        for name in map(source, read):
            if name not in blank.__dict__ and name not in blank._impl.__dict__:
                raise UsageError(
                    f"{env.spec.id} reads {name}, which {impl} physics does not provide",
                    "use --physics native",
                )
        self._shapes = {name: np.shape(getattr(sample, source(name))) for name in read}
        self._hidden = [n for n in STATE if n not in read and np.size(getattr(blank, n))]
        self._reads_derived = not set(map(source, read)) <= set(STATE)

    def draw(self, keys: jax.Array) -> Fields:
        draws = jax.vmap(lambda key: self._env.randomize(key, self._source))(keys)
        for name in draws:
            if name in mujoco.MjModel._setconst_inputs:
                raise UsageError(
                    f"{self.spec.id} randomises {name}, whose dependent constants "
                    f"{self._impl} physics cannot recompute",
                    "use --physics native, or --set train.randomize=false",
                )
        return draws

    def reset(
        self, initial_keys: jax.Array, begin_keys: jax.Array, draws: Fields
    ) -> tuple[MjxState, jax.Array]:
        start = partial(self._reset, self._blank(len(initial_keys)))
        return jax.vmap(start)(initial_keys, begin_keys, draws)

    def step(
        self,
        state: MjxState,
        action: jax.Array,
        before_keys: jax.Array,
        after_keys: jax.Array,
        draws: Fields,
    ) -> tuple[MjxState, Transition]:
        advance = partial(self._step, self._blank(len(action)))
        return jax.vmap(advance)(state, action, before_keys, after_keys, draws)

    def fields(self, state: MjxState) -> Fields:
        return state.fields

    def command(self, state: MjxState) -> jax.Array:
        if not self.spec.commands:
            return jnp.zeros((len(state.fields["qpos"]), 0))
        return jax.vmap(self._env.command)(state.carry)

    def told(self, state: MjxState, command: jax.Array) -> MjxState:
        return state._replace(carry=jax.vmap(self._env.told)(state.carry, command))

    # --- one instance ---

    def _reset(
        self, blank: mjx.Data, initial_key: jax.Array, begin_key: jax.Array, draw: Fields
    ) -> tuple[MjxState, jax.Array]:
        qpos, qvel = self._env.initial(initial_key)
        data = blank.replace(qpos=qpos, qvel=qvel)
        if self._reads_derived:
            with jax.default_matmul_precision("highest"):
                data = mjx.forward(self._model.replace(**draw), data)
            data = data.replace(qpos=qpos)  # which it has normalised, and native physics does not
        fields, hidden = self._split(data)
        carry, observation = self._env.begin(Physics(fields), begin_key)
        return MjxState(carry, fields, hidden), observation

    def _step(
        self,
        blank: mjx.Data,
        state: MjxState,
        action: jax.Array,
        before_key: jax.Array,
        after_key: jax.Array,
        draw: Fields,
    ) -> tuple[MjxState, Transition]:
        edits, ctrl = self._env.before(state.carry, Physics(state.fields), action, before_key)
        kept = {name: x for name, x in state.fields.items() if name in STATE} | state.hidden
        data = blank.replace(**kept, ctrl=ctrl)
        data = data.replace(
            **{n: edit if n in FORCES else getattr(data, n) + edit for n, edit in edits.items()}
        )
        model = self._model.replace(**draw)
        # NVIDIA GPUs would multiply matrices in TF32, too coarse for dynamics.
        with jax.default_matmul_precision("highest"):
            data = jax.lax.fori_loop(
                0, self.spec.substeps, lambda _, data: mjx.step(model, data), data
            )
        fields, hidden = self._split(data)
        carry, *seen = self._env.after(state.carry, Physics(fields), action, after_key)
        return MjxState(carry, fields, hidden), Transition(*seen)

    def _split(self, data: mjx.Data) -> tuple[Fields, Fields]:
        """What the environment sees, in MjData's shapes, and what it does not."""

        def read(name: str, shape: tuple[int, ...]) -> jax.Array:
            if name.endswith(RESIDUAL):
                return jnp.zeros(shape)
            values = getattr(data if name in data.__dict__ else data._impl, name)
            return values.reshape(shape).astype(jnp.float32)

        fields = {name: read(name, shape) for name, shape in self._shapes.items()}
        return fields, {name: getattr(data, name) for name in self._hidden}

    def _blank(self, num: int) -> mjx.Data:
        """The mjx.Data of one instance, zeros but for what belongs to the model.

        Warp keeps the contacts of all `num` instances together: there must be room for them.
        """
        with jax.ensure_compile_time_eval():
            if self._impl == "jax":
                return mjx.make_data(self._source, impl="jax")
            room = mjx.make_data(self._source, impl="warp")._impl.naconmax
            return mjx.make_data(self._source, impl="warp", naconmax=num * room)


def _hush_warp() -> None:
    """Keep Warp's greeting and its list of loaded kernels off standard output."""
    import warp

    warp.config.log_level = warp.LOG_WARNING

"""Native physics: a batch of simulations stepped by MuJoCo C in a thread pool (`mujoco.batch`).

Results equal those of one MjData per simulation bit for bit, with any number of threads.
"""

from collections.abc import Mapping

import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError

from rlctl.physics.precision import source_field, to_float32

FORCES = ("qfrc_applied", "xfrc_applied")  # fields that MuJoCo keeps until they are set again
_NO_FORWARD = int(mujoco.mjtStage.mjSTAGE_NONE)


class NativeBatch:
    """N simulations of one model, each with its own state and randomised model fields.

    Args:
        model: Physics model; the batch works on a copy.
        num: N.
        fields: MjData fields, or residuals of them, to read back after every call.
        substeps: Physics steps per control step.
        threads: Size of the thread pool.
    """

    def __init__(
        self, model: mujoco.MjModel, num: int, fields: tuple[str, ...], substeps: int, threads: int
    ) -> None:
        # MuJoCo would silently reset a diverged simulation; rlctl reports it instead.
        model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
        mujoco.set_mju_user_warning(
            lambda message: None
        )  # counted below; the default writes a file
        self._batch = Batch(model, num, threads)
        self._bound = {name: self._batch.bind(source_field(name)) for name in fields}
        self._expanded: dict[str, np.ndarray] = {}
        self._ctrl = self._batch.bind("ctrl")
        self._forces: set[str] = set()  # force fields that the last step set
        self._substeps = substeps
        # Views, which the batch updates in place.
        self.state = self._batch.state  # (N, nstate) float64, the full physics state
        self.qpos = self._batch.bind("qpos")  # (N, nq) float64

    def fields(self) -> dict[str, np.ndarray]:
        """Return copies of the bound fields: name -> (N, ...) float32."""
        return {name: to_float32(name, array) for name, array in self._bound.items()}

    def randomize(
        self, model_fields: Mapping[str, np.ndarray], ids: np.ndarray | None = None
    ) -> None:
        """Set model fields, name -> (n, ...), of simulations `ids` (n,), or of all if None."""
        for name, values in model_fields.items():
            if name not in self._expanded:
                self._expanded[name] = self._batch.expand(name)
            self._expanded[name][slice(None) if ids is None else ids] = values
        # MuJoCo derives other constants from some fields, such as inverse weights from masses.
        if any(name in mujoco.MjModel._setconst_inputs for name in model_fields):
            self._batch.set_const(ids)

    def reset(self, ids: np.ndarray, qpos: np.ndarray, qvel: np.ndarray) -> None:
        """Start simulations `ids` (n,) at qpos (n, nq), qvel (n, nv), and run a forward pass."""
        self._batch.reset(ids, stage=_NO_FORWARD)
        self.qpos[ids] = qpos
        self._batch.bind("qvel")[ids] = qvel
        self._batch.forward(ids)

    def step(self, edits: Mapping[str, np.ndarray], ctrl: np.ndarray) -> np.ndarray:
        """Add the edits to the state, then take the substeps with ctrl (N, nu) held.

        Returns:
            (N,) bool, True where MuJoCo could not step; those simulations keep their state.
        """
        for name in self._forces - edits.keys():
            self._batch.bind(name)[:] = 0.0  # the batch would keep the force of a push that ended
        self._forces = {name for name in edits if name in FORCES}
        for name, edit in edits.items():
            array = self._batch.bind(name)
            if name in FORCES:
                array[:] = edit
            else:
                array += edit
        self._ctrl[:] = ctrl
        try:
            self._batch.step(nstep=self._substeps)
        except SimulationError:
            return self._batch.status != 0
        return np.zeros(len(self._ctrl), bool)

    def take_warnings(self) -> int:
        """Return the number of instability warnings since the last call."""
        counts = self._batch.warning[:, :, 1]
        total = int(counts.sum())
        counts[:] = 0
        return total

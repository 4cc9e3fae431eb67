"""Native physics: many simulations stepped by MuJoCo C on a pool of threads (`mujoco.batch`).

Results are those of one MjData per simulation, bit for bit, at any number of threads.
"""

from collections.abc import Mapping

import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError

from rlctl.physics.precision import rounded, source

FORCES = ("qfrc_applied", "xfrc_applied")  # held for one control step: an edit replaces them
_NO_FORWARD = int(mujoco.mjtStage.mjSTAGE_NONE)


class NativeBatch:
    """N simulations of one model, each with its own state and randomised fields.

    Args:
        model: The physics model; the batch works on a copy.
        num: N.
        fields: MjData fields, or residuals of them, to read back after every call.
        substeps: Physics steps in a control step.
        threads: Threads to step on.
    """

    def __init__(
        self, model: mujoco.MjModel, num: int, fields: tuple[str, ...], substeps: int, threads: int
    ) -> None:
        # MuJoCo would reset a diverged simulation by itself; rlctl finds it and says so instead.
        model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
        mujoco.set_mju_user_warning(lambda message: None)  # counted below; else a log file appears
        self._batch = Batch(model, num, threads)
        self._bound = {name: self._batch.bind(source(name)) for name in fields}
        self._expanded: dict[str, np.ndarray] = {}
        self._ctrl = self._batch.bind("ctrl")
        self._substeps = substeps
        self.state = self._batch.state  # (N, nstate) float64, live: all there is to a simulation
        self.qpos = self._batch.bind("qpos")  # (N, nq) float64, live

    def fields(self) -> dict[str, np.ndarray]:
        """The bound fields now: name -> (N, ...) float32, copies."""
        return {name: rounded(name, array) for name, array in self._bound.items()}

    def randomize(self, draws: Mapping[str, np.ndarray], ids: np.ndarray | None = None) -> None:
        """Give simulations `ids` (n,), all if None, their own model fields: name -> (n, ...)."""
        for name, values in draws.items():
            if name not in self._expanded:
                self._expanded[name] = self._batch.expand(name)
            self._expanded[name][slice(None) if ids is None else ids] = values
        if any(name in mujoco.MjModel._setconst_inputs for name in draws):
            self._batch.set_const(ids)

    def reset(self, ids: np.ndarray, qpos: np.ndarray, qvel: np.ndarray) -> None:
        """Start simulations `ids` (n,) at qpos (n, nq), qvel (n, nv), and forward them."""
        self._batch.reset(ids, stage=_NO_FORWARD)
        self.qpos[ids] = qpos
        self._batch.bind("qvel")[ids] = qvel
        self._batch.forward(ids)

    def step(self, edits: Mapping[str, np.ndarray], ctrl: np.ndarray) -> np.ndarray:
        """Add the edits to the state, hold ctrl (N, nu), take the substeps.

        Returns:
            (N,) bool, the simulations that MuJoCo could not step; they keep their state.
        """
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
        """Instability warnings since the last call."""
        counts = self._batch.warning[:, :, 1]
        total = int(counts.sum())
        counts[:] = 0
        return total

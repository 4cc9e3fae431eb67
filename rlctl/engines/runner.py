"""Run a training in a worker thread while the main thread handles signals and saves."""

from collections.abc import Callable

from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import Stopped, StoppedUnsaved
from rlctl.core.signals import signal_name
from rlctl.engines.api import Hooks, Result
from rlctl.engines.interruptible import Interrupted, InterruptibleThread
from rlctl.engines.trainer import Trainer


def run_training(
    make_trainer: Callable[[], Trainer], hooks: Hooks, start: Checkpoint | None, resume: bool
) -> Result:
    """Build a trainer and run it to the end; save and raise when a signal requests a stop.

    Args:
        make_trainer: Builds the trainer.
        hooks: Progress and the stop flag.
        start: The checkpoint that the training begins from.
        resume: Whether it continues `start` exactly rather than taking only its networks.

    Raises:
        Stopped: A signal came; everything up to the last update is saved.
        StoppedUnsaved: A signal came before the first update of a new training.
        OutOfSpace: The last state could not be saved.
        RlctlError: Any other error of the engine.
    """
    worker, trainer = InterruptibleThread(hooks.stop), None
    try:
        with hooks.progress.phase("build"):
            trainer = worker.run(make_trainer)
        return trainer.learn(worker.run)
    except Interrupted as interrupted:
        # The abandoned task may still run. It never writes to the trainer's state, so that of the
        # last finished update can be saved here.
        if trainer is not None:
            trainer.save_final()
        steps = trainer.steps if trainer else start.step if start and resume else 0
        if not steps:
            raise StoppedUnsaved("stopped before the first update was done") from None
        raise Stopped(
            f"stopped by {signal_name(interrupted.signum)} at step {steps:,}; everything is saved",
            data={"steps": steps},
            signum=interrupted.signum,
        ) from None
    finally:
        worker.close(trainer.close if trainer else lambda: None)

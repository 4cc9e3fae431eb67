"""How every training is led: the main thread heeds signals and saves, a worker does the rest."""

from collections.abc import Callable

from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import Stopped, StoppedUnsaved
from rlctl.core.signals import signal_name
from rlctl.engines.api import Hooks, Result
from rlctl.engines.interruptible import Interrupted, InterruptibleThread
from rlctl.engines.trainer import Trainer


def run_training(
    make: Callable[[], Trainer], hooks: Hooks, start: Checkpoint | None, resume: bool
) -> Result:
    """Build a training and learn, beside a main thread that heeds signals at any time.

    Args:
        make: Builds it.
        hooks: Progress and the stop flag.
        start: What it begins from.
        resume: Whether it goes on with `start` rather than taking only its networks.

    Raises:
        Stopped: A signal came; everything up to the last update is saved.
        StoppedUnsaved: A signal came before the first update of a new training.
        OutOfSpace: The last state could not be saved.
        RlctlError: What else an engine raises.
    """
    worker, training = InterruptibleThread(hooks.stop), None
    try:
        with hooks.progress.phase("build"):
            training = worker.do(make)
        return training.learn(worker.do)
    except Interrupted as interrupted:
        if training is not None:
            training.save_at_last()
        steps = training.steps if training else start.step if start and resume else 0
        if not steps:
            raise StoppedUnsaved("stopped before the first update was done") from None
        raise Stopped(
            f"stopped by {signal_name(interrupted.signum)} at step {steps:,}; all of it is saved",
            data={"steps": steps},
            signum=interrupted.signum,
        ) from None
    finally:
        worker.close(training.close if training else lambda: None)

"""Callback that logs the metrics of a training to Weights & Biases, against environment steps.

Project, entity and mode are set by W&B's environment variables, such as WANDB_PROJECT and
WANDB_MODE.
"""

import os
import secrets
from importlib.util import find_spec
from pathlib import Path

from rlctl.callbacks.base import TrainingInfo
from rlctl.callbacks.scalars import scalars
from rlctl.core.errors import DeviceUnavailable, PackageMissing, RlctlError, Stopped, in_brief
from rlctl.core.files import write_atomic
from rlctl.core.progress import Event

FOLDER = "wandb"  # in the run's folder; the name is W&B's
PROJECT = "rlctl"  # the default, without WANDB_PROJECT
_HINT = "`wandb login`, or WANDB_MODE=offline to keep it on this machine until `wandb sync`"


def validate() -> None:
    """Check that W&B is installed and logged in; on a terminal, W&B asks for a missing key.

    Raises:
        PackageMissing: The package is not installed.
        DeviceUnavailable: There is no API key.
    """
    if find_spec("wandb") is None:
        raise PackageMissing(
            "logging to W&B needs the package wandb, which is not installed", "wandb"
        )
    import wandb

    try:
        wandb.login()
    except Exception as error:  # an offline machine or an invalid key
        raise DeviceUnavailable(f"cannot log to W&B: {in_brief(error)}", _HINT) from error


class WandB:
    """Logs to a W&B run named like the run's folder; a resumed training logs to the same one.

    Raises:
        DeviceUnavailable: W&B cannot be reached.
    """

    def __init__(self, training: TrainingInfo) -> None:
        import wandb

        try:
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT") or PROJECT,
                id=_run_id(training.folder),
                name=training.folder.resolve().name,
                dir=str(training.folder),
                resume="allow",
                config={"env": training.env, "algo": training.algo, **training.settings.to_json()},
                settings=wandb.Settings(console="off"),
            )
        except RlctlError:
            raise
        except Exception as error:
            raise DeviceUnavailable(f"cannot log to W&B: {in_brief(error)}", _HINT) from error

    def on_event(self, event: Event) -> None:
        if values := scalars(event):
            self._run.log(values, step=event["steps"])

    def finish(self, error: Exception | None) -> None:
        self._run.finish(exit_code=int(not (error is None or isinstance(error, Stopped))))

    def close(self) -> None:
        pass  # W&B marks an unfinished run as crashed when this process exits


def _run_id(run: Path) -> str:
    """Return the W&B id of a run; the first training creates it."""
    path = run / FOLDER / "id"
    if not path.is_file():
        write_atomic(path, secrets.token_hex(4).encode())
    return path.read_text()

"""The figures of a training for Weights & Biases, against environment steps.

Project, entity, mode and the rest are W&B's own variables, such as WANDB_PROJECT and WANDB_MODE.
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

FOLDER = "wandb"  # of a run, W&B's own
PROJECT = "rlctl"  # where WANDB_PROJECT names none
_HINT = "`wandb login`, or WANDB_MODE=offline to keep it on this machine until `wandb sync`"


def check() -> None:
    """Check that there is a W&B to log to; where it may ask for a key, it does.

    Raises:
        PackageMissing: It is not installed.
        DeviceUnavailable: It has no key.
    """
    if find_spec("wandb") is None:
        raise PackageMissing(
            "W&B is logged to by the package wandb, which is not installed", "wandb"
        )
    import wandb

    try:
        wandb.login()
    except Exception as error:  # an offline machine, a key that is none
        raise DeviceUnavailable(f"cannot log to W&B: {in_brief(error)}", _HINT) from error


class WandB:
    """Logs to a run of W&B named as the run's folder, the same one when it is resumed.

    Raises:
        DeviceUnavailable: W&B cannot be reached.
    """

    def __init__(self, info: TrainingInfo) -> None:
        import wandb

        try:
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT") or PROJECT,
                id=_identity(info.folder),
                name=info.folder.resolve().name,
                dir=str(info.folder),
                resume="allow",
                config={"env": info.env, "algo": info.algo, **info.settings.to_json()},
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
        pass  # what was not finished W&B ends with this process, as crashed


def _identity(run: Path) -> str:
    """The name W&B knows a run by, made with its first training."""
    path = run / FOLDER / "id"
    if not path.is_file():
        write_atomic(path, secrets.token_hex(4).encode())
    return path.read_text()

"""Train, evaluate, render and export robot policies: a command line and a library.

    import rlctl

    report = rlctl.train("pendulum", steps=200_000, settings={"ppo.learning_rate": 1e-3})
    print(rlctl.evaluate(report))
    policy = rlctl.load_policy(report)

Importing rlctl loads no framework; each function imports what it needs when it is called.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlctl.actions.config import SettingsReport
    from rlctl.actions.evaluate import EvalReport
    from rlctl.actions.listener import StopTraining
    from rlctl.actions.metrics import RunMetrics
    from rlctl.actions.render import Rendered
    from rlctl.actions.train import TrainReport
    from rlctl.api.environments import make, make_vec
    from rlctl.api.policies import evaluate, load_policy, render
    from rlctl.api.runs import config, read_metrics, train
    from rlctl.core.errors import (
        CheckFailed,
        Damaged,
        DeviceUnavailable,
        Diverged,
        Incompatible,
        NotFound,
        OutOfSpace,
        PackageMissing,
        RendererMissing,
        RlctlError,
        RlctlWarning,
        RunInUse,
        Stopped,
        StoppedUnsaved,
        Unsafe,
        UsageError,
    )
    from rlctl.policies.base import Policy

__version__ = "0.2.0"

__all__ = [
    "CheckFailed",
    "Damaged",
    "DeviceUnavailable",
    "Diverged",
    "EvalReport",
    "Incompatible",
    "NotFound",
    "OutOfSpace",
    "PackageMissing",
    "Policy",
    "Rendered",
    "RendererMissing",
    "RlctlError",
    "RlctlWarning",
    "RunInUse",
    "RunMetrics",
    "SettingsReport",
    "StopTraining",
    "Stopped",
    "StoppedUnsaved",
    "TrainReport",
    "Unsafe",
    "UsageError",
    "__version__",
    "config",
    "evaluate",
    "load_policy",
    "make",
    "make_vec",
    "read_metrics",
    "render",
    "train",
]

_MODULES = {
    "EvalReport": "rlctl.actions.evaluate",
    "Policy": "rlctl.policies.base",
    "Rendered": "rlctl.actions.render",
    "RunMetrics": "rlctl.actions.metrics",
    "SettingsReport": "rlctl.actions.config",
    "StopTraining": "rlctl.actions.listener",
    "TrainReport": "rlctl.actions.train",
    "config": "rlctl.api.runs",
    "evaluate": "rlctl.api.policies",
    "load_policy": "rlctl.api.policies",
    "make": "rlctl.api.environments",
    "make_vec": "rlctl.api.environments",
    "read_metrics": "rlctl.api.runs",
    "render": "rlctl.api.policies",
    "train": "rlctl.api.runs",
}  # all others are errors


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'rlctl' has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "rlctl.core.errors")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

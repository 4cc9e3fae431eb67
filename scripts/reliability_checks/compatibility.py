"""Checkpoints with a changed environment or policy spec, loaded by every command."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

from reliability_checks.result import ROOT, CheckResult

RELEASED = ROOT / "tests" / "checkpoints" / "released"
HARMLESS = ("observation.weight", "spec.cameras", "policy.value_hidden_layer_sizes")
OWN = ("activation", "min_std", "var_scale", "normalize", "normalizer_clip")  # see run


def run(count: int) -> CheckResult:
    """Load checkpoints of every released schema, unchanged and changed, at least `count` in all.

    Only the policy states the members in `OWN`. A training compares them with its settings. A
    command that only acts has nothing to compare them with, so changes to them are left out.
    """
    from checkpoints.resealed import forge, spec_changes

    result = CheckResult(
        "a changed layout or meaning is refused or reported; older schemas load without notice"
    )
    refused = warned = 0
    while result.trials < count:
        for run in sorted(path.parent for path in RELEASED.glob("*/*/config.json")):
            saved = next(run.glob("checkpoints/step_*"))
            changes = {
                name: change
                for name, change in spec_changes(json.loads((saved / "manifest.json").read_bytes()))
                if not (name.endswith(HARMLESS) or name.removeprefix("policy.") in OWN)
            }
            for command, use in COMMANDS.items():
                with copy(saved) as path:
                    result.record(use(path) == "", f"{run}: {command} of the unchanged checkpoint")
            for (command, use), (name, change) in product(COMMANDS.items(), changes.items()):
                with copy(saved) as path:
                    outcome = use(forge(path, change))
                refused += outcome == "refused"
                warned += outcome not in ("", "refused")
                result.record(
                    outcome != "", f"{run}: {command} with a changed {name} went unnoticed"
                )
    result.measurements = {"refused": f"{refused:,}", "warned": f"{warned:,}"}
    return result


@contextlib.contextmanager
def copy(saved: Path) -> Iterator[Path]:
    """Yield a temporary copy of a checkpoint."""
    with tempfile.TemporaryDirectory() as scratch:
        yield shutil.copytree(saved, Path(scratch) / saved.name)


def _outcome(use: Callable[[Callable[[str], None]], object]) -> str:
    """Return "refused", the warnings, or "" for neither."""
    from rlctl.core.errors import Incompatible

    warnings: list[str] = []
    try:
        use(warnings.append)
    except Incompatible:
        return "refused"
    return "; ".join(line for line in warnings if "other packages" not in line)


def _eval(path: Path) -> str:
    from rlctl.actions.evaluate import EvalRequest, evaluate

    request = EvalRequest(ckpt=str(path), episodes=1, max_episode_steps=1)
    return _outcome(lambda warn: evaluate(request, warn=warn))


def _render(path: Path) -> str:
    from rlctl.actions.render import render
    from rlctl.actions.videos.request import RenderRequest

    out = path.parent / "film.png"
    return _outcome(
        lambda warn: render(out, ckpt=str(path), request=RenderRequest(steps=2), warn=warn)
    )


def _compare(path: Path) -> str:
    from rlctl.actions.compare import CompareRequest, compare_backends

    return _outcome(lambda warn: compare_backends(CompareRequest(str(path), 1), warn=warn))


def _export(path: Path) -> str:
    from rlctl.actions.export import export

    return _outcome(lambda tell: export(path.parent / "out", "numpy", str(path), tell))


COMMANDS = {"eval": _eval, "compare": _compare, "export": _export, "render": _render}

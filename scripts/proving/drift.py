"""Everything a checkpoint says of its environment and policy, changed, in every command."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

from proving.proof import ROOT, Proof

RELEASED = ROOT / "tests" / "checkpoints" / "released"
HARMLESS = ("observation.weight", "spec.cameras", "policy.value_hidden_layer_sizes")
OWN = ("activation", "min_std", "var_scale", "normalize", "normalizer_clip")  # see prove


def prove(count: int) -> Proof:
    """Use checkpoints of every released schema, and changed ones, at least `count` in all.

    Members of `OWN` are what a policy alone says of itself. A training holds them against its
    settings; whoever only acts has nothing to hold them against.
    """
    from checkpoints.forged import forge, spec_changes

    proof = Proof(
        "another layout or meaning is refused or told; what older schemas wrote is neither"
    )
    refused = told = 0
    while proof.tried < count:
        for run in sorted(path.parent for path in RELEASED.glob("*/*/config.json")):
            saved = next(run.glob("checkpoints/step_*"))
            changes = {
                name: change
                for name, change in spec_changes(json.loads((saved / "manifest.json").read_bytes()))
                if not (name.endswith(HARMLESS) or name.removeprefix("policy.") in OWN)
            }
            for command, use in COMMANDS.items():
                with copy(saved) as path:
                    proof.check(use(path) == "", f"{run}: {command} of it as it is")
            for (command, use), (name, change) in product(COMMANDS.items(), changes.items()):
                with copy(saved) as path:
                    outcome = use(forge(path, change))
                refused += outcome == "refused"
                told += outcome not in ("", "refused")
                proof.check(outcome != "", f"{run}: {command} with another {name}")
    proof.figures = {"refused": f"{refused:,}", "told": f"{told:,}"}
    return proof


@contextlib.contextmanager
def copy(saved: Path) -> Iterator[Path]:
    """A copy to change."""
    with tempfile.TemporaryDirectory() as scratch:
        yield shutil.copytree(saved, Path(scratch) / saved.name)


def _outcome(use: Callable[[Callable[[str], None]], object]) -> str:
    """`refused`, what was told, or ""."""
    from rlctl.core.errors import Incompatible

    lines: list[str] = []
    try:
        use(lines.append)
    except Incompatible:
        return "refused"
    return "; ".join(line for line in lines if "other packages" not in line)


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

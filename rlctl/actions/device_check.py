"""Check this machine: each check does real work, and a failure does not stop the others."""

import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import rlctl
from rlctl.actions.device_checks.base import ROWS, Check
from rlctl.actions.device_checks.runner import run


@dataclass(frozen=True)
class Report:
    """The results of all checks, in order."""

    checks: tuple[Check, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "checks": [asdict(check) for check in self.checks],
            "counts": self.counts(),
            "summary": self.summary(),
        }

    def counts(self) -> dict[str, int]:
        """Return the number of checks by status."""
        states = [check.status for check in self.checks]
        return {status: states.count(status) for status in ("pass", "warn", "fail", "skip")}

    def failed(self) -> list[str]:
        """Return the names of the required checks that failed."""
        return [check.name for check in self.checks if check.needed and check.status == "fail"]

    def summary(self) -> str:
        """Return a few lines of Markdown for a bug report."""
        found = {check.name: check for check in self.checks}
        counts = ", ".join(f"{count} {status}" for status, count in self.counts().items())
        shown = ("packages", "memory", "gpu", "jax", "torch", "throughput", "render")
        lines = [f"**rlctl {rlctl.__version__} device-check**: {counts}", ""]
        lines.append(f"- python: {platform.python_version()} on {platform.platform()}")
        lines += [f"- {name}: {found[name].detail}" for name in shown if name in found]
        lines += [
            f"- {check.status}: {check.name}: {check.detail}"
            for check in self.checks
            if check.status in ("warn", "fail") and check.name not in shown
        ]
        return "\n".join(lines)


def device_check(
    bench: bool = False,
    require_gpu: bool = False,
    on_check: Callable[[Check], None] = lambda check: None,
) -> Report:
    """Run every check.

    Args:
        bench: Whether to measure more environments and sizes too; takes minutes.
        require_gpu: Whether the check `jax` fails if JAX uses no GPU.
        on_check: Called with every check as it finishes.
    """
    checks = []
    for check in run([row for row in ROWS if bench or not row.bench]):
        checks.append(_require_gpu(check) if require_gpu else check)
        on_check(checks[-1])
    return Report(tuple(checks))


def _require_gpu(check: Check) -> Check:
    if check.name != "jax" or (check.value or {}).get("platform") in ("gpu", "cuda", "rocm"):
        return check
    hint = check.hint or "see the check `gpu` for what is missing, or leave --require-gpu out"
    return replace(check, status="fail", detail=f"no GPU: {check.detail}", hint=hint)

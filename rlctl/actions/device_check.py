"""Check what this machine can do: every check does real work, and none stops the others."""

import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import rlctl
from rlctl.actions.device_checks.base import ROWS, Check
from rlctl.actions.device_checks.runner import run


@dataclass(frozen=True)
class Report:
    """All checks, in order."""

    checks: tuple[Check, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "checks": [asdict(check) for check in self.checks],
            "counts": self.counts(),
            "summary": self.summary(),
        }

    def counts(self) -> dict[str, int]:
        """How many passed, warned, failed, were skipped."""
        states = [check.status for check in self.checks]
        return {status: states.count(status) for status in ("pass", "warn", "fail", "skip")}

    def failed(self) -> list[str]:
        """Names of the needed checks that failed."""
        return [check.name for check in self.checks if check.needed and check.status == "fail"]

    def summary(self) -> str:
        """A few lines of Markdown, to be pasted where help is asked for."""
        found = {check.name: check for check in self.checks}
        counted = ", ".join(f"{count} {status}" for status, count in self.counts().items())
        shown = ("packages", "memory", "gpu", "jax", "torch", "throughput", "render")
        lines = [f"**rlctl {rlctl.__version__} device-check**: {counted}", ""]
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
        bench: Also measure every environment at more sizes, for minutes.
        require_gpu: Whether the absence of a GPU that JAX uses is a failure.
        on_check: Told of every check as it finishes.
    """
    checks = []
    for check in run([row for row in ROWS if bench or not row.bench]):
        checks.append(_demand_gpu(check) if require_gpu else check)
        on_check(checks[-1])
    return Report(tuple(checks))


def _demand_gpu(check: Check) -> Check:
    if check.name != "jax" or (check.value or {}).get("platform") in ("gpu", "cuda", "rocm"):
        return check
    hint = check.hint or "the check `gpu` says what is missing; or leave --require-gpu out"
    return replace(check, status="fail", detail=f"no GPU: {check.detail}", hint=hint)

"""Compare a checkpoint's policy across numpy, JAX and PyTorch."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from rlctl.actions.policy_checkpoint import open_policy
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import CheckFailed, PackageMissing
from rlctl.core.progress import Progress
from rlctl.policies.base import Policy, kind_of, make_policy, sample_noise
from rlctl.policies.comparison import PolicyDifference, compare
from rlctl.policies.observations import Observation, first, rows

REFERENCE = "numpy"
_TIMED_CALLS = 50


@dataclass(frozen=True)
class CompareRequest:
    """Request for a comparison.

    Attributes:
        ckpt: Checkpoint as `--ckpt` takes it; None for the latest run's best.
        num_tests: Number of observations; each is tested with and without action noise.
        device: Device of JAX and PyTorch: `auto`, `cpu` or `gpu`.
        tolerance: Largest allowed difference, as a fraction of the action range.
        seed: Seed of observations and noise.
        env: The environment the checkpoint must be of; None for any.
    """

    ckpt: str | None = None
    num_tests: int = 10
    device: str = "cpu"
    tolerance: float = 1e-5
    seed: int = 0
    env: str | None = None


@dataclass(frozen=True)
class CompareReport:
    """Result of a comparison.

    Attributes:
        request: The request.
        checkpoint: The checkpoint.
        gaps: Back end -> its differences from the reference.
        seconds: Back end -> median time of an inference of one observation.
        skipped: Back end -> why it was skipped.
    """

    request: CompareRequest
    checkpoint: Checkpoint
    gaps: dict[str, PolicyDifference]
    seconds: dict[str, float]
    skipped: dict[str, str]

    @property
    def failed(self) -> list[str]:
        """Names of the back ends beyond the tolerance."""
        # `not <=`: a NaN fails too
        return [name for name, gap in self.gaps.items() if not gap.max <= self.request.tolerance]

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        manifest, tolerance = self.checkpoint.manifest, self.request.tolerance
        others = {
            name: {
                "max_difference": gap.max,
                "mean_difference": gap.mean,
                "first_stage": gap.first_stage(tolerance),
                "stages": gap.stages,
                "seconds": self.seconds[name],
            }
            for name, gap in self.gaps.items()
        }
        return {
            **asdict(self.request),
            "env": manifest["env"]["id"],
            "checkpoint": str(self.checkpoint.path),
            "step": self.checkpoint.step,
            "distribution": manifest["policy"]["distribution"],
            "reference": REFERENCE,
            "backends": {REFERENCE: {"seconds": self.seconds[REFERENCE]}, **others},
            "skipped": self.skipped,
            "failed": self.failed,
        }


def compare_backends(
    request: CompareRequest,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda line: None,
) -> CompareReport:
    """Run the policy in numpy, JAX and PyTorch on the same observations and noise.

    Args:
        request: The request.
        progress: Receives phases.
        warn: Called if a damaged checkpoint or a missing framework is skipped.

    Raises:
        CheckFailed: A back end is beyond the tolerance; its data is the report.
        PackageMissing: There is no back end to compare numpy with.
        DeviceUnavailable: The device does not exist.
        RlctlError: The checkpoint is missing, damaged or incompatible.
    """
    progress = progress or Progress()
    checkpoint = open_policy(request.ckpt, request.env, warn)
    spec, arrays = checkpoint.policy, checkpoint.groups["policy"]
    kind = kind_of(spec)
    skipped = {
        name: "not installed" for name in kind.backends if name != REFERENCE and not find_spec(name)
    }
    for name in skipped:
        warn(f"{name} is not installed, so it is not compared")
    if len(skipped) == len(kind.backends) - 1:
        raise PackageMissing("there is nothing to compare numpy with", "jax")
    with progress.phase("import"):
        policies = {
            name: make_policy(spec, arrays, name, request.device)
            for name in kind.backends
            if name not in skipped
        }
    rng = np.random.default_rng(request.seed)
    observation = kind.sample_observations(spec, arrays, rng, request.num_tests)
    noises = [None, sample_noise(spec, rng, rows(observation))]
    reference = policies[REFERENCE]
    with progress.phase("compile"):
        gaps = {
            name: compare(reference, policy, observation, noises)
            for name, policy in policies.items()
            if name != REFERENCE
        }
    with progress.phase("eval"):
        seconds = {
            name: _inference_seconds(policy, first(observation))
            for name, policy in policies.items()
        }
    report = CompareReport(request, checkpoint, gaps, seconds, skipped)
    if report.failed:
        raise _failure(report)
    return report


def _inference_seconds(policy: Policy, observation: Observation) -> float:
    """Return the median time of an inference of one observation, in seconds.

    Actions are numpy arrays, so asynchronous computation is included.
    """
    times = []
    policy.act(observation)  # compiles
    for _ in range(_TIMED_CALLS):
        start = time.perf_counter()
        policy.act(observation)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _failure(report: CompareReport) -> CheckFailed:
    differences = ", ".join(f"{name} by {report.gaps[name].max:.2e}" for name in report.failed)
    return CheckFailed(
        f"{differences} of the action's range differs from {REFERENCE}; "
        f"{report.request.tolerance:g} is tolerated",
        "--verbose shows the first stage that differs",
        data=report.to_json(),
    )

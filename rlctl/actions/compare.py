"""Run a checkpoint's policy in every framework, and see that it is the same policy."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from rlctl import catalog
from rlctl.actions.unplayed import tell_drift
from rlctl.checkpoints import find
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import CheckFailed, PackageMissing
from rlctl.core.progress import Progress
from rlctl.policies.base import BACKENDS, Policy, make_policy, sample_noise, spec_of
from rlctl.policies.comparison import PolicyDifference, compare, sample_observations

REFERENCE = "numpy"
_TIMED = 50  # inferences


@dataclass(frozen=True)
class CompareRequest:
    """What to compare.

    Attributes:
        ckpt: What `--ckpt` takes; None for the latest run's best.
        num_tests: Observations; each is acted on with noise and without.
        device: Where jax and torch compute: `auto`, `cpu` or `gpu`.
        tolerance: Greatest difference allowed, in parts of the action's range.
        seed: Of observations and noise.
        env: The environment the checkpoint must be of; None for whichever it is.
    """

    ckpt: str | None = None
    num_tests: int = 10
    device: str = "cpu"
    tolerance: float = 1e-5
    seed: int = 0
    env: str | None = None


@dataclass(frozen=True)
class CompareReport:
    """How the back ends compare.

    Attributes:
        request: What was asked.
        checkpoint: What was compared.
        gaps: Back end -> how far it is from the reference.
        seconds: Back end -> time of an inference of one observation, the median of many.
        skipped: Back end -> why it was left out.
    """

    request: CompareRequest
    checkpoint: Checkpoint
    gaps: dict[str, PolicyDifference]
    seconds: dict[str, float]
    skipped: dict[str, str]

    @property
    def failed(self) -> list[str]:
        """The back ends beyond the tolerance."""
        return [name for name, gap in self.gaps.items() if not gap.max <= self.request.tolerance]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
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
    tell: Callable[[str], None] = lambda line: None,
) -> CompareReport:
    """Act with numpy, jax and torch on the same observations and noise.

    Args:
        request: What.
        progress: Told of phases.
        tell: Told when a damaged checkpoint or a missing framework was skipped.

    Raises:
        CheckFailed: A back end is beyond the tolerance; the figures are in its data.
        PackageMissing: No back end to compare numpy with.
        DeviceUnavailable: No such device.
        RlctlError: Anything wrong with the checkpoint.
    """
    progress = progress or Progress()
    if request.env is not None:
        catalog.env(request.env)
    checkpoint = find.open_checkpoint(request.ckpt, request.env, warn=tell)
    tell_drift(checkpoint, tell)
    spec, arrays = spec_of(checkpoint), checkpoint.groups["policy"]
    skipped = {
        name: "not installed" for name in BACKENDS if name != REFERENCE and not find_spec(name)
    }
    for name in skipped:
        tell(f"{name} is not installed, so it is not compared")
    if len(skipped) == len(BACKENDS) - 1:
        raise PackageMissing("there is nothing to compare numpy with", "jax")
    with progress.phase("import"):
        policies = {
            name: make_policy(spec, arrays, name, request.device)
            for name in BACKENDS
            if name not in skipped
        }
    rng = np.random.default_rng(request.seed)
    observation = sample_observations(spec, arrays, rng, request.num_tests)
    noises = [None, sample_noise(spec, rng, len(observation))]
    reference = policies[REFERENCE]
    with progress.phase("compile"):
        gaps = {
            name: compare(reference, policy, observation, noises)
            for name, policy in policies.items()
            if name != REFERENCE
        }
    with progress.phase("eval"):
        seconds = {name: _seconds(policy, observation[0]) for name, policy in policies.items()}
    report = CompareReport(request, checkpoint, gaps, seconds, skipped)
    if report.failed:
        raise _failure(report)
    return report


def _seconds(policy: Policy, observation: np.ndarray) -> float:
    """Time of an inference of one observation (O,): the median, after a first one that compiles.

    Actions are numpy arrays, so each is awaited.
    """
    times = []
    policy.act(observation)
    for _ in range(_TIMED):
        start = time.perf_counter()
        policy.act(observation)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _failure(report: CompareReport) -> CheckFailed:
    worst = ", ".join(f"{name} by {report.gaps[name].max:.2e}" for name in report.failed)
    return CheckFailed(
        f"{worst} of the action's range differs from {REFERENCE}; "
        f"{report.request.tolerance:g} is tolerated",
        "--verbose shows at which stage it begins",
        data=report.to_json(),
    )

"""Checks of a benchmark: minimum returns, fraction of seeds that learn, regressions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlctl.actions.benchmarks.scores import Scores, difference
from rlctl.core.errors import Incompatible, NotFound, UsageError
from rlctl.core.safe_io import parse_json, read

_MAX_BYTES = 2**26  # of a results.json
MIN_SEEDS = 3  # fewer scores per side give no meaningful bootstrap interval


@dataclass(frozen=True)
class Check:
    """Result of one check.

    Attributes:
        env: Environment.
        ok: Whether it passed.
        detail: The required and the actual value.
    """

    env: str
    ok: bool
    detail: str


def check_returns(
    min_returns: Mapping[str, float], scores: Mapping[str, Scores | None]
) -> list[Check]:
    """Check that the mean return over seeds reaches the minimum of each environment."""
    checks = []
    for env, minimum in min_returns.items():
        score = scores[env]
        ok = score is not None and score.mean >= minimum
        actual = "no finished training" if score is None else f"mean return {score.mean:,.2f}"
        checks.append(Check(env, ok, f"{actual}, {'at least' if ok else 'below'} {minimum:,g}"))
    return checks


def check_learned(min_fraction: float, learned: Mapping[str, tuple[int, int]]) -> list[Check]:
    """Check that enough seeds of every environment learned their task.

    Args:
        min_fraction: Smallest fraction of seeds that passes, 0 to 1; 0 for no check.
        learned: Environment -> (seeds that reached the target return, all seeds).
    """
    checks = []
    for env, (count, total) in learned.items() if min_fraction else ():
        # Not count >= min_fraction * total: 0.14 * 50 is above 7 in floating point.
        ok = count / total >= min_fraction
        relation = "at least" if ok else "below"
        detail = f"{count} of {total} seeds learned, {relation} {min_fraction:g}"
        checks.append(Check(env, ok, detail))
    return checks


def check_regressions(
    earlier: Mapping[str, Sequence[float]], scores: Mapping[str, Scores | None]
) -> list[Check]:
    """Check that no environment got worse than in an earlier benchmark.

    It got worse if the 95 % interval of the change of the interquartile mean is below zero.

    Args:
        earlier: Environment -> scores of the earlier benchmark.
        scores: Environment -> scores of this one.
    """
    checks = []
    for env, old in earlier.items():
        new = scores.get(env)
        if new is None or min(len(new.values), len(old)) < MIN_SEEDS:
            count = len(new.values) if new else 0
            checks.append(Check(env, False, f"{count} and {len(old)} scores are too few"))
            continue
        low, high = difference(new.values, old)
        change = f"changed by {low:,.2f} to {high:,.2f}"
        checks.append(Check(env, high >= 0.0, f"interquartile mean {change} (95 % interval)"))
    return checks


def read_earlier(
    file: Path, algo: str, steps: int, envs: Sequence[str], seeds: int
) -> dict[str, list[float]]:
    """Read the scores of an earlier benchmark, for the environments that it has.

    Args:
        file: Its results.json.
        algo: The algorithm it must have.
        steps: The number of steps it must have.
        envs: Environments of the new benchmark.
        seeds: Number of seeds of the new benchmark.

    Raises:
        NotFound: The file does not exist.
        Incompatible: It is not a results.json, or its trainings are not comparable.
        UsageError: There are too few seeds to compare.
    """
    try:
        old = parse_json(read(file, _MAX_BYTES))
        kind = (old["algo"], old["steps"])
        scores = {env: report["scores"] for env, report in old["envs"].items()}
        values = {env: score["values"] for env, score in scores.items() if score and env in envs}
        if not isinstance(old["steps"], int) or not all(map(_are_numbers, values.values())):
            raise TypeError
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise NotFound(f"there is no file {file}", "give a benchmark's results.json") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Incompatible(
            f"{file} does not hold the results of a benchmark", "give a benchmark's results.json"
        ) from error
    if kind != (algo, steps):
        raise Incompatible(
            f"{file} is of {kind[0]} after {kind[1]:,} steps, not of {algo} after {steps:,}",
            "compare trainings of the same algorithm and length",
        )
    if not values:
        raise Incompatible(f"{file} has none of {', '.join(envs)}", "compare the same environments")
    if (fewest := min(seeds, *map(len, values.values()))) < MIN_SEEDS:
        raise UsageError(
            f"{fewest} seeds are too few to tell a change from chance; {MIN_SEEDS} is the least",
            f"run both with --seeds {MIN_SEEDS} or more, or give a bar with --min-return",
        )
    return values


def _are_numbers(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, (int, float)) for value in values)

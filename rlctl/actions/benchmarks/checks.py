"""Whether a benchmark is good enough: against bars, and against an earlier one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlctl.actions.benchmarks.scores import Scores, difference
from rlctl.core.errors import Incompatible, NotFound, UsageError
from rlctl.core.safe_io import parse_json, read

_MOST = 2**26  # bytes of a results.json
FEWEST = 3  # scores on either side, below which resampling says nothing of the spread


@dataclass(frozen=True)
class Check:
    """One bar and whether it was met.

    Attributes:
        env: Environment.
        ok: Whether.
        detail: What was needed and what there is.
    """

    env: str
    ok: bool
    detail: str


def at_least(bars: Mapping[str, float], scores: Mapping[str, Scores | None]) -> list[Check]:
    """Whether the mean over seeds reaches the bar of every environment that has one."""
    checks = []
    for env, bar in bars.items():
        found = scores[env]
        ok = found is not None and found.mean >= bar
        got = "no finished training" if found is None else f"mean return {found.mean:,.2f}"
        checks.append(Check(env, ok, f"{got}, {'at least' if ok else 'below'} {bar:,g}"))
    return checks


def share_learned(least: float, learned: Mapping[str, tuple[int, int]]) -> list[Check]:
    """Check that enough seeds of every environment learned their task.

    Args:
        least: The smallest share that is enough, 0 to 1; 0 for no check.
        learned: How many trainings of an environment reached its target return, and of how many.
    """
    checks = []
    for env, (count, total) in learned.items() if least else ():
        ok = count / total >= least
        words = "at least" if ok else "below"
        checks.append(Check(env, ok, f"{count} of {total} seeds learned, {words} {least:g}"))
    return checks


def not_below(
    earlier: Mapping[str, Sequence[float]], scores: Mapping[str, Scores | None]
) -> list[Check]:
    """Whether no environment got worse than it was.

    It did where the whole 95 % interval of the change of the interquartile mean lies below zero.

    Args:
        earlier: Scores by environment, of an earlier benchmark.
        scores: The ones of now.
    """
    checks = []
    for env, old in earlier.items():
        new = scores.get(env)
        if new is None or min(len(new.values), len(old)) < FEWEST:
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
    """The scores of an earlier benchmark on those of the environments that it has.

    Args:
        file: The results.json it wrote.
        algo: Algorithm that it must have had.
        steps: Steps that it must have had.
        envs: Environments.
        seeds: How many the new one has.

    Raises:
        NotFound: There is no such file.
        Incompatible: It is no such file, or of other trainings.
        UsageError: There are too few seeds to compare.
    """
    try:
        old = parse_json(read(file, _MOST))
        kind = (old["algo"], old["steps"])
        scores = {env: found["scores"] for env, found in old["envs"].items()}
        values = {env: found["values"] for env, found in scores.items() if found and env in envs}
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
    if (fewest := min(seeds, *map(len, values.values()))) < FEWEST:
        raise UsageError(
            f"{fewest} seeds are too few to tell a change from chance; {FEWEST} is the least",
            f"run both with --seeds {FEWEST} or more, or give a bar with --min-return",
        )
    return values


def _are_numbers(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, (int, float)) for value in values)

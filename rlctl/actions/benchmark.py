"""Train many times, and say what came of it: scores, intervals, published results beside them.

<out>/results.json, results.md, results.csv, curves.png    written anew by every call
<out>/runs/<env>-s<seed>/                                  the runs, kept
<out>/logs/<env>-s<seed>.log                               what each said on stderr
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

from rlctl.actions.benchmarks import checks, plots, results, tables
from rlctl.actions.benchmarks.plan import BenchmarkRequest, resumed_or_new, tasks_of
from rlctl.actions.benchmarks.progress import BenchmarkProgress
from rlctl.actions.benchmarks.published import published
from rlctl.actions.benchmarks.results import RunResult
from rlctl.actions.benchmarks.scores import Scores, summarize
from rlctl.actions.benchmarks.trainings import Task, train_all
from rlctl.core.errors import CheckFailed, Stopped
from rlctl.core.files import to_json, write_atomic, writing
from rlctl.core.progress import Progress
from rlctl.core.runs import Run, provenance

__all__ = ["BenchmarkRequest", "Report", "benchmark"]


@dataclass(frozen=True)
class Report:
    """What a benchmark came to."""

    request: BenchmarkRequest
    results: tuple[RunResult, ...]
    checks: tuple[checks.Check, ...]
    provenance: dict[str, Any]

    @property
    def complete(self) -> bool:
        """Whether every training is finished."""
        finished = [record for record in self.results if record.status == "finished"]
        return len(finished) == len(self.request.envs) * self.request.seeds

    def of(self, env: str) -> list[RunResult]:
        """The trainings of an environment."""
        return [record for record in self.results if record.env == env]

    def scores(self, env: str) -> Scores | None:
        """The final returns of an environment's finished trainings, None where there are none."""
        return _summary([run.final.mean for run in self.of(env) if run.status == "finished"])

    @property
    def learned(self) -> dict[str, tuple[int, int]]:
        """How many seeds learned, and how many there are, by environment with a target return."""
        seeds = self.request.seeds
        return {
            env: (sum(run.learned for run in runs), seeds)
            for env in self.request.envs
            if (runs := self.of(env)) and runs[0].target is not None
        }

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "schema_version": 1,
            "algo": self.request.algo,
            "steps": self.request.steps,
            "seeds": self.request.seeds,
            "overrides": list(self.request.overrides),
            "complete": self.complete,
            "provenance": self.provenance,
            "checks": [asdict(check) for check in self.checks],
            "envs": {env: self._env(env) for env in self.request.envs},
        }

    def _env(self, env: str) -> dict[str, Any]:
        runs, scores = self.of(env), self.scores(env)
        done = [run for run in runs if run.status == "finished"]
        evaluations = _summary([run.evaluation for run in done])
        rates = [run.steps_per_second for run in done]
        return {
            "scores": scores and asdict(scores),
            "evaluations": evaluations and asdict(evaluations),
            "target": runs[0].target if runs else None,
            "learned": self.learned[env][0] if env in self.learned else None,
            "steps_per_second": sum(rates) / len(rates) if rates else None,
            "runs": [{**asdict(run), "run": str(run.run)} for run in runs],
            "published": [asdict(row) for row in published(env, self.request.algo)],
        }


def benchmark(
    request: BenchmarkRequest,
    progress: Progress | None = None,
    stop: Callable[[], int | None] = lambda: None,
    tell: Callable[[str], None] = lambda line: None,
) -> Report:
    """Train what is not trained yet, and write the report.

    Args:
        request: What to run.
        progress: Told how far all trainings are, and of each that ends.
        stop: Asked for the signal that asks to stop.
        tell: Told what is missing for the whole report.

    Raises:
        UsageError: Names or settings that cannot be used, or not those of the folder's runs.
        RunInUse: Another process is writing there.
        CheckFailed: A bar was missed, or a training failed; its data is the report.
        Stopped: A signal asked to stop; its data is the report of what there is.
    """
    tasks = tasks_of(request)
    earlier = _earlier(request)
    with writing(request.folder):
        request.folder.mkdir(parents=True, exist_ok=True)
    with Run(request.folder):
        errors = _train(request, tasks, progress or Progress(), stop)
        found = [
            results.read(task.env, task.seed, task.folder, request.steps, errors.get(task.name, ""))
            for task in tasks
            if (task.folder / "config.json").is_file()
        ]
        report = Report(request, tuple(found), (), provenance())
        scores = {env: report.scores(env) for env in request.envs}
        bars = checks.at_least(request.min_return, scores)
        shares = checks.share_learned(request.min_share, report.learned)
        report = replace(report, checks=(*bars, *shares, *checks.not_below(earlier, scores)))
        _write(report, tell)
    _compute_advantages(report, errors, stop())
    return report


def _summary(values: Sequence[float | None]) -> Scores | None:
    """What the numbers say that are there, None where none is."""
    known = [value for value in values if value is not None]
    return summarize(known) if known else None


def _earlier(request: BenchmarkRequest) -> dict[str, list[float]]:
    if request.against is None:
        return {}
    algo, steps = request.algo, request.steps
    return checks.read_earlier(request.against, algo, steps, request.envs, request.seeds)


def _train(
    request: BenchmarkRequest,
    tasks: Sequence[Task],
    progress: Progress,
    stop: Callable[[], int | None],
) -> dict[str, str]:
    """Train what is not finished. Returns what went wrong, by the task's name."""
    waiting = [task for task in tasks if not results.is_finished(task.folder, request.steps)]
    board = BenchmarkProgress(progress, request.steps, len(tasks), len(tasks) - len(waiting))
    errors = {}
    begun = [resumed_or_new(task, request.device) for task in waiting]
    with closing(train_all(begun, request.jobs, stop, board.on_event)) as trainings:
        for ended in trainings:
            if ended.code and stop() is None:
                errors[ended.task.name] = ended.error
            board.ended(ended)
    return errors


def _write(report: Report, tell: Callable[[str], None]) -> None:
    folder, data = report.request.folder, report.to_json()
    picture = folder / "curves.png"
    if missing := plots.missing():
        tell(missing)
    else:
        plots.plot_curves(picture, data)
    write_atomic(folder / "results.json", to_json(data).encode() + b"\n")
    write_atomic(folder / "results.csv", tables.to_csv(data).encode())
    text = tables.to_markdown(data, None if missing else picture.name)
    write_atomic(folder / "results.md", text.encode())


def _compute_advantages(report: Report, errors: Mapping[str, str], signum: int | None) -> None:
    """Raise what the report is worth raising."""
    folder, data = report.request.folder, report.to_json()
    if signum is not None and not report.complete:
        done = sum(record.status == "finished" for record in report.results)
        raise Stopped(
            f"stopped with {done} of {len(report.request.envs) * report.request.seeds} trainings "
            f"finished; {folder}/results.md has them",
            "the same command goes on from here",
            data=data,
            signum=signum,
        )
    if errors:
        lines = [f"{name}: {error}" for name, error in errors.items()]
        raise CheckFailed(
            _listed(f"{tables.plural(len(errors), 'training')} failed", lines),
            f"{folder}/logs says more; the same command tries them again",
            data=data,
        )
    if failed := [f"{check.env}: {check.detail}" for check in report.checks if not check.ok]:
        hint = f"{folder}/results.md has every figure"
        raise CheckFailed(
            _listed(f"{tables.plural(len(failed), 'check')} failed", failed), hint, data=data
        )


def _listed(title: str, lines: Sequence[str]) -> str:
    return lines[0] if len(lines) == 1 else "\n  ".join([f"{title}:", *lines])

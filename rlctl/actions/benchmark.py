"""Benchmark: train several environments and seeds, and report scores and their intervals.

<out>/results.json, results.md, results.csv, curves.png    rewritten by every call
<out>/runs/<env>-s<seed>/                                  the runs, kept and resumed
<out>/logs/<env>-s<seed>.log                               stderr of each training
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
    """Results of a benchmark."""

    request: BenchmarkRequest
    results: tuple[RunResult, ...]
    checks: tuple[checks.Check, ...]
    provenance: dict[str, Any]

    @property
    def complete(self) -> bool:
        """True once every training is finished."""
        return self.num_finished == self.num_trainings

    @property
    def num_finished(self) -> int:
        """Number of finished trainings."""
        return sum(result.status == "finished" for result in self.results)

    @property
    def num_trainings(self) -> int:
        """Number of trainings in all."""
        return len(self.request.envs) * self.request.seeds

    def of(self, env: str) -> list[RunResult]:
        """Return the results of an environment."""
        return [result for result in self.results if result.env == env]

    def scores(self, env: str) -> Scores | None:
        """Summarize the final returns of an environment's finished trainings, None without any."""
        return _summarize_known(
            [run.final.mean for run in self.of(env) if run.status == "finished"]
        )

    @property
    def learned(self) -> dict[str, tuple[int, int]]:
        """Environment -> (seeds that reached the target return, all seeds); needs a target."""
        seeds = self.request.seeds
        return {
            env: (sum(run.learned for run in runs), seeds)
            for env in self.request.envs
            if (runs := self.of(env)) and runs[0].target is not None
        }

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
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
        evaluations = _summarize_known([run.evaluation for run in done])
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
    warn: Callable[[str], None] = lambda line: None,
) -> Report:
    """Run the trainings that are not finished yet, and write the report.

    Args:
        request: The request.
        progress: Receives the progress over all trainings, and an event per finished training.
        stop: Polled; returns the signal that asked to stop, None without one.
        warn: Called if a part of the report cannot be written.

    Raises:
        UsageError: A name or setting is invalid, or differs from those of the existing runs.
        RunInUse: Another process writes to the folder.
        CheckFailed: A check or a training failed; its data is the report.
        Stopped: A signal asked to stop; its data is the report so far.
    """
    tasks = tasks_of(request)
    earlier = _read_earlier(request)
    with writing(request.folder):
        request.folder.mkdir(parents=True, exist_ok=True)
    with Run(request.folder):
        errors = _train(request, tasks, progress or Progress(), stop)
        run_results = [
            results.read_result(
                task.env, task.seed, task.folder, request.steps, errors.get(task.name, "")
            )
            for task in tasks
            if (task.folder / "config.json").is_file()
        ]
        report = Report(request, tuple(run_results), (), provenance())
        scores = {env: report.scores(env) for env in request.envs}
        all_checks = (
            *checks.check_returns(request.min_return, scores),
            *checks.check_learned(request.min_share, report.learned),
            *checks.check_regressions(earlier, scores),
        )
        report = replace(report, checks=all_checks)
        _write(report, warn)
    _raise_failures(report, errors, stop())
    return report


def _summarize_known(values: Sequence[float | None]) -> Scores | None:
    """Summarize the values that are not None; None without any."""
    known = [value for value in values if value is not None]
    return summarize(known) if known else None


def _read_earlier(request: BenchmarkRequest) -> dict[str, list[float]]:
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
    """Run the trainings that are not finished. Return error messages by the task's name."""
    waiting = [task for task in tasks if not results.is_finished(task.folder, request.steps)]
    total = BenchmarkProgress(progress, request.steps, len(tasks), len(tasks) - len(waiting))
    errors = {}
    waiting = [resumed_or_new(task, request.device) for task in waiting]
    with closing(train_all(waiting, request.jobs, stop, total.on_event)) as trainings:
        for ended in trainings:
            if ended.code and stop() is None:  # a stopped training is no failure
                errors[ended.task.name] = ended.error
            total.on_end(ended)
    return errors


def _write(report: Report, warn: Callable[[str], None]) -> None:
    folder, data = report.request.folder, report.to_json()
    image = folder / "curves.png"
    if missing := plots.missing():
        warn(missing)
    else:
        plots.plot_curves(image, data)
    write_atomic(folder / "results.json", to_json(data).encode() + b"\n")
    write_atomic(folder / "results.csv", tables.to_csv(data).encode())
    text = tables.to_markdown(data, None if missing else image.name)
    write_atomic(folder / "results.md", text.encode())


def _raise_failures(report: Report, errors: Mapping[str, str], signum: int | None) -> None:
    """Raise an error if the benchmark was stopped, or a training or a check failed."""
    folder, data = report.request.folder, report.to_json()
    if signum is not None and not report.complete:
        raise Stopped(
            f"stopped with {report.num_finished} of {report.num_trainings} trainings "
            f"finished; {folder}/results.md has them",
            "the same command resumes the benchmark",
            data=data,
            signum=signum,
        )
    if errors:
        lines = [f"{name}: {error}" for name, error in errors.items()]
        raise CheckFailed(
            _listed(f"{tables.plural(len(errors), 'training')} failed", lines),
            f"see {folder}/logs; the same command repeats them",
            data=data,
        )
    if failed := [f"{check.env}: {check.detail}" for check in report.checks if not check.ok]:
        hint = f"{folder}/results.md has all results"
        raise CheckFailed(
            _listed(f"{tables.plural(len(failed), 'check')} failed", failed), hint, data=data
        )


def _listed(title: str, lines: Sequence[str]) -> str:
    return lines[0] if len(lines) == 1 else "\n  ".join([f"{title}:", *lines])

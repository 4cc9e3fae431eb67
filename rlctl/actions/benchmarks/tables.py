"""Tables of a benchmark in Markdown and CSV."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

from rlctl.actions.benchmarks.scores import LAST_EPISODES

Report = dict[str, Any]
COLUMNS = (
    "env", "algo", "seed", "status", "steps", "seconds", "steps_per_second", "episodes",
    "return_mean", "return_std", "return_episodes", "evaluation", "commit", "run",
)  # fmt: skip


def to_csv(report: Report) -> str:
    """Write one row per training."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for env, env_report in report["envs"].items():
        for run in env_report["runs"]:
            final = run["final"]
            row = [env, report["algo"], *(run[name] for name in COLUMNS[2:8])]
            row += [final["mean"], final["std"], final["count"], run["evaluation"]]
            row += [(run["git"] or {}).get("commit"), run["run"]]
            table.writerow(["" if cell is None else cell for cell in row])
    return text.getvalue()


def to_markdown(report: Report, image: str | None) -> str:
    """Write the whole report.

    Args:
        report: `Report.to_json()`.
        image: File name of the learning curves, None without one.
    """
    provenance = report["provenance"]
    commit = (provenance["git"] or {}).get("commit", "unknown")[:12]
    dirty = " with changes" if (provenance["git"] or {}).get("dirty") else ""
    packages = ", ".join(f"{name} {version}" for name, version in provenance["packages"].items())
    lines = [
        f"# {report['algo'].upper()}, {report['steps']:,} steps, {plural(report['seeds'], 'seed')}",
        "",
        f"{provenance['created']}, commit {commit}{dirty}; {provenance['platform']}; {packages}.",
        "",
        "Returns are raw sums of the environments' rewards. A seed's score is the mean over its "
        f"last {LAST_EPISODES} training episodes (of whole updates); std (n - 1) is over seeds; "
        "the interval is a 95 % bootstrap one of the interquartile mean (IQM).",
        "",
    ]
    if not report["complete"]:
        lines += ["**Partial: not every training is finished.**", ""]
    lines += _table(
        (
            "environment",
            "score",
            "IQM",
            "95 % interval",
            "last evaluation",
            "learned",
            "steps/s",
            "seeds",
        ),
        [_summary(env, env_report, report["seeds"]) for env, env_report in report["envs"].items()],
    )
    if image:
        lines += ["", f"![Learning curves]({image})"]
    if report["checks"]:
        rows = [(c["env"], "passed" if c["ok"] else "**failed**", c["detail"])
                for c in report["checks"]]  # fmt: skip
        lines += ["", "## Checks", "", *_table(("environment", "result", "detail"), rows)]
    for env, env_report in report["envs"].items():
        lines += [
            "",
            f"## {env}",
            "",
            *_compare_published(report, env, env_report),
            "",
            *_runs(env_report),
        ]
    return "\n".join(lines) + "\n"


def number(value: float | None) -> str:
    """Format a number with about four digits and thousands separators; `-` for None or nan."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def plural(count: int, word: str) -> str:
    """Return a count with its noun, in the plural if needed."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def spread(mean: float | None, std: float | None) -> str:
    """Format mean and standard deviation."""
    return number(mean) + (f" ± {number(std)}" if std is not None else "")


def _summary(env: str, env_report: Report, seeds: int) -> tuple[str, ...]:
    score, evaluation = env_report["scores"], env_report["evaluations"]
    done = sum(run["status"] == "finished" for run in env_report["runs"])
    if score is None:
        return (env, "-", "-", "-", "-", "-", "-", str(done))
    target, learned = env_report["target"], env_report["learned"]
    return (
        env,
        spread(score["mean"], score["std"]),
        number(score["iqm"]),
        " to ".join(map(number, score["ci95"])),
        spread(evaluation["mean"], evaluation["std"]) if evaluation else "-",
        "-" if learned is None else f"{learned} of {seeds} reach {number(target)}",
        number(env_report["steps_per_second"]),
        str(done),
    )


def _compare_published(report: Report, env: str, env_report: Report) -> list[str]:
    """Return the table of this result and the published ones."""
    score = env_report["scores"]
    result = spread(score["mean"], score["std"]) if score else "-"
    seeds = str(len(score["values"])) if score else "0"
    metric = f"training return of the last {LAST_EPISODES} episodes"
    rows = [("**rlctl**", env, result, f"{report['steps']:,}", seeds, metric)]
    for row in env_report["published"]:
        metric = f"{row['metric']}; {row['note']}" if row["note"] else row["metric"]
        source = f"{row['title']} ({row['address']})"
        rows.append((
            source, row["env"], spread(row["mean"], row["std"]), f"{row['steps']:,}",
            str(row["seeds"] or "-"), metric,
        ))  # fmt: skip
    return _table(("source", "environment", "return", "steps", "seeds", "metric"), rows)


def _runs(env_report: Report) -> list[str]:
    header = ("seed", "status", "score", "episodes", "last evaluation", "steps", "steps/s", "min")
    return _table(
        header,
        [
            (
                str(run["seed"]),
                f"{run['status']}: {run['error']}" if run["error"] else run["status"],
                spread(run["final"]["mean"], run["final"]["std"]),
                f"{run['episodes']:,}",
                number(run["evaluation"]),
                f"{run['steps']:,}",
                number(run["steps_per_second"]),
                f"{run['seconds'] / 60:.1f}",
            )
            for run in env_report["runs"]
        ],
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]

"""`rlctl inspect-ckpt`: describe and verify a checkpoint, or compare two."""

import shlex
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from rlctl import catalog
from rlctl.cli import console, options
from rlctl.cli.console import Console
from rlctl.cli.formatting import number, setting_text
from rlctl.cli.options import Json, Quiet, complete_ckpt
from rlctl.core.errors import UsageError


def inspect_ckpt(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[CKPT]",
            help="Run, checkpoint folder, RUN@STEP, ENV (its latest run), `latest`, `best` or "
            "shipped:ENV; default: the best checkpoint of the latest run.",
            show_default=False,
            autocompletion=complete_ckpt,
        ),
    ] = None,
    ckpt: Annotated[
        str | None,
        options.option(
            "--ckpt", "CKPT", "Name the checkpoint, as in other commands.", complete_ckpt
        ),
    ] = None,
    diff: Annotated[
        str | None,
        options.option(
            "--diff", "OTHER", "Show the differences from another checkpoint.", complete_ckpt
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what a checkpoint holds, and verify its files."""
    with console.command("inspect-ckpt", as_json, quiet) as out:
        from rlctl.actions import inspect_ckpt as action

        inspection = action.inspect_ckpt(_single(path, ckpt), diff, warn=out.warn)
        report = inspection.to_json()
        out.add_data(report)
        if inspection.difference is None:
            _show(out, report)
        else:
            _show_difference(out, report)
        if inspection.error is not None:
            raise inspection.error


def _single(path: str | None, ckpt: str | None) -> str | None:
    if path is not None and ckpt is not None:
        raise UsageError(
            f"{path} and --ckpt {ckpt} both name a checkpoint",
            "give only one of them; --diff OTHER names the second",
        )
    return ckpt if path is None else path


def _show(out: Console, report: dict[str, Any]) -> None:
    out.print_pairs({name: value for name, value in _summary(report) if value})
    for group, arrays in report["arrays"].items():
        out.print()
        if group == "policy":
            _show_arrays(out, arrays)
        else:
            out.print(_count(group, arrays))
    out.print()
    out.print_pairs({key: setting_text(value) for key, value in _settings(report.get("config"))})


def _count(group: str, arrays: list[dict[str, Any]]) -> str:
    """Return the number of arrays and of values that are not finite."""
    bad = sum(array["nonfinite"] or 0 for array in arrays)
    count = f"{len(arrays)} array{'s' * (len(arrays) != 1)}"
    return f"{group}: {count}" + (f", {bad:,} values not finite" * bool(bad))


def _show_arrays(out: Console, arrays: list[dict[str, Any]]) -> None:
    """Print statistics per array; a dtype that all share is printed once, above the table."""
    types = {array["dtype"] for array in arrays}
    header = ["array", "shape", "mean", "std", "min", "max"]
    header += ["non-finite"] * any(array["nonfinite"] for array in arrays)
    header += ["dtype"] * (len(types) > 1)
    out.print(_count("policy", arrays) + (f", {types.pop()}" if len(types) == 1 else ""))
    rows = [_row(array) for array in arrays]
    out.print_table(header, [[row[column] for column in header] for row in rows])


def _summary(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (label, text) of the summary; empty texts are not printed."""
    env, policy = _dict(report.get("env")), _dict(report.get("policy"))
    provenance = _dict(report.get("provenance"))
    yield "checkpoint", report["path"]
    yield "state", _state(report)
    yield "engine", report.get("engine", "")
    yield "environment", env.get("id", "")
    source = _dict(report.get("imported_from"))
    yield "imported", ", ".join(str(source[key]) for key in ("name", "format") if key in source)
    yield "notes", "; ".join(map(str, _list(source.get("notes"))))
    if report.get("step") or not source:  # 0 means unknown in an imported checkpoint
        yield "trained", _trained(report)
    yield "evaluated", _evaluated(report)
    yield "policy", _network(policy)
    yield "parameters", ", ".join(f"{n:,} {name}" for name, n in report["parameters"].items())
    yield "normalizer", _normalizer(report["normalizer"])
    yield "seed", str(report.get("seed", ""))
    yield (
        "created",
        " on ".join(str(provenance[k]) for k in ("created", "platform") if k in provenance),
    )
    yield "command", shlex.join(map(str, _list(provenance.get("argv"))))
    yield "versions", _versions(report)


def _state(report: dict[str, Any]) -> str:
    if not report["verified"]:
        return "DAMAGED: " + "; ".join(sorted(report["faults"]))
    size = sum(entry["bytes"] for entry in report["files"].values())
    return f"verified, {len(report['files'])} files of {size / 1e6:.3g} MB"


def _trained(report: dict[str, Any]) -> str:
    if not isinstance(report.get("step"), int):
        return ""
    total = report["total_steps"]
    parts = [f"{report['step']:,} steps" + (f" of {total:,}" if total else "")]
    parts += [
        f"{report[k]:,} {k}" for k in ("updates", "episodes") if isinstance(report.get(k), int)
    ]
    if isinstance(report.get("seconds"), float | int):
        parts.append(f"{report['seconds']:,.0f} s")
    if report["untrained"]:
        parts.append("NEVER TRAINED: every parameter has its initial value")
    elif report["unchanged"]:
        parts.append(f"never changed: {', '.join(report['unchanged'])}")
    return "; ".join(parts)


def _evaluated(report: dict[str, Any]) -> str:
    parts = []
    last = _dict(_dict(report.get("metrics")).get("return"))
    if "mean" in last:
        parts.append(f"return {number(last['mean'])} +- {number(last.get('std'))}")
    best = _dict(report.get("best"))
    if best:
        parts.append(f"the run's best {number(best.get('return'))} at {_steps(best.get('step'))}")
    return ", ".join(parts)


def _steps(count: Any) -> str:
    return f"{count:,} steps" if isinstance(count, int) else "-"


def _network(policy: dict[str, Any]) -> str:
    """Describe the policy's network; "" if its spec is missing or invalid."""
    try:
        return catalog.policy_spec({"kind": "mlp", **policy}).summary  # the first ones say no kind
    except (ValueError, IndexError, TypeError):
        return ""


def _normalizer(normalizer: dict[str, Any]) -> str:
    if not normalizer:
        return ""
    std, constant = normalizer["std"], normalizer["constant"]
    text = f"{normalizer['count']:,.0f} observations of size {normalizer['size']}"
    text += f", std {std['min']:.3g} to {std['max']:.3g}"
    if constant and normalizer["count"]:
        text += f", constant: {', '.join(map(str, constant[:8]))}{', ...' * (len(constant) > 8)}"
    if normalizer["nonfinite"]:
        text += f", {normalizer['nonfinite']} NOT FINITE"
    return text


def _versions(report: dict[str, Any]) -> str:
    if not _dict(report.get("provenance")).get("packages"):
        return ""
    differing = [
        f"{name} {pair['saved']} (installed: {pair['installed'] or 'none'})"
        for name, pair in report["versions"].items()
    ]
    return ", ".join(differing) or "same as installed"


def _settings(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in _dict(config).items():
        if isinstance(value, dict):
            yield from _settings(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _row(array: dict[str, Any]) -> dict[str, str]:
    """Return the cells of an array's row by column."""
    return {
        "array": array["name"],
        "shape": "x".join(map(str, array["shape"])) or "scalar",
        **{name: number(array[name]) for name in ("mean", "std", "min", "max")},
        "non-finite": number(array["nonfinite"]),
        "dtype": array["dtype"],
    }


def _show_difference(out: Console, report: dict[str, Any]) -> None:
    difference = report["difference"]
    out.print_pairs({"first": report["path"], "second": difference["other"]})
    out.print()
    rows = [(key, _text(a), _text(b)) for key, (a, b) in difference["manifest"].items()]
    out.print_table(("field", "first", "second"), rows)
    out.print()
    differences = [(name, _text(value)) for name, value in difference["arrays"].items()]
    out.print_table(("array", "max difference"), differences)
    if not differences:
        out.print("all arrays are equal")


def _text(value: Any) -> str:
    """Format a value of a manifest; numbers, also in lists, with five digits."""
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    return "-" if value is None else str(value)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

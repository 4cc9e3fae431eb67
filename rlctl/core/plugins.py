"""Rows that other packages add to a table through entry points, and what is wrong with them.

A package that cannot be used costs a warning, and whoever asks for its own names an error.
"""

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Any, get_type_hints

Tell = Callable[[str], None]
_listeners: list[Tell] = []
_modules: dict[str, str] = {}  # top-level module of an entry point -> its package


@dataclass(frozen=True)
class Plugin:
    """An entry point of an installed package.

    Attributes:
        name: What the entry point is called, which is usually the name of its row.
        package: The package, with its version where that is known.
        row: What it adds; None where that cannot be used.
        problem: Why it cannot be used; "" where it can.
    """

    name: str
    package: str
    row: Any
    problem: str


def extended(built_in: tuple, group: str, kind: type) -> tuple[dict[str, Any], dict[str, Plugin]]:
    """The rows of a table with those of other packages, and the entry points that are unusable.

    What is unusable is told to whoever listens, see `telling`.

    Args:
        built_in: Rows that nobody may replace.
        group: Entry points that add rows.
        kind: The dataclass of a row.

    Returns:
        Rows by name, sorted; unusable entry points by theirs.
    """
    rows = {row.name: row for row in built_in}
    broken = {}
    for plugin in _found(group, kind, tuple(sys.path)):
        problem = plugin.problem
        if not problem and plugin.row.name in rows:
            problem = f"its {plugin.row.name!r} is there already"
        if problem:
            broken[plugin.name] = Plugin(plugin.name, plugin.package, None, problem)
            for tell in _listeners:
                tell(f"{plugin.package} cannot be used for {group}: {problem}")
        else:
            rows[plugin.row.name] = plugin.row
    return dict(sorted(rows.items())), broken


@contextmanager
def telling(tell: Tell) -> Iterator[None]:
    """Tell of every unusable package once, meanwhile."""
    told: set[str] = set()

    def once(message: str) -> None:
        if message not in told:
            told.add(message)
            tell(message)

    _listeners.append(once)
    try:
        yield
    finally:
        _listeners.remove(once)


def blame(raised: BaseException) -> str:
    """Name the package of other people whose code raised an error, and the line; "" for none."""
    found = ""
    for frame, line in traceback.walk_tb(raised.__traceback__):
        module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if module in _modules:
            found = f"{_modules[module]}, {Path(frame.f_code.co_filename).name} line {line}"
    return found


def in_one_line(problem: BaseException) -> str:
    """An error of other people's code."""
    lines = f"{type(problem).__name__}: {problem}".strip().splitlines()
    return lines[0].rstrip(":")[:500]


@cache  # looking through all that is installed takes 10 ms
def _found(group: str, kind: type, path: tuple[str, ...]) -> tuple[Plugin, ...]:
    """The entry points of a group, of the packages on the path."""
    found: dict[str, list[Plugin]] = {}
    for dist in distributions():
        if f"[{group}]" not in _entry_points(dist):
            continue
        name = dist.metadata["Name"] or str(dist.locate_file(""))
        if name in found:  # the first on the path is the one that is imported
            continue
        package = f"package {name} {dist.metadata['Version'] or ''}".strip()
        try:
            points = dist.entry_points.select(group=group)
        except Exception as problem:  # a line of them is none
            found[name] = [Plugin("", package, None, f"entry_points.txt: {in_one_line(problem)}")]
        else:
            found[name] = [_loaded(point, kind, package) for point in points]
    return tuple(plugin for plugins in found.values() for plugin in plugins)


def _entry_points(dist: Distribution) -> str:
    try:
        return dist.read_text("entry_points.txt") or ""
    except (OSError, ValueError):
        return ""


def _loaded(point: EntryPoint, kind: type, package: str) -> Plugin:
    row, problem = None, ""
    _modules[point.module.partition(".")[0]] = package
    try:
        row = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # to import it is to run it, which may do anything
        problem = in_one_line(error)
    else:
        problem = _fault(row, kind, point.value)
    return Plugin(point.name, package, None if problem else row, problem)


def _fault(row: Any, kind: type, value: str) -> str:
    """What is wrong with a row, "" for nothing."""
    if not isinstance(row, kind):
        return f"{value} is {type(row).__name__}, not {kind.__name__}"
    kinds: Mapping[str, Any] = get_type_hints(kind)
    for field in fields(kind):
        wanted, given = kinds[field.name], getattr(row, field.name)
        wanted = tuple if wanted == tuple[str, ...] else wanted
        if not isinstance(given, (int, float) if wanted is float else wanted):
            return f"{field.name} of {value} is {given!r:.60}, not {wanted.__name__}"
    if not row.name or not row.name.isprintable() or set(row.name) & set(" :/\\"):
        return f"{value} has the name {row.name!r:.60}, which cannot be typed as one"
    for field in ("target", "config"):
        module, colon, attribute = getattr(row, field).partition(":")
        if not (module and colon and attribute):
            return f"{field} of {value} is {getattr(row, field)!r:.60}, not 'module:attribute'"
    return ""

"""Plugins: catalog rows that other packages add through entry points.

A broken plugin gives a warning; using a name that it defines gives an error.
"""

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Any, Protocol, TypeVar, get_type_hints

Warn = Callable[[str], None]
_listeners: list[Warn] = []
_modules: dict[str, str] = {}  # top-level module of an entry point -> its package


class NamedRow(Protocol):
    """A row of a table."""

    @property
    def name(self) -> str:
        """The name that it is found by."""
        ...


AnyRow = TypeVar("AnyRow", bound=NamedRow)


@dataclass(frozen=True)
class Plugin:
    """Entry point of an installed package.

    Attributes:
        name: The name of the entry point, usually that of its row.
        package: The package, with its version if known.
        row: The row it adds; None if it cannot be used.
        problem: Why it cannot be used; "" if it can.
    """

    name: str
    package: str
    row: Any
    problem: str


def with_plugins(
    built_in: Sequence[AnyRow], group: str, kind: type[AnyRow]
) -> tuple[dict[str, AnyRow], dict[str, Plugin]]:
    """Return the rows of a table including plugins, and the entry points that cannot be used.

    Every unusable entry point gives a warning, see `warnings_to`.

    Args:
        built_in: Built-in rows; plugins cannot replace them.
        group: The entry point group.
        kind: The dataclass of a row.

    Returns:
        Rows by name, sorted; unusable entry points by name.
    """
    rows = {row.name: row for row in built_in}
    broken = {}
    for plugin in _discover(group, kind, tuple(sys.path)):
        problem = plugin.problem
        if not problem and plugin.row.name in rows:
            problem = f"the name {plugin.row.name!r} is taken"
        if problem:
            broken[plugin.name] = Plugin(plugin.name, plugin.package, None, problem)
            for warn in _listeners:
                warn(f"{plugin.package} cannot be used for {group}: {problem}")
        else:
            rows[plugin.row.name] = plugin.row
    return dict(sorted(rows.items())), broken


@contextmanager
def warnings_to(warn: Warn) -> Iterator[None]:
    """Send warnings about unusable plugins to `warn` in the `with` body, each once."""
    warned: set[str] = set()

    def once(message: str) -> None:
        if message not in warned:
            warned.add(message)
            warn(message)

    _listeners.append(once)
    try:
        yield
    finally:
        _listeners.remove(once)


def raising_package(raised: BaseException) -> str:
    """Return the plugin package and line that raised an error; "" if no plugin did."""
    found = ""
    # The innermost frame in a plugin wins: it is closest to the error.
    for frame, line in traceback.walk_tb(raised.__traceback__):
        module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if module in _modules:
            found = f"{_modules[module]}, {Path(frame.f_code.co_filename).name} line {line}"
    return found


def in_one_line(problem: BaseException) -> str:
    """Return an error of third-party code as one line."""
    lines = f"{type(problem).__name__}: {problem}".strip().splitlines()
    return lines[0].rstrip(":")[:500]


@cache  # scanning all installed packages takes 10 ms
def _discover(group: str, kind: type, path: tuple[str, ...]) -> tuple[Plugin, ...]:
    """Return the entry points of a group, of all packages on the path."""
    found: dict[str, list[Plugin]] = {}
    for dist in distributions():
        if f"[{group}]" not in _entry_points(dist):
            continue
        name = dist.metadata["Name"] or str(dist.locate_file(""))
        if name in found:  # the first on the path is imported
            continue
        package = f"package {name} {dist.metadata['Version'] or ''}".strip()
        try:
            points = dist.entry_points.select(group=group)
        except Exception as problem:  # entry_points.txt is malformed
            found[name] = [Plugin("", package, None, f"entry_points.txt: {in_one_line(problem)}")]
        else:
            found[name] = [_load(point, kind, package) for point in points]
    return tuple(plugin for plugins in found.values() for plugin in plugins)


def _entry_points(dist: Distribution) -> str:
    try:
        return dist.read_text("entry_points.txt") or ""
    except (OSError, ValueError):
        return ""


def _load(point: EntryPoint, kind: type, package: str) -> Plugin:
    row, problem = None, ""
    _modules[point.module.partition(".")[0]] = package
    try:
        row = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # importing runs third-party code, which may raise anything
        problem = in_one_line(error)
    else:
        problem = _row_problem(row, kind, point.value)
    return Plugin(point.name, package, None if problem else row, problem)


def _row_problem(row: Any, kind: type, value: str) -> str:
    """Return why a row is invalid; "" if it is valid."""
    if not isinstance(row, kind):
        return f"{value} is {type(row).__name__}, not {kind.__name__}"
    kinds: Mapping[str, Any] = get_type_hints(kind)
    for field in fields(kind):
        wanted, given = kinds[field.name], getattr(row, field.name)
        # isinstance does not accept generic types.
        wanted = tuple if wanted == tuple[str, ...] else wanted
        if not isinstance(given, (int, float) if wanted is float else wanted):
            return f"{field.name} of {value} is {given!r:.60}, not {wanted.__name__}"
    if not row.name or not row.name.isprintable() or set(row.name) & set(" :/\\"):
        return f"{value} has the name {row.name!r:.60}, which is not a valid name"
    for field in ("target", "config", "names"):
        module, colon, attribute = getattr(row, field, "a:b").partition(":")
        if not (module and colon and attribute):
            return f"{field} of {value} is {getattr(row, field)!r:.60}, not 'module:attribute'"
    return ""

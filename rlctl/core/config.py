"""Settings: frozen dataclasses resolved from layers; every value keeps its origin.

A setting's full name is `section.key`, from the flag or file on; only in `Resolved` the values of a
section become one dataclass. Later layers override earlier ones:

    defaults < preset < preset of the device < --config FILE < --set KEY=VALUE < flags

All errors of all layers are reported together.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar, get_args, get_type_hints, overload

from rlctl.core.errors import Incompatible, NotFound, UsageError
from rlctl.core.kwargs_section import KwargsSection
from rlctl.core.safe_io import NotText, parse_toml, read
from rlctl.core.setting_values import parse, validate
from rlctl.core.suggest import did_you_mean

MAX_BYTES = 2**17  # of a settings file
MAX_PROBLEMS = 50  # reported together
_MAX_NAME = 100  # characters of a setting's name in a message
NESTED = dict[str, dict[str, Any]]  # section -> key -> value, as in files
Section = TypeVar("Section")
Value = TypeVar("Value")
Overrides = Sequence[str] | Mapping[str, Any]  # "section.key=value" texts, or values by full name


def setting(
    default: Value,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[object, ...] | None = None,
    formerly: str = "",
) -> Value:
    """Declare a field of a settings dataclass.

    Args:
        default: The value if no layer sets one.
        help: One line.
        low: Smallest allowed value; for tuples, of every item.
        high: Largest allowed value; for tuples, of every item.
        choices: Allowed values.
        formerly: The name in earlier versions, still accepted.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "formerly": formerly}
    field: Any = dataclasses.field(default=default, metadata=metadata)
    return field


@dataclass(frozen=True)
class Layer:
    """Values from one source.

    Attributes:
        origin: The source, as shown to the user.
        values: "section.key" -> value; text is parsed by the setting's type.
        problems: Errors found before a value could be parsed.
    """

    origin: str
    values: Mapping[str, Any]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One setting, as printed by `config show`."""

    name: str
    value: Any
    origin: str
    help: str


class Resolved:
    """Settings dataclasses by section, with the origin of each value.

    Attributes:
        origins: "section.key" -> origin of the layer that set it, else `default`.
        notices: Warnings about settings given by a former name.
    """

    def __init__(
        self, sections: Mapping[str, Any], origins: Mapping[str, str], notices: Sequence[str] = ()
    ) -> None:
        self._sections = dict(sections)
        self.notices = tuple(notices)
        self.origins = dict(origins)

    @overload
    def __getitem__(self, section: type[Section]) -> Section: ...

    @overload
    def __getitem__(self, section: str) -> Any: ...

    def __getitem__(self, section: str | type[Section]) -> Any:
        """Return one section's frozen dataclass, by its type; by its name if the type varies."""
        if isinstance(section, str):
            return self._sections[section]
        return next(found for found in self._sections.values() if isinstance(found, section))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the sections."""
        return iter(self._sections)

    def values(self) -> dict[str, Any]:
        """Return every value by its full name."""
        return _flatten({name: dict(_values(section)) for name, section in self._sections.items()})

    def to_json(self) -> NESTED:
        """Return plain data: section -> key -> value, tuples as lists."""
        return {
            name: {key: list(v) if isinstance(v, tuple) else v for key, v in _values(section)}
            for name, section in self._sections.items()
        }

    def rows(self) -> list[Row]:
        """Return every setting with its value, origin and help."""
        fields = _fields({name: type(section) for name, section in self._sections.items()})
        return [
            Row(name, value, self.origins[name], _help(fields.get(name)))
            for name, value in self.values().items()
        ]

    @classmethod
    def from_json(cls, sections: Mapping[str, type], data: NESTED) -> Self:
        """Restore the settings that `to_json` wrote.

        Raises:
            Incompatible: This version does not have a setting, or does not allow its value.
        """
        known = {name: data[name] for name in sections if name in data}
        if odd := [name for name, items in known.items() if not isinstance(items, dict)]:
            raise Incompatible(f"the saved settings of section {odd[0]} are not a table")
        try:
            found = resolve(sections, [Layer("saved settings", _flatten(known))])
        except UsageError as error:
            raise Incompatible(
                f"the saved settings do not fit this version of rlctl: {error.message}",
                "use the version that wrote them: `rlctl inspect-ckpt` shows it",
            ) from error
        return cls(found._sections, found.origins)


def resolve(
    sections: Mapping[str, type],
    layers: Sequence[Layer],
    shown_by: str = "rlctl config show ENV",
) -> Resolved:
    """Apply the layers to the defaults, first to last.

    Args:
        sections: Section name -> its dataclass.
        layers: Values, lowest precedence first.
        shown_by: The command that lists the allowed settings, for the hint.

    Raises:
        UsageError: Unknown sections or settings, wrong types, values out of range. The message
            lists all of them with their origins.
    """
    problems: list[str] = []
    notices: list[str] = []
    failing_origins: set[str] = set()
    values: NESTED = {name: {} for name in sections}
    origins = dict.fromkeys(_fields(sections), "default")
    for layer in layers:
        problems += layer.problems
        failing_origins |= {layer.origin for _ in layer.problems}
        for name, raw in layer.values.items():
            # A file of another kind could give thousands.
            if len(problems) >= MAX_PROBLEMS:
                break
            given, name = name, current_name(sections, name)
            if name != given:
                notices.append(f"{_display_name(layer.origin, given)} is now called {name}")
            try:
                section, key, value = _parse_setting(sections, name, raw, layer.origin == "--set")
            except ValueError as problem:
                problems.append(f"{_display_name(layer.origin, given)}: {problem}")
                failing_origins.add(layer.origin)
            else:
                values[section][key] = value
                origins[name] = layer.origin
    if problems:
        if failing_origins == {"flag"}:
            help_source = "`--help`"
        elif failing_origins == {"argument"}:
            help_source = "the function's help or rlctl.config(ENV)"
        else:
            help_source = f"`{shown_by}`"
        raise UsageError(_join_problems(problems), f"{help_source} says what is allowed")
    settings = {name: kind(**values[name]) for name, kind in sections.items()}
    return Resolved(settings, origins, notices)


def set_layer(texts: Overrides) -> Layer:
    """Return the layer of `--set section.key=value` options, or of a Python mapping."""
    if isinstance(texts, Mapping):
        return _named_layer(texts)
    values: dict[str, Any] = {}
    problems = []
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if equals and name and "." not in (name[0], name[-1]):
            values[name] = value.strip()
        else:
            problems.append(f"--set {text}: not of the form section.key=value")
    return Layer("--set", values, tuple(problems))


def _named_layer(given: Mapping[str, Any]) -> Layer:
    """Return the layer of "section.key" -> value; accepts numpy scalars and paths too."""
    plain = {
        str(name): value.tolist() if hasattr(value, "tolist") else value
        for name, value in given.items()
    }
    texts = {name: str(value) for name, value in plain.items() if isinstance(value, Path)}
    return Layer("argument", plain | texts)


def flag_layer(flags: Mapping[str, Any]) -> Layer:
    """Return the layer of flags: "section.key" -> value, None if the flag was not given."""
    return Layer("flag", {name: value for name, value in flags.items() if value is not None})


def parse_options(kind: type[Section], **given: str | None) -> Section:
    """Return a settings dataclass made of a command's options.

    Args:
        kind: The dataclass; its fields define types and ranges.
        given: Options by field name, None where not given.

    Raises:
        UsageError: Options are not allowed; the message names all of them.
    """
    layer = flag_layer({f".{name}": text for name, text in given.items()})
    return resolve({"": kind}, [layer])[kind]


def toml_layer(path: Path, origin: str | None = None) -> Layer:
    """Return the layer of a TOML file; its tables are the sections.

    Raises:
        NotFound: The file does not exist.
        UsageError: The file cannot be read, or is not TOML.
    """
    origin = origin or str(path)
    try:
        data = parse_toml(read(path, MAX_BYTES))
    except FileNotFoundError as error:
        raise NotFound(f"there is no configuration file {path}", "check the path") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error}", "give a TOML file") from error
    except NotText as error:
        raise UsageError(f"cannot read {path}: {error}", "save it as UTF-8") from error
    except ValueError as error:
        raise UsageError(
            f"{path} is not TOML: {error}",
            "settings are written as `key = value` under a [section]",
        ) from error
    loose = tuple(
        f"{origin}: {name[:_MAX_NAME]} stands outside a [section]"
        for name, value in data.items()
        if not isinstance(value, dict)
    )
    tables = {name: table for name, table in data.items() if isinstance(table, dict)}
    return Layer(origin, _flatten(tables), loose)


def _flatten(nested: NESTED) -> dict[str, Any]:
    """Return values by full name."""
    return {
        f"{section}.{key}": value
        for section, items in nested.items()
        for key, value in items.items()
    }


def _display_name(origin: str, name: str) -> str:
    if origin == "flag":
        return "--" + name.partition(".")[2].replace("_", "-")
    if origin == "argument":
        return name.lstrip(".")
    name = name if len(name) <= _MAX_NAME else name[:_MAX_NAME] + "..."
    return f"{origin} {name}" if origin == "--set" else f"{origin}: {name}"


def _join_problems(problems: Sequence[str]) -> str:
    if len(problems) == 1:
        return problems[0]
    count = f"{len(problems)} settings" if len(problems) < MAX_PROBLEMS else "many settings"
    return "\n  ".join([f"{count} cannot be used:", *problems[:MAX_PROBLEMS]])


def _parse_setting(
    sections: Mapping[str, type], name: str, raw: object, typed: bool
) -> tuple[str, str, Any]:
    """Return the section, key and parsed value of a setting.

    Raises:
        ValueError: The setting does not exist, or the value is not allowed.
    """
    section, dot, key = name.partition(".")
    fields = _fields(sections)
    if not dot:
        raise ValueError("not of the form section.key=value" + _suggestion(name, fields))
    if section not in sections:
        wrong = f"there is no section {section[:_MAX_NAME]!r}" if section else "this has no section"
        raise ValueError(f"{wrong}; there are {', '.join(sections)}" + _suggestion(name, fields))
    if issubclass(sections[section], KwargsSection):
        return section, key, sections[section].accept(key, raw, typed)
    if name not in fields:
        raise ValueError("there is no such setting" + _suggestion(name, fields))
    kind = get_type_hints(sections[section])[key]
    value = parse(raw, kind)
    validate(value, fields[name].metadata)
    return section, key, value


def _fields(sections: Mapping[str, type]) -> dict[str, dataclasses.Field]:
    return {
        f"{name}.{field.name}": field
        for name, kind in sections.items()
        if not issubclass(kind, KwargsSection)
        for field in dataclasses.fields(kind)
    }


def path_settings(kind: type, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of settings typed as paths, by key, where they are not the default.

    Args:
        kind: A settings dataclass.
        values: Key -> value, as in a file; need not be valid.
    """
    if issubclass(kind, KwargsSection):
        return {}
    hints = get_type_hints(kind)
    return {
        field.name: value
        for field in dataclasses.fields(kind)
        if Path in (hints[field.name], *get_args(hints[field.name]))
        and isinstance(value := values.get(field.name), str)
        and Path(value) != field.default
    }


def current_name(sections: Mapping[str, type], name: str) -> str:
    """Return the current name of a setting, given its current or its former name."""
    section, _, former = name.partition(".")
    for full, field in _fields(sections).items():
        if former and full.startswith(f"{section}.") and field.metadata.get("formerly") == former:
            return full
    return name


def _suggestion(name: str, known: Iterable[str]) -> str:
    question = did_you_mean(name[:_MAX_NAME], known)
    return f"; {question}" if question else ""


def _values(section: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over the keys and values of a section, paths as text."""
    if isinstance(section, KwargsSection):
        yield from section.values.items()
        return
    for field in dataclasses.fields(section):
        value = getattr(section, field.name)
        yield field.name, str(value) if isinstance(value, Path) else value


def _help(field: dataclasses.Field | None) -> str:
    return field.metadata.get("help", "") if field else ""

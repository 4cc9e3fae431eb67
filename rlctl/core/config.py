"""Settings: frozen dataclasses, filled from layers, each value with its origin.

A setting's full name is `section.key`. Layers lie over one another, later ones win:

    defaults < preset < preset of the device < --config FILE < --set KEY=VALUE < flags

All that is wrong in any layer is told at once.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_type_hints

from rlctl.core.errors import Incompatible, NotFound, UsageError
from rlctl.core.kwargs_section import FreeSection
from rlctl.core.safe_io import NotText, parse_toml, read
from rlctl.core.setting_values import check, parse
from rlctl.core.suggest import did_you_mean

MAX_BYTES = 2**17  # of a file of settings
MOST_PROBLEMS = 50  # told at once
_LONGEST = 100  # letters of a setting's name
NESTED = dict[str, dict[str, Any]]
Overrides = Sequence[str] | Mapping[str, Any]  # "section.key=value" texts, or values by full name


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] | None = None,
    formerly: str = "",
) -> Any:
    """Declare a field of a settings dataclass.

    Args:
        default: Its value where no layer gives one.
        help: One line.
        low: The smallest value allowed; for tuples, of every item.
        high: The largest value allowed; for tuples, of every item.
        choices: The only values allowed.
        formerly: Its name in earlier versions, which is read as well.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "formerly": formerly}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Layer:
    """Values from one place.

    Attributes:
        origin: The place, as the user knows it.
        values: section -> key -> value; text is parsed by the setting's type.
        problems: What could not even be read as section, key and value.
    """

    origin: str
    values: NESTED
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One setting as `config show` shows it."""

    name: str
    value: Any
    origin: str
    help: str


class Resolved:
    """Settings dataclasses by section, and where each value came from.

    Attributes:
        origins: "section.key" -> the layer's origin, `default` where none gave it.
        notices: What to warn of: settings that were given by an earlier name.
    """

    def __init__(
        self, sections: Mapping[str, Any], origins: Mapping[str, str], notices: Sequence[str] = ()
    ) -> None:
        self._sections = dict(sections)
        self.notices = tuple(notices)
        self.origins = dict(origins)

    def __getitem__(self, section: str) -> Any:
        """The settings of one section, a frozen dataclass."""
        return self._sections[section]

    def __iter__(self) -> Iterator[str]:
        """The names of the sections."""
        return iter(self._sections)

    def to_json(self) -> NESTED:
        """Plain data, section -> key -> value; tuples are lists."""
        return {
            name: {key: list(v) if isinstance(v, tuple) else v for key, v in _values(section)}
            for name, section in self._sections.items()
        }

    def rows(self) -> list[Row]:
        """Every setting with its value, origin and help."""
        fields = _fields({name: type(section) for name, section in self._sections.items()})
        return [
            Row(full, value, self.origins[full], _help(fields.get(full)))
            for name, section in self._sections.items()
            for key, value in _values(section)
            for full in [f"{name}.{key}"]
        ]

    @classmethod
    def from_json(cls, sections: Mapping[str, type], data: NESTED) -> Self:
        """The settings that `to_json` wrote.

        Raises:
            Incompatible: A setting that this version does not have, or does not allow.
        """
        known = {name: data[name] for name in sections if name in data}
        if odd := [name for name, items in known.items() if not isinstance(items, dict)]:
            raise Incompatible(f"the saved settings of section {odd[0]} are none")
        try:
            found = resolve(sections, [Layer("saved settings", known)])
        except UsageError as error:
            raise Incompatible(
                f"the saved settings do not fit this version of rlctl: {error.message}",
                "use the version that wrote them; inspect-ckpt names it",
            ) from error
        return cls(found._sections, found.origins)


def resolve(
    sections: Mapping[str, type],
    layers: Sequence[Layer],
    shown_by: str = "rlctl config show ENV",
) -> Resolved:
    """Lay the layers over the defaults, first to last.

    Args:
        sections: Section name -> its dataclass.
        layers: Values, the weakest first.
        shown_by: The command that shows what is allowed.

    Raises:
        UsageError: Unknown sections or settings, wrong types, values out of range: all of them,
            each with its origin.
    """
    problems: list[str] = []
    notices: list[str] = []
    blamed: set[str] = set()
    values: NESTED = {name: {} for name in sections}
    origins = dict.fromkeys(_fields(sections), "default")
    for layer in layers:
        problems += layer.problems
        blamed |= {layer.origin for _ in layer.problems}
        for name, raw in _flat(layer.values):
            if len(problems) >= MOST_PROBLEMS:
                break
            given, name = name, current_name(sections, name)
            if name != given:
                notices.append(f"{_place(layer.origin, given)} is called {name} now")
            try:
                section, key, value = _accept(sections, name, raw, layer.origin == "--set")
            except ValueError as problem:
                problems.append(f"{_place(layer.origin, given)}: {problem}")
                blamed.add(layer.origin)
            else:
                values[section][key] = value
                origins[name] = layer.origin
    if problems:
        if blamed == {"flag"}:
            where = "`--help`"
        elif blamed == {"argument"}:
            where = "the function's help or rlctl.config(ENV)"
        else:
            where = f"`{shown_by}`"
        raise UsageError(_listed(problems), f"{where} says what is allowed")
    made = {name: kind(**values[name]) for name, kind in sections.items()}
    return Resolved(made, origins, notices)


def set_layer(texts: Overrides) -> Layer:
    """The layer of `--set section.key=value` options, or of values by full name from Python."""
    if isinstance(texts, Mapping):
        return _named_layer(texts)
    values: NESTED = {}
    problems = []
    for text in texts:
        name, equals, value = text.partition("=")
        section, dot, key = name.strip().partition(".")
        if not dot:
            section, key = "", section
        if equals and key and bool(dot) == bool(section):
            values.setdefault(section, {})[key] = value.strip()
        else:
            problems.append(f"--set {text}: not of the form section.key=value")
    return Layer("--set", values, tuple(problems))


def _named_layer(given: Mapping[str, Any]) -> Layer:
    """The layer of "section.key" -> value; numpy's numbers and paths are taken as well."""
    values: NESTED = {}
    for name, value in given.items():
        section, _, key = str(name).rpartition(".")
        plain = value.tolist() if hasattr(value, "tolist") else value
        plain = str(plain) if isinstance(plain, Path) else plain
        values.setdefault(section, {})[key] = plain
    return Layer("argument", values)


def flag_layer(flags: Mapping[str, Any]) -> Layer:
    """The layer of flags: "section.key" -> value, None where the flag was not given."""
    values: NESTED = {}
    for name, value in flags.items():
        if value is not None:
            section, _, key = name.partition(".")
            values.setdefault(section, {})[key] = value
    return Layer("flag", values)


def toml_layer(path: Path, origin: str | None = None) -> Layer:
    """The layer of a TOML file, whose tables are the sections.

    Raises:
        NotFound: There is no such file.
        UsageError: It cannot be read, or is not TOML.
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
        f"{origin}: {name[:_LONGEST]} stands outside a [section]"
        for name, value in data.items()
        if not isinstance(value, dict)
    )
    values = {name: value for name, value in data.items() if isinstance(value, dict)}
    return Layer(origin, values, loose)


def preset_layers(algo: str, env: str, device: str) -> list[Layer]:
    """The settings that ship for an environment, or else its family, and an algorithm.

    Those that are made for a device (`cpu`, `gpu`) lie over those for all.
    """
    family, colon, _ = env.partition(":")
    for name in (env, family) if colon else (env,):
        paths = _preset(algo, name), _preset(algo, f"{name}.{device}")
        layers = [_shipped(path, f"preset {algo}/") for path in paths]
        if any(layers):
            return [layer for layer in layers if layer is not None]
    return []


def algo_layer(algo: str) -> Layer | None:
    """The settings that ship for an algorithm in any environment, None where none do."""
    return _shipped(_presets() / f"{algo}.toml", "preset ")


def _shipped(path: Path, prefix: str) -> Layer | None:
    return toml_layer(path, prefix + path.name) if path.is_file() else None


def presets(env: str, algos: Sequence[str]) -> tuple[str, ...]:
    """Those of the algorithms that have a preset for the environment."""
    return tuple(algo for algo in algos if _preset(algo, env).is_file())


def _preset(algo: str, env: str) -> Path:
    return _presets() / algo / f"{env.replace(':', '__')}.toml"


def _presets() -> Path:
    package = Path(__file__).parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def _flat(values: NESTED) -> Iterator[tuple[str, Any]]:
    for section, items in values.items():
        for key, value in items.items():
            yield f"{section}.{key}" if section else key, value


def _place(origin: str, name: str) -> str:
    if origin == "flag":
        return "--" + name.partition(".")[2].replace("_", "-")
    if origin == "argument":
        return name.lstrip(".")
    name = name if len(name) <= _LONGEST else name[:_LONGEST] + "..."
    return f"{origin} {name}" if origin == "--set" else f"{origin}: {name}"


def _listed(problems: Sequence[str]) -> str:
    if len(problems) == 1:
        return problems[0]
    count = f"{len(problems)} settings" if len(problems) < MOST_PROBLEMS else "many settings"
    return "\n  ".join([f"{count} cannot be used:", *problems[:MOST_PROBLEMS]])


def _accept(sections: Mapping[str, type], name: str, raw: Any, typed: bool) -> tuple[str, str, Any]:
    """The section, key and parsed value of a setting, or a ValueError that says what is wrong."""
    section, dot, key = name.partition(".")
    fields = _fields(sections)
    if not dot and "" in sections:  # the arguments of a function
        section, key, name = "", name, f".{name}"
    elif not dot:
        raise ValueError("not of the form section.key=value" + _meant(name, fields))
    if section not in sections:
        wrong = f"there is no section {section[:_LONGEST]!r}" if section else "this has no section"
        raise ValueError(f"{wrong}; there are {', '.join(sections)}" + _meant(name, fields))
    if issubclass(sections[section], FreeSection):
        return section, key, sections[section].accept(key, raw, typed)
    if name not in fields:
        raise ValueError("there is no such setting" + _meant(name, fields))
    kind = get_type_hints(sections[section])[key]
    value = parse(raw, kind)
    check(value, fields[name].metadata)
    return section, key, value


def _fields(sections: Mapping[str, type]) -> dict[str, dataclasses.Field]:
    return {
        f"{name}.{field.name}": field
        for name, kind in sections.items()
        if not issubclass(kind, FreeSection)
        for field in dataclasses.fields(kind)
    }


def current_name(sections: Mapping[str, type], name: str) -> str:
    """Return the name of a setting, given that or the name it had in an earlier version."""
    section, _, key = name.partition(".")
    for full, field in _fields(sections).items():
        if key and full == f"{section}.{field.name}" and field.metadata.get("formerly") == key:
            return full
    return name


def _meant(name: str, known: Mapping[str, Any]) -> str:
    question = did_you_mean(name[:_LONGEST], known)
    return f"; {question}" if question else ""


def _values(section: Any) -> Iterator[tuple[str, Any]]:
    """The keys and values of a section."""
    if isinstance(section, FreeSection):
        yield from section.values.items()
        return
    for field in dataclasses.fields(section):
        yield field.name, getattr(section, field.name)


def _help(field: dataclasses.Field | None) -> str:
    return field.metadata.get("help", "") if field else ""

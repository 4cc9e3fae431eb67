"""Settings whose names nobody knows beforehand."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rlctl.core.setting_values import check, parse, parse_any, storable


class FreeSection:
    """A section of settings that takes any key, for what code of other people is called with.

    A subclass names what it refuses, and the type of what it knows.

    Attributes:
        values: The keys that were given, with their values.
        refused: Key -> why it cannot be set.
        known: Key -> its type as `kind`, with `low`, `high` and `choices`.
    """

    refused: ClassVar[Mapping[str, str]] = {}
    known: ClassVar[Mapping[str, dict[str, Any]]] = {}

    def __init__(self, **values: Any) -> None:
        self.values = values

    @classmethod
    def accept(cls, key: str, raw: Any, typed: bool) -> Any:
        """The value of a key.

        Args:
            key: Its name.
            raw: What was given.
            typed: Whether it was typed as text, whatever it stands for.

        Raises:
            ValueError: It cannot be set, or not to that.
        """
        if not key.isidentifier() or key in cls.refused:
            raise ValueError(cls.refused.get(key, f"{key!r} is not a name"))
        if key in cls.known:
            value = parse(raw, cls.known[key]["kind"])
            check(value, cls.known[key])
            return value
        return storable(parse_any(raw) if typed else raw)

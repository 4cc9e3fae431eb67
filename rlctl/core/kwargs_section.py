"""Settings section that accepts arbitrary keyword arguments."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rlctl.core.setting_values import check_storable, parse, parse_untyped, validate


class KwargsSection:
    """Settings section of keyword arguments for third-party code.

    A subclass lists the keys it refuses and the types of the keys it knows.

    Attributes:
        values: Given keys and their values.
        refused: Key -> why it cannot be set.
        known: Key -> its type as `kind`, with `low`, `high` and `choices`.
    """

    refused: ClassVar[Mapping[str, str]] = {}
    known: ClassVar[Mapping[str, dict[str, Any]]] = {}

    def __init__(self, **values: Any) -> None:
        self.values = values

    @classmethod
    def accept(cls, key: str, raw: Any, typed: bool) -> Any:
        """Return the parsed value of a key.

        Args:
            key: The name of the keyword argument.
            raw: The given value.
            typed: Whether `raw` is text from the command line, to be parsed.

        Raises:
            ValueError: The key cannot be set, or not to this value.
        """
        if not key.isidentifier() or key in cls.refused:
            raise ValueError(cls.refused.get(key, f"{key!r} is not a name"))
        if key in cls.known:
            value = parse(raw, cls.known[key]["kind"])
            validate(value, cls.known[key])
            return value
        return check_storable(parse_untyped(raw) if typed else raw)

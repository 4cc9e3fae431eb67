"""Contract of every section of settings that the catalog names."""

import dataclasses
from typing import get_type_hints

import pytest

from rlctl import catalog
from rlctl.actions.config import TRAIN_CONFIG
from rlctl.core.config import resolve
from rlctl.core.kwargs_section import KwargsSection
from rlctl.core.setting_values import parse, validate

TARGETS = [
    TRAIN_CONFIG,
    *(row.config for row in (*catalog.ENGINES, *catalog.ENVS, *catalog.FAMILIES)),
]


@pytest.mark.parametrize("target", TARGETS)
def test_every_field_is_a_setting(target):
    section = catalog.load(target)
    if issubclass(section, KwargsSection):  # another package says what its settings are
        assert dict(section().values) == {}
        return
    assert section.__dataclass_params__.frozen
    assert not section.__doc__.startswith(f"{section.__name__}("), "dataclass wrote it"
    types = get_type_hints(section)
    for field in dataclasses.fields(section):
        assert {"help", "low", "high", "choices"} <= field.metadata.keys(), field.name
        text = field.metadata["help"]
        assert text.splitlines() == [text.strip()], field.name
        assert field.default is not dataclasses.MISSING, field.name
        assert parse(field.default, types[field.name]) == field.default, field.name
        validate(field.default, field.metadata)
    assert resolve({"section": section}, [])["section"] == section()

"""The mutation check of scripts/reliability.py quotes source lines and tests that exist."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from reliability_checks.mutation import MECHANISMS  # noqa: E402


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda mechanism: mechanism.what)
def test_a_mutation_matches_the_code(mechanism) -> None:
    assert (ROOT / "rlctl" / mechanism.file).read_text().count(mechanism.there) == 1
    file, _, name = mechanism.test.partition("::")
    text = (ROOT / "tests" / file).read_text()
    assert not name or f"def {name.rpartition('::')[2].partition('[')[0]}(" in text

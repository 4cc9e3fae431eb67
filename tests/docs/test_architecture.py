"""docs/images/packages.svg shows today's imports."""

import json
import runpy
from html import escape

import doc_pages as pages

SCRIPT = runpy.run_path(str(pages.ROOT / "scripts" / "architecture.py"), run_name="architecture")


def test_the_picture_shows_the_imports_of_the_code() -> None:
    pairs = escape(json.dumps(SCRIPT["imports"]()), quote=False)
    assert pairs in SCRIPT["PICTURE"].read_text(), "run scripts/architecture.py"


def test_no_package_imports_upwards() -> None:
    order = SCRIPT["layers"]()
    upwards = [pair for pair in SCRIPT["imports"]() if order.index(pair[0]) > order.index(pair[1])]
    assert upwards == []

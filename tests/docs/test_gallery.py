"""The tables and images of environments match the catalog."""

import runpy

import doc_pages as pages
import pytest
from PIL import Image

from rlctl import catalog

SCRIPT = runpy.run_path(str(pages.ROOT / "scripts" / "gallery"), run_name="gallery")


@pytest.mark.parametrize("path", SCRIPT["TEXTS"], ids=pages.name)
def test_tables_are_up_to_date(path) -> None:
    assert path.read_text() == SCRIPT["updated_page"](path), "run scripts/gallery --text"
    assert all(f"`{row.name}`" in path.read_text() for row in catalog.ENVS)


def test_pictures_are_small_and_not_black() -> None:
    total = 0
    for row in catalog.ENVS:
        path = SCRIPT["IMAGES"] / f"{row.name}.jpg"
        picture = Image.open(path)
        assert picture.size == SCRIPT["SIZE"]
        low, high = picture.convert("L").getextrema()
        assert high - low > 100
        total += path.stat().st_size
    assert total < 1e6
    assert (SCRIPT["IMAGES"] / "barkour.gif").stat().st_size < 2**21

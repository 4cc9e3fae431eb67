"""Relative links in README.md and the documentation have existing targets."""

import re
from pathlib import Path

import doc_pages as pages
import pytest

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub and MyST give a page's headings."""
    headings = re.findall(r"^#+ (.+)$", pages.prose(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def _targets(path: Path) -> list[str]:
    text = re.sub(r"`[^`\n]+`\]", "]", pages.prose(path.read_text()))
    return [target for target in LINK.findall(text) if "://" not in target]


@pytest.mark.parametrize("path", pages.PAGES, ids=pages.name)
def test_they_exist(path: Path) -> None:
    for target in _targets(path):
        place, _, anchor = target.partition("#")
        page = path.parent / place if place else path
        assert page.exists(), target
        assert not anchor or anchor in _anchors(page), target


def test_the_index_leads_to_every_page() -> None:
    reached, waiting = set(), [pages.DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        waiting += [
            (page.parent / t.partition("#")[0]).resolve() for t in _targets(page) if t[0] != "#"
        ]
    assert {path for path in pages.PAGES if path.is_relative_to(pages.DOCS)} <= reached

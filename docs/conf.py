"""Sphinx settings of the documentation. `scripts/docs` builds it, without a network."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rlctl import __version__

project = "rlctl"
author = "The rlctl developers"
copyright = "The rlctl developers"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "examples"]
default_role = "code"  # single backticks in docstrings

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes stay with their class

html_theme = "furo"
html_title = f"rlctl {release}"


def mark_blocks(
    app: Sphinx, kind: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Show indented blocks of docstrings as they stand: trees, formulas, programs."""
    indents = [len(line) - len(line.lstrip()) for line in lines]
    for i in range(len(lines) - 2):
        begins = lines[i] and not lines[i + 1] and indents[i + 2] > indents[i]
        if begins and not lines[i].endswith("::"):
            lines[i] = lines[i].removesuffix(":") + "::"


def setup(app: Sphinx) -> None:
    """Hear of every docstring before napoleon does."""
    app.connect("autodoc-process-docstring", mark_blocks, priority=100)

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
suppress_warnings = ["ref.python"]  # names that `rlctl` offers have two entries, short and full

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
    """Show blocks of docstrings as they stand: fenced programs, indented trees and formulas."""
    _open_fences(lines)
    indents = [len(line) - len(line.lstrip()) for line in lines]
    for i in range(len(lines) - 2):
        begins = lines[i] and not lines[i + 1] and indents[i + 2] > indents[i]
        if begins and not lines[i].endswith("::") and ".. " not in lines[i]:
            lines[i] += ":" if lines[i].endswith(":") else " ::"


def _open_fences(lines: list[str]) -> None:
    """Turn Markdown's fences into directives."""
    inside = False
    for i, line in enumerate(lines):
        if line.lstrip().startswith("```"):
            inside = not inside
            language = line.strip().removeprefix("```")
            start, _, _ = line.partition("```")
            lines[i] = f"{start}.. code-block:: {language or 'text'}\n" if inside else ""
        elif inside:
            lines[i] = f"    {line}"
    lines[:] = "\n".join(lines).split("\n")


def setup(app: Sphinx) -> None:
    """Hear of every docstring before napoleon does."""
    app.connect("autodoc-process-docstring", mark_blocks, priority=100)

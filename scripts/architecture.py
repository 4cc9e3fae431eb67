"""Draw which package of rlctl imports which, from the code: docs/images/packages.svg.

    .venv/bin/python scripts/architecture.py

Packages are in the order of import-linter's layers. An import upwards would be a mark above the
diagonal.
"""

import json
import tomllib
from pathlib import Path

import grimp
import matplotlib as mpl
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "packages.svg"
INK, GRID, MARK = "#24292f", "#d0d7de", "#1f6feb"


def layers() -> list[str]:
    """Return the packages of rlctl, top layer first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    found = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    names = [name.strip() for layer in found for name in layer.split("|")]
    return [name for name in names if name != "__main__"]


def imports() -> list[list[str]]:
    """Return pairs [importer, imported] of packages, imports for type checking included."""
    graph = grimp.build_graph("rlctl", exclude_type_checking_imports=False)
    names = layers()
    pairs = [[a, b] for a in names for b in names if a != b]
    return [
        [a, b]
        for a, b in pairs
        if graph.direct_import_exists(
            importer=f"rlctl.{a}", imported=f"rlctl.{b}", as_packages=True
        )
    ]


def draw(path: Path) -> None:
    """Draw the matrix of imports; the pairs are in the file's description."""
    names, pairs = layers(), imports()
    size = 0.36 * len(names)
    figure = Figure(figsize=(size + 1.6, size + 1.2), layout="constrained")
    axes = figure.subplots()
    count = len(names)
    axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), aspect="equal")
    axes.set_xticks(range(count), names, rotation=60, ha="left", color=INK)
    axes.set_yticks(range(count), names, color=INK)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for i in range(count + 1):
        axes.axhline(i - 0.5, color=GRID, lw=0.6)
        axes.axvline(i - 0.5, color=GRID, lw=0.6)
    for i in range(count):
        axes.fill_between([i - 0.5, i + 0.5], i - 0.5, i + 0.5, color=GRID)
    columns = [names.index(imported) for _, imported in pairs]
    rows = [names.index(importer) for importer, _ in pairs]
    axes.scatter(columns, rows, color=MARK, s=42, zorder=3)
    axes.set_title("a row imports the marked columns", fontsize=9, color=INK, loc="left")
    axes.spines[:].set_visible(False)
    # The same file for the same imports: no date, fixed ids.
    with mpl.rc_context({"svg.hashsalt": "rlctl", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None, "Description": json.dumps(pairs)})


if __name__ == "__main__":
    draw(PICTURE)
    print(PICTURE.relative_to(ROOT))

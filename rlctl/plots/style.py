"""Shared style of all plots: colours, axes, tick labels, encoding."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INK, LINE, GRID, REST = "#333333", "#1f5fa8", "#dddddd", "#9a9a9a"
# The colour-blind safe palette of Okabe and Ito, with another blue. Yellow is too faint for lines
# and is used only for areas.
COLORS = (LINE, "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
YELLOW = "#f0e442"
MINUS = "\N{MINUS SIGN}"  # unlike a hyphen, as wide as a digit


@contextmanager
def plain_text() -> Iterator[None]:
    """Draw text literally: no mathematics between dollar signs, and real text in an SVG."""
    import matplotlib

    with (
        matplotlib.rc_context(
            {"text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "rlctl"}
        ),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def new_figure(width: float, height: float, dpi: int = 120) -> Any:
    """Return an empty figure (inches) that needs neither a display nor pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def style_axes(ax: Any, x_label: str) -> None:
    """Style axes: a grid behind the curves, no frame, short tick labels on the x axis."""
    ax.grid(color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8, colors=INK)
    ax.set_xlabel(x_label, color=INK, fontsize=9)
    ax.xaxis.set_major_formatter(format_tick)


def format_tick(value: float, _position: int | None = None) -> str:
    """Format a tick label: 1500 as 1.5k, two million as 2M."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9999995 * factor:  # the rounding of %g gives 1M, not 1000k
            return f"{value / factor:g}{letter}".replace("-", MINUS)
    return f"{value:g}".replace("-", MINUS)


def encode(figure: Any, kind: str) -> bytes:
    """Encode the figure as `png` or `svg`; equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()

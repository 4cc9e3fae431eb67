"""What all of rlctl's pictures look like: ink, colours, axes, and how they become files."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INK, LINE, GRID, REST = "#333333", "#1f5fa8", "#dddddd", "#9a9a9a"
# Those of Okabe and Ito, which colour-blind people tell apart, with our blue; yellow is too faint
# for a line, but not for an area.
COLORS = (LINE, "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
YELLOW = "#f0e442"
MINUS = "\N{MINUS SIGN}"  # as wide as a digit, which a hyphen is not


@contextmanager
def plain() -> Iterator[None]:
    """Texts are what they are: no mathematics between dollar signs, and text in an SVG."""
    import matplotlib

    settings = {"text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "rlctl"}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def canvas(width: float, height: float, dpi: int = 120) -> Any:
    """An empty figure, inches wide and high, that needs neither a display nor pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def tidy(panel: Any, x_label: str) -> None:
    """Give a panel the house's axes: a grid behind, no frame, thousands as k on the x axis."""
    panel.grid(color=GRID, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8, colors=INK)
    panel.set_xlabel(x_label, color=INK, fontsize=9)
    panel.xaxis.set_major_formatter(short)


def short(value: float, _position: int | None = None) -> str:
    """The text of a tick: 1500 is 1.5k, two million 2M."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9999995 * factor:  # what %g writes as 1000 thousands is a million
            return f"{value / factor:g}{letter}".replace("-", MINUS)
    return f"{value:g}".replace("-", MINUS)


def encoded(figure: Any, kind: str) -> bytes:
    """The figure as a file of kind `png` or `svg`, the same bytes every time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()

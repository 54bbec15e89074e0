"""How figures look, and their way to a file. Colours tell apart for colour-blind readers and on dark paper."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "COLOURS",
    "INK",
    "QUIET",
    "RULE",
    "WIDTH",
    "draw",
    "new_figure",
    "require_matplotlib",
    "show_plain_decades",
]

INK = "#1c2127"
"""Colour of text and axes."""

RULE = "#cfd4da"
"""Colour of the grid."""

BLUE = "#0072b2"
"""Colour of the results."""

QUIET = "#8b95a1"
"""Colour of what stands behind."""

COLOURS = (BLUE, "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette, for what has no order."""

WIDTH = 7.2
"""Width of a figure over the page [inch]."""

_STYLE = {
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "svg.fonttype": "none",
}


def require_matplotlib(what: str = "pictures") -> None:
    """Check that ``what`` can be drawn, before anything long begins.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise InputError(f"matplotlib is not installed; expected it for {what}; pip install 'aiida-elyte[report]'")


def draw(
    figure: Callable[[Mapping[str, Any]], "Figure | None"], data: Mapping[str, Any], file_format: str = "svg"
) -> bytes | None:
    """Draw a figure.

    Parameters
    ----------
    figure
        Takes the data, returns what it drew, or nothing.
    data
        What the figure shows.
    file_format
        ``svg``, ``png`` or ``pdf``.

    Returns
    -------
    bytes or None
        The file; ``None`` when the data hold nothing to draw.
    """
    with _style(figure.__name__):
        drawn = figure(data)
        if drawn is None:
            return None
        buffer = io.BytesIO()
        metadata = {"Date": None} if file_format == "svg" else None
        opaque: dict[str, Any] = {"facecolor": "white"} if file_format == "png" else {}
        drawn.savefig(
            buffer, format=file_format, dpi=200, metadata=metadata, bbox_inches="tight", pad_inches=0.03, **opaque
        )
        return buffer.getvalue()


@contextmanager
def _style(salt: str) -> Iterator[None]:
    """Apply the style; the salt keeps names inside different SVGs of one page apart, and drawings reproducible."""
    import matplotlib as mpl

    style: dict[Any, Any] = {**_STYLE, "svg.hashsalt": salt}
    with mpl.rc_context(style):
        yield


def new_figure(height: float, width: float = WIDTH) -> "Figure":
    """Return an empty figure that no window system knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def show_plain_decades(axis: "Axis") -> None:
    """Write 0.2, 50, 100 at a logarithmic axis rather than powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    is_wide = high / low > 300
    axis.set_major_locator(LogLocator(subs=(1.0,) if is_wide else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())

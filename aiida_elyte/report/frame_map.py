"""A map of all frames of a learning, to move about in: like frames lie together, each says what was decided and why."""

from collections.abc import Mapping, Sequence
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.provenance.judged_frames import KEPT, KNOWN, JudgedFrame
from aiida_elyte.provenance.names import OFFENDING
from aiida_elyte.report.style import QUIET
from aiida_elyte.science.learning.diversity import embed_frames

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["MOST_FRAMES", "draw_map", "place_frames"]

MOST_FRAMES = 1500
"""Frames on a map at most: 50 atoms take some 20 ms each to be placed, and more points hide each other."""

_WORDS = {"bought": "bought", "left": "not needed", "refused": "rejected", KEPT: "no round came after"}
_SYMBOLS = ("circle", "triangle-up", "diamond", "pentagon", "hexagon")
"""Symbols of samplers, the first one first; frames that failed a qualification have a star."""
_COLOURS = ("#8b95a1", "#2c6fb3", "#8478b8", "#d36a72", "#e39a3b")
"""From what was known before the first round to the last."""
_DRAWING_ORDER = ("left", "refused", KEPT, "bought")
"""What was bought lies on top."""


def place_frames(frames: Sequence[JudgedFrame]) -> dict[str, Any] | None:
    """Place the frames of a learning on a map by ``embed_frames``, at most ``MOST_FRAMES``.

    Where there are more, all that were bought stay, and of the others every n-th, always the same.

    Returns
    -------
    dict or None
        ``points``, each with ``x``, ``y`` and the fields of ``JudgedFrame`` but ``atoms``; ``labelled``, these fields
        of all frames, shown or not, whose label told their error; ``left_out``, why some are not shown, in a sentence,
        empty if all are. ``None`` without frames.
    """
    placeable = [one for one in frames if _is_finite(one)]
    if not placeable:
        return None
    shown, said = _thin(placeable)
    n_lost = len(frames) - len(placeable)
    lost = f"{n_lost} frames without finite positions have no place on it." if n_lost else ""
    points = [
        {"x": float(x), "y": float(y), **_fields(one)}
        for (x, y), one in zip(embed_frames([one.atoms for one in shown]), shown, strict=True)
    ]
    labelled = [_fields(one) for one in frames if one.true_error_eV_A is not None]
    return {"points": points, "labelled": labelled, "left_out": " ".join(filter(None, [said, lost]))}


def _fields(one: JudgedFrame) -> dict[str, Any]:
    return {name: value for name, value in vars(one).items() if name != "atoms"}


def _is_finite(one: JudgedFrame) -> bool:
    return bool(np.isfinite(one.atoms.positions).all() and np.isfinite(one.atoms.cell.array).all())


def _thin(frames: Sequence[JudgedFrame]) -> tuple[list[JudgedFrame], str]:
    """Return the frames that are shown, in order, and what became of the others."""
    if len(frames) <= MOST_FRAMES:
        return list(frames), ""
    bought = [place for place, one in enumerate(frames) if one.decision == "bought"]
    others = [place for place, one in enumerate(frames) if one.decision != "bought"]
    if len(bought) > MOST_FRAMES // 2:
        step = -(-len(frames) // MOST_FRAMES)
        return list(frames[::step]), f"One frame of {step} is shown of {len(frames)}."
    step = -(-len(others) // (MOST_FRAMES - len(bought)))
    kept = sorted([*bought, *others[::step]])
    said = f"Of {len(frames)} frames all that were bought are shown, and one of {step} of the others."
    return [frames[place] for place in kept], said


def draw_map(placed: Mapping[str, Any] | None) -> "Markup | None":
    """Return the map as a part of a page, with all that it needs; no network.

    Parameters
    ----------
    placed
        What ``place_frames`` returned.

    Raises
    ------
    InputError
        If plotly is not installed.
    """
    if placed is None:
        return None
    if find_spec("plotly") is None:
        raise InputError(
            "plotly is not installed; expected it for the map of the frames; pip install 'aiida-elyte[report]'"
        )
    from markupsafe import Markup
    from plotly import graph_objects

    points = placed["points"]
    last = max(1, *(one["round"] for one in points))
    axis = {"visible": False, "fixedrange": False}
    figure = graph_objects.Figure(
        [_trace(name, symbol, chosen) for name, symbol, chosen in _groups(points)],
        {
            "template": "none",
            "height": 560,
            "dragmode": False,  # a finger that moves down the page must not be caught by the map
            "margin": {"l": 4, "r": 4, "t": 52, "b": 4},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"size": 12},
            "modebar": {"bgcolor": "rgba(0,0,0,0)"},
            "hovermode": "closest",
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"orientation": "h", "y": -0.02, "yanchor": "top", "x": 0, "itemsizing": "constant"},
            "coloraxis": {
                "cmin": 0,
                "cmax": last,
                "colorscale": [[place / 4, colour] for place, colour in enumerate(_COLOURS)],
                "colorbar": {
                    "orientation": "h",
                    "title": {"text": "round", "side": "top"},
                    "thickness": 8,
                    "len": 0.6,
                    "x": 0.02,
                    "xanchor": "left",
                    "y": 1.0,
                    "yanchor": "bottom",
                    "tickmode": "array",
                    "tickvals": list(range(0, last + 1, -(-last // 8))),
                },
            },
        },
    )
    buttons = ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]
    config = {"responsive": True, "displaylogo": False, "displayModeBar": True, "modeBarButtons": [buttons]}
    return Markup(figure.to_html(config, full_html=False, include_plotlyjs=True, div_id="frame-map"))


def _groups(points: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[Mapping[str, Any]]]]:
    """Return name, symbol and points of each group of alike frames, in the order in which they are drawn."""
    known = [one for one in points if one["decision"] == KNOWN]
    groups = [("labelled before", "square", known)] if known else []
    sources = list(dict.fromkeys(one["source"] for one in points if one["decision"] != KNOWN))
    samplers = [source for source in sources if source != OFFENDING]
    symbols = {source: _SYMBOLS[place % len(_SYMBOLS)] for place, source in enumerate(samplers)} | {OFFENDING: "star"}
    names = {source: f"by {source}, " for source in samplers} | {OFFENDING: "failed a qualification, "}
    for decision in _DRAWING_ORDER:
        suffix = {"left": "-open", "refused": "-x-open", KEPT: "-dot", "bought": ""}[decision]
        for source in sources:
            chosen = [one for one in points if (one["source"], one["decision"]) == (source, decision)]
            if chosen:
                symbol = "star-open-dot" if decision == "refused" and source == OFFENDING else symbols[source] + suffix
                groups.append((names[source] + _WORDS[decision], _existing(symbol), chosen))
    return groups


def _existing(symbol: str) -> str:
    """Return a symbol that plotly has: only some have a variant with a cross."""
    base = symbol.removesuffix("-x-open")
    return symbol if base in ("circle", "diamond", "square") or base == symbol else f"{base}-open-dot"


def _trace(name: str, symbol: str, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    is_bought = symbol in (*_SYMBOLS, "star")
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{name} ({len(points)})",
        "x": [round(one["x"], 5) for one in points],
        "y": [round(one["y"], 5) for one in points],
        "text": [_describe(one) for one in points],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "symbol": symbol,
            "size": 11 if is_bought else 7,
            "color": [one["round"] for one in points],
            "coloraxis": "coloraxis",
            "opacity": 0.95 if is_bought else 0.7,
            "line": {"width": 1, "color": QUIET} if not symbol.endswith(("-open", "-dot")) else {"width": 1},
        },
    }


def _describe(one: Mapping[str, Any]) -> str:
    """Return what stands beside a point: what others wrote is escaped, for it is read as HTML."""
    where = f"round {one['round']}, by {one['source']}" if one["decision"] != KNOWN else "before the first round"
    said = [f"<b>{escape(where)}</b>"]
    if one["decision"] != KNOWN:
        said.append(f"{_WORDS[one['decision']]}: {escape(_break(one['reason']))}".replace("\n", "<br>"))
    said += [
        text.format(one[name])
        for name, text in (
            ("error_eV_A", "expected error {:.3g} eV/Å"),
            ("true_error_eV_A", "true error {:.3g} eV/Å"),
            ("probability", "above the tolerance with probability {:.2g}"),
            ("spread_eV_A", "largest committee spread {:.3g} eV/Å"),
            ("distance", "distance to the data {:.3g} (theirs: 1)"),
        )
        if one[name] is not None
    ]
    return "<br>".join(said)


def _break(reason: str) -> str:
    """Return a reason in lines that a phone shows."""
    from textwrap import wrap

    return "\n".join(wrap(reason, 44))

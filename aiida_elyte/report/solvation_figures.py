"""Figures of solvation: radial distribution functions of what coordinates the ions, and running numbers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from aiida_elyte.report.style import COLOURS, QUIET, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_solvation"]

_REACH_A = 8.0
"""Distance shown [Å]: the first shell and what follows it."""


def draw_solvation(data: Mapping[str, Any]) -> "Figure | None":
    """Draw g(r) and n(r) of each site: the mean over boxes with its error, each box thin behind; first minima dashed.

    Parameters
    ----------
    data
        ``solvation``, the first shells, and ``boxes``, each with its ``curves``.
    """
    curves = [box["curves"] for box in data["boxes"] if box["curves"] is not None]
    if not curves or not data["solvation"]:
        return None
    centre, sites = data["solvation"]["centre"], data["solvation"]["sites"]
    figure = new_figure(3.0)
    left, right = figure.subplots(1, 2)
    # Boxes differ a little in width and so in the reach of their functions; the shells are the same.
    shortest = min((one["r_A"] for one in curves), key=len)
    for (site, shell), colour in zip(sites.items(), COLOURS, strict=False):
        for axes, kind in ((left, "g"), (right, "n")):
            name = f"{kind}_{shell['array']}"
            values = np.array([np.interp(shortest, one["r_A"], one[name]) for one in curves])
            errors = np.array([np.interp(shortest, one["r_A"], one[f"{name}_error"]) for one in curves])
            _curve(axes, shortest, values, errors, colour, site)
        if shell["first_minimum_A"] is not None:
            left.axvline(shell["first_minimum_A"], color=colour, linewidth=0.8, linestyle=(0, (3, 2)))
            number = shell["coordination"]
            if "value" in number:
                right.plot(shell["first_minimum_A"], number["value"], "o", color=colour, markersize=4)
    for axes in (left, right):
        axes.set_xlim(0, min(_REACH_A, float(shortest[-1])))
        axes.set_xlabel("r  (Å)")
        axes.set_ylim(bottom=0)
    left.axhline(1.0, color=QUIET, linewidth=0.7)
    left.set_ylabel(f"g(r) about {centre}")
    right.set_ylabel(f"neighbours of {centre} within r")
    inside = shortest < min(_REACH_A, float(shortest[-1]))
    tops = [one[f"n_{shell['array']}"][: len(shortest)][inside].max() for one in curves for shell in sites.values()]
    right.set_ylim(0, min(1.05 * max(tops), 12.0) or 1.0)
    left.legend(loc="upper right")
    return figure


def _curve(axes: "Axes", r: np.ndarray, values: np.ndarray, errors: np.ndarray, colour: str, label: str) -> None:
    """Draw the mean of curves with its error: that of the scatter between them where there are several."""
    mean, error = values.mean(axis=0), errors[0]
    if len(values) > 1:
        scatter = values.std(axis=0, ddof=1) / np.sqrt(len(values))
        error = np.maximum(scatter, np.sqrt((errors**2).sum(axis=0)) / len(values))
        for one in values:
            axes.plot(r, one, color=colour, linewidth=0.5, alpha=0.5)
    axes.plot(r, mean, color=colour, label=label)
    # Where nothing was ever seen the error of a count is that of one pair, however small the shell.
    seen = np.where(mean > 0, error, np.nan)
    axes.fill_between(r, mean - seen, mean + seen, color=colour, alpha=0.25, linewidth=0)

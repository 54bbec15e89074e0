"""Figures of a box: the schedule of its stages, and how density, pressure and temperature settle."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aiida_elyte.report.style import BLUE, COLOURS, QUIET, draw, new_figure
from aiida_elyte.science.lammps.stages import Stage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_schedule", "draw_settling", "settling_figure"]

_ROWS = (
    ("density_g_cm3", "density / g cm⁻³"),
    ("pressure_bar", "pressure / kbar"),
    ("temperature_K", "temperature / K"),
)
"""Record → label of its axis."""

_POINTS = 1500
"""Points of a curve: more than a figure can show are averaged."""

_SHADE = 0.12
"""Opacity of a shaded range."""


def draw_schedule(stages: Sequence[Stage]) -> bytes:
    """Draw temperature and pressure of the stages against time, as PNG."""
    return draw(_schedule, {"stages": stages}, "png") or b""


def draw_settling(
    records: Mapping[str, np.ndarray], begins_ps: float, means: Mapping[str, tuple[float, float]], refused: str | None
) -> bytes:
    """Draw density, pressure and temperature against time, as PNG.

    Parameters
    ----------
    records
        ``time_ps`` and records of LAMMPS by name, each ``shape=(n,)``.
    begins_ps
        Where the equilibrium part begins [ps]; it is shaded.
    means
        Mean and standard error there, by record.
    refused
        Why it is not in equilibrium; ``None`` where it is one.
    """
    data = {"records": records, "begins_ps": begins_ps, "means": means, "refused": refused}
    return draw(settling_figure, data, "png") or b""


def _schedule(data: Mapping[str, Any]) -> "Figure":
    figure = new_figure(3.4)
    top, bottom = figure.subplots(2, 1, sharex=True)
    begin = 0.0
    for stage in data["stages"]:
        if stage.kind == "minimize":
            continue
        end = begin + stage.n_steps * stage.timestep_fs / 1000
        top.plot([begin, end], stage.temperature_K, color=COLOURS[1], solid_capstyle="butt", linewidth=2)
        if stage.pressure_bar is None:
            bottom.axvspan(begin, end, color=QUIET, alpha=_SHADE, linewidth=0)
        else:
            bottom.plot([begin, end], stage.pressure_bar, color=BLUE, solid_capstyle="butt", linewidth=2)
        begin = end
    top.set(ylabel="temperature / K", xlim=(0, begin))
    top.margins(y=0.15)
    bottom.set(ylabel="pressure / bar", xlabel="time / ps", yscale="symlog")
    bottom.set_ylim(0, 3 * bottom.get_ylim()[1])
    bottom.set_title("pressure of the barostat; shaded: constant volume")
    for axis in (top, bottom):
        axis.grid(visible=True)
    return figure


def settling_figure(data: Mapping[str, Any]) -> "Figure":
    """Draw what ``draw_settling`` was given, for a page."""
    records, begins = data["records"], data["begins_ps"]
    time = np.asarray(records["time_ps"])
    figure = new_figure(5.6)
    for axis, (name, label) in zip(figure.subplots(len(_ROWS), 2, sharex="col").tolist(), _ROWS, strict=True):
        scale = 1e-3 if name == "pressure_bar" else 1.0
        values = scale * np.asarray(records[name])
        settle = time >= data["records"]["settle_from_ps"]
        for side, chosen in zip(axis, (np.ones(len(time), dtype=bool), settle), strict=True):
            _curve(side, time[chosen], values[chosen])
            side.axvspan(begins, time[-1], color=COLOURS[2], alpha=_SHADE, linewidth=0)
        mean, error = (scale * value for value in data["means"][name])
        axis[1].plot([begins, time[-1]], [mean, mean], color=COLOURS[1])
        axis[1].set_title(f"{mean:.4g} ± {error:.2g}")
        axis[0].set_ylabel(label)
    axis[0].set_xlabel("time / ps")
    axis[1].set_xlabel("time / ps, at the target")
    figure.suptitle(
        "shaded: in equilibrium" if data["refused"] is None else "shaded: judged, not in equilibrium", fontsize=8.5
    )
    return figure


def _curve(axis: "Axes", time: np.ndarray, values: np.ndarray) -> None:
    """Plot a curve by averages over stretches."""
    width = max(1, len(time) // _POINTS)
    n_used = len(time) // width * width
    axis.plot(
        time[:n_used].reshape(-1, width).mean(axis=1),
        values[:n_used].reshape(-1, width).mean(axis=1),
        color=BLUE,
        linewidth=0.8,
    )
    axis.grid(visible=True)

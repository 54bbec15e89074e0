"""Figures of a report: what ``collect`` returned in, figure out."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aiida_elyte.report.learning_figures import draw_calibration, draw_selection
from aiida_elyte.report.style import COLOURS, INK, QUIET, WIDTH, new_figure, show_plain_decades
from aiida_elyte.report.verdicts import is_refused_by
from aiida_elyte.science.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = [
    "FIGURES",
    "draw_arrhenius",
    "draw_displacements",
    "draw_learning_curves",
    "draw_parity",
    "draw_temperatures",
]

_HEAT = ("#2c6fb3", "#8478b8", "#d36a72", "#e39a3b")
"""Cold to hot; lightness grows with it."""

_MAX_POINTS = 15000
"""Points of a cloud: more only darken it."""


def _heat(temperatures: Sequence[float]) -> dict[float, Any]:
    """Return a colour for each temperature, cold to hot."""
    from matplotlib.colors import LinearSegmentedColormap

    scale = LinearSegmentedColormap.from_list("heat", _HEAT)
    ordered = sorted(set(temperatures))
    return {kelvin: scale(i / max(1, len(ordered) - 1)) for i, kelvin in enumerate(ordered)}


def draw_arrhenius(data: Mapping[str, Any]) -> "Figure | None":
    """Draw conductivities against 1000/T with error bars (95 %), bounds as arrows, and the fit with its band.

    What may be used is filled, what may not is hollow; a temperature that is refused by its verdict bears its word.
    """
    points, bounds, refused = _conductivities(data)
    if not points and not bounds:
        return None
    figure = new_figure(3.5, 5.0)
    axes = figure.subplots()
    if data["arrhenius_band"] is not None:
        _draw_band(axes, data["arrhenius_band"], [kelvin for kelvin, *_ in points])
    for is_qualified, label in ((True, "σ, 95 % interval"), (False, "σ, not qualified")):
        _draw_points(axes, [one for *one, known in points if known is is_qualified], "o", is_qualified, label)
    for is_qualified, label in ((True, "upper bound (95 %)"), (False, "upper bound, not qualified")):
        _draw_bounds(axes, [one for *one, known in bounds if known is is_qualified], is_qualified, label)
    predicted = (data["arrhenius"] or {}).get("conductivity_300K", {})
    is_extrapolated = "value" in predicted
    if is_extrapolated:
        verdict = Verdict.from_dict(data["arrhenius"])
        label = "extrapolated to 300 K" + ("" if verdict.is_qualified else ", not qualified")
        _draw_points(axes, [[300.0, predicted["value"], *predicted["ci95"]]], "D", verdict.is_qualified, label)
    axes.set_yscale("log")
    axes.set_xlabel("1000 / T  (1/K)")
    axes.set_ylabel("conductivity σ  (mS/cm)")
    axes.grid(axis="y")
    for kelvin, _ in refused:
        axes.axvline(1000 / kelvin, color=COLOURS[1], linewidth=0.8, linestyle=(0, (1, 2)))
    _widen(axes)
    for kelvin, word in refused:
        place: dict[str, Any] = {"rotation": 90, "ha": "right", "va": "bottom", "fontsize": 7.5, "color": COLOURS[1]}
        axes.text(1000 / kelvin, 0.02, word, transform=axes.get_xaxis_transform(), **place)
    show_plain_decades(axes.yaxis)
    known = {kelvin for kelvin, *_ in [*points, *bounds, *refused]} | ({300.0} if is_extrapolated else set())
    _show_temperatures(axes, sorted(known))
    axes.legend(loc="best")
    return figure


def _draw_band(axes: "Axes", band: Mapping[str, Any], measured_K: Sequence[float]) -> None:
    """Draw the fit, dashed where it extrapolates, with its band."""
    inverse, line = 1000 / band["temperature_K"], band["value"]
    coldest = max(1000 / kelvin for kelvin in measured_K)
    inside, outside = inverse <= coldest, inverse >= coldest
    axes.fill_between(
        inverse, band["low"], band["high"], color=COLOURS[0], alpha=0.15, linewidth=0, label="fit, 95 % band"
    )
    axes.plot(inverse[inside], line[inside], color=COLOURS[0])
    axes.plot(inverse[outside], line[outside], color=COLOURS[0], linestyle=(0, (4, 3)), linewidth=1)


def _draw_points(axes: "Axes", points: Sequence[Sequence[float]], marker: str, is_filled: bool, label: str) -> None:
    """Draw values (T, σ, low, high) with their intervals."""
    if not points:
        return
    kelvin, value, low, high = np.array(points).T
    axes.errorbar(
        1000 / kelvin,
        value,
        np.maximum([value - low, high - value], 0),
        fmt=marker,
        color=COLOURS[0],
        markerfacecolor=COLOURS[0] if is_filled else "white",
        markersize=5,
        capsize=2.5,
        elinewidth=1,
        label=label,
    )


def _draw_bounds(axes: "Axes", bounds: Sequence[Sequence[float]], is_filled: bool, label: str) -> None:
    """Draw upper bounds (T, σ) with arrows down from them, with an open head where they may not be used."""
    if not bounds:
        return
    kelvin, limit = np.array(bounds).T
    width = 1.6 if is_filled else 0.8
    axes.plot(1000 / kelvin, limit, "_", color=COLOURS[1], markersize=11, markeredgewidth=width, label=label)
    axes.plot(1000 / kelvin, limit / 2, linestyle="none")  # room below
    for place in zip(1000 / kelvin, limit, strict=True):
        arrow = {"arrowstyle": "<|-", "color": COLOURS[1], "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
        arrow |= {} if is_filled else {"arrowstyle": "<-", "linewidth": 0.8}
        axes.annotate("", place, (0, -20), textcoords="offset points", arrowprops=arrow)


def _show_temperatures(axes: "Axes", known_K: Sequence[float]) -> None:
    """Write temperatures above an axis of 1000/T, those that have room."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    top = axes.secondary_xaxis("top", functions=(_reciprocal, _reciprocal))
    left, right = axes.get_xlim()
    ticks = [known_K[0]]
    for kelvin in known_K[1:]:
        if 1000 / ticks[-1] - 1000 / kelvin > 0.12 * (right - left):
            ticks.append(kelvin)
    top.xaxis.set_major_locator(FixedLocator(ticks))
    top.xaxis.set_major_formatter(FixedFormatter([f"{kelvin:g} K" for kelvin in ticks]))
    top.xaxis.set_minor_locator(NullLocator())
    top.spines["top"].set_visible(False)


def _reciprocal(values: "ArrayLike") -> np.ndarray:
    return 1000 / np.where(np.abs(values) < 1e-9, 1e-9, values)


def _widen(axes: "Axes") -> None:
    """Give the points room at the sides, and the logarithmic axis at least a decade."""
    left, right = axes.get_xlim()
    space = 0.06 * (right - left) or 0.1
    axes.set_xlim(left - space, right + space)
    low, high = axes.get_ylim()
    missing = 1.0 - math.log10(high / low)
    if missing > 0:
        axes.set_ylim(low * 10 ** (-missing / 2), high * 10 ** (missing / 2))


_Points = list[tuple[Any, ...]]


def _conductivities(data: Mapping[str, Any]) -> tuple[_Points, _Points, list[tuple[float, str]]]:
    """Return (T, σ, low, high, is qualified), (T, limit, is qualified) of bounds, and (T, verdict) of refusals."""
    points: _Points = []
    bounds: _Points = []
    refused: list[tuple[float, str]] = []
    for run in data["runs"]:
        found = (run["transport"] or {}).get("conductivity")
        kelvin = run["settings"]["temperature_K"]
        if found is None:
            continue
        verdict = Verdict.from_dict(run["transport"])
        if "refused" not in found:
            points.append((kelvin, found["value"], *found["ci95"], verdict.is_qualified))
        elif found["upper_bound"]:
            bounds.append((kelvin, found["upper_bound"]["value"], verdict.is_qualified))
        elif is_refused_by(verdict, found):
            refused.append((kelvin, verdict.status))
    return points, bounds, refused


def draw_displacements(data: Mapping[str, Any]) -> "Figure | None":
    """Draw mean squared displacements and their local log–log slopes, one panel a temperature, the window shaded."""
    runs = [run for run in data["runs"] if any("lag_ps" in curve for curve in run["msd"].values())]
    if not runs:
        return None
    columns = min(4, len(runs))
    rows = math.ceil(len(runs) / columns)
    figure = new_figure(3.1 * rows, max(3.4, min(WIDTH, 2.5 * columns)))
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[2.4, 1] * rows)
    first: list[Axes] = []
    for index, run in enumerate(runs):
        row, column = 2 * (index // columns), index % columns
        above = figure.add_subplot(
            grid[row, column], sharex=first[0] if first else None, sharey=first[0] if first else None
        )
        below = figure.add_subplot(grid[row + 1, column], sharex=above, sharey=first[1] if first else None)
        first = first or [above, below]
        _draw_run(above, below, run)
        above.tick_params(labelbottom=False, labelleft=column == 0)
        below.tick_params(labelleft=column == 0)
        below.set_xlabel("lag  (ps)")
        if column == 0:
            above.set_ylabel("MSD  (Å²)")
            below.set_ylabel("slope")
        above.set_title(f"{run['settings']['temperature_K']:g} K")
    first[0].set_xscale("log")
    first[0].set_yscale("log")
    first[1].set_ylim(-0.3, 2.9)
    first[1].set_yticks([0, 1, 2])
    figure.axes[0].legend(loc="upper left", handlelength=1.4)
    return figure


def _draw_run(above: "Axes", below: "Axes", run: Mapping[str, Any]) -> None:
    colours = iter(COLOURS)
    without: list[str] = []
    below.axhspan(0.9, 1.1, color=QUIET, alpha=0.25, linewidth=0)
    below.axhline(1.0, color=QUIET, linewidth=0.7)
    for name, curve in sorted(run["msd"].items(), key=lambda item: not item[1].get("mobile")):
        if "lag_ps" not in curve:
            continue
        lag, msd, error = curve["lag_ps"], curve["msd_A2"], np.nan_to_num(curve["msd_error_A2"])
        if not curve["mobile"]:
            above.plot(
                lag, msd, color=QUIET, linewidth=0.9, linestyle=_DASHES[len(above.lines) % len(_DASHES)], label=name
            )
            continue
        colour = next(colours)
        above.plot(lag, msd, color=colour, label=name)
        above.fill_between(lag, np.maximum(msd - error, msd / 10), msd + error, color=colour, alpha=0.25, linewidth=0)
        below.plot(lag, curve["slope"], color=colour, linewidth=1.2)
        below.fill_between(
            lag,
            curve["slope"] - curve["slope_error"],
            curve["slope"] + curve["slope_error"],
            color=colour,
            alpha=0.25,
            linewidth=0,
        )
        if curve["window_ps"]:
            for axes in (above, below):
                axes.axvspan(*curve["window_ps"], color=colour, alpha=0.09, linewidth=0)
            middle = math.sqrt(curve["window_ps"][0] * curve["window_ps"][1])
            if not below.texts:  # windows of several species overlap: the word stands once
                below.text(middle, 2.5, "diffusive", ha="center", va="center", fontsize=7.5)
        else:
            without.append(name)
    if without:
        # Below the slopes where another species has a window, whose word stands above.
        place, names = (0.14, f": {', '.join(without)}") if below.texts else (0.875, "")
        below.text(
            0.5, place, f"no diffusive window{names}", transform=below.transAxes, ha="center", va="center", fontsize=7.5
        )


_DASHES = ((0, (1, 1)), (0, (4, 2)), (0, (6, 1, 1, 1)))


def draw_parity(data: Mapping[str, Any]) -> "Figure | None":
    """Draw predicted against labelled energies and forces, training quiet, validation in colour."""
    parity = data["parity"]
    if not parity:
        return None
    figure = new_figure(3.3)
    forces, energy = figure.subplots(1, 2)
    offset = np.median(np.concatenate([side["energy_label"] for side in parity.values()]))
    for side, colour, size in (("train", QUIET, 2.0), ("validation", COLOURS[0], 4.0)):
        if side not in parity:
            continue
        one = parity[side]
        every = max(1, len(one["forces"]) // _MAX_POINTS)
        text = f"{side}, MAE {1000 * one['force_mae_eV_A']:.0f} meV/Å"
        forces.plot(
            one["forces_label"][::every],
            one["forces"][::every],
            ".",
            color=colour,
            markersize=size,
            markeredgewidth=0,
            alpha=0.6,
            rasterized=True,
            label=text,
        )
        text = f"{side}, MAE {1000 * one['energy_mae_eV_atom']:.1f} meV/atom"
        energy.plot(
            1000 * (one["energy_label"] - offset),
            1000 * (one["energy"] - offset),
            ".",
            color=colour,
            markersize=size + 2,
            markeredgewidth=0,
            alpha=0.8,
            rasterized=True,
            label=text,
        )
    for axes, title, unit in (
        (forces, "force component", "eV/Å"),
        (energy, "energy relative to the median", "meV/atom"),
    ):
        low = min(axes.get_xlim()[0], axes.get_ylim()[0])
        high = max(axes.get_xlim()[1], axes.get_ylim()[1])
        axes.plot([low, high], [low, high], color=INK, linewidth=0.7, zorder=0)
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        axes.set_xlabel(f"label  ({unit})")
        axes.set_ylabel(f"potential  ({unit})")
        axes.set_title(title)
        axes.locator_params(nbins=6)
        legend = axes.legend(loc="upper left", handletextpad=0.1, borderaxespad=0.1)
        for handle in legend.legend_handles:
            handle.set_markersize(8)
    return figure


def draw_learning_curves(data: Mapping[str, Any]) -> "Figure | None":
    """Draw the validation error of each member epoch by epoch, trainings one after the other."""
    trainings = [
        step for step in data["training"] if any(len(one["curve"].get("epoch", ())) for one in step["members"].values())
    ]
    if not trainings:
        return None
    figure = new_figure(2.6)
    axes = figure.subplots()
    start = 0.0
    members = sorted({name for step in trainings for name in step["members"]})
    for place, step in enumerate(trainings):
        longest = 0.0
        for name, member in step["members"].items():
            curve = member["curve"]
            if "force_mae_eV_A" not in curve:
                continue
            colour = COLOURS[members.index(name) % len(COLOURS)]
            label = name if name not in [line.get_label() for line in axes.lines] else None
            axes.plot(start + curve["epoch"], 1000 * curve["force_mae_eV_A"], color=colour, linewidth=1.1, label=label)
            longest = max(longest, curve["epoch"][-1])
        if place:
            axes.axvline(start, color=QUIET, linewidth=0.7)
        title = "first training" if step["round"] == 0 else f"after round {step['round']}"
        axes.annotate(
            f"{title}\n{step['n_frames']} frames",
            (start, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -1),
            textcoords="offset points",
            va="top",
            fontsize=7.5,
        )
        start += longest
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.25)
    axes.set_xlim(0, start)
    show_plain_decades(axes.yaxis)
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation force MAE  (meV/Å)")
    axes.grid(axis="y")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), handlelength=1.2)
    return figure


def draw_temperatures(data: Mapping[str, Any]) -> "Figure | None":
    """Draw the kinetic temperature of each replica of the production runs, with the thermostat's."""
    runs = [run for run in data["runs"] if any(np.isfinite(one["temperature_K"]).any() for one in run["temperatures"])]
    if not runs:
        return None
    colours = _heat([run["settings"]["temperature_K"] for run in runs])
    figure = new_figure(2.4)
    axes = figure.subplots()
    end = 0.0
    for run in runs:
        target = run["settings"]["temperature_K"]
        for one in run["temperatures"]:
            axes.plot(one["time_ps"], _smooth(one["temperature_K"]), color=colours[target], linewidth=0.8, alpha=0.8)
            end = max(end, float(one["time_ps"][-1]))
        axes.axhline(target, color=INK, linewidth=0.7, linestyle=(0, (4, 3)))
        axes.annotate(
            f"{target:g} K",
            (1, target),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_xlim(0, end)
    axes.set_xlabel("production time  (ps)")
    axes.set_ylabel("kinetic temperature  (K)")
    return figure


def _smooth(values: np.ndarray) -> np.ndarray:
    """Return a running mean over a twentieth of the run, shorter at its ends."""
    half = max(1, len(values) // 40)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    low, high = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)


FIGURES = {
    "arrhenius": draw_arrhenius,
    "displacements": draw_displacements,
    "parity": draw_parity,
    "learning_curves": draw_learning_curves,
    "selection": draw_selection,
    "calibration": draw_calibration,
    "temperatures": draw_temperatures,
}
"""Name → figure."""

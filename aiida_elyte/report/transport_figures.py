"""Figures of a transport analysis: where the motion is diffusive, and what the numbers come from."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aiida_elyte.report.quantities import format_estimate, format_value
from aiida_elyte.report.style import COLOURS, INK, QUIET, draw, new_figure, show_plain_decades
from aiida_elyte.science.statistics.estimate import Estimate, Refusal
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.estimates import frame_of, mobile_charges
from aiida_elyte.science.transport.green_kubo import GreenKubo, green_kubo
from aiida_elyte.science.transport.spectrum import mode_frequencies
from aiida_elyte.science.transport.tracer import tracer_spectrum
from aiida_elyte.science.transport.windows import TOLERANCE, MsdCurve, msd_curve, usable_series
from aiida_elyte.units import CM2_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PICTURES", "draw_onsager", "draw_transport"]

PICTURES = ("msd", "spectrum", "green_kubo", "onsager")
"""Names of the pictures there may be."""

_BIN_RATIO = 1.25
"""Frequencies of neighbouring points of a spectrum; the lowest modes are points of their own."""

_SHADE = 0.08
"""Opacity of a shaded range."""

_COLUMNS = 2
"""Spectra side by side."""


def draw_transport(
    series: Sequence[Series],
    charges: Mapping[str, float],
    temperature_K: float,
    quantities: Mapping[str, Estimate | Refusal],
    *,
    mobile: Collection[str] | None = None,
    frame: str | None = None,
) -> dict[str, bytes]:
    """Draw what an estimate of transport stands on.

    Parameters
    ----------
    series, charges, temperature_K, mobile, frame
        As given to ``estimate_transport``.
    quantities
        What it returned.

    Returns
    -------
    dict
        Name of a picture → PNG. ``msd``: mean squared displacements, local slopes, diffusive windows; ``spectrum``: the
        tracers' spectra, whose zero-frequency level is the diffusion coefficient; ``green_kubo``: the running integral,
        where there are currents; ``onsager``: the matrix, where there are several carriers with numbers.

    Raises
    ------
    InputError
        As ``estimate_transport``.
    """
    replicas = usable_series(series)
    reference, background = (frame_of(replicas[0], charges, mobile, given) for given in (frame, None))
    charges = mobile_charges(charges, mobile)
    curves = {name: msd_curve(replicas, name, reference) for name in charges}
    data: dict[str, Any] = {
        "species": {
            name: {
                "curve": curve,
                "power": _power(curve),
                "spectrum": curve.window and tracer_spectrum(curve, curve.window),
                "diffusion": quantities[f"tracer_diffusion_{name}"],
            }
            for name, curve in curves.items()
            if curve.msd_A2.all()
            and len(curve.lag_fs) > 1  # what does not move at all has no place on logarithmic axes
        },
        "carriers": [name for name, charge in charges.items() if charge],
        "quantities": quantities,
    }
    carriers = {name: charges[name] for name in data["carriers"]}
    windows = [window for name in carriers if (window := curves[name].window) is not None]
    if carriers and len(windows) == len(carriers) and "conductivity_green_kubo" in quantities:
        start_fs = max(window.start_fs for window in windows)
        data["integral"] = green_kubo(replicas, carriers, background, temperature_K, start_fs, "")
    figures = {"msd": _draw_msd, "spectrum": _draw_spectrum, "green_kubo": _draw_green_kubo, "onsager": draw_onsager}
    drawn = {name: draw(figure, data, "png") for name, figure in figures.items()}
    return {name: content for name, content in drawn.items() if content is not None}


def _power(curve: MsdCurve) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies [1/ps] and powers of the tracers' modes as diffusion coefficients [cm²/s], in bins."""
    frequency = np.concatenate([mode_frequencies(len(one), curve.interval_fs) for one in curve.powers])
    power = np.concatenate(curve.powers).mean(axis=1) / (2 * curve.interval_fs)
    order = np.argsort(frequency, kind="stable")
    n_bins = math.ceil(math.log(max(2, len(order))) / math.log(_BIN_RATIO))
    starts = np.unique(np.geomspace(1, len(order), n_bins, endpoint=False).astype(int)) - 1
    counts = np.diff(np.append(starts, len(order)))
    frequency, power = (np.add.reduceat(one[order], starts) / counts for one in (frequency, power))
    return frequency * 1e3, power * CM2_S


def _label(name: str, diffusion: Estimate | Refusal) -> str:
    """Return a species with its diffusion coefficient, the bound, or that there is none."""
    return f"{name}: D {'= ' * isinstance(diffusion, Estimate)}{format_estimate(diffusion.as_dict())}"


def _draw_msd(data: Mapping[str, Any]) -> "Figure | None":
    """Draw mean squared displacements with their error, 6 D t, and local log–log slopes below; windows are shaded."""
    from matplotlib.patches import Patch

    if not data["species"]:
        return None
    figure = new_figure(4.6, 5.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2.6, 1])
    below.axhspan(1 - TOLERANCE, 1 + TOLERANCE, color=QUIET, alpha=0.3, linewidth=0)
    below.axhline(1.0, color=QUIET, linewidth=0.7)
    is_alone = len(data["species"]) == 1
    for place, (name, one) in enumerate(data["species"].items()):
        colour, curve = COLOURS[place % len(COLOURS)], one["curve"]
        lag, msd, error = curve.lag_fs / 1e3, curve.msd_A2, np.nan_to_num(curve.msd_error_A2)
        above.plot(lag, msd, color=colour, label=_label(name, one["diffusion"]))
        _band(above, lag, np.maximum(msd - error, msd / 10), msd + error, colour)
        below.plot(lag, curve.slope, color=colour, linewidth=1.2)
        _band(below, lag, curve.slope - curve.slope_error, curve.slope + curve.slope_error, colour)
        if curve.window is None:
            continue
        ends = np.array([curve.window.start_fs, curve.window.end_fs])
        if is_alone:
            for axes in (above, below):
                axes.axvspan(*ends / 1e3, color=colour, alpha=_SHADE, linewidth=0)
        else:
            below.plot(ends / 1e3, [2.2 - 0.2 * place] * 2, color=colour, linewidth=3, solid_capstyle="butt")
        if isinstance(one["diffusion"], Estimate):
            line = 6 * one["diffusion"].value / CM2_S * ends
            above.plot(ends / 1e3, line, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    above.set_xscale("log")
    above.set_yscale("log")
    _show_decade(above)
    show_plain_decades(above.yaxis)
    show_plain_decades(above.xaxis)
    above.set_ylabel("mean squared displacement  (Å²)")
    below.set_ylabel("log–log slope")
    below.set_xlabel("lag  (ps)")
    below.set_ylim(-0.4, 2.4)
    below.set_yticks([0, 1, 2])
    handles, labels = above.get_legend_handles_labels()
    if any(one["curve"].window is not None for one in data["species"].values()):
        window = Patch(color=COLOURS[0] if is_alone else QUIET, alpha=2 * _SHADE if is_alone else 1.0, linewidth=0)
        handles += [window, above.plot([], [], "--", color=INK, linewidth=0.9)[0]]
        labels += ["diffusive window" if is_alone else "diffusive windows: bars below", "6 D t"]
    above.legend(handles, labels, loc="upper left", handlelength=1.4)
    return figure


def _band(axes: "Axes", x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> None:
    axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)


def _draw_spectrum(data: Mapping[str, Any]) -> "Figure | None":
    """Draw the power of the tracers over frequency, its level at zero, and where the fitted bend leaves that."""
    from matplotlib.ticker import FuncFormatter

    count = len(data["species"])
    if not count:
        return None
    rows = -(-count // _COLUMNS)
    columns = -(-count // rows)
    figure = new_figure(0.5 + 2.7 * rows, 5.4 if columns == 1 else 7.2)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.ravel()[count:]:
        axes.set_visible(False)
    handles: dict[str, Any] = {}
    for place, (axes, (name, one)) in enumerate(zip(panels.ravel(), data["species"].items(), strict=False)):
        frequency, power = one["power"]
        points = axes.plot(frequency, power, "o", color=QUIET, markersize=2.5, markeredgewidth=0)[0]
        handles["modes of the ions"] = points
        if one["spectrum"] is not None:
            colour = COLOURS[place % len(COLOURS)]
            handles |= _draw_level(axes, one["spectrum"], frequency, colour)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(_label(name, one["diffusion"]))
        if place + columns >= count:
            axes.set_xlabel("frequency  (1/ps)")
            axes.tick_params(labelbottom=True)
        if place % columns == 0:
            axes.set_ylabel(r"power of the modes $\langle y^2 \rangle / 2\Delta t$  (cm²/s)")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if count > 1 and "fit with its bend" in handles:  # in each panel of its own colour
        handles["fit with its bend"] = panels[0, 0].plot([], [], color=INK)[0]
    for axes in panels.ravel():
        _show_decade(axes)
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=2 if columns == 1 else 4, handlelength=1.6
    )
    return figure


def _draw_level(axes: "Axes", spectrum: Any, frequency: np.ndarray, colour: str) -> dict[str, Any]:
    """Draw level, fit and cutoff of one spectrum; return them by their names."""
    top = max(frequency[0], min(1e3 / spectrum.window.start_fs, frequency[-1]))
    inside = np.geomspace(frequency[0], top, 200)
    level, error = spectrum.level.value * CM2_S, spectrum.level.error(spectrum.scatter) * CM2_S
    fitted = axes.plot(inside, level * spectrum.level.shape(inside / 1e3), color=colour)[0]
    axes.plot([frequency[0], top], [level, level], color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.fill_between([frequency[0], top], level - error, level + error, color=colour, alpha=0.2, linewidth=0)
    flat = axes.plot([], [], color=INK, linewidth=0.9, linestyle=(0, (4, 3)))[0]
    cutoff = axes.axvline(1e3 * spectrum.cutoff, color=INK, linewidth=0.9, linestyle=(0, (1, 1.5)))
    return {"fit with its bend": fitted, "level D ± 1 std": flat, "level within a tenth below this": cutoff}


def _show_decade(axes: "Axes") -> None:
    """Let a logarithmic axis span a decade at least, so that it has a labelled tick."""
    low, high = axes.get_ylim()
    if high < 12 * low:
        centre, half = math.log10(low * high) / 2, 0.55
        axes.set_ylim(10 ** (centre - half), 10 ** (centre + half))


def _draw_green_kubo(data: Mapping[str, Any]) -> "Figure | None":
    """Draw the current's autocorrelation and its running integral, with the plateau and Einstein's conductivity."""
    found = data.get("integral")
    if not isinstance(found, GreenKubo):
        return None
    figure = new_figure(4.2, 5.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.8])
    time, plateau = found.time_fs / 1e3, np.array(found.plateau_fs) / 1e3
    above.axhline(0.0, color=QUIET, linewidth=0.7)
    above.plot(time, found.correlation, color=COLOURS[0])
    above.set_ylabel("⟨J(0)·J(t)⟩ / ⟨J²⟩")
    below.plot(time, found.integral, color=COLOURS[0], label="running integral")
    below.axvspan(*plateau, color=COLOURS[0], alpha=_SHADE, linewidth=0)
    integral, einstein = found.conductivity, data["quantities"]["conductivity"]
    if isinstance(integral, Estimate):
        label = f"plateau: {format_value(integral.value, integral.std, integral.unit)}"
        below.plot(plateau, [integral.value] * 2, color=COLOURS[1], linewidth=1.8, label=label)
        low, high = integral.value - integral.std, integral.value + integral.std
        below.fill_between(plateau, low, high, color=COLOURS[1], alpha=0.25, linewidth=0)
    if isinstance(einstein, Estimate):
        label = f"Einstein: {format_value(einstein.value, einstein.std, einstein.unit)}"
        below.axhline(einstein.value, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label=label)
    below.set_xlim(0, time[-1])
    below.set_xlabel("time, upper limit of the integral  (ps)")
    below.set_ylabel("conductivity  (mS/cm)")
    below.legend(loc="lower right")
    return figure


def draw_onsager(data: Mapping[str, Any]) -> "Figure | None":
    """Draw the matrix L_ab with its errors, coloured by how strongly species move together, and ``mark``, if any."""
    from matplotlib.colors import LinearSegmentedColormap

    names = data["carriers"]
    found = {
        (a, b): data["quantities"].get(f"onsager_{first}_{second}")
        for a, first in enumerate(names)
        for b, second in enumerate(names)
        if a <= b
    }
    numbers = [abs(one.value) for one in found.values() if isinstance(one, Estimate)]
    if len(names) < 2 or not numbers:
        return None
    exponent = math.floor(math.log10(max(numbers)))
    scale = 10.0**exponent
    strength = np.full((len(names), len(names)), np.nan)
    figure = new_figure(1.0 + 0.9 * len(names), 2.2 + 1.35 * len(names))
    axes = figure.subplots()
    for (a, b), one in found.items():
        own = [found[index, index] for index in (a, b)]
        if isinstance(one, Estimate) and isinstance(own[0], Estimate) and isinstance(own[1], Estimate):
            strength[a, b] = strength[b, a] = one.value / math.sqrt(own[0].value * own[1].value)
        text = format_value(one.value / scale, one.std / scale) if isinstance(one, Estimate) else "refused"
        for row, column in {(a, b), (b, a)}:
            is_dark = abs(np.nan_to_num(strength[a, b])) > 0.6
            axes.text(column, row, text.replace("-", "−"), ha="center", va="center", color="white" if is_dark else INK)
    colours = LinearSegmentedColormap.from_list("together", [COLOURS[1], "#ffffff", COLOURS[0]])
    image = axes.imshow(strength, cmap=colours, vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    unit = f"$L_{{ab}}$  ($10^{{{exponent}}}$ mol² J⁻¹ m⁻¹ s⁻¹), ± 1 std"
    axes.set_xlabel(f"{unit}  {data.get('mark', '')}".strip())
    figure.colorbar(image, ax=axes, label=r"$L_{ab} / \sqrt{L_{aa} L_{bb}}$", ticks=[-1, 0, 1])
    return figure

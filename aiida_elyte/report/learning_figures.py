"""Figures of learning: what was selected by which error or spread, and what these were worth."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aiida_elyte.report.style import COLOURS, INK, QUIET, new_figure, show_plain_decades

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_calibration", "draw_selection"]


def draw_selection(data: Mapping[str, Any]) -> "Figure | None":
    """Draw, round by round, what frames were selected by, with its limit, and what became of the sampled frames.

    That is the expected error where the selector has a tolerance, else the committee spread.
    """
    rounds = [one for one in data["rounds"] if one["n_sampled"]]
    if not rounds:
        return None
    figure = new_figure(max(1.9, 0.5 + 0.75 * len(rounds)))
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    measured, limits = zip(*map(_measured, rounds), strict=True)
    everything = np.concatenate([*measured, [limit for limit in limits if limit is not None]])
    if not len(everything):
        everything = np.ones(1)
    bins = np.geomspace(everything.min() / 1.1, everything.max() * 1.1, 36)
    for place, (found, threshold) in enumerate(zip(measured, limits, strict=True)):
        counts, _ = np.histogram(found, bins)
        height = 0.85 * counts / max(1, counts.max())
        base = -place
        left.stairs(base + height, bins, baseline=base, fill=True, color=QUIET, alpha=0.55)
        if threshold is None:
            continue
        above = np.where(bins[:-1] >= threshold, height, 0)
        left.stairs(base + above, bins, baseline=base, fill=True, color=COLOURS[4])
        left.plot([threshold, threshold], [base, base + 0.93], color=INK, linewidth=1, linestyle=(0, (3, 2)))
    left.set_xscale("log")
    show_plain_decades(left.xaxis)
    by_error = any(one["tolerance_eV_A"] is not None for one in rounds)
    left.set_xlabel(f"{'expected error' if by_error else 'largest committee spread'} of a frame  (eV/Å)")
    left.set_yticks([-place for place in range(len(rounds))], [_round_name(one) for one in rounds], va="bottom")
    left.tick_params(axis="y", length=0)
    left.spines["left"].set_visible(False)
    left.set_ylim(-len(rounds) + 0.95, 1.02)
    left.set_title("expected error, dashed: tolerance" if by_error else "committee spread, dashed: threshold")

    parts = (
        ("certain", QUIET, lambda one: one["n_sampled"] - len(one["refused"]) - one["n_uncertain"]),
        ("uncertain, not taken", COLOURS[4], lambda one: one["n_uncertain"] - one["n_selected"]),
        ("labelled", COLOURS[0], lambda one: one["n_labelled"]),
        ("taken, no label", COLOURS[5], lambda one: one["n_selected"] - one["n_labelled"]),
        ("unphysical", COLOURS[3], lambda one: len(one["refused"])),
    )
    start = np.zeros(len(rounds))
    places = -np.arange(len(rounds), dtype=float) + 0.35
    for name, colour, count in parts:
        sizes = np.array([max(0, count(one)) for one in rounds], float)
        if sizes.any():
            right.barh(places, sizes, 0.45, left=start, color=colour, alpha=0.6 if colour == QUIET else 1, label=name)
        start += sizes
    right.set_ylim(*left.get_ylim())
    right.set_yticks([])
    right.spines["left"].set_visible(False)
    right.set_xlabel("sampled frames")
    figure.legend(loc="outside lower right", ncols=len(parts), handlelength=1, columnspacing=1.2)
    right.set_title("what became of them")
    return figure


def _round_name(one: Mapping[str, Any]) -> str:
    kelvin = f"\n{one['temperature_K']:g} K" if one["temperature_K"] else ""
    return f"round {one['number']}{kelvin}"


def _measured(one: Mapping[str, Any]) -> tuple[np.ndarray, float | None]:
    """Return what the frames of a round were selected by, where it is positive, and its limit."""
    by_error = one["tolerance_eV_A"] is not None
    values = one["errors_eV_A"] if by_error else one["spreads_eV_A"]
    return values[values > 0], one["tolerance_eV_A"] if by_error else one["threshold_eV_A"]


def draw_calibration(data: Mapping[str, Any]) -> "Figure | None":
    """Draw how often errors stayed below their bounds, round by round and by element, and expected against true errors.

    The left panel is empty of what the first round does not have: a calibration before it.
    """
    judged = [one for one in data["calibrations"] if one["reliability"]]
    compared = [one for one in (data["map"] or {}).get("labelled", []) if one["error_eV_A"] and one["true_error_eV_A"]]
    if not judged and not compared:
        return None
    figure = new_figure(3.3)
    left, right = figure.subplots(1, 2)
    _draw_reliability(left, judged)
    _draw_errors(right, compared)
    return figure


def _draw_reliability(axes: "Axes", judged: Sequence[Mapping[str, Any]]) -> None:
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.7, zorder=0)
    elements = sorted({name for one in judged for level in one["reliability"] for name in level["elements"]})
    for place, one in enumerate(judged):
        colour, levels = COLOURS[place % len(COLOURS)], one["reliability"]
        nominal = np.array([level["nominal"] for level in levels])
        errors = [2 * (level["error"] or 0.0) for level in levels]
        shift = 0.012 * (place - (len(judged) - 1) / 2)  # bars of rounds beside each other
        observed = [level["observed"] for level in levels]
        label = f"round {one['round']}, {levels[0]['n_frames']} frames"
        axes.errorbar(nominal + shift, observed, errors, fmt="o-", color=colour, markersize=4, capsize=2, label=label)
        for number, name in enumerate(elements):
            known = [level for level in levels if name in level["elements"]]
            axes.plot(
                [level["nominal"] + shift for level in known],
                [level["elements"][name]["observed"] for level in known],
                marker=f"${name}$",
                linestyle="none",
                color=colour,
                alpha=0.65,
                markersize=6 + len(name),
                markeredgewidth=0,
                zorder=1 + number,
            )
    axes.set(xlim=(0.4, 1.02), ylim=(0, 1.04), xlabel="nominal coverage", ylabel="observed coverage")
    axes.set_title("force errors below their bound, by element")
    if judged:
        axes.legend(loc="lower right")
    else:
        axes.text(0.5, 0.5, "no calibration came before these labels", transform=axes.transAxes, ha="center")


def _draw_errors(axes: "Axes", compared: Sequence[Mapping[str, Any]]) -> None:
    rounds = sorted({one["round"] for one in compared})
    for place, number in enumerate(rounds):
        own = [one for one in compared if one["round"] == number]
        expected, true = ([one[name] for one in own] for name in ("error_eV_A", "true_error_eV_A"))
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(
            expected, true, "o", color=colour, markersize=4, markeredgewidth=0, alpha=0.8, label=f"round {number}"
        )
    axes.set_title("error of frames that were labelled")
    axes.set_xlabel("expected  (eV/Å)")
    axes.set_ylabel("true  (eV/Å)")
    if not compared:
        axes.text(0.5, 0.5, "no label tells", transform=axes.transAxes, ha="center")
        return
    values = [one[name] for one in compared for name in ("error_eV_A", "true_error_eV_A")]
    low, high = min(values) / 1.3, max(values) * 1.3
    axes.plot([low, high], [low, high], color=INK, linewidth=0.7, zorder=0)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    show_plain_decades(axes.xaxis)
    show_plain_decades(axes.yaxis)
    axes.legend(loc="upper left", handletextpad=0.1)

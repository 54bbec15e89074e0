"""What a set of frames holds, in numbers and in lines to print."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.science.frames import labels_of

__all__ = ["summarise_frames", "summary_lines"]

_MOST = 4
"""Formulas named one by one."""


def summarise_frames(frames: Sequence[Atoms]) -> dict[str, Any]:
    """Return formulas with their frames, ranges of cell, energy and forces, as plain values.

    Keys carry their units; ranges are pairs of the lowest and the highest; None where no frame has such a value.
    """
    labels = [labels_of(frame) for frame in frames]
    energies = [one["energy"] / len(frame) for frame, one in zip(frames, labels, strict=True) if "energy" in one]
    forces = [one["forces"] for one in labels if "forces" in one]
    cells = np.array([frame.cell.cellpar() for frame in frames if frame.pbc.any()])
    magnitudes = np.linalg.norm(np.concatenate(forces), axis=1) if forces else None
    return {
        "frames_by_formula": dict(Counter(frame.get_chemical_formula() for frame in frames)),
        "n_periodic": len(cells),
        "cell_lengths_A": None if not len(cells) else [cells[:, :3].min(0).tolist(), cells[:, :3].max(0).tolist()],
        "cell_angles_deg": None if not len(cells) else [cells[:, 3:].min(0).tolist(), cells[:, 3:].max(0).tolist()],
        "energy_eV_atom": [min(energies), max(energies)] if energies else None,
        "force_rms_eV_A": None if magnitudes is None else float(np.sqrt((magnitudes**2).mean() / 3)),
        "force_max_eV_A": None if magnitudes is None else float(magnitudes.max()),
    }


def summary_lines(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what ``summarise_frames`` found as pairs of a heading and a line."""
    formulas = summary["frames_by_formula"]
    shown = [f"{formula} ({count})" if len(formulas) > 1 else formula for formula, count in formulas.items()][:_MOST]
    lines = [("formula", ", ".join(shown) + (f" … {len(formulas)} in all" if len(formulas) > _MOST else ""))]
    lines.append(("cell", _cell(summary, sum(formulas.values()))))
    if summary["energy_eV_atom"] is not None:
        low, high = summary["energy_eV_atom"]
        lines.append(("energy", f"{low:.4f} to {high:.4f} eV/atom"))
    if summary["force_max_eV_A"] is not None:
        rms, largest = summary["force_rms_eV_A"], summary["force_max_eV_A"]
        lines.append(("forces", f"rms {rms:.3f} eV/Å a component, largest {largest:.3f} eV/Å"))
    return lines


def _cell(summary: Mapping[str, Any], n_frames: int) -> str:
    if not summary["n_periodic"]:
        return "no cell, not periodic"
    lengths, angles = _ranges(summary["cell_lengths_A"], 3), _ranges(summary["cell_angles_deg"], 2)
    others = n_frames - summary["n_periodic"]
    return f"{lengths} Å, {angles}°" + (f"; {others} frames not periodic" if others else "")


def _ranges(bounds: Sequence[Sequence[float]], digits: int) -> str:
    lows, highs = bounds
    return " ".join(
        f"{low:.{digits}f}" if round(high - low, digits) == 0 else f"{low:.{digits}f}–{high:.{digits}f}"
        for low, high in zip(lows, highs, strict=True)
    )

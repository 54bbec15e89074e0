"""Labels that cannot be: not numbers, or beyond what atoms can do; and labels that are likely wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.science.frames import level_of
from aiida_elyte.science.labels.raw import count_frames
from aiida_elyte.units import GPA

__all__ = ["find_fault", "find_outliers", "warn_of"]

_MAX_FORCE, _HIGH_FORCE = 1000.0, 100.0
"""Forces [eV/Å] that are left out, and warned of.

The screened repulsion of two nuclei (Ziegler, Biersack, Littmark 1985) is 750 eV/Å for S–S at 0.75 Å, 630 eV/Å for
Ge–Ge at 1.0 Å and 670 eV/Å for F–F at 0.6 Å, less than half of their bonds: nothing that a potential is fitted to.
"""

_MAX_STRESS, _HIGH_STRESS = 10.0, 1.0
"""Stresses [eV/Å³] that are left out, and warned of: 1600 GPa, beyond any static compression, and 160 GPa."""

_MAX_ENERGY = 100.0
"""Distance [eV/atom] from the median of one composition that is left out: ten times the strongest cohesion, of W."""

_N_DEVIATIONS, _MIN_DISTANCE, _MAD_TO_SIGMA = 20.0, 0.5, 1.4826
"""Distance from the median that is warned of, in standard deviations of the rest, and at least so many eV/atom."""

_FEWEST = 3
"""Frames of one composition from which on a median says something."""


def find_fault(labels: Mapping[str, Any]) -> str | None:
    """Return why the labels of a frame cannot be used, as "its energy is nan", or None."""
    for name, value in labels.items():
        if np.isfinite(value).all():
            continue
        if name == "energy":
            return f"its energy is {value}"
        rows = np.atleast_1d(value)
        place = np.argwhere(~np.isfinite(rows))[0]
        where = f" of atom {place[0]}" if name in ("forces", "charges") else ""
        return f"its {name}{where} {'are' if name.endswith('s') and name != 'stress' else 'is'} {rows[tuple(place)]}"
    if "forces" in labels and (force := _largest(labels["forces"])) > _MAX_FORCE:
        return (
            f"its forces reach {force:.4g} eV/Å, more than the {_MAX_FORCE:g} eV/Å that atoms exert in any usable "
            "frame; check the unit of forces"
        )
    if "stress" in labels and (stress := float(np.abs(labels["stress"]).max())) > _MAX_STRESS:
        return (
            f"its stress reaches {stress:.4g} eV/Å³ ({stress / GPA:.4g} GPa), more than the {_MAX_STRESS:g} eV/Å³ of "
            "any usable frame; check the unit of stress"
        )
    return None


def _largest(forces: np.ndarray) -> float:
    return float(np.linalg.norm(forces, axis=1).max())


def find_outliers(
    frames: Sequence[Atoms], labels: Sequence[Mapping[str, Any]]
) -> tuple[dict[int, str], dict[int, str]]:
    """Return energies far from those of the other frames of the same composition, by place.

    The distance is from the median, in units of the median absolute deviation, so that outliers do not hide themselves.

    Returns
    -------
    tuple
        Frames whose energy cannot be, and frames whose energy is doubtful, each with the reason.
    """
    groups: dict[tuple, list[int]] = {}
    energies = np.full(len(frames), np.nan)
    for place, frame in enumerate(frames):
        if (energy := labels[place].get("energy")) is not None:
            energies[place] = energy / len(frame)
            counts = np.bincount(frame.numbers)
            groups.setdefault(tuple((counts // np.gcd.reduce(counts)).tolist()), []).append(place)
    impossible, doubtful = {}, {}
    for members in groups.values():
        if len(members) < _FEWEST:
            continue
        values = energies[members]
        distances = np.abs(values - np.median(values))
        bound = max(_MIN_DISTANCE, _N_DEVIATIONS * _MAD_TO_SIGMA * float(np.median(distances)))
        for place, distance in zip(members, distances, strict=True):
            said = f"its energy is {energies[place]:.6g} eV/atom, {distance:.3g} eV/atom from the median of "
            said += f"{len(members)} frames of this composition"
            if distance > max(_MAX_ENERGY, bound):
                impossible[place] = said
            elif distance > bound:
                doubtful[place] = said
    return impossible, doubtful


def warn_of(frames: Sequence[Atoms], labels: Sequence[Mapping[str, Any]], numbers: Sequence[int]) -> list[str]:
    """Return sentences on labels that are likely wrong, and on copies of frames; ``numbers`` name the frames."""
    said: list[str] = []
    for name, bound, unit in (("forces", _HIGH_FORCE, "eV/Å"), ("stress", _HIGH_STRESS, "eV/Å³")):
        reach = {
            number: _largest(one[name]) if name == "forces" else float(np.abs(one[name]).max())
            for number, one in zip(numbers, labels, strict=True)
            if name in one
        }
        high = {number: value for number, value in reach.items() if value > bound}
        if high:
            said.append(f"{count_frames(high)} kept with {name} of up to {max(high.values()):.4g} {unit}; check them")
    said += [
        f"frame {numbers[place]} is kept though {reason}; check it"
        for place, reason in find_outliers(frames, labels)[1].items()
    ]
    return said + _lacking(labels, numbers) + _zero_forces(frames, labels, numbers) + _copies(frames, labels, numbers)


def _lacking(labels: Sequence[Mapping[str, Any]], numbers: Sequence[int]) -> list[str]:
    """Return a sentence for energy and forces that some frames have and some have not."""
    said = []
    for name in ("energy", "forces"):
        without = [number for number, one in zip(numbers, labels, strict=True) if name not in one]
        if 0 < len(without) < len(numbers):
            said.append(f"{count_frames(without)} without {name}, which the others have; leave out or label them")
    return said


def _zero_forces(frames: Sequence[Atoms], labels: Sequence[Mapping[str, Any]], numbers: Sequence[int]) -> list[str]:
    said = []
    silent = [
        number
        for number, frame, one in zip(numbers, frames, labels, strict=True)
        if "forces" in one and "energy" in one and len(frame) > 1 and not one["forces"].any()
    ]
    if silent:
        said.append(
            f"{count_frames(silent)} kept with forces that are zero on every atom; expected those of the label; leave "
            "them out unless each is at rest by symmetry"
        )
    groups: dict[bytes, list[np.ndarray]] = {}
    for frame, one in zip(frames, labels, strict=True):
        if "forces" in one and one["forces"].any():
            groups.setdefault(frame.numbers.tobytes(), []).append(one["forces"])
    for forces in groups.values():
        still = (np.array(forces) == 0.0).all(0)
        atoms = np.flatnonzero((still & ~still.all(0)).any(1))
        if len(forces) > 1 and len(atoms):
            shown = ", ".join(map(str, atoms[:8])) + (f" … ({len(atoms)} in all)" if len(atoms) > 8 else "")
            said.append(
                f"forces on {'atom' if len(atoms) == 1 else 'atoms'} {shown} are exactly zero in all {len(forces)} "
                "frames of one composition: symmetry makes them so, or constraints zeroed them before the file was "
                "written; expected the forces without constraints; label these frames again unless it is symmetry"
            )
    return said


def _copies(frames: Sequence[Atoms], labels: Sequence[Mapping[str, Any]], numbers: Sequence[int]) -> list[str]:
    first: dict[int, int] = {}
    copies = {}
    for number, frame, one in zip(numbers, frames, labels, strict=True):
        if not one:
            continue
        content = (
            level_of(frame),
            frame.numbers.tobytes(),
            frame.positions.tobytes(),
            frame.cell.array.tobytes(),
            *(np.asarray(value).tobytes() for value in one.values()),
        )
        original = first.setdefault(hash(content), number)
        if original != number:
            copies[number] = original
    if not copies:
        return []
    number, original = next(iter(copies.items()))
    said = (
        f"{count_frames(copies)} kept though equal to an earlier one (frame {number} to frame {original}), atoms and "
    )
    return [f"{said}labels alike; remove copies, since they count twice in a fit"]

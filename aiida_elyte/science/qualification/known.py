"""What the labelled frames say of the distances that atoms may have."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms, units
from ase.data import chemical_symbols

from aiida_elyte.science.contact import CONTACT_CUTOFF_A, shortest_distances
from aiida_elyte.science.frames import labels_of

__all__ = ["known_shortest", "thermal_frames"]

_MAX_FORCE_KT_A = 100.0
"""Largest force of a thermal frame, in kT/Å: on an atom bound by a stiffness k it is 100 √(kT/k) / Å standard
deviations, eight for k = 15 eV/Å² (the P–S stretch) at 1000 K, so that no thermal frame is left out."""
_ORDINARY_SHARE, _MAX_FORCE_ORDINARY = 0.9, 4.0
"""Percentile of the forces on an element, and largest multiple of it in a thermal frame [1].

For ions bound loosely, whose repulsion 100 kT/Å would not tell from heat. The length of a thermal force is a chi
variable of three components: four times its 90th percentile is ten standard deviations of one.
"""


def thermal_frames(labelled: Sequence[Atoms], temperature_K: float | None) -> list[Atoms]:
    """Return the labelled frames that dynamics at a temperature may meet.

    No force of theirs is beyond 100 kT/Å, nor beyond four times the 90th percentile of the forces on its element. Seeds
    that teach repulsion hold pairs far nearer than any that dynamics should meet; what they know is no measure of what
    a run may do.

    Parameters
    ----------
    labelled
        Labelled frames.
    temperature_K
        Temperature of the dynamics [K]; ``None`` keeps all frames.
    """
    if temperature_K is None:
        return list(labelled)
    forces = [_force_lengths(frame) for frame in labelled]
    limit = _MAX_FORCE_KT_A * units.kB * temperature_K
    limits = np.full(len(chemical_symbols), limit)
    numbers, lengths = (np.concatenate([np.empty(0), *each]) for each in ([one.numbers for one in labelled], forces))
    for number in np.unique(numbers).astype(int):
        ordinary = float(np.quantile(lengths[numbers == number], _ORDINARY_SHARE))
        if ordinary > 0:
            limits[number] = min(limit, _MAX_FORCE_ORDINARY * ordinary)
    return [frame for frame, found in zip(labelled, forces, strict=True) if (found <= limits[frame.numbers]).all()]


def known_shortest(
    labelled: Sequence[Atoms], temperature_K: float | None, cutoff_A: float = CONTACT_CUTOFF_A
) -> dict[str, float]:
    """Return the shortest distance of each pair of elements in thermal labelled frames [Å].

    Parameters
    ----------
    labelled, temperature_K
        As in ``thermal_frames``.
    cutoff_A
        Pairs farther apart are not looked for [Å].

    Returns
    -------
    dict
        Every pair of elements of the thermal frames, as ``Li-S``; one that is nowhere within the cutoff has the cutoff.
    """
    frames = thermal_frames(labelled, temperature_K)
    elements = sorted({symbol for frame in frames for symbol in frame.get_chemical_symbols()})
    known = {f"{one}-{other}": cutoff_A for one in elements for other in elements if one <= other}
    for frame in frames:
        for pair, distance in shortest_distances(frame, cutoff_A).items():
            known[pair] = min(distance, known[pair])
    return known


def _force_lengths(frame: Atoms) -> np.ndarray:
    """Return the labelled force on each atom [eV/Å], shape (n_atoms,); zeros of a frame without."""
    forces = labels_of(frame).get("forces")
    return np.zeros(len(frame)) if forces is None else np.linalg.norm(forces, axis=1)

"""What the labelled frames say of the distances that atoms may have."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms, units

from aiida_elyte.science.contact import CONTACT_CUTOFF_A, shortest_distances
from aiida_elyte.science.frames import labels_of

__all__ = ["known_shortest", "thermal_frames"]

_MAX_FORCE_KT_A = 100.0
"""Largest force of a thermal frame, in kT/Å: on an atom bound by a stiffness k it is 100 √(kT/k) / Å standard
deviations, eight for k = 15 eV/Å² (the P–S stretch) at 1000 K, so that no thermal frame is left out."""


def thermal_frames(labelled: Sequence[Atoms], temperature_K: float | None) -> list[Atoms]:
    """Return the labelled frames that dynamics at a temperature may meet: no force is beyond 100 kT/Å.

    Seeds that teach repulsion hold pairs far nearer than any that dynamics should meet; what they know is no measure of
    what a run may do.

    Parameters
    ----------
    labelled
        Labelled frames.
    temperature_K
        Temperature of the dynamics [K]; ``None`` keeps all frames.
    """
    if temperature_K is None:
        return list(labelled)
    limit = _MAX_FORCE_KT_A * units.kB * temperature_K
    return [frame for frame in labelled if _largest_force(frame) <= limit]


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


def _largest_force(frame: Atoms) -> float:
    """Return the largest labelled force on an atom [eV/Å]; zero of a frame without."""
    forces = labels_of(frame).get("forces")
    return 0.0 if forces is None else float(np.linalg.norm(forces, axis=1).max())

"""Energy reference of the elements, fitted to the data: what a sum over atoms explains, the network need not learn."""

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.potentials.weights import weigh_forces

__all__ = ["fit_energy_reference", "fit_scale"]


def fit_energy_reference(
    frames: Sequence[Atoms], known: Mapping[str, float] | None = None, large_force_eV_A: float | None = None
) -> dict[str, float]:
    """Fit one energy per element, min Σ w (E − Σ_Z n_Z E0_Z)².

    Of the solutions the data cannot tell apart (frames of one composition) the one of smallest norm is taken.

    Parameters
    ----------
    frames
        With energies, and with forces where some are large.
    known
        References [eV] to keep, for a potential that is trained further; the others are fitted to what is left.
    large_force_eV_A
        Force [eV/Å] above which labels count less, see ``weigh_forces``; ``None`` for w of one.

    Returns
    -------
    dict
        E0 [eV] by element, sorted.
    """
    known = dict(known or {})
    elements = sorted({symbol for frame in frames for symbol in frame.get_chemical_symbols()} - set(known))
    explained = _counts(frames, list(known)) @ np.array(list(known.values()))
    energies = np.array([labels_of(frame)["energy"] for frame in frames]) - explained
    roots = np.ones(len(frames))
    if large_force_eV_A is not None:
        roots = np.sqrt([weigh_forces(labels_of(frame)["forces"], large_force_eV_A).min() for frame in frames])
    solution = np.linalg.lstsq(roots[:, None] * _counts(frames, elements), roots * energies, rcond=None)[0]
    return dict(sorted({**known, **dict(zip(elements, solution.tolist(), strict=True))}.items()))


def _counts(frames: Sequence[Atoms], elements: Sequence[str]) -> np.ndarray:
    numbers = [atomic_numbers[element] for element in elements]
    return np.array([[np.sum(frame.numbers == number) for number in numbers] for frame in frames], float)


def fit_scale(frames: Sequence[Atoms], large_force_eV_A: float | None = None) -> float:
    """Return the weighted root mean square of the force components [eV/Å]; 1 where all forces vanish.

    A network whose output is of order one for features of order one then starts at forces of the right size.

    Parameters
    ----------
    frames
        With forces.
    large_force_eV_A
        Force [eV/Å] above which labels count less, see ``weigh_forces``; ``None`` for all alike.
    """
    forces = np.concatenate([labels_of(frame)["forces"] for frame in frames])
    weights = weigh_forces(forces, large_force_eV_A)
    return float(np.sqrt(np.average((forces**2).mean(1), weights=weights))) or 1.0

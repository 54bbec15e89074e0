"""Energy reference of the elements, fitted to the data: what a sum over atoms explains, the network need not learn."""

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from aiida_elyte.science.frames import labels_of

__all__ = ["fit_energy_reference", "fit_scale"]


def fit_energy_reference(frames: Sequence[Atoms], known: Mapping[str, float] | None = None) -> dict[str, float]:
    """Fit one energy per element, min Σ (E − Σ_Z n_Z E0_Z)².

    Of the solutions the data cannot tell apart (frames of one composition) the one of smallest norm is taken.

    Parameters
    ----------
    frames
        With energies.
    known
        References [eV] to keep, for a potential that is trained further; the others are fitted to what is left.

    Returns
    -------
    dict
        E0 [eV] by element, sorted.
    """
    known = dict(known or {})
    elements = sorted({symbol for frame in frames for symbol in frame.get_chemical_symbols()} - set(known))
    explained = _counts(frames, list(known)) @ np.array(list(known.values()))
    energies = np.array([labels_of(frame)["energy"] for frame in frames]) - explained
    solution = np.linalg.lstsq(_counts(frames, elements), energies, rcond=None)[0]
    return dict(sorted({**known, **dict(zip(elements, solution.tolist(), strict=True))}.items()))


def _counts(frames: Sequence[Atoms], elements: Sequence[str]) -> np.ndarray:
    numbers = [atomic_numbers[element] for element in elements]
    return np.array([[np.sum(frame.numbers == number) for number in numbers] for frame in frames], float)


def fit_scale(frames: Sequence[Atoms]) -> float:
    """Return the root mean square of the force components [eV/Å]; 1 where all forces vanish.

    A network whose output is of order one for features of order one then starts at forces of the right size.
    """
    squares = np.concatenate([labels_of(frame)["forces"].ravel() for frame in frames]) ** 2
    return float(np.sqrt(squares.mean())) or 1.0

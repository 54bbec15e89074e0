"""How far predictions are from labels."""

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels, labels_of, require_labels
from aiida_elyte.science.potentials.reference import fit_energy_reference

if TYPE_CHECKING:
    from aiida_elyte.science.potentials.potential import Potential

__all__ = ["ensemble_errors", "errors_without_training", "force_errors", "predict", "prediction_errors"]


def prediction_errors(
    reference_energies: Sequence[float],
    reference_forces: Sequence[np.ndarray],
    energies: Sequence[float],
    forces: Sequence[np.ndarray],
) -> dict[str, float]:
    r"""Return mean errors over a set of frames.

    .. math::

        \mathrm{MAE}_F = \langle |F_{i\alpha} - F^0_{i\alpha}| \rangle, \quad
        \mathrm{RMSE}_F = \langle (F_{i\alpha} - F^0_{i\alpha})^2 \rangle^{1/2}, \quad
        \mathrm{MAE}_E = \langle |E - E^0| / N \rangle

    with atom :math:`i`, direction :math:`\alpha`, number of atoms :math:`N`. Forces are averaged over the components of
    all atoms of all frames, energies over frames.

    Parameters
    ----------
    reference_energies, energies
        Labels and predictions of each frame [eV], shape ``(n_frames,)``.
    reference_forces, forces
        Labels and predictions of each frame [eV/Å], each of shape ``(n_atoms, 3)``.

    Returns
    -------
    dict
        ``force_mae_eV_A``, ``force_rmse_eV_A``, ``energy_mae_eV_atom``.

    Raises
    ------
    InputError
        If there is no frame, or labels and predictions differ in shape.
    """
    if not len(reference_energies):
        raise InputError("no frame to compare; expected at least one labelled frame")
    shapes = [np.shape(array) for array in forces]
    expected = [np.shape(array) for array in reference_forces]
    if shapes != expected or len(energies) != len(reference_energies) or len(shapes) != len(energies):
        raise InputError(
            f"predicted forces of shapes {shapes} meet labels of shapes {expected}; expected the same frames"
        )
    deviations = np.concatenate([np.subtract(a, b).ravel() for a, b in zip(forces, reference_forces, strict=True)])
    n_atoms = np.array([len(array) for array in forces])
    per_atom = np.subtract(energies, reference_energies) / n_atoms
    return {**force_errors(deviations), "energy_mae_eV_atom": float(np.abs(per_atom).mean())}


def force_errors(deviations: np.ndarray) -> dict[str, float]:
    """Return mean absolute and root mean square error of components of forces, of their deviations [eV/Å]."""
    return {
        "force_mae_eV_A": float(np.abs(deviations).mean()),
        "force_rmse_eV_A": sqrt(float(np.square(deviations).mean())),
    }


def predict(
    potential: "Potential", frames: Sequence[Atoms], batch_size: int = 8
) -> tuple[list[float], list[np.ndarray]]:
    """Return energies [eV] and forces [eV/Å], shape ``(n_atoms, 3)`` each, of frames.

    Parameters
    ----------
    potential
        The trained potential.
    frames
        Frames of any size.
    batch_size
        Frames computed together; bounds the memory.

    Raises
    ------
    InputError
        If frames hold an element the potential has not seen.
    """
    energies: list[float] = []
    forces: list[np.ndarray] = []
    for first in range(0, len(frames), batch_size):
        part = frames[first : first + batch_size]
        potential.require_elements(np.unique(np.concatenate([frame.numbers for frame in part])))
        found = potential.predict(part)
        energies += found.energy.double().cpu().tolist()
        ends = np.cumsum([len(frame) for frame in part])[:-1]
        forces += np.split(found.forces.double().cpu().numpy(), ends)
    return energies, forces


def ensemble_errors(potentials: Sequence["Potential"], frames: Sequence[Atoms]) -> dict[str, Any]:
    """Return the errors of the mean of an ensemble, and of each member, on labelled frames.

    Parameters
    ----------
    potentials
        The members.
    frames
        Frames with energy and forces.

    Returns
    -------
    dict
        ``ensemble`` and the list ``members``, each as ``prediction_errors``.

    Raises
    ------
    InputError
        If frames are unlabelled or hold an element a member has not seen.
    """
    require_labels(frames, name="test set")
    labels = [labels_of(frame) for frame in frames]
    reference = [label["energy"] for label in labels], [label["forces"] for label in labels]
    predictions = [predict(potential, frames) for potential in potentials]
    mean_energies = np.mean([energies for energies, _ in predictions], axis=0)
    mean_forces = [np.mean(one, axis=0) for one in zip(*(forces for _, forces in predictions), strict=True)]
    return {
        "ensemble": prediction_errors(*reference, list(mean_energies), mean_forces),
        "members": [prediction_errors(*reference, *prediction) for prediction in predictions],
    }


def errors_without_training(potential: "Potential", frames: Sequence[Atoms]) -> dict[str, float]:
    """Return the errors of a potential on labels of another level of theory: what one has without training.

    Levels count energies from other zeros, so that one energy for each element is fitted to the difference first.
    Forces are compared as they are. Where all frames have one composition the fit takes off a constant alone.

    Parameters
    ----------
    potential
        A pretrained potential, as a universal one.
    frames
        Frames with energy and forces.

    Returns
    -------
    dict
        As ``prediction_errors``, energies after the fit.

    Raises
    ------
    InputError
        If frames are unlabelled or hold an element that the potential has not seen.
    """
    require_labels(frames, name="labels")
    labels = [labels_of(frame) for frame in frames]
    energies, forces = predict(potential, frames)
    differences = [
        attach_labels(frame.copy(), energy=label["energy"] - energy)
        for frame, label, energy in zip(frames, labels, energies, strict=True)
    ]
    reference = fit_energy_reference(differences)
    shifted = [
        energy + sum(reference[symbol] for symbol in frame.get_chemical_symbols())
        for frame, energy in zip(frames, energies, strict=True)
    ]
    return prediction_errors(
        [label["energy"] for label in labels], [label["forces"] for label in labels], shifted, forces
    )

"""How far predictions are from labels."""

from collections.abc import Sequence

import numpy as np

from aiida_elyte.errors import InputError

__all__ = ["prediction_errors"]


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
        When there is no frame, or labels and predictions differ in shape.
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
    return {
        "force_mae_eV_A": float(np.abs(deviations).mean()),
        "force_rmse_eV_A": float(np.sqrt(np.square(deviations).mean())),
        "energy_mae_eV_atom": float(np.abs(per_atom).mean()),
    }

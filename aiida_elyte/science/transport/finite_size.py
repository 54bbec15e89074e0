"""Diffusion in a periodic cell of a liquid is slowed by the images' flow."""

import math
from dataclasses import replace

from scipy import constants

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import Estimate
from aiida_elyte.units import CM2_S

__all__ = ["correct_for_finite_size"]

_CUBIC = 2.837297
"""Ewald sum of a cubic lattice of point forces."""


def correct_for_finite_size(
    diffusion: Estimate, temperature_K: float, volume_A3: float, viscosity_mPa_s: float
) -> Estimate:
    r"""Return the diffusion coefficient of a liquid in an infinite system.

    .. math:: D_\infty = D + \frac{2.837297\, k_B T}{6 \pi \eta L}

    Parameters
    ----------
    diffusion
        Diffusion coefficient in a cubic cell [cm²/s].
    temperature_K
        Temperature [K].
    volume_A3
        Volume V of the cell, L = V^{1/3} [Å³].
    viscosity_mPa_s
        Shear viscosity η [mPa s]; its error is not propagated.

    Raises
    ------
    InputError
        If the viscosity is not positive.

    References
    ----------
    Yeh, Hummer, DOI 10.1021/jp0477147.
    """
    if not (math.isfinite(viscosity_mPa_s) and viscosity_mPa_s > 0):
        raise InputError(f"viscosity_mPa_s is {viscosity_mPa_s}; expected the positive shear viscosity of the liquid")
    length = volume_A3 ** (1 / 3) * constants.angstrom
    shift = _CUBIC * constants.k * temperature_K / (6 * math.pi * 1e-3 * viscosity_mPa_s * length)  # m²/s
    shift_cm2_s = shift * constants.femto / constants.angstrom**2 * CM2_S
    lower, upper = diffusion.ci95
    method = f"corrected for the finite cell with a viscosity of {viscosity_mPa_s:g} mPa s: {diffusion.method}"
    errors = diffusion.errors
    if errors is not None:
        members = {name: (value + shift_cm2_s, std) for name, (value, std) in errors.members.items()}
        errors = replace(errors, members=members)
    return replace(
        diffusion,
        value=diffusion.value + shift_cm2_s,
        ci95=(lower + shift_cm2_s, upper + shift_cm2_s),
        method=method,
        errors=errors,
    )

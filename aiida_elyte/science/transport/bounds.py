"""What a temperature, time, viscosity or charge can be at all: outside, numbers overflow or mean nothing."""

from functools import partial
from numbers import Real
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import check_between

__all__ = ["check_charge", "check_interval", "check_temperature", "check_viscosity"]

_LEAST_CHARGE, _MOST_CHARGE = 1e-6, 100.0
"""Magnitudes of the charge of a species [e]: partial charges of atoms to polyions."""

check_temperature = partial(check_between, least=1e-3, most=1e6, expected="a positive number, in K,")
"""Reject anything but a temperature [K]."""
check_interval = partial(check_between, least=1e-6, most=1e12, expected="a positive number, in fs,")
"""Reject anything but a time between frames or steps [fs]."""
check_viscosity = partial(check_between, least=1e-6, most=1e15, expected="a positive number, in mPa s,")
"""Reject anything but a shear viscosity [mPa s]."""


def check_charge(species: str, charge: Any) -> None:
    """Reject anything but a charge of a species [e], which may be zero.

    Raises
    ------
    InputError
        If it is not a number, or its magnitude is too small or too large.
    """
    is_number = isinstance(charge, Real) and not isinstance(charge, bool)
    if not is_number or not (charge == 0 or _LEAST_CHARGE <= abs(charge) <= _MOST_CHARGE):
        raise InputError(
            f"charges gives {species} {charge}; expected elementary charges, 0 or of magnitude {_LEAST_CHARGE:g} to "
            f"{_MOST_CHARGE:g}; give those"
        )

"""Total charge and multiplicity of a cluster, passed to the calculator that computes it."""

from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import total_charge_of

__all__ = ["StatefulCalculator", "find_multiplicity"]

_CHARGE = ("charge",)
_MULTIPLICITY = ("multiplicity", "mult")
"""What calculators call them."""


def find_multiplicity(numbers: np.ndarray, charge: int | None, given: int | None = None) -> int:
    """Return 2S + 1 of a molecule: the one given, or else the least its number of electrons allows.

    Parameters
    ----------
    numbers
        Atomic numbers, ``shape=(N,)``.
    charge
        Total charge [e]; ``None`` if not given.
    given
        The multiplicity wanted.

    Raises
    ------
    InputError
        If the number of electrons does not allow the one given, or is odd and neither is given.
    """
    n_electrons = int(np.sum(numbers)) - (charge or 0)
    if charge is None and given is None and n_electrons % 2:
        raise InputError(
            f"frame has {n_electrons} electrons, an odd number, and tells no charge; expected `charge` in its info; "
            "add it, or `multiplicity` for a radical"
        )
    multiplicity = 1 + n_electrons % 2 if given is None else int(given)
    if multiplicity < 1 or (n_electrons + 1 - multiplicity) % 2:
        parity = "an even" if n_electrons % 2 else "an odd"
        raise InputError(
            f"multiplicity is {multiplicity} of {n_electrons} electrons; expected {parity} number; correct it or the "
            "charge"
        )
    return multiplicity


class StatefulCalculator:
    """A calculator that computes each frame in the charge and multiplicity that its ``info`` tells.

    Parameters
    ----------
    calculator
        Any of ASE; it takes a charge where its parameters have one. Those given to it hold for frames that tell none.
    name
        What to call it.
    """

    def __init__(self, calculator: Calculator, name: str) -> None:
        self.calculator, self.name = calculator, name
        self._defaults: dict[str, Any] = dict(getattr(calculator, "default_parameters", {}))
        self._given = {
            key: value for key, value in calculator.parameters.items() if value != self._defaults.get(key, object())
        }
        known = {**self._defaults, **self._given}
        self._charge = next((key for key in _CHARGE if key in known), None)
        self._multiplicity = next((key for key in _MULTIPLICITY if key in known), None)

    def attach(self, frame: Atoms) -> Atoms:
        """Return the bare atoms of a frame with the calculator, which forgets what it computed before.

        A periodic frame that tells neither is left to the calculator.

        Raises
        ------
        InputError
            If the calculator takes no charge or multiplicity and the frame has one, or of ``find_multiplicity``.
        """
        for forget in ("reset", "forget"):
            if hasattr(self.calculator, forget):
                getattr(self.calculator, forget)()
        charge, multiplicity = total_charge_of(frame), frame.info.get("multiplicity")
        if self._charge is None and charge:
            raise InputError(
                f"total charge is {charge:+d}, and {self.name} takes none; expected a neutral frame; use tblite, "
                "pyscf, or a calculator with a parameter `charge`"
            )
        if self._multiplicity is None and multiplicity not in (None, 1):
            raise InputError(
                f"multiplicity is {multiplicity}, and {self.name} takes none; expected 1; use tblite or pyscf"
            )
        if self._charge is not None:
            charge = self._given.get(self._charge) if charge is None else charge
            told = {self._charge: self._defaults.get(self._charge) if charge is None else charge}
            if self._multiplicity is not None:
                given = self._given.get(self._multiplicity) if multiplicity is None else multiplicity
                is_open = not (frame.pbc.any() and charge is None and given is None)
                told[self._multiplicity] = (
                    find_multiplicity(frame.numbers, charge, given)
                    if is_open
                    else self._defaults.get(self._multiplicity)
                )
            self.calculator.set(**told)
        bare = Atoms(numbers=frame.numbers, positions=frame.positions, cell=frame.cell, pbc=frame.pbc)
        bare.calc = self.calculator
        return bare

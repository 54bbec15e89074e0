"""What calculators of ASE tell of themselves before they run."""

from collections.abc import Sequence
from typing import Any

from ase.calculators.calculator import get_calculator_class
from ase.calculators.names import names
from ase.data import atomic_numbers

from aiida_elyte.science.cost import LabelRate

__all__ = ["MODULES", "RATES", "has_charges", "validate_elements"]

MODULES = {"tblite": "tblite", "pyscf": "pyscf"}
"""Calculator → Python module it needs beside ASE."""
RATES = {"tblite": LabelRate(2.7, 52, 1.2)}
"""Calculator → time of a single point: GFN1-xTB took 0.35, 0.6 and 2.7 s on 8, 16 and 52 atoms."""
_HEAVIEST = {"tblite": "Rn"}
"""Calculator → heaviest element it knows; GFN1-xTB and GFN2-xTB: doi:10.1002/wcms.1493."""


def has_charges(calculator: Any) -> bool | None:
    """Tell whether a calculator computes charges of atoms, ``None`` where its class does not say so.

    Parameters
    ----------
    calculator
        A name, as ``label_ase`` takes it; those that are not ASE's own do not say.
    """
    if calculator not in names:
        return None
    try:
        told = getattr(get_calculator_class(calculator), "implemented_properties", None)
    except ImportError:  # its engine is not here, but may be where labels are made
        return None
    return "charges" in told if told and isinstance(told, list | tuple) else None


def validate_elements(calculator: Any, elements: Sequence[str]) -> str | None:
    """Return a sentence on elements beyond a calculator, ``None`` as far as it is known to take them.

    Parameters
    ----------
    calculator
        A name, as ``label_ase`` takes it.
    elements
        Chemical symbols.
    """
    heaviest = _HEAVIEST.get(str(calculator))
    if heaviest is None:
        return None
    beyond = [symbol for symbol in sorted(set(elements)) if atomic_numbers[symbol] > atomic_numbers[heaviest]]
    if not beyond:
        return None
    return (
        f"calculator {calculator} of the labeller lacks {', '.join(beyond)}; expected elements up to {heaviest}; "
        "choose another calculator or labeller"
    )

"""What calculators of ASE tell of themselves before they run."""

from typing import Any

from ase.calculators.calculator import get_calculator_class
from ase.calculators.names import names

__all__ = ["has_charges"]


def has_charges(calculator: Any) -> bool | None:
    """Tell whether a calculator computes charges of atoms, ``None`` where its class does not say so.

    Parameters
    ----------
    calculator
        A name, as ``label_ase`` takes it; those that are none of ASE's own do not say.
    """
    if calculator not in names:
        return None
    try:
        told = getattr(get_calculator_class(calculator), "implemented_properties", None)
    except ImportError:  # its engine is not here, but may be where labels are made
        return None
    return "charges" in told if told and isinstance(told, list | tuple) else None

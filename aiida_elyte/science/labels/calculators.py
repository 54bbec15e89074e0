"""What calculators of ASE tell of themselves before they run."""

from collections.abc import Mapping, Sequence
from typing import Any

from ase.calculators.calculator import get_calculator_class
from ase.calculators.names import names
from ase.data import atomic_numbers

from aiida_elyte.errors import suggest
from aiida_elyte.science.cost import LabelRate

__all__ = ["MODULES", "RATES", "has_charges", "validate_calculator", "validate_elements"]

MODULES = {"tblite": "tblite", "pyscf": "pyscf"}
"""Calculator → Python module it needs beside ASE."""
RATES = {"tblite": LabelRate(2.7, 52, 1.2)}
"""Calculator → time of a single point: GFN1-xTB took 0.35, 0.6 and 2.7 s on 8, 16 and 52 atoms."""
_HEAVIEST = {"tblite": "Rn"}
"""Calculator → heaviest element it knows; GFN1-xTB and GFN2-xTB: doi:10.1002/wcms.1493."""


_METHODS = {"tblite": ("GFN1-xTB", "GFN2-xTB", "IPEA1-xTB")}
"""Calculator → what its keyword ``method`` can name."""


def validate_calculator(calculator: Any, parameters: Mapping[str, Any]) -> str | None:
    """Return a sentence if a calculator or its method is unknown, ``None`` as far as they are known to exist.

    Parameters
    ----------
    calculator
        A name, as ``label_ase`` takes it.
    parameters
        Its keywords.
    """
    if not isinstance(calculator, str) or not calculator:
        return f'calculator is {calculator!r}; expected a name such as "tblite", "emt", or "module:Class"'
    if ":" not in calculator and calculator not in (*names, *MODULES):
        hint = suggest(calculator, [*names, *MODULES]) or '; others are given as "module:Class"'
        return (
            f"calculator {calculator!r} is unknown; expected tblite, pyscf, a calculator of ASE, or module:Class{hint}"
        )
    methods, method = _METHODS.get(calculator, ()), parameters.get("method")
    if methods and isinstance(method, str) and method not in methods:
        return f"method of {calculator} is {method!r}; expected {', '.join(methods)}{suggest(method, methods)}"
    return None


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

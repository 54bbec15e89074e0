"""Calculators by the names that settings give them."""

import importlib
from collections.abc import Mapping
from typing import Any

from ase.calculators.calculator import Calculator, FileIOCalculator, get_calculator_class
from ase.calculators.genericfileio import GenericFileIOCalculator
from ase.calculators.names import names as ase_names

from aiida_elyte.errors import EngineMissingError, InputError, suggest
from aiida_elyte.science.labels.dft import PySCF

__all__ = ["build_calculator", "charge_method_of"]

_EMBEDDED: dict[str, tuple[str | type[Calculator], dict[str, Any]]] = {
    # Without cache_api no wave function travels from frame to frame: a label does not depend on the frame before.
    "tblite": ("tblite.ase:TBLite", {"method": "GFN1-xTB", "verbosity": 0, "cache_api": False}),
    "pyscf": (PySCF, {}),
}
"""Calculators beyond ASE's own: where they are and what they are given by default."""


def build_calculator(name: Any, parameters: Mapping[str, Any]) -> Calculator:
    """Build the calculator that a name stands for.

    Parameters
    ----------
    name
        ``tblite``, ``pyscf``, a calculator of ASE, or ``module:Class``.
    parameters
        Its keywords.

    Raises
    ------
    EngineMissingError
        If it cannot be imported here.
    InputError
        If the name is unknown, or the calculator rejects or ignores a parameter.
    """
    if not isinstance(name, str) or not name:
        raise InputError(f'calculator is {name!r}; expected a name such as "tblite", "emt", or "module:Class"')
    place, defaults = _EMBEDDED.get(name, (name, {}))
    if not isinstance(place, str):
        found = place
    elif ":" in place:
        module, _, attribute = place.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise EngineMissingError(
                f"calculator {name!r} cannot be imported ({error}); install it where this program runs"
            ) from error
    elif place in ase_names:
        found = get_calculator_class(place)
    else:
        hint = suggest(name, [*ase_names, *_EMBEDDED]) or '; others are given as "module:Class"'
        raise InputError(
            f"calculator {name!r} is unknown; expected tblite, pyscf, a calculator of ASE, or module:Class{hint}"
        )
    try:
        calculator = found(**{**defaults, **parameters})
    except ImportError as error:
        raise EngineMissingError(
            f"calculator {name!r} cannot be imported ({error}); install it where this program runs"
        ) from error
    except Exception as error:  # calculators reject their parameters in every way
        raise InputError(
            f"calculator {name!r} does not take {dict(parameters)} ({error}); change parameters"
        ) from error
    _reject_ignored(calculator, name)
    return calculator


def _reject_ignored(calculator: Calculator, name: str) -> None:
    """Reject parameters that a calculator of ASE took without knowing them: it would go on with its defaults."""
    known = getattr(calculator, "default_parameters", {})
    if not known or isinstance(calculator, FileIOCalculator | GenericFileIOCalculator):
        return
    for key in calculator.parameters:
        if key not in known:
            raise InputError(f"calculator {name!r} has no parameter {key!r}; expected some of {', '.join(known)}")


def charge_method_of(name: str, calculator: Calculator) -> str:
    """Return what the charges of a calculator are.

    Parameters
    ----------
    name, calculator
        As of ``build_calculator``.
    """
    if name == "tblite":
        return f"Mulliken ({calculator.parameters['method']})"
    return str(getattr(calculator, "charge_method", f"as {name} has them"))

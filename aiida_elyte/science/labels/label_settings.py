"""Settings of labels by calculators of ASE, checked before anything is labelled; builds no calculator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import LABELS
from aiida_elyte.science.labels.calculators import validate_calculator
from aiida_elyte.science.labels.geometries import Heat, Relaxation
from aiida_elyte.science.settings import read_record

__all__ = ["LabelSettings"]


@dataclass(frozen=True)
class LabelSettings:
    """Settings of ``label_ase``.

    Raises
    ------
    InputError
        If a key is unknown, or a value is invalid.
    """

    calculator: str
    """Name of a calculator."""
    level_of_theory: str
    """What to call the labels."""
    parameters: Mapping[str, Any] | None = None
    """Keywords of the calculator."""
    properties: Sequence[str] = ("energy", "forces", "stress")
    """Labels wanted."""
    charge_method: str | None = None
    """What to call the charges."""
    relax: Mapping[str, Any] | None = None
    """Fields of ``Relaxation``; ``None`` relaxes nothing."""
    heat: Mapping[str, Any] | None = None
    """Fields of ``Heat``, and ``calculator`` and ``parameters`` of its dynamics; ``None`` heats nothing."""

    def __post_init__(self) -> None:
        _check_calculator(self.calculator, self.parameters)
        for name in ("level_of_theory", "charge_method"):
            text = getattr(self, name)
            if name == "charge_method" and text is None:
                continue
            if not isinstance(text, str) or not text:
                raise InputError(f'{name} is {text!r}; expected what to call the labels, e.g. "GFN1-xTB"')
        told = self.properties
        if not isinstance(told, list | tuple) or any(name not in LABELS for name in told):
            raise InputError(f"properties is {told!r}; expected a list with some of {', '.join(LABELS)}")
        if self.relax is not None:
            read_record(Relaxation, self.relax, "relax")
        if self.heat is not None:
            _check_heat(self.heat)


def _check_calculator(calculator: Any, parameters: Any) -> None:
    if parameters is not None and not isinstance(parameters, Mapping):
        raise InputError(f"parameters is {parameters!r}; expected a mapping with keywords of the calculator")
    invalid = validate_calculator(calculator, parameters or {})
    if invalid is not None:
        raise InputError(invalid)


def _check_heat(heat: Any) -> None:
    if isinstance(heat, Mapping):
        own = ("calculator", "parameters") if "calculator" in heat else ()
        if own:
            _check_calculator(heat["calculator"], heat.get("parameters"))
        heat = {key: value for key, value in heat.items() if key not in own}
    read_record(Heat, heat, "heat")

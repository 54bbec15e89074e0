"""Label frames with any ASE calculator, many frames a job."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiida_elyte.calculations.label_ase import LabelAseCalculation
from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.calculators import MODULES, RATES, has_charges, validate_elements
from aiida_elyte.workflows.label.batches import BatchLabelWorkChain
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["AseLabelWorkChain", "LabelAseBaseWorkChain"]


class LabelAseBaseWorkChain(ScriptBaseWorkChain):
    """Label one batch; a job that ends early resumes after the last labelled frame."""

    _process_class = LabelAseCalculation
    PROTOCOL = "label_ase"


class AseLabelWorkChain(BatchLabelWorkChain):
    """Label frames by a calculator of ASE that the settings name."""

    PROTOCOL = "label_ase"
    BATCH = LabelAseBaseWorkChain
    NAMESPACE = "ase"

    @classmethod
    def get_inputs(
        cls, protocol: str | None, overrides: dict[str, Any] | None, options: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return the protocol's inputs with overrides; another calculator has its own parameters.

        Raises
        ------
        InputError
            If a calculator other than that of the protocol is named without its level of theory.
        """
        inputs = super().get_inputs(protocol, overrides, options)
        inputs["settings"] = cls.merge_overrides(cls.get_protocol_inputs(protocol), overrides)["settings"]
        if not inputs["settings"].get("level_of_theory"):
            raise InputError(
                f"calculator {inputs['settings']['calculator']!r} has no level_of_theory; expected what to call its "
                "labels, as `level_of_theory: wB97M-V/def2-TZVPD`; add it to the settings of the labeller"
            )
        return inputs

    @classmethod
    def level_of_theory(cls, inputs: Mapping[str, Any]) -> str | None:
        """Return what the settings call the labels."""
        level = cls.settings_of(inputs).get("level_of_theory")
        return None if level is None else str(level)

    @classmethod
    def gives(cls, inputs: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the properties asked for, without charges if the calculator has none."""
        settings = cls.settings_of(inputs)
        if settings.get("properties") is None:
            return None
        missing = {"charges"} if has_charges(settings.get("calculator")) is False else set()
        return frozenset(settings["properties"]) - missing

    @classmethod
    def validate_elements(cls, inputs: Mapping[str, Any], elements: Sequence[str]) -> str | None:
        """Return which elements are beyond the calculator."""
        return validate_elements(cls.settings_of(inputs).get("calculator"), elements)

    @classmethod
    def python_modules(cls, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the module of the calculator, if it is not ASE's own."""
        calculator = cls.settings_of(inputs).get("calculator")
        return (MODULES[calculator],) if calculator in MODULES else ()

    @classmethod
    def seconds(cls, inputs: Mapping[str, Any], n_atoms: int) -> float | None:
        """Return the time of a single point of the calculator [s]."""
        calculator = cls.settings_of(inputs).get("calculator")
        return RATES[calculator].of(n_atoms) if calculator in RATES else None

    @classmethod
    def merge_overrides(cls, below: Mapping[str, Any] | None, above: Mapping[str, Any] | None) -> dict[str, Any]:
        """Merge; another calculator starts without parameters and level of theory of the old one."""
        below, above = dict(below or {}), dict(above or {})
        known, asked = below.get("settings") or {}, above.get("settings") or {}
        if asked.get("calculator") not in (None, known.get("calculator")):
            bound = ("parameters", "level_of_theory", "charge_method")
            below["settings"] = {key: value for key, value in known.items() if key not in bound}
        return super().merge_overrides(below, above)

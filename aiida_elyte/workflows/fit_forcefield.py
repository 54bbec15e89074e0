"""Fit one force field, restarted where needed."""

from collections.abc import Mapping
from typing import Any

from aiida_elyte.calculations.fit_forcefield import FitForceFieldCalculation
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.science.learning.error_key import ErrorKey
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["FitForceFieldBaseWorkChain"]

_FORCE_RMSE = ErrorKey(("overall", "force_rmse_kcal_mol_A"), "force RMSE", "kcal/mol/Å")


class FitForceFieldBaseWorkChain(ScriptBaseWorkChain):
    """Fit one force field, or one member of an ensemble; a job that ends early resumes from its last step."""

    _process_class = FitForceFieldCalculation
    PROTOCOL = "fit_forcefield"
    code_role = "python"
    needs = ("torch", "rdkit")
    makes = ForceFieldData
    error_key = status_key = _FORCE_RMSE

    @classmethod
    def rates(cls, settings: Mapping[str, Any]) -> None:
        """Return ``None``: what the force field costs in LAMMPS was not measured."""

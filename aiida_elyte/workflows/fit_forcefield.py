"""Fit one force field, restarted where needed."""

from aiida_elyte.calculations.fit_forcefield import FitForceFieldCalculation
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["FitForceFieldBaseWorkChain"]


class FitForceFieldBaseWorkChain(ScriptBaseWorkChain):
    """Fit one force field, or one member of an ensemble; a job that ends early goes on from its last step."""

    _process_class = FitForceFieldCalculation
    PROTOCOL = "fit_forcefield"

"""Analyse the solvation of ions, restarted where needed."""

from aiida_elyte.calculations.analyse_solvation import AnalyseSolvationCalculation
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["SolvationBaseWorkChain"]


class SolvationBaseWorkChain(ScriptBaseWorkChain):
    """Find the first shells of the ions of one box; a job that ends early resumes from its checkpoint."""

    _process_class = AnalyseSolvationCalculation
    PROTOCOL = "solvation"

"""Build a loose box."""

from aiida_elyte.calculations.build_box import BuildBoxCalculation
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["BuildBoxBaseWorkChain"]


class BuildBoxBaseWorkChain(ScriptBaseWorkChain):
    """Build a loose box of a recipe."""

    _process_class = BuildBoxCalculation
    PROTOCOL = "build_box"

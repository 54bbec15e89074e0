"""Parser of the program that analyses solvation."""

from typing import Any

from aiida_elyte.parsers.script import ScriptParser

__all__ = ["AnalyseSolvationParser"]


class AnalyseSolvationParser(ScriptParser):
    """Attach the curves."""

    def attach(self, results: dict[str, Any]) -> None:
        """Attach ``curves``."""
        self.out("curves", self.read_arrays("curves.npz"))

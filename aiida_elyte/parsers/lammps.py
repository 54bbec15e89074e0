"""Parser of the LAMMPS program."""

from typing import Any

from aiida_elyte.parsers.script import ScriptParser

__all__ = ["LammpsParser"]


class LammpsParser(ScriptParser):
    """Attach records and last positions; of a simulation that broke, its records."""

    KEEPS_FAILED = ("ATOMS_LOST", "BOND_MISSING", "NOT_FINITE")

    def attach(self, results: dict[str, Any]) -> None:
        """Attach ``thermo`` and ``final``."""
        self.out("thermo", self.read_arrays("thermo.npz"))
        if results.get("kind") is None:
            self.out("final", self.read_file("final.data"))

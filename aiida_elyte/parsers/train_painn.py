"""Parser of the PaiNN trainer."""

from typing import Any

from aiida_elyte.data.potential import PotentialData
from aiida_elyte.parsers.script import ScriptParser

__all__ = ["TrainPainnParser"]


class TrainPainnParser(ScriptParser):
    """Attach the potential and the parity data."""

    def attach(self, results: dict[str, Any]) -> None:
        """Attach ``potential`` and ``parity``."""
        self.out("potential", PotentialData(self.read_bytes("potential.pt"), results["potential"]))
        self.out("parity", self.read_file("parity.npz"))

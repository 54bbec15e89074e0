"""Parser of the program that builds boxes."""

from typing import Any

from aiida_elyte.parsers.script import ScriptParser

__all__ = ["BuildBoxParser"]


class BuildBoxParser(ScriptParser):
    """Attach the data file."""

    def attach(self, results: dict[str, Any]) -> None:
        """Attach ``data``."""
        self.out("data", self.read_file("system.data"))

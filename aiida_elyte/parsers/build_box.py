"""Parser of the program that builds boxes."""

import io
from typing import Any

from aiida import orm

from aiida_elyte.parsers.script import ScriptParser

__all__ = ["BuildBoxParser"]


class BuildBoxParser(ScriptParser):
    """Attach the data file."""

    def attach(self, results: dict[str, Any]) -> None:
        """Attach ``data``."""
        self.out("data", orm.SinglefileData(io.BytesIO(self.read_bytes("system.data")), filename="system.data"))

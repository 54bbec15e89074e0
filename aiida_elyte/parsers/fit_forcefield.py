"""Parser of the fit of a force field."""

from typing import Any

from aiida import orm

from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.parsers.script import ScriptParser

__all__ = ["FitForceFieldParser"]


class FitForceFieldParser(ScriptParser):
    """Attach the force field, its errors, and what the data do not determine."""

    def attach(self, results: dict[str, Any]) -> None:
        """Attach ``potential``, ``errors`` and ``undetermined``."""
        self.out("potential", ForceFieldData(self.read("forcefield.json")))
        self.out("errors", orm.Dict(results["errors"]))
        self.out("undetermined", orm.Dict(results["undetermined"]))

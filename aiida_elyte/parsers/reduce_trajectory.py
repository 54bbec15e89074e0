"""Parser of the program that reduces trajectories."""

from typing import Any

from aiida_elyte.data.series import SeriesData
from aiida_elyte.parsers.script import ScriptParser

__all__ = ["ReduceTrajectoryParser"]


class ReduceTrajectoryParser(ScriptParser):
    """Attach the series."""

    def attach(self, results: dict[str, Any]) -> None:
        """Attach ``series``."""
        self.out("series", SeriesData(self.read_bytes("series.npz")))

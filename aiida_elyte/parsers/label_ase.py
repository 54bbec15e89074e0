"""Parser of the labelling program."""

from typing import Any

from aiida_elyte.data.frames import FramesData
from aiida_elyte.parsers.script import ScriptParser
from aiida_elyte.science.frames import read_frames

__all__ = ["LabelAseParser"]


class LabelAseParser(ScriptParser):
    """Attach the labelled frames, each naming the calculation that labelled it."""

    def attach(self, results: dict[str, Any]) -> None:
        """Attach ``frames``."""
        frames = read_frames(self.read_stream("labelled.extxyz"))
        for frame in frames:
            frame.info["labelled_by"] = self.node.uuid
        self.out("frames", FramesData(frames))

"""Parser of the program that samples clusters."""

from typing import Any

from aiida_elyte.data.frames import FramesData
from aiida_elyte.parsers.script import ScriptParser
from aiida_elyte.science.frames import read_frames

__all__ = ["SampleClustersParser"]


class SampleClustersParser(ScriptParser):
    """Attach the sampled frames."""

    def attach(self, results: dict[str, Any]) -> None:
        """Attach ``frames``; every frame's block is this job and its run."""
        frames = read_frames(self.read_stream("sampled.extxyz"))
        for frame in frames:
            frame.info["origin"] = f"{self.node.uuid}/{frame.info['origin']}"
        self.out("frames", FramesData(frames))

"""Parser of the attack program."""

from typing import Any

from aiida_elyte.data.frames import FramesData
from aiida_elyte.parsers.script import ScriptParser
from aiida_elyte.science.frames import block_of, read_frames

__all__ = ["AttackParser"]


class AttackParser(ScriptParser):
    """Attach the frames; the block of each is this run and its attack."""

    def attach(self, results: dict[str, Any]) -> None:
        """Attach ``frames``."""
        frames = read_frames(self.read_stream("sampled.extxyz"))
        for frame in frames:
            frame.info["origin"] = f"{self.node.uuid}/{block_of(frame)}#{str(frame.info['origin']).split('#')[-1]}"
        self.out("frames", FramesData(frames))

"""Parser of the MD program."""

from typing import Any

from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.parsers.script import ScriptParser
from aiida_elyte.science.frames import block_of, read_frames

__all__ = ["MdParser"]


class MdParser(ScriptParser):
    """Attach the sampled frames and the series, those of a run that stopped early too."""

    KEEPS_FAILED = ("EXPLODED", "COLLIDED", "MOLTEN", "UNCERTAIN")

    def attach(self, results: dict[str, Any]) -> None:
        """Attach ``frames`` and ``series``; every frame's block is this run and its replica."""
        if "sampled.extxyz" in self.retrieved.base.repository.list_object_names():
            text = self.read_stream("sampled.extxyz")
            if text.getvalue().strip():
                frames = read_frames(text)
                for frame in frames:
                    replica, step = block_of(frame), str(frame.info["origin"]).split("#")[-1]
                    frame.info["origin"] = f"{self.node.uuid}/{replica}#{step}"
                self.out("frames", FramesData(frames))
        settings = self.node.inputs.settings.get_dict()
        description = {key: settings.get(key) for key in ("temperature_K", "ensemble", "timestep_fs")}
        description["thermostat"] = results.get("thermostat")
        self.out("series", SeriesData(self.read_bytes("series.npz"), description))

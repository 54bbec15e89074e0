"""A kind of seeds that is a WorkChain, as one that needs jobs has to be."""

from typing import Any

from aiida import orm
from aiida.engine import ProcessBuilder, WorkChain, calcfunction

from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.frames import round_frame

__all__ = ["ScaledSeedsWorkChain"]


class ScaledSeedsWorkChain(WorkChain):
    """Crystals whose lattice vectors are multiplied by factors."""

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports and outline."""
        super().define(spec)
        spec.input("start", valid_type=FramesData, help="The crystal.")
        spec.input("factors", valid_type=orm.List, help="Factors of the lattice vectors [1].")
        spec.output("frames", valid_type=FramesData, help="The seeds.")
        spec.outline(cls.run_scaling)

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: orm.AbstractCode,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Return a builder; ``overrides`` are the settings of the kind."""
        builder = cls.get_builder()
        builder.factors = orm.List((overrides or {}).get("factors", [0.98, 1.02]))
        return builder

    def run_scaling(self) -> None:
        """Make the seeds."""
        self.out("frames", scale_frame(self.inputs.start, self.inputs.factors))


@calcfunction
def scale_frame(start: FramesData, factors: orm.List) -> FramesData:
    """Return a frame for each factor."""
    frames = []
    for number, factor in enumerate(factors.get_list()):
        frame = start.get_frames()[0]
        frame.set_cell(factor * frame.cell.array, scale_atoms=True)
        frame.info = {"origin": f"seed-scaled-{number:03d}#0"}
        frames.append(round_frame(frame))
    return FramesData(frames)

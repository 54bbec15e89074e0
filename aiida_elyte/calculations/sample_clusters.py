"""CalcJob: thermal frames of clusters and small boxes by LAMMPS with a committee of force fields."""

from typing import Any

from aiida import orm

from aiida_elyte.calculations.engine import EngineCalculation
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.lammps.sampling_settings import Sampling

__all__ = ["SampleClustersCalculation"]


class SampleClustersCalculation(EngineCalculation):
    """Run clusters and boxes one after the other; one that breaks, or cannot be built, loses no other."""

    PROGRAM = "sample_clusters.py"
    PARSER = "elyte.sample_clusters"
    SETTINGS = Sampling
    RETRIEVED = ("sampled.extxyz",)
    CHECKPOINTS = ("sampled.extx[y]z", "checkpoint.np[z]")

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports."""
        super().define(spec)
        spec.input("start", valid_type=FramesData, help="Clusters to start from, with their total charge.")
        spec.input_namespace(
            "potentials",
            valid_type=ForceFieldData,
            dynamic=True,
            validator=_is_given,
            help="Members m00, m01 …: each run is driven by one, the committee spread is that of all.",
        )
        spec.output("frames", valid_type=FramesData, help="Clusters at the sampling stride.")
        spec.exit_code(
            421, "ERROR_NO_FRAME", message="No run left a frame: {message}; lower `temperature_K`, or fit more labels."
        )

    def files(self) -> dict[str, orm.SinglefileData]:
        """Return start frames and members."""
        return {
            "start.extxyz": self.inputs.start,
            **{f"{name}.json": node for name, node in self.inputs.potentials.items()},
        }


def _is_given(members: dict[str, ForceFieldData], _: object) -> str | None:
    return None if members else "potentials is empty; expected at least one member (m00)"

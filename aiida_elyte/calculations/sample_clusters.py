"""CalcJob: thermal frames of clusters and small boxes by LAMMPS with a committee of force fields."""

from aiida_elyte.calculations.declarations import Failure, Input, Members, Output, Program
from aiida_elyte.calculations.engine import EngineCalculation
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.lammps.sampling_settings import Sampling

__all__ = ["SampleClustersCalculation"]


class SampleClustersCalculation(EngineCalculation):
    """Run clusters and boxes one after the other; one that breaks, or cannot be built, loses no other."""

    PROGRAM = Program(
        "sample_clusters.py",
        parser="elyte.sample_clusters",
        settings=Sampling,
        checkpoints=("sampled.extx[y]z", "checkpoint.np[z]"),
    )
    INPUTS = (
        Input("start", FramesData, "Clusters to start from, with their total charge.", "start.extxyz"),
        Members(
            "potentials",
            ForceFieldData,
            "Members m00, m01 …: each run is driven by one, the committee spread is that of all.",
            "*.json",
        ),
    )
    OUTPUTS = (Output("frames", FramesData, "Clusters at the sampling stride.", "sampled.extxyz"),)
    FAILURES = (
        Failure(421, "ERROR_NO_FRAME", "No run left a frame: {message}; lower `temperature_K`, or fit more labels."),
    )

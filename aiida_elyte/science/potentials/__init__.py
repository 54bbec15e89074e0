"""Trained models as torch modules and as calculators; SchNetPack and torch-sim are imported when they are used."""

from aiida_elyte.science.potentials.calculators import EnsembleCalculator, PotentialCalculator
from aiida_elyte.science.potentials.neighbours import Batch, VerletList
from aiida_elyte.science.potentials.painn import Potential, Prediction, build_painn
from aiida_elyte.science.potentials.storage import describe_potential, dump_potential, load_potential, save_potential

__all__ = [
    "Batch",
    "EnsembleCalculator",
    "Potential",
    "PotentialCalculator",
    "Prediction",
    "TorchSimModel",
    "VerletList",
    "build_painn",
    "describe_potential",
    "dump_potential",
    "load_potential",
    "save_potential",
]


def __getattr__(name: str) -> object:
    if name == "TorchSimModel":  # torch-sim is an optional dependency
        from aiida_elyte.science.potentials.torchsim import TorchSimModel

        return TorchSimModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Train one PaiNN potential, restarted where needed."""

from aiida_elyte.calculations.train_painn import TrainPainnCalculation
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["TrainPainnBaseWorkChain"]


class TrainPainnBaseWorkChain(ScriptBaseWorkChain):
    """Train one PaiNN member; a job that ends early goes on from its checkpoint."""

    _process_class = TrainPainnCalculation
    PROTOCOL = "train_painn"

"""Train one PaiNN potential, restarted where needed."""

from typing import Any

from aiida import orm
from aiida.engine import ProcessBuilder

from aiida_elyte.calculations.train_painn import TrainPainnCalculation
from aiida_elyte.data.frames import FramesData
from aiida_elyte.workflows.protocols import ProtocolMixin
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["TrainPainnBaseWorkChain"]


class TrainPainnBaseWorkChain(ProtocolMixin, ScriptBaseWorkChain):
    """Train one PaiNN member; a job that ends early goes on from its checkpoint."""

    _process_class = TrainPainnCalculation
    PROTOCOL = "train_painn"

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: orm.AbstractCode,
        dataset: FramesData | None = None,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Return a builder.

        Parameters
        ----------
        code
            Python with torch and SchNetPack.
        dataset
            Labelled frames; left out where another WorkChain fills it in.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of the jobs.
        """
        inputs = cls.get_inputs(protocol, overrides, options)
        builder = cls.get_builder()
        builder.code = code
        builder.settings = orm.Dict(inputs["settings"])
        builder.options = inputs["options"]
        builder.max_iterations = orm.Int(inputs["max_iterations"])
        if dataset is not None:
            builder.dataset = dataset
        return builder

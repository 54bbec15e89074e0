"""Molecular dynamics of replicas, restarted where needed."""

from typing import Any

from aiida import orm
from aiida.engine import ProcessBuilder, ProcessHandlerReport, process_handler

from aiida_elyte.calculations.md import MdCalculation
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.parsers.md import MdParser
from aiida_elyte.workflows.protocols import ProtocolMixin
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["MdBaseWorkChain"]


class MdBaseWorkChain(ProtocolMixin, ScriptBaseWorkChain):
    """Run replicas at one temperature; a job that ends early goes on from its checkpoint."""

    _process_class = MdCalculation
    PROTOCOL = "md"

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define what a run ends with in which every replica stopped."""
        super().define(spec)
        spec.exit_code(411, "ERROR_STOPPED", message="Every replica stopped before its end: {reason}")

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: orm.AbstractCode,
        start: FramesData | None = None,
        potentials: dict[str, PotentialData] | None = None,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Return a builder.

        Parameters
        ----------
        code
            Python with torch, SchNetPack and torch-sim.
        start, potentials
            Start frames and members; left out where another WorkChain fills them in.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of the jobs.
        """
        inputs = cls.get_inputs(protocol, overrides, options)
        builder = cls.get_builder()
        builder.code = code
        builder.settings = orm.Dict(inputs["settings"])
        builder.options = inputs["options"]
        builder.max_iterations = orm.Int(inputs["max_iterations"])
        if start is not None:
            builder.start = start
        if potentials is not None:
            builder.potentials = potentials
        return builder

    @process_handler(
        priority=300,
        exit_codes=[MdCalculation.spec().exit_codes[f"ERROR_{kind}"] for kind in MdParser.KEEPS_FAILED],
    )
    def keep_what_stopped(self, calculation: orm.CalcJobNode) -> ProcessHandlerReport:
        """End with the frames a stopped run left: they are what the potential has to learn next."""
        self.ctx.is_finished = True
        self.results()
        return ProcessHandlerReport(True, self.exit_codes.ERROR_STOPPED.format(reason=calculation.exit_message))

"""Molecular dynamics of replicas, restarted where needed."""

from typing import Any

from aiida import orm
from aiida.engine import ProcessHandlerReport, process_handler

from aiida_elyte.calculations.md import MdCalculation
from aiida_elyte.parsers.md import MdParser
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["MdBaseWorkChain"]


class MdBaseWorkChain(ScriptBaseWorkChain):
    """Run replicas at one temperature; a job that ends early resumes from its checkpoint."""

    _process_class = MdCalculation
    PROTOCOL = "md"
    CODES = ()

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the exit code of a run in which every replica stopped."""
        super().define(spec)
        spec.exit_code(411, "ERROR_STOPPED", message="Every replica stopped before its end: {reason}")

    @process_handler(
        priority=300,
        exit_codes=[MdCalculation.spec().exit_codes[f"ERROR_{kind}"] for kind in MdParser.KEEPS_FAILED],
    )
    def keep_what_stopped(self, calculation: orm.CalcJobNode) -> ProcessHandlerReport:
        """End with the frames a stopped run left: they are what the potential has to learn next."""
        self.ctx.is_finished = True
        self.results()
        return ProcessHandlerReport(True, self.exit_codes.ERROR_STOPPED.format(reason=calculation.exit_message))

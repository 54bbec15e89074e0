"""Long molecular dynamics of a box by LAMMPS, in a chain of jobs of any length."""

from typing import Any

from aiida import orm
from aiida.engine import ProcessHandlerReport, process_handler

from aiida_elyte.calculations.lammps import LammpsCalculation
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["LammpsBaseWorkChain"]

_MAX_STUCK = 3
"""Jobs in a row that may die without a new restart file."""


class LammpsBaseWorkChain(ScriptBaseWorkChain):
    """Run stages to their end; a job that reaches its wall time or is killed is followed by one that goes on.

    With ``parent_folder``, the ``remote_folder`` of a finished run, a longer last stage goes on from there.
    """

    _process_class = LammpsCalculation
    PROTOCOL = "lammps"

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define what a chain ends with that does not move."""
        super().define(spec)
        spec.exit_code(
            402,
            "ERROR_STUCK",
            message="{count} jobs in a row were killed at step {step} without a new restart file; "
            "give them more memory, or make restart_stride smaller.",
        )

    def setup(self) -> None:
        """Count the jobs that do not move."""
        super().setup()
        self.ctx.n_stuck = 0

    @process_handler(priority=410, exit_codes=[LammpsCalculation.spec().exit_codes.ERROR_LAMMPS_KILLED])
    def resume_from_restart_file(self, calculation: orm.CalcJobNode) -> ProcessHandlerReport:
        """Go on in a new job from the last restart file, unless the last jobs left none."""
        results = calculation.outputs.results
        self.ctx.n_stuck = 0 if results["steps_run_in_this_job"] else self.ctx.n_stuck + 1
        if self.ctx.n_stuck >= _MAX_STUCK:
            stuck = self.exit_codes.ERROR_STUCK.format(count=self.ctx.n_stuck, step=results["step"])
            return ProcessHandlerReport(True, stuck)
        return self._go_on(calculation)

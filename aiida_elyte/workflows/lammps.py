"""Long molecular dynamics of a box by LAMMPS, in a chain of jobs of any length."""

import json
from typing import Any

from aiida import orm
from aiida.engine import ProcessHandlerReport, process_handler

from aiida_elyte.calculations.lammps import LammpsCalculation
from aiida_elyte.program import PROGRESS
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["LammpsBaseWorkChain"]

_MAX_STUCK = 3
"""Jobs in a row that may end early without progress."""


class LammpsBaseWorkChain(ScriptBaseWorkChain):
    """Run stages to their end; a job that reaches its wall time or is killed is followed by one that goes on.

    With ``parent_folder``, the ``remote_folder`` of a finished run, a longer last stage resumes from there.
    """

    _process_class = LammpsCalculation
    PROTOCOL = "lammps"

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the exit code of a chain that makes no progress."""
        super().define(spec)
        spec.inputs["clean_workdir"].validator = _validate_clean_workdir
        spec.exit_code(
            402,
            "ERROR_STUCK",
            message="{count} jobs in a row ended early and none came further than step {step}; "
            "give them more wall time or memory, or make restart_stride smaller.",
        )

    def setup(self) -> None:
        """Start with no job that made no progress."""
        super().setup()
        self.ctx.n_stuck = self.ctx.reached = 0

    @process_handler(
        priority=410,
        exit_codes=[
            LammpsCalculation.spec().exit_codes.ERROR_LAMMPS_KILLED,
            LammpsCalculation.spec().exit_codes.ERROR_OUT_OF_WALLTIME,
            LammpsCalculation.spec().exit_codes.ERROR_RESULTS_MISSING,
        ],
    )
    def resume_from_restart_file(self, calculation: orm.CalcJobNode) -> ProcessHandlerReport:
        """Resume in a new job from the last restart file, unless the last jobs made no progress."""
        reached = _reached(calculation)
        self.ctx.n_stuck = 0 if reached > self.ctx.reached else self.ctx.n_stuck + 1
        self.ctx.reached = max(reached, self.ctx.reached)
        if self.ctx.n_stuck >= _MAX_STUCK:
            stuck = self.exit_codes.ERROR_STUCK.format(count=self.ctx.n_stuck, step=self.ctx.reached)
            return ProcessHandlerReport(True, stuck)
        return self._go_on(calculation)


def _validate_clean_workdir(clean_workdir: orm.Bool | None, _: Any) -> str | None:
    if clean_workdir is not None and clean_workdir.value:
        return "clean_workdir is True; expected False, for the trajectory is there; use `aiida-elyte clean`"
    return None


def _reached(calculation: orm.CalcJobNode) -> int:
    """Return the last step known of a job: of its last restart file, or reported before its program was killed."""
    if "results" in calculation.outputs:
        return int(calculation.outputs.results["step"])
    if PROGRESS not in calculation.outputs.retrieved.list_object_names():
        return 0
    return int(json.loads(calculation.outputs.retrieved.get_object_content(PROGRESS))["step"])

"""The base of CalcJobs whose program drives LAMMPS: the engine is a code of its own."""

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.escaping import escape_for_bash
from aiida.common.folders import Folder

from aiida_elyte.calculations.declarations import Failure
from aiida_elyte.calculations.script import ScriptCalculation

__all__ = ["EngineCalculation"]

_ENGINE_FAILURES = (
    Failure(
        304, "ERROR_LAMMPS_MISSING", "LAMMPS does not start: {message}; correct the code `engine`, or its prepend text."
    ),
    Failure(
        305,
        "ERROR_CLASS2_MISSING",
        "LAMMPS lacks packages: {message}; build it with -D PKG_<NAME>=yes for each, or take another.",
    ),
)


class EngineCalculation(ScriptCalculation):
    """Run a program that starts ``lmp``.

    ``code`` is the Python that watches, ``engine`` the ``lmp`` it starts: with its prepend text, and under MPI with the
    computer's command for it if the code says so or the resources hold more than one process.
    """

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the port of the engine, and the exit codes if it is missing."""
        super().define(spec)
        spec.input(
            "engine",
            valid_type=(orm.InstalledCode, orm.ContainerizedCode),
            help="LAMMPS (`lmp`) with CLASS2, KSPACE, MOLECULE, on the computer of `code`.",
        )
        for failure in _ENGINE_FAILURES:
            failure.define(spec)

    @classmethod
    def validate_inputs(cls, inputs: Mapping[str, Any]) -> str | None:
        """Return a sentence if the engine is on another computer."""
        return super().validate_inputs(inputs) or _validate_computers(inputs)

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        """Write how LAMMPS is started."""
        info = super().prepare_for_submission(folder)
        with folder.open("engine.sh", "w") as handle:
            handle.write(self._launcher())
        return info

    def _launcher(self) -> str:
        """Return the shell script that starts LAMMPS with the arguments it is given."""
        engine, computer = self.inputs.engine, self.inputs.engine.computer
        resource = computer.get_scheduler().create_job_resource(**self.options.resources)
        n_processes = resource.get_tot_num_mpiprocs()
        words = []
        with_mpi = n_processes > 1 if engine.with_mpi is None else engine.with_mpi
        if with_mpi:
            values = {"tot_num_mpiprocs": n_processes, **dict(resource.items())}
            words = [word.format(**values) for word in computer.get_mpirun_command()]
        launch = [
            *engine.get_prepend_cmdline_params(words, self.options.get("mpirun_extra_params", [])),
            *engine.get_executable_cmdline_params([]),
        ]
        quoted = " ".join(escape_for_bash(str(word), computer.get_use_double_quotes()) for word in launch)
        return f'{engine.prepend_text}\nexec {quoted} "$@"\n'


def _validate_computers(inputs: Mapping[str, Any]) -> str | None:
    """Return a sentence if the engine is on another computer."""
    if "code" in inputs and "engine" in inputs:
        there, here = inputs["engine"].computer, inputs["code"].computer
        if there.uuid != here.uuid:
            return f"engine is on {there.label}; expected {here.label}, where `code` runs; take a code there"
    return None

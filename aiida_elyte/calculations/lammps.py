"""CalcJob: long molecular dynamics of a box by LAMMPS."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.escaping import escape_for_bash
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.lammps_run import read_settings
from aiida_elyte.science.trajectory.parts import PARTS

__all__ = ["FLAGS", "LammpsCalculation"]

FLAGS = "lammps_flags"
"""Extra of the code of `lmp`, and property of its computer, with the arguments for its accelerators."""


class LammpsCalculation(ScriptCalculation):
    """Run a data file through stages; the trajectory stays where it was made, in parts that a later job links.

    ``code`` is the Python that watches, ``engine`` the ``lmp`` it starts: with its prepend text, and under MPI with the
    computer's command for it where the code says so or the resources hold more than one process.
    """

    PROGRAM = "run_lammps.py"
    RETRIEVED = ("final.data", "thermo.npz", "log_*.lammps", "lmp.txt")
    CHECKPOINTS = ("restart.*", "chain.jso[n]", "records.np[z]", "log_*.lammps")

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        """Define the ports."""
        super().define(spec)
        spec.input(
            "engine",
            valid_type=(orm.InstalledCode, orm.ContainerizedCode),
            help="LAMMPS (`lmp`) with CLASS2, KSPACE, MOLECULE, on the computer of `code`.",
        )
        spec.input("data", valid_type=orm.SinglefileData, help="Data file of the box: class 2, units real, full atoms.")
        spec.output(
            "thermo",
            valid_type=orm.ArrayData,
            required=False,
            help="Records of the whole chain: step, temperature_K, pressure_bar, density_g_cm3, volume_A3, energies.",
        )
        spec.output(
            "final",
            valid_type=orm.SinglefileData,
            required=False,
            help="Data file of the last positions and velocities.",
        )
        spec.inputs["metadata"]["options"]["parser_name"].default = "elyte.lammps"
        can_run = spec.inputs.validator
        spec.inputs.validator = lambda inputs, ports: can_run(inputs, ports) or _refuse(inputs)
        spec.exit_code(
            304,
            "ERROR_LAMMPS_MISSING",
            message="LAMMPS does not start: {message}; correct the code `engine`, or its prepend text.",
        )
        spec.exit_code(
            305,
            "ERROR_CLASS2_MISSING",
            message="LAMMPS lacks packages: {message}; build it with -D PKG_<NAME>=yes for each, or take another.",
        )
        spec.exit_code(
            306,
            "ERROR_LAMMPS_KILLED",
            message="{message}; go on from its last restart file (`parent_folder`).",
            invalidates_cache=True,
        )
        spec.exit_code(
            416,
            "ERROR_ATOMS_LOST",
            message="Atoms were lost: {message}; give the start a longer push-off, or a smaller timestep_fs.",
        )
        spec.exit_code(
            417,
            "ERROR_BOND_MISSING",
            message="A bond was torn: {message}; give the start a longer push-off, or a smaller timestep_fs.",
        )
        spec.exit_code(
            418,
            "ERROR_NOT_FINITE",
            message="The simulation broke: {message}; minimise first, and look for overlaps and angles of 180°.",
        )
        spec.exit_code(
            419, "ERROR_LAMMPS_FAILED", message="LAMMPS refused to go on: {message}; correct data, settings or flags."
        )

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        """Write how LAMMPS is started; link the parts of the trajectory there are."""
        info = super().prepare_for_submission(folder)
        with folder.open("engine.sh", "w") as handle:
            handle.write(self._launcher())
        if "parent_folder" in self.inputs:
            parent = self.inputs.parent_folder
            parts = PurePosixPath(parent.get_remote_path()) / PARTS
            info.remote_symlink_list = [(parent.computer.uuid, str(parts), ".")]
        return info

    def settings(self) -> dict[str, Any]:
        """Return the settings, with the flags of the code or the computer unless they have their own."""
        settings = super().settings()
        if settings.get("flags") is None:
            engine = self.inputs.engine
            settings["flags"] = engine.base.extras.get(FLAGS, None) or engine.computer.get_property(FLAGS, [])
        return settings

    def files(self) -> dict[str, orm.SinglefileData]:
        """Return the data file."""
        return {"system.data": self.inputs.data}

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


def _refuse(inputs: Mapping[str, Any]) -> str | None:
    """Refuse settings that cannot be run, and an engine on another computer, before anything runs."""
    settings = inputs.get("settings")
    if settings is not None:
        try:
            read_settings(settings.get_dict())
        except InputError as error:
            return str(error)
    if "code" in inputs and "engine" in inputs:
        there, here = inputs["engine"].computer, inputs["code"].computer
        if there.uuid != here.uuid:
            return f"engine is on {there.label}; expected {here.label}, where `code` runs; take a code there"
    return None

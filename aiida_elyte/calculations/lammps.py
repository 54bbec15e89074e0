"""CalcJob: long molecular dynamics of a box by LAMMPS."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder

from aiida_elyte.calculations.engine import EngineCalculation
from aiida_elyte.errors import InputError
from aiida_elyte.science.lammps.run import read_run_settings
from aiida_elyte.science.trajectory.parts import PARTS

__all__ = ["FLAGS", "LammpsCalculation"]

FLAGS = "lammps_flags"
"""Extra of the code of `lmp`, and property of its computer, with the arguments for its accelerators."""


class LammpsCalculation(EngineCalculation):
    """Run a data file through stages; the trajectory stays where it was made, in parts that a later job links."""

    PROGRAM = "run_lammps.py"
    PARSER = "elyte.lammps"
    RETRIEVED = ("final.data", "thermo.npz", "log_*.lammps", "lmp.txt")
    CHECKPOINTS = ("restart.*", "chain.jso[n]", "records.np[z]", "log_*.lammps")

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports."""
        super().define(spec)
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

    @classmethod
    def validate_inputs(cls, inputs: Mapping[str, Any]) -> str | None:
        """Return a sentence if the engine is on another computer, or settings cannot be run."""
        return super().validate_inputs(inputs) or _refuse(inputs)

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        """Link the parts of the trajectory there are."""
        info = super().prepare_for_submission(folder)
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


def _refuse(inputs: Mapping[str, Any]) -> str | None:
    """Refuse settings that cannot be run before anything runs."""
    settings = inputs.get("settings")
    if settings is not None:
        try:
            read_run_settings(settings.get_dict())
        except InputError as error:
            return str(error)
    return None

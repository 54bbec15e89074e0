"""CalcJob: long molecular dynamics of a box by LAMMPS."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder

from aiida_elyte.calculations.declarations import Failure, Input, Output, Program
from aiida_elyte.calculations.engine import EngineCalculation
from aiida_elyte.errors import InputError
from aiida_elyte.science.lammps.run import read_run_settings
from aiida_elyte.science.trajectory.parts import PARTS

__all__ = ["FLAGS", "LammpsCalculation"]

FLAGS = "lammps_flags"
"""Extra of the code of `lmp`, and property of its computer, with the arguments for its accelerators."""


class LammpsCalculation(EngineCalculation):
    """Run a data file through stages; the trajectory stays where it was made, in parts that a later job links."""

    PROGRAM = Program(
        "run_lammps.py",
        parser="elyte.lammps",
        checkpoints=("restart.*", "chain.jso[n]", "records.np[z]", "log_*.lammps"),
        logs=("log_*.lammps", "lmp.txt"),
    )
    INPUTS = (
        Input("data", orm.SinglefileData, "Data file of the box: class 2, units real, full atoms.", "system.data"),
    )
    OUTPUTS = (
        Output(
            "final", orm.SinglefileData, "Data file of the last positions and velocities.", "final.data", required=False
        ),
        Output(
            "thermo",
            orm.ArrayData,
            "Records of the whole chain: step, temperature_K, pressure_bar, density_g_cm3, volume_A3, energies.",
            "thermo.npz",
            required=False,
        ),
    )
    FAILURES = (
        Failure(306, "ERROR_LAMMPS_KILLED", "{message}; resume from its last restart file (`parent_folder`)."),
        Failure(
            416,
            "ERROR_ATOMS_LOST",
            "Atoms were lost: {message}; give the start a longer push-off, or a smaller timestep_fs.",
        ),
        Failure(
            417,
            "ERROR_BOND_MISSING",
            "A bond was torn: {message}; give the start a longer push-off, or a smaller timestep_fs.",
        ),
        Failure(
            418,
            "ERROR_NOT_FINITE",
            "The simulation broke: {message}; minimise first, and look for overlaps and angles of 180°.",
        ),
        Failure(419, "ERROR_LAMMPS_FAILED", "LAMMPS stopped: {message}; look at data, settings and flags."),
    )

    @classmethod
    def validate_inputs(cls, inputs: Mapping[str, Any]) -> str | None:
        """Return a sentence if the engine is on another computer, or settings cannot be run."""
        return super().validate_inputs(inputs) or _validate_run(inputs)

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


def _validate_run(inputs: Mapping[str, Any]) -> str | None:
    """Return a sentence if the settings cannot be run."""
    settings = inputs.get("settings")
    if settings is not None:
        try:
            read_run_settings(settings.get_dict())
        except InputError as error:
            return str(error)
    return None

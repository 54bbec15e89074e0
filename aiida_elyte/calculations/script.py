"""The base of every CalcJob that runs a program of ours: ``settings.json`` in, ``results.json`` out."""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aiida import orm
from aiida.common import CalcInfo, CodeInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJob

from aiida_elyte.calculations.rooms import PROGRAMS, pack_rooms, program_node
from aiida_elyte.calculations.settings import holds
from aiida_elyte.program import LIMITS, PROGRESS, RESULTS, TRACEBACK

__all__ = ["ScriptCalculation"]

_PACKAGE = "aiida-elyte"

_NOT_CACHED = (
    (
        302,
        "ERROR_RESULTS_MISSING",
        "The job was killed: there is no `results.json`; restart it from its checkpoint (`parent_folder`).",
    ),
    (303, "ERROR_FILE_MISSING", "The program ended well but left no `{name}`."),
    (307, "ERROR_ENGINE_MISSING", "What the program needs is not installed where it runs: {message}"),
    (310, "ERROR_RESULTS_UNREADABLE", "`{name}` cannot be read: {message}"),
    (
        400,
        "ERROR_OUT_OF_WALLTIME",
        "{message}; go on from its checkpoint (`parent_folder`) or raise `max_wallclock_seconds`.",
    ),
    (
        410,
        "ERROR_UNEXPECTED",
        "The program failed where nobody foresaw it: {message}; see `traceback.txt` in `retrieved`.",
    ),
)
"""Exit codes of failures that the same inputs need not repeat."""


class ScriptCalculation(CalcJob):
    """Run a program of ``aiida_elyte/remote`` with the cluster's Python.

    The program and the rooms it imports are input nodes: AiiDA leaves a CalcJob's own files out of the caching hash.
    Nothing of ours has to be installed where it runs.
    """

    PROGRAM: str
    """File name of the program in ``aiida_elyte/remote``."""
    PARSER: str | None = None
    """Entry point of the parser."""
    SETTINGS: type | None = None
    """Record that the settings fill, which checks its fields; ``None`` where they are checked in another way."""
    NEEDS: tuple[str, ...] = ()
    """Modules that have to be installed where it runs, beside those that its inputs name."""
    RETRIEVED: tuple[str, ...] = ()
    """Files the parser needs beside ``results.json``."""
    CHECKPOINTS: tuple[str, ...] = ()
    """Patterns of the files from which an interrupted run goes on."""

    def __init__(self, inputs: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        # Not as defaults of the ports, which know no other inputs and would be those of a WorkChain around it.
        given = dict(inputs or {})
        given.setdefault("script", program_node(self.program()))
        if "rooms" not in given:
            given["rooms"] = pack_rooms(self.program(), self.python_modules(given))
        super().__init__(inputs=given, **kwargs)

    @classmethod
    def python_modules(cls, inputs: Mapping[str, Any]) -> Sequence[str]:
        """Return the modules that the program imports because of its inputs, by name.

        Those of this package and of plug-ins travel with the job, with all that they import of them; others are
        expected to be installed where it runs.

        Parameters
        ----------
        inputs
            Inputs as they are given, not yet checked.
        """
        return ()

    @classmethod
    def program(cls) -> Path:
        """Return the path of the program."""
        return PROGRAMS / cls.PROGRAM

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports every program shares."""
        super().define(spec)
        spec.input(
            "settings",
            valid_type=orm.Dict,
            serializer=orm.to_aiida_type,
            validator=holds(cls.SETTINGS) if cls.SETTINGS else None,
            help="What the program does; its `settings.json`.",
        )
        spec.input(
            "script",
            valid_type=orm.SinglefileData,
            required=False,
            help="The program; an input so that caching follows it. That of `aiida_elyte/remote` if not given.",
        )
        spec.input(
            "rooms",
            valid_type=orm.FolderData,
            required=False,
            help="The modules that travel with the program, under their package path: those of aiida_elyte and of "
            "plug-ins that it imports, if not given.",
        )
        spec.input(
            "parent_folder",
            valid_type=orm.RemoteData,
            required=False,
            help="Folder of an earlier run of the same program, from whose checkpoint this one goes on.",
        )
        spec.output("results", valid_type=orm.Dict, help="What the program reports, with versions, device and seconds.")
        can_run = spec.inputs.validator
        spec.inputs.validator = lambda inputs, ports: can_run(inputs, ports) or cls.validate_inputs(inputs)
        options = spec.inputs["metadata"]["options"]
        if cls.PARSER is not None:
            options["parser_name"].default = cls.PARSER
        options["resources"].default = lambda: {"num_machines": 1, "num_mpiprocs_per_machine": 1}
        options["output_filename"].default = "stdout.txt"
        options["withmpi"].default = False
        options["environment_variables"].default = lambda: {"OMP_NUM_THREADS": "1"}
        spec.exit_code(200, "ERROR_INVALID_INPUT", message="The program refused its input: {message}")
        for status, label, message in _NOT_CACHED:
            spec.exit_code(status, label, message=message, invalidates_cache=True)

    @classmethod
    def validate_inputs(cls, inputs: Mapping[str, Any]) -> str | None:
        """Return a sentence if inputs, each of them valid, cannot be run together."""
        return None

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        """Write the settings and the limits, and say which files travel."""
        _write(folder, "settings.json", self.settings())
        # What is no input, and so does not void the cache: the wall time, and the version of this package.
        limits = {"max_wallclock_seconds": self.options.get("max_wallclock_seconds"), "aiida_elyte": version(_PACKAGE)}
        _write(folder, LIMITS, limits)

        code = CodeInfo()
        code.code_uuid = self.inputs.code.uuid
        code.cmdline_params = [self.inputs.script.filename, "settings.json"]
        code.stdout_name = self.options.output_filename
        code.join_files = True
        code.withmpi = self.options.withmpi

        info = CalcInfo()
        info.codes_info = [code]
        info.local_copy_list = [
            (self.inputs.script.uuid, self.inputs.script.filename, self.inputs.script.filename),
            (self.inputs.rooms.uuid, "", ""),
            *((node.uuid, node.filename, name) for name, node in self.files().items()),
        ]
        if "parent_folder" in self.inputs:
            parent = self.inputs.parent_folder
            place = parent.get_remote_path()
            info.remote_copy_list = [(parent.computer.uuid, f"{place}/{pattern}", ".") for pattern in self.CHECKPOINTS]
        info.retrieve_list = [self.options.output_filename, RESULTS, TRACEBACK, PROGRESS, *self.RETRIEVED]
        return info

    def settings(self) -> dict[str, Any]:
        """Return the content of ``settings.json``."""
        return self.inputs.settings.get_dict()

    def files(self) -> dict[str, orm.SinglefileData]:
        """Return the input files: name in the job's folder → node."""
        return {}


def _write(folder: Folder, name: str, content: Any) -> None:
    with folder.open(name, "w") as handle:
        json.dump(content, handle, indent=2, sort_keys=True)

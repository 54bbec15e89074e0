"""The base of every CalcJob that runs a program of ours: ``settings.json`` in, ``results.json`` out."""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from aiida import orm
from aiida.common import CalcInfo, CodeInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJob

from aiida_elyte.calculations.declarations import Failure, Input, Output, Program
from aiida_elyte.calculations.rooms import pack_rooms, program_node
from aiida_elyte.errors import InputError
from aiida_elyte.program import LIMITS, PROGRESS, RESULTS, TRACEBACK

__all__ = ["ScriptCalculation"]

_PACKAGE = "aiida-elyte"

_FAILURES = (
    Failure(200, "ERROR_INVALID_INPUT", "The program rejected its input: {message}"),
    Failure(
        302,
        "ERROR_RESULTS_MISSING",
        "The job was killed: there is no `results.json`; restart it from its checkpoint (`parent_folder`).",
    ),
    Failure(303, "ERROR_FILE_MISSING", "The program ended well but left no `{name}`."),
    Failure(307, "ERROR_ENGINE_MISSING", "What the program needs is not installed where it runs: {message}"),
    Failure(310, "ERROR_RESULTS_UNREADABLE", "`{name}` cannot be read: {message}"),
    Failure(
        400,
        "ERROR_OUT_OF_WALLTIME",
        "{message}; resume from its checkpoint (`parent_folder`) or raise `max_wallclock_seconds`.",
    ),
    Failure(
        410,
        "ERROR_UNEXPECTED",
        "The program failed unexpectedly: {message}; see `traceback.txt` in `retrieved`.",
    ),
)
"""Exit codes that every program has."""


class ScriptCalculation(CalcJob):
    """Run a program of ``aiida_elyte/remote`` with the cluster's Python.

    The program and the rooms it imports are input nodes: AiiDA leaves a CalcJob's own files out of the caching hash.
    Nothing of ours has to be installed where it runs.
    """

    PROGRAM: Program
    """The program."""
    INPUTS: tuple[Input, ...] = ()
    """Files that it takes beside its settings."""
    OUTPUTS: tuple[Output, ...] = ()
    """What the parser attaches beside ``results``."""
    FAILURES: tuple[Failure, ...] = ()
    """Exit codes beside those that every program has."""

    def __init__(self, inputs: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        # Not as defaults of the ports, which know no other inputs and would be those of a WorkChain around it.
        given = dict(inputs or {})
        given.setdefault("script", program_node(self.PROGRAM.path))
        if "rooms" not in given:
            given["rooms"] = pack_rooms(self.PROGRAM.path, self.python_modules(given))
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
    def define(cls, spec: Any) -> None:
        """Define the ports that every program has, and those that the class declares."""
        super().define(spec)
        spec.input(
            "settings",
            valid_type=orm.Dict,
            serializer=orm.to_aiida_type,
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
            help="Folder of an earlier run of the same program, from whose checkpoint this one resumes.",
        )
        spec.output("results", valid_type=orm.Dict, help="What the program reports, with versions, device and seconds.")
        can_run = spec.inputs.validator
        spec.inputs.validator = lambda inputs, ports: can_run(inputs, ports) or cls.validate_inputs(inputs)
        options = spec.inputs["metadata"]["options"]
        options["resources"].default = lambda: {"num_machines": 1, "num_mpiprocs_per_machine": 1}
        options["output_filename"].default = "stdout.txt"
        options["withmpi"].default = False
        options["environment_variables"].default = lambda: {"OMP_NUM_THREADS": "1"}
        if hasattr(cls, "PROGRAM"):  # the base has none
            if not isinstance(cls.PROGRAM, Program):
                raise InputError(
                    f"PROGRAM of {cls.__name__} is {cls.PROGRAM!r}; expected a `declarations.Program`, which holds "
                    "parser, settings and checkpoints as well; see docs/plugins.md"
                )
            cls.PROGRAM.define(spec)
        declared: tuple[Input | Output | Failure, ...] = (*cls.INPUTS, *cls.OUTPUTS, *_FAILURES, *cls.FAILURES)
        for each in declared:
            each.define(spec)

    @classmethod
    def validate_inputs(cls, inputs: Mapping[str, Any]) -> str | None:
        """Return a sentence if inputs, each of them valid, cannot be run together."""
        return None

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        """Write the settings and the limits, and say which files travel."""
        _write(folder, "settings.json", self.settings())
        # These are not inputs, so that they do not void the cache: the wall time, and the version of this package.
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
            info.remote_copy_list = [
                (parent.computer.uuid, f"{place}/{pattern}", ".") for pattern in self.PROGRAM.checkpoints
            ]
        left = [output.file for output in self.OUTPUTS if output.file != RESULTS]
        info.retrieve_list = [self.options.output_filename, RESULTS, TRACEBACK, PROGRESS, *left, *self.PROGRAM.logs]
        return info

    def settings(self) -> dict[str, Any]:
        """Return the content of ``settings.json``."""
        return self.inputs.settings.get_dict()

    def files(self) -> dict[str, orm.SinglefileData]:
        """Return the input files: name in the job's folder → node."""
        return {name: node for each in self.INPUTS for name, node in each.files(self.inputs).items()}


def _write(folder: Folder, name: str, content: Any) -> None:
    with folder.open(name, "w") as handle:
        json.dump(content, handle, indent=2, sort_keys=True)

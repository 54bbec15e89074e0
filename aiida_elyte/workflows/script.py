"""The base of the restart WorkChains around our programs."""

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import BaseRestartWorkChain, ProcessBuilder, ProcessHandlerReport, process_handler, while_

from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import refuse_unknown
from aiida_elyte.workflows.ports import fill, optional
from aiida_elyte.workflows.protocols import ProtocolMixin

__all__ = ["ScriptBaseWorkChain"]


class ScriptBaseWorkChain(ProtocolMixin, BaseRestartWorkChain):
    """Run a program and resume from its checkpoint when the wall time or a signal ended it."""

    _process_class: type[ScriptCalculation]

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports: those of the program, under its own names."""
        super().define(spec)
        spec.expose_inputs(cls._process_class, exclude=("metadata",))
        spec.input(
            "options",
            valid_type=dict,
            non_db=True,
            default=dict,
            validator=cls._validate_options,
            help="Options of the jobs, e.g. `max_wallclock_seconds`.",
        )
        spec.expose_outputs(cls._process_class)
        spec.output("remote_folder", **optional(orm.RemoteData, "Folder of the last job."))
        spec.outline(
            cls.setup,
            while_(cls.should_run_process)(cls.run_process, cls.inspect_process),
            cls.results,
        )

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: orm.AbstractCode,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        **nodes: Any,
    ) -> ProcessBuilder:
        """Return a builder.

        Parameters
        ----------
        code
            Python with what the program drives.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of the jobs.
        nodes
            The other inputs, by the name of their ports; left out where another WorkChain fills them in.
        """
        inputs = cls.get_inputs(protocol, overrides, options)
        return fill(
            cls.get_builder(),
            code=code,
            settings=orm.Dict(inputs["settings"]),
            options=inputs["options"],
            max_iterations=orm.Int(inputs["max_iterations"]),
            **nodes,
        )

    @classmethod
    def _validate_options(cls, options: Mapping[str, Any] | None, _: Any) -> str | None:
        """Return a sentence if a job would reject options."""
        spec: Any = cls._process_class.spec()
        ports = spec.inputs["metadata"]["options"]
        try:
            refuse_unknown("options", options or {}, ports)
        except InputError as error:
            return str(error)
        invalid = ports.validate(ports.pre_process(dict(options or {})))
        return None if invalid is None else f"options: {invalid.message}"

    def setup(self) -> None:
        """Take the program's inputs as they are."""
        super().setup()
        self.ctx.inputs = AttributeDict(self.exposed_inputs(self._process_class))
        self.ctx.inputs.metadata = {"options": dict(self.inputs.options)}

    @process_handler(
        priority=400,
        exit_codes=[
            ScriptCalculation.spec().exit_codes.ERROR_OUT_OF_WALLTIME,
            ScriptCalculation.spec().exit_codes.ERROR_RESULTS_MISSING,
        ],
    )
    def resume_from_checkpoint(self, calculation: orm.CalcJobNode) -> ProcessHandlerReport:
        """Resume in a new job from the checkpoint of one that reached its wall time or was killed."""
        return self._go_on(calculation)

    def _go_on(self, calculation: orm.CalcJobNode) -> ProcessHandlerReport:
        """Let the next job start from the checkpoint of one that ended early."""
        self.ctx.inputs.parent_folder = calculation.outputs.remote_folder
        self.report(f"{self.ctx.process_name}<{calculation.pk}> ended early; resuming from its checkpoint")
        return ProcessHandlerReport(do_break=True)

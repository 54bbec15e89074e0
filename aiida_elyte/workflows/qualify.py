"""Test the members of an ensemble by dynamics longer than any that they were trained on."""

from collections.abc import Sequence
from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode, Process, ProcessBuilder, while_

from aiida_elyte.calculations.functions.dynamics import with_supercell
from aiida_elyte.calculations.functions.qualification import qualification_settings, qualify
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import configure_all
from aiida_elyte.provenance.qualification import VERDICT
from aiida_elyte.science.learning.ensemble import member_name
from aiida_elyte.science.qualification.conditions import ENSEMBLES, read_conditions, require_framework, require_known
from aiida_elyte.science.structure.supercell import without_choice
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.fan_out import FanOutWorkChain
from aiida_elyte.workflows.md import MdBaseWorkChain
from aiida_elyte.workflows.ports import checked_dict, fill, labelled_frames, members, optional
from aiida_elyte.workflows.protocols import ProtocolMixin, recursive_merge
from aiida_elyte.workflows.validation import validate_settings

__all__ = ["QualifyWorkChain"]


class QualifyWorkChain(ProtocolMixin, FanOutWorkChain):
    """Run what the tests ask for, at constant temperature, energy or pressure; judge the potentials by it.

    A run in which every replica stopped is evidence, not a failure. The verdict is kept as an extra of each potential.
    """

    PROTOCOL = "qualify"
    PLUGINS = (("tests",),)

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports, outline and exit codes."""
        super().define(spec)
        spec.input("start", valid_type=FramesData, help="Frame the runs start from; reference of the framework.")
        spec.input_namespace("potentials", **members(PotentialData, "Members; replicas are shared among them."))
        spec.input("dataset", **labelled_frames("Labelled frames that they were trained on.", required=False))
        spec.input("calibration", **optional(orm.Dict, "What their spread is worth, by `Calibration`."))
        spec.expose_inputs(MdBaseWorkChain, namespace="md", exclude=("start", "potentials"))
        spec.input(
            "conditions",
            **checked_dict(
                _validate_conditions,
                "Temperature, framework, replicas and steps; see `Conditions`; `supercell` may be `auto`.",
            ),
        )
        spec.input(
            "tests",
            **checked_dict(_validate_tests, "Settings of each test under its name in `aiida_elyte.qualifications`."),
        )
        spec.inputs.validator = _validate
        spec.output("qualification", valid_type=orm.Dict, help="Verdict, reasons, what each test found, conditions.")
        spec.output("offending", **optional(FramesData, "Frames that failed, with `failed_test` in their info."))
        spec.output_namespace(
            "series", valid_type=SeriesData, dynamic=True, required=False, help="Series of each run: `nvt`, `nve`."
        )
        spec.outline(cls.setup, while_(cls.should_run_children)(cls.run_children, cls.inspect_children), cls.results)
        spec.exit_code(439, "ERROR_SUPERCELL", message="No supercell could be chosen: {reason}")
        spec.exit_code(460, "ERROR_NO_DYNAMICS", message="The dynamics to judge by could not be run: {reason}")

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: orm.AbstractCode,
        temperature_K: float | None = None,
        framework: Sequence[str] | None = None,
        start: FramesData | None = None,
        potentials: dict[str, PotentialData] | None = None,
        dataset: FramesData | None = None,
        calibration: orm.Dict | None = None,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Return a builder.

        Parameters
        ----------
        code
            Python with torch, torch-sim and what the potentials need.
        temperature_K
            Highest temperature of production [K]; that of the protocol when left out.
        framework
            Species whose sites should last; those of the protocol, none, when left out.
        start, potentials, dataset, calibration
            Start frame, members, what they were trained on, and what their spread is worth; left out where another
            WorkChain fills them in, or where there are none.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of the jobs.

        Raises
        ------
        InputError
            If a test is unknown, or settings are invalid.
        """
        inputs = cls.get_inputs(protocol, overrides, None)
        given = {"temperature_K": temperature_K, "framework": None if framework is None else list(framework)}
        conditions = recursive_merge(
            inputs["conditions"], {name: value for name, value in given.items() if value is not None}
        )
        md = MdBaseWorkChain.get_builder_from_protocol(code, protocol=protocol, overrides=inputs["md"], options=options)
        return fill(
            cls.get_builder(),
            md=md,
            conditions=orm.Dict(conditions),
            tests=orm.Dict({name: one for name, one in inputs["tests"].items() if one is not None}),
            max_in_flight=orm.Int(inputs["max_in_flight"]),
            start=start,
            potentials=potentials,
            dataset=dataset,
            calibration=calibration,
        )

    def setup(self) -> ExitCode | None:
        """Choose the supercell, and start with no run."""
        self.ctx.runs, self.ctx.series, self.ctx.failed = {}, {}, {}
        try:
            self.ctx.conditions = with_supercell(self.inputs.start, self.inputs.conditions, **self.inputs.potentials)
        except InputError as error:
            return self.exit_codes.ERROR_SUPERCELL.format(reason=str(error))
        return None

    def list_children(self) -> list[str]:
        """Return the runs that the tests ask for."""
        tests = configure_all("qualifications", self.inputs.tests.get_dict(), "tests").values()
        return [run for run in ENSEMBLES if any(run in test.runs for test in tests)]

    def call_label(self, name: str) -> str:
        """Return the label of a run."""
        return name

    def build_child(self, name: str) -> tuple[type[Process], AttributeDict]:
        """Return the inputs of a run."""
        inputs = AttributeDict(self.exposed_inputs(MdBaseWorkChain, namespace="md"))
        inputs.start, inputs.potentials = self.inputs.start, self.inputs.potentials
        members = orm.List(sorted(self.inputs.potentials))
        inputs.settings = qualification_settings(inputs.settings, self.ctx.conditions, members, orm.Str(name))
        return MdBaseWorkChain, inputs

    def inspect_child(self, name: str, node: orm.ProcessNode) -> None:
        """Keep what a run left, one that stopped early too."""
        if "results" not in node.outputs or not (node.is_finished_ok or node.exit_status == _STOPPED):
            self.ctx.failed[name] = f"{name}: {reason_of(node)}"
            self.report(f"no dynamics: {self.ctx.failed[name]}")
            return
        self.ctx.runs[f"results_{name}"] = node.outputs.results
        if "frames" in node.outputs:
            self.ctx.runs[f"frames_{name}"] = node.outputs.frames
        if "series" in node.outputs:
            self.ctx.series[name] = node.outputs.series

    def results(self) -> ExitCode | None:
        """Judge; attach verdict and offending frames; write the verdict on the potentials."""
        if self.ctx.failed:
            return self.exit_codes.ERROR_NO_DYNAMICS.format(reason=self.first_of(self.ctx.failed))
        known = {name: self.inputs[name] for name in ("dataset", "calibration") if name in self.inputs}
        found = qualify(self.ctx.conditions, self.inputs.tests, self.inputs.start, **known, **self.ctx.runs)
        qualification = found["qualification"]
        self.out_many(found)
        if self.ctx.series:
            self.out("series", self.ctx.series)
        extra = {
            "verdict": qualification["verdict"],
            "reasons": qualification["reasons"],
            "qualification_uuid": qualification.uuid,
            "temperature_K": qualification["conditions"]["temperature_K"],
        }
        for potential in self.inputs.potentials.values():
            potential.base.extras.set(VERDICT, extra)
        self.report(f"verdict: {qualification['verdict']}: {'; '.join(qualification['reasons'])}")
        return None


_STOPPED = MdBaseWorkChain.spec().exit_codes.ERROR_STOPPED.status
"""Exit status of a run in which every replica stopped."""


def _validate_conditions(node: orm.Dict | None, _: Any) -> str | None:
    try:
        if node is not None:
            read_conditions(without_choice(node.get_dict()))
    except InputError as error:
        return str(error)
    return None


def _validate_tests(node: orm.Dict | None, _: Any) -> str | None:
    try:
        if node is not None and not configure_all("qualifications", node.get_dict(), "tests"):
            return "tests is empty; expected at least one test of qualification; name one"
    except InputError as error:
        return str(error)
    return None


def _validate(inputs: Any, _: Any) -> str | None:
    if "conditions" not in inputs:
        return None
    try:
        conditions = read_conditions(without_choice(inputs["conditions"].get_dict()))
        if "start" in inputs:
            start = inputs["start"].get_frames()[0]
            require_framework(start, conditions.framework)
            for name, potential in inputs.get("potentials", {}).items():
                require_known(start, potential.base.attributes.get("elements"), f"potentials.{name}")
    except InputError as error:
        return str(error)
    if "settings" not in inputs.get("md", {}):
        return None
    run = conditions.settings_of("nvt", inputs["md"]["settings"].get_dict(), [member_name(0)])
    return validate_settings(MdBaseWorkChain, orm.Dict(run), "conditions")

"""From an ensemble to conductivities at several temperatures, and to the Arrhenius law."""

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode, Process, ProcessBuilder, while_

from aiida_elyte.calculations.functions.dynamics import run_settings, supercell_of
from aiida_elyte.calculations.functions.transport import arrhenius, transport
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.errors import InputError
from aiida_elyte.provenance.names import md_call, temperature_name
from aiida_elyte.science.crystal import framework_of, require_charges, require_temperatures
from aiida_elyte.science.dynamics.extension import read_length
from aiida_elyte.science.learning.ensemble import member_name, replica_settings
from aiida_elyte.science.settings import check_count
from aiida_elyte.science.structure.supercell import without_choice
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.fan_out import FanOutWorkChain
from aiida_elyte.workflows.framework import name_in_stops
from aiida_elyte.workflows.md import MdBaseWorkChain
from aiida_elyte.workflows.ports import fill, members, optional
from aiida_elyte.workflows.protocols import ProtocolMixin, recursive_merge
from aiida_elyte.workflows.validation import validate_settings

__all__ = ["ConductivityWorkChain"]

_STOPPED = MdBaseWorkChain.spec().exit_codes.ERROR_STOPPED.status
"""Exit status of a run in which every replica stopped: it has a verdict, and no number."""

_LENGTH = ("target_relative_error", "max_steps")
"""Conditions that say for how long runs go on."""

_OURS = ("temperatures_K", "charges", "max_atoms", *_LENGTH)
"""Conditions that are not those of a single run."""


class ConductivityWorkChain(ProtocolMixin, FanOutWorkChain):
    """Run replicas at each temperature, a bounded number of runs at a time; analyse and judge each; fit Arrhenius' law.

    A result says what it stands on: the qualification of the potentials, and what its own runs did. Runs go on from
    their checkpoints until the error of the conductivity is below its target, or the budget of steps is spent.
    """

    PROTOCOL = "conductivity"

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports, outline and exit codes."""
        super().define(spec)
        spec.input("start", valid_type=FramesData, help="Frame the runs start from.")
        spec.input_namespace("potentials", **members(PotentialData, "Members; replicas are shared among them."))
        spec.expose_inputs(MdBaseWorkChain, namespace="md", exclude=("start", "potentials"))
        spec.input(
            "conditions",
            valid_type=orm.Dict,
            serializer=orm.to_aiida_type,
            help="`temperatures_K`, `n_replicas`, `seed`, `charges` [e] of the mobile species; `supercell`, numbers "
            "or `auto`, then of `max_atoms`; `target_relative_error` of the conductivity up to which runs go on, to "
            "`max_steps` at most; more goes to the MD.",
        )
        spec.input(
            "qualification",
            **optional(orm.Dict, "Verdict and reasons of the tests of the potentials; without it no number is stated."),
        )
        spec.input(
            "allow_unqualified",
            valid_type=orm.Bool,
            serializer=orm.to_aiida_type,
            default=lambda: orm.Bool(False),
            help="Whether numbers are stated whatever the verdict on them, which goes with them.",
        )
        spec.inputs.validator = _validate
        spec.output_namespace(
            "transport", valid_type=orm.Dict, dynamic=True, help="Results at each temperature, e.g. `T0600_00`."
        )
        spec.output_namespace("series", valid_type=SeriesData, dynamic=True, help="Series behind them.")
        spec.output(
            "arrhenius", valid_type=orm.Dict, help="Activation energy and extrapolated conductivity, or why not."
        )
        spec.outline(cls.setup, while_(cls.should_run_children)(cls.run_children, cls.inspect_children), cls.results)
        spec.exit_code(439, "ERROR_SUPERCELL", message="No supercell could be chosen: {reason}")
        spec.exit_code(440, "ERROR_NO_TRAJECTORY", message="No run gave a trajectory, the first because: {reason}")

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: orm.AbstractCode,
        charges: dict[str, float],
        temperatures_K: list[float] | None = None,
        start: FramesData | None = None,
        potentials: dict[str, PotentialData] | None = None,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        qualification: orm.Dict | None = None,
        allow_unqualified: bool = False,
    ) -> ProcessBuilder:
        """Return a builder.

        Parameters
        ----------
        code
            Python with torch, SchNetPack and torch-sim.
        charges
            Charge of each mobile species [e]; species without one are the neutralising framework.
        temperatures_K
            Temperatures [K]; those of the protocol when left out.
        start, potentials
            Start frame, whose species without a charge are named as framework to the stops, unless these name one, and
            members; left out where another WorkChain fills them in.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of the jobs.
        qualification
            Verdict on the members, if they were tested.
        allow_unqualified
            Whether numbers are stated whatever the verdict on them, which goes with them.
        """
        inputs = cls.get_inputs(protocol, overrides, None)
        conditions = recursive_merge(inputs["conditions"], {"charges": charges})
        if temperatures_K is not None:
            conditions["temperatures_K"] = [float(value) for value in temperatures_K]
        md = MdBaseWorkChain.get_builder_from_protocol(code, protocol=protocol, overrides=inputs["md"], options=options)
        if start is not None:
            framework = framework_of(start.get_frames()[0].get_chemical_symbols(), charges)
            md["settings"] = name_in_stops(md["settings"], framework)
        return fill(
            cls.get_builder(),
            md=md,
            conditions=orm.Dict(conditions),
            max_in_flight=orm.Int(inputs["max_in_flight"]),
            start=start,
            potentials=potentials,
            qualification=qualification,
            allow_unqualified=orm.Bool(allow_unqualified),
        )

    def setup(self) -> ExitCode | None:
        """Choose the supercell, and start with no result."""
        self.ctx.series, self.ctx.transport, self.ctx.failed = {}, {}, {}
        self.ctx.last, self.ctx.extensions = {}, {}
        try:
            self.ctx.supercell = supercell_of(self.inputs.start, self.inputs.conditions, **self.inputs.potentials)
        except InputError as error:
            return self.exit_codes.ERROR_SUPERCELL.format(reason=str(error))
        return None

    @property
    def temperatures_K(self) -> dict[str, float]:
        """Temperature of each run, by its name [K]."""
        return {temperature_name(value): float(value) for value in self.inputs.conditions["temperatures_K"]}

    def list_children(self) -> list[str]:
        """Return the names of the temperatures."""
        return list(self.temperatures_K)

    def call_label(self, name: str) -> str:
        """Return the label of the run at a temperature."""
        return md_call(self.temperatures_K[name], self.ctx.extensions.get(name, 0))

    def build_child(self, name: str) -> tuple[type[Process], AttributeDict]:
        """Return the inputs of the replicas at a temperature, of an extension those that go on from the last run."""
        conditions = _for_md(self.inputs.conditions.get_dict(), self.temperatures_K[name])
        conditions["supercell"] = self.ctx.supercell["repeats"]
        inputs = AttributeDict(self.exposed_inputs(MdBaseWorkChain, namespace="md"))
        inputs.start, inputs.potentials = self.inputs.start, self.inputs.potentials
        if name in self.ctx.last:
            conditions["n_steps"] = self.ctx.transport[name]["conditions"]["next_n_steps"]
            inputs.parent_folder = self.ctx.last[name]
        members = orm.List(sorted(self.inputs.potentials))
        inputs.settings = run_settings(inputs.settings, orm.Dict(conditions), members, orm.Int(0))
        return MdBaseWorkChain, inputs

    def inspect_child(self, name: str, node: orm.ProcessNode) -> None:
        """Analyse the replicas at a temperature; let them go on if their number is not yet good enough."""
        try:
            if "series" not in node.outputs or not (node.is_finished_ok or node.exit_status == _STOPPED):
                raise InputError(reason_of(node))
            given = {"qualification": self.inputs.qualification} if "qualification" in self.inputs else {}
            result = transport(node.outputs.series, self._analysis(name), run=node.outputs.results, **given)
        except InputError as error:
            self.ctx.failed[name] = f"{self.temperatures_K[name]:g} K: {error}"
            self.report(f"no result at {self.ctx.failed[name]}")
            return
        self.ctx.series[name], self.ctx.transport[name] = node.outputs.series, result
        if result["conditions"]["next_n_steps"] is not None:
            self.report(f"{self.temperatures_K[name]:g} K: {result['conditions']['decision']}")
            self.ctx.last[name] = node.outputs.remote_folder
            self.ctx.extensions[name] = self.ctx.extensions.get(name, 0) + 1
            self.ctx.waiting.insert(0, name)

    def _analysis(self, name: str) -> orm.Dict:
        """Return the settings of the analysis at a temperature."""
        conditions = self.inputs.conditions.get_dict()
        return orm.Dict(
            {
                "temperature_K": self.temperatures_K[name],
                "charges": conditions["charges"],
                "allow_unqualified": self.inputs.allow_unqualified.value,
                "length": {key: conditions[key] for key in _LENGTH if key in conditions},
                "supercell": self.ctx.supercell.get_dict(),
            }
        )

    def results(self) -> ExitCode | None:
        """Attach results and series, fit Arrhenius' law."""
        if not self.ctx.transport:
            return self.exit_codes.ERROR_NO_TRAJECTORY.format(reason=self.first_of(self.ctx.failed))
        self.out("series", self.ctx.series)
        self.out("transport", self.ctx.transport)
        settings = orm.Dict({"allow_unqualified": self.inputs.allow_unqualified.value})
        self.out("arrhenius", arrhenius(settings, **self.ctx.transport))
        return None


def _for_md(conditions: Mapping[str, Any], temperature_K: float) -> dict[str, Any]:
    """Return the conditions of the replicas at a temperature."""
    kept = {key: value for key, value in conditions.items() if key not in _OURS}
    return kept | {"temperature_K": temperature_K}


def _validate(inputs: Any, _: Any) -> str | None:
    if "conditions" not in inputs:
        return None
    conditions = inputs["conditions"].get_dict()
    try:
        require_temperatures(conditions.get("temperatures_K"))
        for name, least in (("n_replicas", 1), ("seed", 0)):
            check_count(f"conditions.{name}", conditions.get(name), least)
        if conditions.get("max_atoms") is not None:
            check_count("conditions.max_atoms", conditions["max_atoms"])
        if "start" in inputs:
            require_charges(inputs["start"].get_frames()[0], conditions.get("charges"))
    except InputError as error:
        return str(error)
    if "settings" not in inputs.get("md", {}):
        return None
    hottest = _for_md(without_choice(conditions), max(conditions["temperatures_K"]))
    run = replica_settings(inputs["md"]["settings"].get_dict(), hottest, [member_name(0)], 0)
    return validate_settings(MdBaseWorkChain, orm.Dict(run), "conditions") or _validate_length(conditions)


def _validate_length(conditions: Mapping[str, Any]) -> str | None:
    """Return a sentence if target and budget of production are invalid."""
    try:
        read_length(conditions).check(conditions["n_steps"])
    except InputError as error:
        return f"conditions: {error}"
    return None

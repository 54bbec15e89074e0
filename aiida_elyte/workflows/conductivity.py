"""From an ensemble to conductivities at several temperatures, and to the Arrhenius law."""

from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode, ProcessBuilder, ToContext, WorkChain, while_

from aiida_elyte.calculations.functions.dynamics import run_settings
from aiida_elyte.calculations.functions.transport import arrhenius, transport
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.errors import InputError
from aiida_elyte.provenance.names import md_call, temperature_name
from aiida_elyte.science.crystal import require_charges, require_temperatures
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.md import MdBaseWorkChain
from aiida_elyte.workflows.protocols import ProtocolMixin, recursive_merge
from aiida_elyte.workflows.validation import validate_positive

__all__ = ["ConductivityWorkChain"]


class ConductivityWorkChain(ProtocolMixin, WorkChain):
    """Run replicas at each temperature, a bounded number of runs at a time; analyse each; fit Arrhenius' law."""

    PROTOCOL = "conductivity"

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports, outline and exit codes."""
        super().define(spec)
        spec.input("start", valid_type=FramesData, help="Frame the runs start from.")
        spec.input_namespace(
            "potentials", valid_type=PotentialData, dynamic=True, help="Members; replicas are shared among them."
        )
        spec.expose_inputs(MdBaseWorkChain, namespace="md", exclude=("start", "potentials"))
        spec.input(
            "conditions",
            valid_type=orm.Dict,
            serializer=orm.to_aiida_type,
            help="`temperatures_K`, `n_replicas`, `seed`, `charges` [e] of the mobile species; more goes to the MD.",
        )
        spec.input(
            "max_in_flight",
            valid_type=orm.Int,
            serializer=orm.to_aiida_type,
            validator=validate_positive,
            help="Runs at a time.",
        )
        spec.inputs.validator = _validate
        spec.output_namespace(
            "transport", valid_type=orm.Dict, dynamic=True, help="Results at each temperature, e.g. `T0600_00`."
        )
        spec.output_namespace("series", valid_type=SeriesData, dynamic=True, help="Series behind them.")
        spec.output(
            "arrhenius", valid_type=orm.Dict, help="Activation energy and extrapolated conductivity, or why not."
        )
        spec.outline(cls.setup, while_(cls.should_run)(cls.run_md, cls.inspect_md), cls.results)
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
            Start frame and members; left out where another WorkChain fills them in.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of the jobs.
        """
        inputs = cls.get_inputs(protocol, overrides, None)
        conditions = recursive_merge(inputs["conditions"], {"charges": charges})
        if temperatures_K is not None:
            conditions["temperatures_K"] = [float(value) for value in temperatures_K]
        md = MdBaseWorkChain.get_builder_from_protocol(code, protocol=protocol, overrides=inputs["md"], options=options)
        builder = cls.get_builder()
        builder.md = md._inputs(prune=True)
        builder.conditions = orm.Dict(conditions)
        builder.max_in_flight = orm.Int(inputs["max_in_flight"])
        if start is not None:
            builder.start = start
        if potentials is not None:
            builder.potentials = potentials
        return builder

    def setup(self) -> None:
        """List the temperatures."""
        self.ctx.waiting = [float(value) for value in self.inputs.conditions["temperatures_K"]]
        self.ctx.series, self.ctx.transport, self.ctx.failed = {}, {}, {}

    def should_run(self) -> bool:
        """Tell whether temperatures wait."""
        return bool(self.ctx.waiting)

    def run_md(self) -> ToContext:
        """Submit as many runs as may be in flight."""
        size = self.inputs.max_in_flight.value
        self.ctx.running, self.ctx.waiting = self.ctx.waiting[:size], self.ctx.waiting[size:]
        children = {}
        for temperature in self.ctx.running:
            conditions = {
                key: value for key, value in self.inputs.conditions.get_dict().items() if key not in _NOT_FOR_MD
            } | {"temperature_K": temperature}
            inputs = AttributeDict(self.exposed_inputs(MdBaseWorkChain, namespace="md"))
            inputs.start, inputs.potentials = self.inputs.start, self.inputs.potentials
            members = orm.List(sorted(self.inputs.potentials))
            inputs.settings = run_settings(inputs.settings, orm.Dict(conditions), members, orm.Int(0))
            inputs.metadata.call_link_label = md_call(temperature)
            children[temperature_name(temperature)] = self.submit(MdBaseWorkChain, **inputs)
        return ToContext(**children)

    def inspect_md(self) -> None:
        """Analyse the runs."""
        for temperature in self.ctx.running:
            name = temperature_name(temperature)
            node = self.ctx[name]
            if not node.is_finished_ok or "series" not in node.outputs:
                self.ctx.failed[name] = f"{temperature:g} K: {reason_of(node)}"
                self.report(f"no result at {self.ctx.failed[name]}")
                continue
            settings = {"temperature_K": temperature, "charges": self.inputs.conditions["charges"]}
            try:
                self.ctx.transport[name] = transport(node.outputs.series, orm.Dict(settings))
            except InputError as error:
                self.ctx.failed[name] = f"{temperature:g} K: {error}"
                self.report(f"no result at {self.ctx.failed[name]}")
            else:
                self.ctx.series[name] = node.outputs.series

    def results(self) -> ExitCode | None:
        """Attach results and series, fit Arrhenius' law."""
        if not self.ctx.transport:
            return self.exit_codes.ERROR_NO_TRAJECTORY.format(reason=next(iter(self.ctx.failed.values())))
        self.out("series", self.ctx.series)
        self.out("transport", self.ctx.transport)
        self.out("arrhenius", arrhenius(orm.Dict({}), **self.ctx.transport))
        return None


_NOT_FOR_MD = ("temperatures_K", "charges")


def _validate(inputs: Any, _: Any) -> str | None:
    if "conditions" not in inputs:
        return None
    conditions = inputs["conditions"].get_dict()
    try:
        require_temperatures(conditions.get("temperatures_K"))
        if "start" in inputs:
            require_charges(inputs["start"].get_frames()[0], conditions.get("charges"))
    except InputError as error:
        return str(error)
    return None

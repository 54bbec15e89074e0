"""One box of an electrolyte: built, compressed, settled, run, reduced."""

from collections.abc import Callable
from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode, Process, ProcessBuilder, ToContext, WorkChain, if_, while_

from aiida_elyte.calculations.functions.polymer import (
    box_settings,
    judge_box,
    production_settings,
    qualify_box,
    reduction_settings,
    solvation_settings,
    with_recipe,
)
from aiida_elyte.calculations.settings import validate_record
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.errors import InputError
from aiida_elyte.provenance.names import BUILD, PRODUCTION, REDUCTION, SOLVATION, settling_call
from aiida_elyte.science.lammps.production import ProductionSettings, Settling
from aiida_elyte.science.lammps.run import read_run_settings
from aiida_elyte.workflows.build_box import BuildBoxBaseWorkChain
from aiida_elyte.workflows.failures import cause_of
from aiida_elyte.workflows.lammps import LammpsBaseWorkChain
from aiida_elyte.workflows.ports import checked_dict, fill, optional, positive_integer
from aiida_elyte.workflows.protocols import ProtocolMixin, recursive_merge
from aiida_elyte.workflows.reduce_trajectory import ReduceTrajectoryBaseWorkChain
from aiida_elyte.workflows.solvation import SolvationBaseWorkChain
from aiida_elyte.workflows.validation import validate_recipe

__all__ = ["BoxWorkChain"]


class BoxWorkChain(ProtocolMixin, WorkChain):
    """From a recipe and a force field to displacements.

    The loose box is pushed off and compressed; its last stage, at the target, is made longer until density, pressure,
    temperature and energy have settled, or the extensions allowed are spent. Production follows at constant volume; its
    trajectory stays where it was made and is reduced there.
    """

    PROTOCOL = "box"

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports, outline and exit codes."""
        super().define(spec)
        spec.input("recipe", **checked_dict(validate_recipe, "The box."))
        spec.input("force_field", valid_type=ForceFieldData, help="Force field with every type of the recipe.")
        spec.input("seed", **positive_integer("Seed of the box and its velocities."))
        spec.input("run", **checked_dict(_validate_run, "Settings of `elyte.lammps`, without stages."))
        spec.input(
            "settling",
            **checked_dict(
                validate_record(Settling),
                "`max_extensions` of the last stage by `extension_ps` each; `is_required`, whether to end without.",
            ),
        )
        spec.input(
            "production",
            **checked_dict(
                validate_record(ProductionSettings), "`thermalise_ps`, `length_ps`, `frame_ps`: time between frames."
            ),
        )
        spec.expose_inputs(BuildBoxBaseWorkChain, namespace="build", exclude=("force_field",))
        spec.expose_inputs(LammpsBaseWorkChain, namespace="md", exclude=("data", "settings", "parent_folder"))
        spec.expose_inputs(
            ReduceTrajectoryBaseWorkChain, namespace="reduce", exclude=("trajectories", "topology", "parent_folder")
        )
        spec.expose_inputs(
            SolvationBaseWorkChain, namespace="solvation", exclude=("trajectories", "topology", "parent_folder")
        )
        spec.output("box", **optional(orm.Dict, "Numbers of molecules, stages, ions."))
        spec.output("equilibrium", **optional(orm.Dict, "Where the box settled, its means, or why not."))
        spec.output("thermo", **optional(orm.ArrayData, "Records of compression and settling."))
        spec.output("production_thermo", **optional(orm.ArrayData, "Records of production."))
        spec.output("final", **optional(orm.SinglefileData, "Data file of the end."))
        spec.output("trajectory", **optional(orm.RemoteData, "Folder of the trajectory's parts."))
        spec.output("series", **optional(SeriesData, "Displacements, cell and times."))
        spec.output("qualification", **optional(orm.Dict, "Verdict: settled, molecules whole; what each test found."))
        spec.output("solvation", **optional(orm.Dict, "First shells of the cations, pairs, residence times."))
        spec.output("solvation_curves", **optional(orm.ArrayData, "Radial distribution functions."))
        spec.outline(
            cls.run_build,
            cls.inspect_build,
            while_(cls.should_settle)(cls.run_settling, cls.inspect_settling),
            cls.run_production,
            cls.inspect_production,
            cls.run_reduction,
            cls.inspect_reduction,
            if_(cls.should_analyse_solvation)(cls.run_solvation, cls.inspect_solvation),
        )
        spec.exit_code(460, "ERROR_BOX_NOT_BUILT", message="The box could not be built: {reason}")
        spec.exit_code(461, "ERROR_COMPRESSION_FAILED", message="The compression ended early: {reason}")
        spec.exit_code(462, "ERROR_PRODUCTION_FAILED", message="Production ended early: {reason}")
        spec.exit_code(463, "ERROR_REDUCTION_FAILED", message="The trajectory could not be reduced: {reason}")
        spec.exit_code(
            510,
            "ERROR_NOT_EQUILIBRATED",
            message="The box has not settled: {reason}; raise `settling.max_extensions`, or its temperature.",
        )

    @classmethod
    def get_builder_from_protocol(
        cls,
        codes: dict[str, orm.AbstractCode],
        recipe: dict[str, Any] | None = None,
        force_field: ForceFieldData | None = None,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Return a builder.

        Parameters
        ----------
        codes
            ``python``: Python with torch, RDKit, MDAnalysis; ``engine``: ``lmp``.
        recipe, force_field
            What to build; left out where another WorkChain fills them in.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of the jobs.
        """
        inputs = cls.get_inputs(protocol, overrides, None)
        python = codes["python"]
        given: dict[str, Any] = {"protocol": protocol, "options": options}
        run = LammpsBaseWorkChain.get_inputs(protocol, inputs["md"], None)["settings"]
        md = LammpsBaseWorkChain.get_builder_from_protocol(
            python, overrides=inputs["md"], engine=codes["engine"], **given
        )._inputs(prune=True)
        md.pop("settings")
        compression = _Compression.get_protocol_inputs(protocol, inputs["compression"])
        loose = recursive_merge({"settings": {"compression": compression}}, inputs["build"])
        run.pop("seed")
        programs = {
            "build": (BuildBoxBaseWorkChain, loose),
            "reduce": (ReduceTrajectoryBaseWorkChain, inputs["reduce"]),
            "solvation": (SolvationBaseWorkChain, inputs["solvation"]),
        }
        return fill(
            cls.get_builder(),
            md=md,
            run=orm.Dict(run),
            settling=orm.Dict(inputs["settling"]),
            production=orm.Dict(inputs["production"]),
            seed=orm.Int(inputs["seed"]),
            recipe=None if recipe is None else orm.Dict(recipe),
            force_field=force_field,
            **{
                name: process.get_builder_from_protocol(python, overrides=changes, **given)
                for name, (process, changes) in programs.items()
            },
        )

    def run_build(self) -> ToContext:
        """Build the loose box."""
        inputs = AttributeDict(self.exposed_inputs(BuildBoxBaseWorkChain, namespace="build"))
        inputs.force_field = self.inputs.force_field
        inputs.settings = with_recipe(inputs.settings, self.inputs.recipe, self.inputs.seed)
        inputs.metadata.call_link_label = BUILD
        return ToContext(build=self.submit(BuildBoxBaseWorkChain, **inputs))

    def inspect_build(self) -> ExitCode | None:
        """Attach what was built."""
        node = self.ctx.build
        if not node.is_finished_ok:
            return self.exit_codes.ERROR_BOX_NOT_BUILT.format(reason=cause_of(node))
        self.out("box", node.outputs.results)
        self.ctx.n_runs, self.ctx.verdict, self.ctx.folder = 0, None, None
        return None

    def should_settle(self) -> bool:
        """Return whether the box has not settled and may be run for longer."""
        if self.ctx.verdict is not None and self.ctx.verdict["refused"] is None:
            return False
        return self.ctx.n_runs <= self.inputs.settling["max_extensions"]

    def run_settling(self) -> ToContext:
        """Compress the box and let it settle; or go on with its last stage."""
        extra = orm.Float(self.ctx.n_runs * self.inputs.settling["extension_ps"])
        built = self.ctx.build.outputs
        settings = box_settings(self.inputs.run, built.results, self.inputs.seed, extra)
        inputs = self._md(built.data, settings, settling_call(self.ctx.n_runs))
        if self.ctx.folder is not None:
            inputs.parent_folder = self.ctx.folder
        self.ctx.n_runs += 1
        return ToContext(settling=self.submit(LammpsBaseWorkChain, **inputs))

    def inspect_settling(self) -> ExitCode | None:
        """Judge whether the box has settled."""
        node = self.ctx.settling
        if not node.is_finished_ok:
            return self.exit_codes.ERROR_COMPRESSION_FAILED.format(reason=cause_of(node))
        self.ctx.folder = node.outputs.remote_folder
        self.ctx.verdict = judge_box(node.outputs.thermo, node.inputs.settings)
        self.report(f"box after {self.ctx.verdict['ends_ps']:g} ps: {self.ctx.verdict['refused'] or 'settled'}")
        if self.should_settle() or self.ctx.verdict["refused"] is None:
            return None
        self._attach_settling()
        if self.inputs.settling["is_required"]:
            return self.exit_codes.ERROR_NOT_EQUILIBRATED.format(reason=self.ctx.verdict["refused"])
        return None

    def run_production(self) -> ToContext:
        """Run at constant volume, that of the mean density of the box since it has settled."""
        self._attach_settling()
        node = self.ctx.settling
        settings = production_settings(
            self.inputs.run, node.inputs.settings, self.inputs.production, self.ctx.verdict, self.inputs.seed
        )
        inputs = self._md(node.outputs.final, settings, PRODUCTION)
        return ToContext(production=self.submit(LammpsBaseWorkChain, **inputs))

    def inspect_production(self) -> ExitCode | None:
        """Attach the trajectory, which stays where it is."""
        node = self.ctx.production
        if not node.is_finished_ok:
            return self.exit_codes.ERROR_PRODUCTION_FAILED.format(reason=cause_of(node))
        self.out("production_thermo", node.outputs.thermo)
        self.out("final", node.outputs.final)
        self.out("trajectory", node.outputs.remote_folder)
        return None

    def run_reduction(self) -> ToContext:
        """Reduce the trajectory beside it."""
        return ToContext(
            reduction=self._submit_beside(ReduceTrajectoryBaseWorkChain, "reduce", reduction_settings, REDUCTION)
        )

    def inspect_reduction(self) -> ExitCode | None:
        """Attach the series and the verdict on the box."""
        node = self.ctx.reduction
        if not node.is_finished_ok:
            return self.exit_codes.ERROR_REDUCTION_FAILED.format(reason=cause_of(node))
        self.out("series", node.outputs.series)
        self.out("qualification", qualify_box(self.ctx.verdict, node.outputs.results))
        return None

    def should_analyse_solvation(self) -> bool:
        """Return whether there are monatomic cations, about which shells can be counted."""
        return self.ctx.build.outputs.results["solvation"] is not None

    def run_solvation(self) -> ToContext:
        """Analyse what surrounds the cations, beside the trajectory."""
        return ToContext(
            solvation=self._submit_beside(SolvationBaseWorkChain, "solvation", solvation_settings, SOLVATION)
        )

    def inspect_solvation(self) -> None:
        """Attach the shells; without them the box still has its series."""
        node = self.ctx.solvation
        if not node.is_finished_ok:
            self.report(f"solvation could not be analysed: {cause_of(node)}")
            return
        self.out("solvation", node.outputs.results)
        self.out("solvation_curves", node.outputs.curves)

    def _md(self, data: orm.SinglefileData, settings: orm.Dict, call: str) -> AttributeDict:
        inputs = AttributeDict(self.exposed_inputs(LammpsBaseWorkChain, namespace="md"))
        inputs.data, inputs.settings = data, settings
        inputs.metadata.call_link_label = call
        return inputs

    def _submit_beside(
        self, process: type[Process], namespace: str, complete: Callable[..., orm.Dict], call: str
    ) -> orm.ProcessNode:
        """Submit an analysis that runs beside the trajectory; ``complete`` adds what the box is to its settings."""
        node = self.ctx.production
        inputs = AttributeDict(self.exposed_inputs(process, namespace=namespace))
        inputs.trajectories = {"r0": node.outputs.remote_folder}
        inputs.topology = node.outputs.final
        inputs.settings = complete(inputs.settings, node.outputs.results, self.ctx.build.outputs.results)
        inputs.metadata.call_link_label = call
        return self.submit(process, **inputs)

    def _attach_settling(self) -> None:
        self.out("equilibrium", self.ctx.verdict)
        self.out("thermo", self.ctx.settling.outputs.thermo)


class _Compression(ProtocolMixin):
    """Protocols of the compression, those of `aiida-elyte box build`."""

    PROTOCOL = "compression"


def _validate_run(node: orm.Dict | None, port: Any) -> str | None:
    if node is None:
        return None
    settings = node.get_dict()
    if "thermo_stride" not in settings:
        return f"{port.name} lacks thermo_stride; expected steps between records of production; add it"
    stage = {"name": "produce", "kind": "nvt", "n_steps": 1, "is_production": True}
    try:
        read_run_settings({"stages": [stage], "seed": 1, **settings})
    except InputError as error:
        return f"{port.name}: {error}"
    return None

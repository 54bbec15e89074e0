"""The polymer street: from a recipe to an ionic conductivity and transference numbers with honest error bars."""

from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode, Process, ProcessBuilder, ToContext, if_, while_

from aiida_elyte.calculations.functions.polymer import (
    make_cluster_frames,
    pool_series,
    pool_solvation,
    qualify_force_fields,
    qualify_street,
    sampling_settings,
    sampling_start,
    transport_settings,
)
from aiida_elyte.calculations.functions.transport import transport
from aiida_elyte.calculations.settings import validate_record
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load
from aiida_elyte.provenance.names import CLUSTER_LABELS, LEARNING, box_call
from aiida_elyte.science.electrolyte.boxes import one_of_each, seed_of_box
from aiida_elyte.science.electrolyte.recipe import read_recipe
from aiida_elyte.science.electrolyte.solvation import Solvation, check_solvation
from aiida_elyte.science.forcefield.elements import check_elements
from aiida_elyte.workflows.box import BoxWorkChain
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.fan_out import FanOutWorkChain
from aiida_elyte.workflows.forcefield import ForceFieldWorkChain
from aiida_elyte.workflows.label.guards import validate_charges, validate_same_level
from aiida_elyte.workflows.ports import checked_dict, fill, labelled_frames, members, optional, positive_integer
from aiida_elyte.workflows.protocols import check_overrides, recursive_merge
from aiida_elyte.workflows.street import StreetWorkChain
from aiida_elyte.workflows.validation import validate_recipe

__all__ = ["PolymerWorkChain"]


class PolymerWorkChain(StreetWorkChain, FanOutWorkChain):
    """Clusters, labels, force field, boxes, conductivity: of polymers, and of liquids alike.

    A data set given takes the place of clusters and their labels; force fields given take the place of all learning.
    """

    PROTOCOL = "polymer"
    _learning = ForceFieldWorkChain

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports, outline and exit codes."""
        super().define(spec)
        spec.input("recipe", **checked_dict(validate_recipe, "The electrolyte, with a salt."))
        spec.input("dataset", **labelled_frames("Labelled clusters to start with.", required=False))
        spec.input_namespace("force_fields", **members(ForceFieldData, "Members m00 … to run with.", required=False))
        spec.input("clusters", **checked_dict(validate_record(Solvation), "Settings of the clusters."))
        spec.input_namespace("label", dynamic=True, help="Inputs of the labeller for these clusters.")
        spec.expose_inputs(
            ForceFieldWorkChain,
            namespace="learning",
            exclude=("start", "dataset", "potentials"),
        )
        spec.expose_inputs(BoxWorkChain, namespace="box", exclude=("recipe", "force_field", "seed"))
        spec.input("n_boxes", **positive_integer("Independent boxes."))
        spec.input(
            "allow_unqualified",
            valid_type=orm.Bool,
            serializer=orm.to_aiida_type,
            default=lambda: orm.Bool(False),
            help="Whether numbers are stated whatever the verdict on them, which goes with them.",
        )
        spec.inputs.validator = _validate
        spec.expose_outputs(ForceFieldWorkChain, namespace="learning")
        spec.outputs["learning"].required = False
        spec.output("refused", **optional(orm.Dict, "Clusters that could not be labelled, and why."))
        spec.output_namespace("boxes", dynamic=True, help="Outputs of each box.")
        spec.output("failed", **optional(orm.Dict, "Boxes that are not in the pool → why, if there are any."))
        spec.output("series", **optional(SeriesData, "Displacements of all boxes."))
        spec.output("qualification", **optional(orm.Dict, "Verdict on the pooled boxes; what each test found."))
        spec.output("transport", **optional(orm.Dict, "Conductivity, transference numbers, or why there are none."))
        spec.output("solvation", **optional(orm.Dict, "First shells of the cations, mean over the boxes."))
        spec.outline(
            cls.setup,
            if_(cls.should_learn)(
                if_(cls.should_make_dataset)(cls.run_labelling, cls.inspect_labelling),
                cls.run_learning,
                cls.inspect_learning,
            ),
            while_(cls.should_run_children)(cls.run_children, cls.inspect_children),
            cls.results,
        )
        spec.exit_code(450, "ERROR_LABELLING_FAILED", message="The clusters could not be labelled: {reason}")
        spec.exit_code(451, "ERROR_LEARNING_FAILED", message="The force field could not be learned: {reason}")
        spec.exit_code(453, "ERROR_NO_BOX", message="No box gave a trajectory, the first because: {reason}")
        spec.exit_code(454, "ERROR_TRANSPORT_FAILED", message="The displacements could not be analysed: {reason}")

    @classmethod
    def get_builder_from_protocol(
        cls,
        codes: dict[str, orm.AbstractCode],
        recipe: dict[str, Any],
        labeller: str | None = None,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        allow_unqualified: bool = False,
    ) -> ProcessBuilder:
        """Return a builder.

        Parameters
        ----------
        codes
            ``python``: Python with torch, RDKit, MDAnalysis; ``engine``: ``lmp``; and, under the labeller's name, the
            code of its engine (without one a labeller whose engine is in Python runs with ``python``).
        recipe
            The electrolyte, as ``science.electrolyte.recipe.read_recipe`` takes it.
        labeller
            Name of the labeller; that of the protocol when left out.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of all jobs of our own programs.
        allow_unqualified
            Whether numbers are stated whatever the verdict on them, which goes with them.

        Raises
        ------
        InputError
            If the labeller is unknown, or its calculator is named without a level of theory.
        """
        inputs = cls.get_inputs(protocol, overrides, None)
        given: dict[str, Any] = {"protocol": protocol, "options": options}
        scaled = {"ensemble": {"train": {"settings": {"fit": {"charge_scale": recipe.get("charge_scale", 1.0)}}}}}
        inputs["learning"] = recursive_merge(scaled, inputs["learning"])
        learning = ForceFieldWorkChain.get_builder_from_protocol(
            codes, labeller=labeller, overrides=inputs["learning"], **given
        )
        box = BoxWorkChain.get_builder_from_protocol(codes, overrides=inputs["box"], **given)._inputs(prune=True)
        box.pop("seed")
        labeller = learning["labeller"].value
        door = load("labellers", labeller)
        check_overrides(inputs["label"], cls.get_protocol_inputs(protocol)["label"], (labeller,), "label")
        labels = ForceFieldWorkChain.label_overrides(labeller, protocol, inputs["learning"])
        label = door.get_builder_from_protocol(
            door.pick_code(labeller, codes),
            overrides=door.merge_overrides(labels, inputs["label"].get(labeller)),
            **given,
        )
        return fill(
            cls.get_builder(),
            recipe=orm.Dict(recipe),
            label=label,
            clusters=orm.Dict(inputs["clusters"]),
            learning=learning,
            box=box,
            n_boxes=orm.Int(inputs["n_boxes"]),
            allow_unqualified=orm.Bool(allow_unqualified),
            max_in_flight=orm.Int(inputs["max_in_flight"]),
        )

    def setup(self) -> None:
        """Start with the data set and the force fields given."""
        self.ctx.dataset = self.inputs.get("dataset")
        self.ctx.members = dict(self.inputs.get("force_fields", {}))
        self.ctx.series, self.ctx.boxes, self.ctx.solvation, self.ctx.failed = {}, {}, {}, {}
        self.ctx.qualifications = {}

    def should_learn(self) -> bool:
        """Return whether there is no force field yet."""
        return not self.ctx.members

    def run_labelling(self) -> ToContext:
        """Make the clusters and label them."""
        clusters = make_cluster_frames(self.inputs.recipe, self.inputs.clusters, self._fit)
        labeller = self.inputs.learning.labeller.value
        return self.submit_to_labeller(clusters, labeller, self.inputs.label, "clusters", CLUSTER_LABELS)

    def run_learning(self) -> ToContext:
        """Fit and improve the force field."""
        inputs = AttributeDict(self.exposed_inputs(ForceFieldWorkChain, namespace="learning"))
        inputs.start = sampling_start(self.ctx.dataset)
        inputs.dataset = self.ctx.dataset
        inputs.sample = AttributeDict(inputs.sample)
        inputs.sample.settings = sampling_settings(
            inputs.sample.settings, self.inputs.recipe, self.inputs.clusters, self._fit
        )
        inputs.metadata.call_link_label = LEARNING
        return ToContext(learning=self.submit(ForceFieldWorkChain, **inputs))

    @property
    def _fit(self) -> orm.Dict:
        """Settings of the fits, which say how far types look."""
        return self.inputs.learning.ensemble.train.settings

    @property
    def boxes(self) -> dict[str, tuple[str, int]]:
        """Member and number of each box, by its name; members take turns."""
        members = sorted(self.ctx.members)
        turns = [(members[number % len(members)], number) for number in range(self.inputs.n_boxes.value)]
        return {box_call(member, number): (member, number) for member, number in turns}

    def list_children(self) -> list[str]:
        """Return the names of the boxes."""
        return list(self.boxes)

    def call_label(self, name: str) -> str:
        """Return the label of the call of a box, which is its name."""
        return name

    def build_child(self, name: str) -> tuple[type[Process], AttributeDict]:
        """Return the inputs of a box."""
        member, number = self.boxes[name]
        inputs = AttributeDict(self.exposed_inputs(BoxWorkChain, namespace="box"))
        inputs.recipe, inputs.force_field = self.inputs.recipe, self.ctx.members[member]
        inputs.seed = orm.Int(seed_of_box(self.inputs.recipe.get_dict().get("seed", 0), number))
        return BoxWorkChain, inputs

    def inspect_child(self, name: str, node: orm.ProcessNode) -> None:
        """Keep what a box gave; one that failed is reported and left out."""
        self.out_many({f"boxes.{name}.{port}": node.outputs[port] for port in node.outputs})
        if node.is_finished_ok:
            self.ctx.series[name], self.ctx.boxes[name] = node.outputs.series, node.outputs.box
            self.ctx.qualifications[name] = node.outputs.qualification
            if "solvation" in node.outputs:
                self.ctx.solvation[name] = node.outputs.solvation
        else:
            self.ctx.failed[name] = reason_of(node)
            self.report(f"box {name} gave no trajectory: {self.ctx.failed[name]}")

    def results(self) -> ExitCode | None:
        """Pool the boxes, judge and analyse them; report those that failed."""
        if self.ctx.failed:
            self.out("failed", orm.Dict(dict(self.ctx.failed)).store())
        if not self.ctx.series:
            return self.exit_codes.ERROR_NO_BOX.format(reason=self.first_of(self.ctx.failed))
        series = pool_series(**self.ctx.series)
        self.out("series", series)
        if self.ctx.solvation:
            self.out("solvation", pool_solvation(**self.ctx.solvation))
        qualification = qualify_street(self._qualify_force_fields(), **self.ctx.qualifications)
        self.out("qualification", qualification)
        self.report(f"verdict: {qualification['verdict']}: {'; '.join(qualification['reasons'])}")
        settings = transport_settings(self.inputs.recipe, self.first_of(self.ctx.boxes), self.inputs.allow_unqualified)
        try:
            self.out("transport", transport(series, settings, qualification=qualification))
        except InputError as error:
            return self.exit_codes.ERROR_TRANSPORT_FAILED.format(reason=str(error))
        return None

    def _qualify_force_fields(self) -> orm.Dict:
        """Return the verdict on the force fields, of those learned here also by what the last round sampled."""
        learned = {}
        if "learning" in self.ctx:
            learned = {"learning": self.inputs.learning.learning, "history": self.ctx.learning.outputs.history}
        found: orm.Dict = qualify_force_fields(self.inputs.recipe, **learned, **self.ctx.members)
        return found


def _validate(inputs: Any, _: Any) -> str | None:
    if "recipe" not in inputs:
        return None
    recipe = inputs["recipe"].get_dict()
    if not recipe.get("salt"):
        return "recipe has no salt; expected one, whose ions carry the current; add `salt:`"
    return (None if _members(inputs) else _validate_learning(inputs)) or _validate_charge_scale(inputs)


def _validate_learning(inputs: Any) -> str | None:
    """Return a sentence if no force field could be learned from these inputs."""
    recipe = read_recipe(inputs["recipe"].get_dict())
    try:
        check_elements(one_of_each(recipe).elements, recipe.name)
        if inputs.get("dataset") is None:
            check_solvation(recipe)
    except InputError as error:
        return str(error)
    learning = inputs.get("learning") or {}
    if "labeller" not in learning:
        return None
    labeller = learning["labeller"].value
    labels = {"label": inputs.get("label") or {}, "learning.label": learning.get("label") or {}}
    levels = {name: load("labellers", labeller).level_of_theory(label) for name, label in labels.items()}
    if len(set(levels.values())) > 1:
        return (
            f"label has level of theory {levels['label']!r}, learning.label {levels['learning.label']!r}; "
            "expected one; name the calculator in learning.label alone"
        )
    if inputs.get("dataset") is None:
        invalid = validate_charges(labeller, inputs.get("label"), "label")
        if invalid is not None:
            return invalid
    return validate_same_level(inputs.get("dataset"), learning)


def _validate_charge_scale(inputs: Any) -> str | None:
    """Return a sentence if charges of a force field, or a fit, are scaled differently from those of the recipe."""
    wanted = inputs["recipe"].get_dict().get("charge_scale", 1.0)
    given = {f"force_fields.{name}": node.base.attributes.get("charge_scale") for name, node in _members(inputs)}
    fit = inputs.get("learning", {}).get("ensemble", {}).get("train", {}).get("settings")
    if fit is not None and not given:
        given["learning.ensemble.train"] = fit.get_dict().get("fit", {}).get("charge_scale", 1.0)
    for name, scale in given.items():
        if scale != wanted:
            return f"charge_scale is {wanted:g}, that of {name} is {scale:g}; expected the same"
    return None


def _members(inputs: Any) -> list[tuple[str, ForceFieldData]]:
    return sorted((inputs.get("force_fields") or {}).items())

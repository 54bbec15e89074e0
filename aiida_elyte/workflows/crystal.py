"""The crystal street: from a structure to an ionic conductivity with an honest error bar."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode, ProcessBuilder, ToContext, WorkChain, if_

from aiida_elyte.calculations.functions.frames import frame_structure, make_seed_frames, merge_frames
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import check_names, configure_all, load
from aiida_elyte.provenance.names import CONDUCTIVITY, LEARNING, QUALIFICATION, SEED_LABELS, seeds_call
from aiida_elyte.science.crystal import check_structure, framework_of, require_charges, require_temperatures
from aiida_elyte.science.seeds.kind import check_seeds
from aiida_elyte.science.verdict import Verdict
from aiida_elyte.workflows.active_learning import ActiveLearningWorkChain
from aiida_elyte.workflows.conductivity import ConductivityWorkChain
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.framework import name_in_plugins, name_in_stops
from aiida_elyte.workflows.ports import checked_dict, fill, labelled_frames, members, optional
from aiida_elyte.workflows.protocols import recursive_merge
from aiida_elyte.workflows.qualify import QualifyWorkChain
from aiida_elyte.workflows.street import StreetWorkChain
from aiida_elyte.workflows.validation import validate_inputs, validate_one_level

__all__ = ["CrystalWorkChain", "has_to_learn"]


class CrystalWorkChain(StreetWorkChain):
    """Seeds, labels, ensemble, active learning, qualification, conductivity.

    A data set given takes the place of seeds and their labels; potentials given take the place of the first training.
    Potentials that are to learn nothing more go to qualification and production as they are.
    """

    PROTOCOL = "crystal"
    PLUGINS = (("seeds",),)
    SWITCHES = (("active_learning", "learning", "quantity"), ("active_learning", "qualification"))

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports, outline and exit codes."""
        super().define(spec)
        spec.input(
            "structure", valid_type=orm.StructureData, validator=_validate_structure, help="Fully ordered crystal."
        )
        spec.input("dataset", **labelled_frames("Labelled frames to start with.", required=False))
        spec.input_namespace("potentials", **members(PotentialData, "Members to start with.", required=False))
        spec.input(
            "seeds", **checked_dict(_validate_seeds, "Settings of each kind of seeds under its name; see `SeedKind`.")
        )
        spec.input_namespace(
            "seed_jobs", dynamic=True, required=False, help="Inputs of the kinds of seeds that are WorkChains, by name."
        )
        spec.expose_inputs(
            ActiveLearningWorkChain, namespace="active_learning", exclude=("start", "dataset", "potentials")
        )
        spec.expose_inputs(
            ConductivityWorkChain, namespace="conductivity", exclude=("start", "potentials", "qualification")
        )
        spec.inputs.validator = _validate
        spec.expose_outputs(ActiveLearningWorkChain, namespace="learning")
        spec.outputs["learning"].required = False
        spec.expose_outputs(ConductivityWorkChain, namespace="conductivity")
        spec.output("qualification", **optional(orm.Dict, "Verdict on potentials that were taken as they are."))
        spec.output("offending", **optional(FramesData, "Frames that failed their qualification."))
        spec.output("refused", **optional(orm.Dict, "Seeds that could not be labelled, and why."))
        spec.outline(
            cls.setup,
            if_(cls.should_learn)(
                if_(cls.should_make_dataset)(
                    cls.run_seeds, cls.inspect_seeds, cls.run_labelling, cls.inspect_labelling
                ),
                cls.run_learning,
                cls.inspect_learning,
            ).elif_(cls.can_qualify)(cls.run_qualification, cls.inspect_qualification),
            cls.inspect_verdict,
            cls.run_conductivity,
            cls.inspect_conductivity,
        )
        spec.exit_code(449, "ERROR_SEEDS_FAILED", message="Seeds of the kind {kind} could not be made: {reason}")
        spec.exit_code(450, "ERROR_LABELLING_FAILED", message="The seeds could not be labelled: {reason}")
        spec.exit_code(451, "ERROR_LEARNING_FAILED", message="The ensemble could not be learned: {reason}")
        spec.exit_code(452, "ERROR_CONDUCTIVITY_FAILED", message="The production runs gave no result: {reason}")
        spec.exit_code(
            453,
            "ERROR_NOT_QUALIFIED",
            message="The ensemble is not qualified, and no production was run: {reason}. Launch again with more rounds "
            "or labels, or with --allow-unqualified for numbers marked as such; finished jobs are reused",
        )
        spec.exit_code(454, "ERROR_QUALIFICATION_FAILED", message="The potentials could not be tested: {reason}")

    @classmethod
    def get_builder_from_protocol(
        cls,
        codes: dict[str, orm.AbstractCode],
        structure: orm.StructureData,
        charges: dict[str, float],
        temperatures_K: list[float] | None = None,
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
            ``python``: Python with torch, SchNetPack, torch-sim; and, under the labeller's name, the code of its engine
            (without one a labeller whose engine is in Python runs with ``python``).
        structure
            Fully ordered crystal.
        charges
            Charge of each mobile species [e]; species without one are the neutralising framework.
        temperatures_K
            Temperatures of the production runs [K]; those of the protocol when left out. Unless the overrides say
            otherwise, active learning samples at 1.2 times the highest.
        labeller
            Name of the labeller; that of the protocol when left out.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of all jobs of our own programs.
        allow_unqualified
            Whether numbers are stated whatever the verdict on them, which goes with them.

        Raises
        ------
        InputError
            If the labeller or a kind of seeds is unknown, or a temperature is invalid.
        """
        inputs = cls.get_inputs(protocol, overrides, None)
        given: dict[str, Any] = {"protocol": protocol, "options": options}
        production = ConductivityWorkChain.get_inputs(protocol, inputs["conductivity"], None)["conditions"]
        temperatures = temperatures_K or production["temperatures_K"]
        require_temperatures(temperatures)
        framework = framework_of((symbol for kind in structure.kinds for symbol in kind.symbols), charges)
        learning = ActiveLearningWorkChain.get_builder_from_protocol(
            codes,
            labeller=labeller,
            overrides=cls._learning_overrides(protocol, inputs["active_learning"], charges, temperatures, framework),
            **given,
        )
        conductivity = ConductivityWorkChain.get_builder_from_protocol(
            codes["python"],
            charges,
            temperatures_K,
            overrides=inputs["conductivity"],
            allow_unqualified=allow_unqualified,
            **given,
        )
        for dynamics in (learning["sample"], conductivity["md"]):
            dynamics["settings"] = name_in_stops(dynamics["settings"], framework)
        check_names("seeds", inputs["seeds"], "seeds")
        seeds = {name: settings for name, settings in inputs["seeds"].items() if settings is not None}
        jobs = {name: load("seeds", name) for name in seeds if _needs_jobs(name)}
        subs = {
            name: kind.get_builder_from_protocol(codes.get(name, codes["python"]), overrides=seeds[name], **given)
            for name, kind in jobs.items()
        }
        return fill(
            cls.get_builder(),
            structure=structure,
            seeds=orm.Dict({name: settings for name, settings in seeds.items() if name not in jobs}),
            seed_jobs={name: sub._inputs(prune=True) for name, sub in subs.items()},
            conductivity=conductivity,
            active_learning=learning,
        )

    @classmethod
    def _learning_overrides(
        cls,
        protocol: str | None,
        overrides: dict[str, Any],
        charges: Mapping[str, float],
        temperatures_K: Sequence[float],
        framework: Sequence[str],
    ) -> dict[str, Any]:
        """Return the overrides of active learning with what a crystal street knows: temperature, charges, framework."""
        known: dict[str, Any] = {"sampling": {"temperature_K": _ABOVE * max(temperatures_K)}}
        if (overrides.get("learning") or {}).get("quantity") is not None:
            known["quantity"] = {"charges": dict(charges)}
        tested = {"conditions": {"temperature_K": max(temperatures_K), "framework": list(framework)}}
        merged: dict[str, Any] = recursive_merge({"learning": known, "qualification": tested}, overrides)
        inputs = ActiveLearningWorkChain.get_inputs(protocol, merged, None)
        filters = name_in_plugins("filters", inputs["learning"]["selection"]["filters"], framework)
        return recursive_merge(merged, {"learning": {"selection": {"filters": filters}}})

    def setup(self) -> None:
        """Turn the structure into a frame."""
        self.ctx.start = frame_structure(self.inputs.structure)
        self.ctx.dataset = self.inputs.get("dataset")
        self.ctx.members = dict(self.inputs.get("potentials", {}))
        self.ctx.qualification = None

    def should_learn(self) -> bool:
        """Return whether an ensemble has to be trained, or is to learn more."""
        return has_to_learn(self.ctx.members, self.inputs.active_learning.learning.get_dict())

    def run_seeds(self) -> ToContext:
        """Make the seeds; kinds that need jobs are submitted."""
        children = {}
        for name, given in self.inputs.get("seed_jobs", {}).items():
            inputs = AttributeDict(given)
            inputs.start = self.ctx.start
            inputs.metadata = {**inputs.get("metadata", {}), "call_link_label": seeds_call(name)}
            children[seeds_call(name)] = self.submit(load("seeds", name), **inputs)
        return ToContext(**children)

    def inspect_seeds(self) -> ExitCode | None:
        """Collect the seeds of all kinds."""
        found, kinds = [], sorted(self.inputs.seeds.get_dict())
        if kinds:
            try:
                found.append(make_seed_frames(self.ctx.start, self.inputs.seeds))
            except InputError as error:
                return self.exit_codes.ERROR_SEEDS_FAILED.format(kind=" or ".join(kinds), reason=str(error))
        for name in sorted(self.inputs.get("seed_jobs", {})):
            node = self.ctx[seeds_call(name)]
            if not node.is_finished_ok:
                return self.exit_codes.ERROR_SEEDS_FAILED.format(kind=name, reason=reason_of(node))
            try:
                check_seeds(name, node.outputs.frames.get_frames(), self.ctx.start.get_frames()[0])
            except InputError as error:
                return self.exit_codes.ERROR_SEEDS_FAILED.format(kind=name, reason=str(error))
            found.append(node.outputs.frames)
        named = {f"kind_{number:02d}": frames for number, frames in enumerate(found)}
        self.ctx.seeds = found[0] if len(found) == 1 else merge_frames(**named)
        return None

    def run_labelling(self) -> ToContext:
        """Label the seeds."""
        learning = self.inputs.active_learning
        return self.submit_to_labeller(self.ctx.seeds, learning.labeller.value, learning.label, "seeds", SEED_LABELS)

    def run_learning(self) -> ToContext:
        """Train and improve the ensemble."""
        inputs = AttributeDict(self.exposed_inputs(ActiveLearningWorkChain, namespace="active_learning"))
        inputs.start = self.ctx.start
        inputs.dataset = self.ctx.dataset
        inputs.metadata.call_link_label = LEARNING
        if self.inputs.get("potentials"):
            inputs.potentials = self.inputs.potentials
        return ToContext(learning=self.submit(ActiveLearningWorkChain, **inputs))

    def inspect_learning(self) -> ExitCode | None:
        """Keep the members and the verdict on them."""
        code = super().inspect_learning()
        outputs = self.ctx.learning.outputs
        self.ctx.qualification = outputs.qualification if "qualification" in outputs else None
        return code

    def can_qualify(self) -> bool:
        """Return whether potentials that are taken as they are, are tested."""
        return bool(self.inputs.active_learning.get("qualification"))

    def run_qualification(self) -> ToContext:
        """Test potentials that are taken as they are."""
        inputs = AttributeDict(self.inputs.active_learning.qualification)
        inputs.start, inputs.potentials = self.ctx.start, self.ctx.members
        if self.ctx.dataset is not None:
            inputs.dataset = self.ctx.dataset
        inputs.metadata = {"call_link_label": QUALIFICATION}
        return ToContext(qualifying=self.submit(QualifyWorkChain, **inputs))

    def inspect_qualification(self) -> ExitCode | None:
        """Attach the verdict."""
        node = self.ctx.qualifying
        if "qualification" not in node.outputs:
            return self.exit_codes.ERROR_QUALIFICATION_FAILED.format(reason=reason_of(node))
        self.out_many({name: node.outputs[name] for name in ("qualification", "offending") if name in node.outputs})
        self.ctx.qualification = node.outputs.qualification
        return None

    def inspect_verdict(self) -> ExitCode | None:
        """End before production where its numbers would not be stated."""
        if self.inputs.conductivity.allow_unqualified.value:
            return None
        verdict = Verdict.from_dict(self.ctx.qualification.get_dict())
        if verdict.is_qualified:
            return None
        return self.exit_codes.ERROR_NOT_QUALIFIED.format(reason="; ".join(verdict.reasons))

    def run_conductivity(self) -> ToContext:
        """Run the production."""
        inputs = AttributeDict(self.exposed_inputs(ConductivityWorkChain, namespace="conductivity"))
        inputs.start = self.ctx.start
        inputs.potentials = self.ctx.members
        if self.ctx.qualification is not None:
            inputs.qualification = self.ctx.qualification
        inputs.metadata.call_link_label = CONDUCTIVITY
        return ToContext(conductivity=self.submit(ConductivityWorkChain, **inputs))

    def inspect_conductivity(self) -> ExitCode | None:
        """Attach the results."""
        node = self.ctx.conductivity
        if not node.is_finished_ok:
            return self.exit_codes.ERROR_CONDUCTIVITY_FAILED.format(reason=reason_of(node))
        self.out_many(self.exposed_outputs(node, ConductivityWorkChain, namespace="conductivity"))
        return None


_ABOVE = 1.2
"""Active learning samples at this times the highest temperature of production [1]: the ensemble has then seen more than
production will ask of it."""


def has_to_learn(potentials: Mapping[str, Any], learning: Mapping[str, Any]) -> bool:
    """Return whether a street trains or labels: not where it is given potentials and no round is asked for.

    Parameters
    ----------
    potentials
        The potentials given.
    learning
        Settings of active learning.
    """
    return not potentials or (learning["max_rounds"] > 0 and learning["label_budget"] > 0)


def _needs_jobs(name: str) -> bool:
    """Return whether a kind of seeds is a WorkChain."""
    kind = load("seeds", name)
    return isinstance(kind, type) and issubclass(kind, WorkChain)


def _validate_seeds(node: orm.Dict | None, port: Any) -> str | None:
    try:
        if node is not None:
            configure_all("seeds", node.get_dict(), port.name)
    except InputError as error:
        return str(error)
    return None


def _validate_seed_jobs(inputs: Any) -> str | None:
    """Return a sentence if there are no seeds to label, or a kind that needs jobs rejects its inputs."""
    jobs = inputs.get("seed_jobs") or {}
    if not jobs and not inputs["seeds"].get_dict():
        return "seeds names no kind of seeds; expected at least one; name one, or give a dataset"
    invalid = (validate_inputs(load("seeds", name), jobs[name], f"seed_jobs.{name}", ("start",)) for name in jobs)
    return next((sentence for sentence in invalid if sentence is not None), None)


def _validate_structure(node: orm.StructureData | None, _: Any) -> str | None:
    if node is None:
        return None
    if any(kind.is_alloy or kind.has_vacancies for kind in node.kinds):
        return "structure has partial occupancies; expected a fully ordered crystal; enumerate an ordered cell first"
    try:
        check_structure(node.get_ase(), "structure")
    except InputError as error:
        return str(error)
    return None


def _validate_framework(qualification: Mapping[str, Any]) -> str | None:
    """Return a sentence if a test that has to be judged cannot be, for lack of a framework."""
    if qualification["conditions"].get_dict().get("framework"):
        return None
    tests = configure_all("qualifications", qualification["tests"].get_dict(), "tests")
    unjudged = [name for name, test in tests.items() if test.is_mandatory and test.needs_framework]
    if not unjudged:
        return None
    return (
        f"charges names every species, so that no framework is known, and {' and '.join(unjudged)} cannot be judged: "
        "no number could be stated; expected species without a charge; leave those that do not move out of charges, "
        f"set {unjudged[0]} to null in active_learning.qualification.tests, or allow unqualified numbers"
    )


def _validate(inputs: Any, _: Any) -> str | None:
    if "structure" not in inputs:
        return None
    conditions = inputs.get("conductivity", {}).get("conditions")
    try:
        if conditions is not None:
            require_charges(inputs["structure"].get_ase(), conditions.get_dict().get("charges"))
    except InputError as error:
        return str(error)
    learning = inputs.get("active_learning", {}).get("learning")
    is_allowed = inputs.get("conductivity", {}).get("allow_unqualified")
    is_tested = learning is None or bool(inputs["active_learning"].get("qualification"))
    if not is_tested and is_allowed is not None and not is_allowed.value:
        return (
            "active_learning.qualification is switched off and allow_unqualified is false: no number could be stated; "
            "expected one of the two; keep the qualification, or allow unqualified numbers"
        )
    if learning is not None and is_tested and is_allowed is not None and not is_allowed.value:
        invalid = _validate_framework(inputs["active_learning"]["qualification"])
        if invalid is not None:
            return invalid
    if "dataset" not in inputs:
        learns = learning is None or has_to_learn(inputs.get("potentials") or {}, learning.get_dict())
        return _validate_seed_jobs(inputs) if learns else None
    missing = {kind.symbol for kind in inputs["structure"].kinds} - set(
        inputs["dataset"].base.attributes.get("elements")
    )
    if missing:
        return f"dataset has no frame with {', '.join(sorted(missing))}; expected every element of the structure"
    settings = inputs.get("active_learning", {}).get("ensemble", {}).get("train", {}).get("settings")
    if settings is not None and settings.get_dict().get("allow_mixed_levels"):
        return None
    return validate_one_level(inputs["dataset"], "dataset")

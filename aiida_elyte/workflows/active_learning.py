"""Improve an ensemble where it is uncertain: sample, filter, select, label, retrain."""

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode, ProcessBuilder, ToContext, WorkChain, if_, while_

from aiida_elyte.calculations.functions.dynamics import retraining_settings, run_settings
from aiida_elyte.calculations.functions.frames import merge_frames, qualify_frames, select_frames
from aiida_elyte.calculations.settings import validate_record
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import configure, configure_all, load
from aiida_elyte.provenance.names import round_call
from aiida_elyte.science.learning.convergence import held_out_error, label_budget_left, should_continue
from aiida_elyte.science.learning.ensemble import member_name, replica_settings
from aiida_elyte.science.learning.settings import LearningSettings
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.label.guards import validate_same_level
from aiida_elyte.workflows.ports import checked_dict, fill, labelled_frames, members, plugin_name
from aiida_elyte.workflows.protocols import ProtocolMixin, check_overrides
from aiida_elyte.workflows.train_ensemble import TrainEnsembleWorkChain
from aiida_elyte.workflows.trainer import Trainer
from aiida_elyte.workflows.validation import validate_inputs, validate_settings

__all__ = ["ActiveLearningWorkChain"]


class ActiveLearningWorkChain(ProtocolMixin, WorkChain):
    """Active learning by committee spread.

    Each round samples with the members above the target temperature; judges the frames by the tests of qualification;
    sets unphysical ones aside with the reason; labels some of the others; merges; retrains warm. Ends when uncertain
    frames are rare, or when rounds or labels are spent, and says which. Labeller, sampler, filters, selector and tests
    are plug-ins.
    """

    PROTOCOL = "active_learning"
    PLUGINS = (("learning", "selection", "filters"), ("learning", "qualification"))
    _potential: type[orm.Data] = PotentialData
    """What a member is."""
    _start_help = "Frame the sampling starts from; reference of the framework."

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports, outline and exit codes."""
        super().define(spec)
        spec.input("start", valid_type=FramesData, help=cls._start_help)
        spec.input("dataset", **labelled_frames("Labelled frames to begin with."))
        spec.input_namespace("potentials", **members(cls._potential, "Trained members.", required=False))
        spec.input("labeller", **plugin_name("labellers", "Name."))
        spec.input_namespace("label", dynamic=True, help="Inputs of the labeller.")
        spec.expose_inputs(TrainEnsembleWorkChain, namespace="ensemble", exclude=("dataset", "initial"))
        spec.input("sampler", **plugin_name("samplers", "Name of the sampler in `aiida_elyte.samplers`."))
        spec.input_namespace(
            "sample", dynamic=True, help="Inputs of the sampler, without `start` and `potentials`; see `Sampler`."
        )
        spec.input(
            "learning",
            **checked_dict(
                validate_record(LearningSettings),
                "Settings of the loop, as in the protocol: rounds, budget, `sampling`, `selection`, `retraining`, "
                "`qualification`.",
            ),
        )
        spec.inputs.validator = cls._validate
        spec.output("dataset", valid_type=FramesData, help="All labelled frames.")
        spec.output_namespace("potentials", valid_type=cls._potential, dynamic=True, help="The last ensemble.")
        spec.output(
            "history", valid_type=orm.Dict, help="What each round sampled, rejected and labelled; why it ended."
        )
        spec.outline(
            cls.setup,
            if_(cls.should_train_first)(cls.run_training, cls.inspect_training),
            while_(cls.should_learn)(
                cls.run_sampling,
                cls.inspect_sampling,
                if_(cls.has_selected)(
                    cls.run_labelling,
                    cls.inspect_labelling,
                    if_(cls.has_new_labels)(cls.run_training, cls.inspect_training),
                ),
            ),
            cls.results,
        )
        spec.exit_code(
            431, "ERROR_TRAINING_FAILED", message="The ensemble could not be trained in round {number}: {reason}"
        )
        spec.exit_code(432, "ERROR_SAMPLING_FAILED", message="The sampling of round {number} gave no frame: {reason}")
        spec.exit_code(
            433, "ERROR_SELECTION_FAILED", message="The frames of round {number} could not be selected: {reason}"
        )

    @classmethod
    def get_inputs(
        cls, protocol: str | None, overrides: dict[str, Any] | None, options: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return the protocol's inputs with overrides; what another selector or trainer takes is not the protocol's."""
        inputs = super().get_inputs(protocol, overrides, options)
        known, asked = cls.get_protocol_inputs(protocol), (overrides or {}).get("learning") or {}
        selection = asked.get("selection") or {}
        if inputs["learning"]["selection"]["selector"] != known["learning"]["selection"]["selector"]:
            inputs["learning"]["selection"]["selection"] = dict(selection.get("selection") or {})
        trainers = [
            TrainEnsembleWorkChain.get_inputs(protocol, one["ensemble"], None)["trainer"] for one in (inputs, known)
        ]
        if len(set(trainers)) > 1:
            inputs["learning"]["retraining"] = dict(asked.get("retraining") or {})
        return inputs

    @classmethod
    def get_builder_from_protocol(
        cls,
        codes: dict[str, orm.AbstractCode],
        start: FramesData | None = None,
        dataset: FramesData | None = None,
        labeller: str | None = None,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Return a builder.

        Parameters
        ----------
        codes
            ``python``: Python with torch, SchNetPack, torch-sim; those that the sampler asks for by role; and, under
            the labeller's name, the code of its engine (without one the labeller runs with ``python``).
        start, dataset
            Start frame and labelled frames; left out where another WorkChain fills them in.
        labeller
            Name of the labeller; that of the protocol when left out.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of the jobs.

        Raises
        ------
        InputError
            If labeller or sampler are unknown, a calculator is named without a level of theory, or a code that the
            sampler needs is missing.
        """
        inputs = cls.get_inputs(protocol, overrides, None)
        python = codes["python"]
        given: dict[str, Any] = {"protocol": protocol, "options": options}
        labeller = labeller or str(inputs["labeller"])
        door = load("labellers", labeller)
        label = door.get_builder_from_protocol(
            door.pick_code(labeller, codes), overrides=cls.label_overrides(labeller, protocol, overrides), **given
        )
        role = TrainEnsembleWorkChain.trainer_of(protocol, inputs["ensemble"]).code_role
        if role not in codes:
            raise InputError(f"codes are {sorted(codes)}; expected {role!r} among them, for the trainer; add it")
        ensemble = TrainEnsembleWorkChain.get_builder_from_protocol(codes[role], overrides=inputs["ensemble"], **given)
        sampler = load("samplers", inputs["sampler"])
        if missing := [role for role in sampler.CODES if role not in codes]:
            raise InputError(
                f"codes have no {', '.join(missing)}; expected one for each role of the sampler {inputs['sampler']!r}"
            )
        sample = sampler.get_builder_from_protocol(
            python, overrides=inputs["sample"], **given, **{role: codes[role] for role in sampler.CODES}
        )
        return fill(
            cls.get_builder(),
            labeller=orm.Str(labeller),
            label=label,
            ensemble=ensemble,
            sampler=orm.Str(inputs["sampler"]),
            sample=sample,
            learning=orm.Dict(inputs["learning"]),
            start=start,
            dataset=dataset,
        )

    @classmethod
    def label_overrides(
        cls, labeller: str, protocol: str | None, overrides: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Return what a protocol and overrides of it change of the protocol of a labeller."""
        asked, known = (overrides or {}).get("label") or {}, cls.get_protocol_inputs(protocol)["label"]
        check_overrides(asked, known, (labeller,), "label")
        merged: dict[str, Any] = load("labellers", labeller).merge_overrides(known.get(labeller), asked.get(labeller))
        return merged

    @classmethod
    def _validate(cls, inputs: Any, _: Any) -> str | None:
        """Return a sentence if rounds cannot be run."""
        if "learning" not in inputs or "ensemble" not in inputs or not inputs["learning"]["max_rounds"]:
            return None
        learning, members = inputs["learning"].get_dict(), sorted(inputs.get("potentials") or {})
        if learning.get("retraining") and not _starts_warm(inputs["ensemble"]["trainer"]):
            return "learning has retraining; expected none, for members are trained anew; leave it out"
        sampler = load("samplers", inputs["sampler"].value)
        invalid = (
            validate_same_level(inputs.get("dataset"), inputs)
            or _validate_plugins(learning)
            or _validate_retraining(inputs["ensemble"], learning)
            or validate_inputs(load("labellers", inputs["labeller"].value), inputs["label"], "label", later=("frames",))
            or validate_inputs(sampler, inputs["sample"], "sample", later=("start", "potentials"))
        )
        if invalid is not None:
            return invalid
        members = members or [member_name(index) for index in range(inputs["ensemble"]["n_members"].value)]
        if len(members) < 2:
            return (
                "n_members is 1; expected at least two, as one member has no committee spread; or set max_rounds to 0"
            )
        sampled = replica_settings(inputs["sample"]["settings"].get_dict(), learning["sampling"], members, 1)
        return validate_settings(sampler, orm.Dict(sampled), "learning.sampling")

    def setup(self) -> None:
        """Start with what is given."""
        self.ctx.dataset = self.inputs.dataset
        self.ctx.potentials = dict(self.inputs.get("potentials", {}))
        self.ctx.rounds, self.ctx.number, self.ctx.first_error = [], 0, None
        self.ctx.reason = ""

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the loop."""
        return self.inputs.learning.get_dict()

    def should_train_first(self) -> bool:
        """Return whether the ensemble has to be trained before the first round."""
        return not self.ctx.potentials

    def should_learn(self) -> bool:
        """Return whether another round is worth it."""
        go_on, self.ctx.reason = should_continue(self.ctx.rounds, self.settings)
        if not go_on:
            self.report(f"learning ends after {len(self.ctx.rounds)} rounds: {self.ctx.reason}")
        return go_on

    def run_sampling(self) -> ToContext:
        """Sample with the current ensemble."""
        self.ctx.number += 1
        self.ctx.selected = None
        inputs = AttributeDict(self.inputs.sample)
        inputs.start = self.inputs.start
        inputs.potentials = self.ctx.potentials
        inputs.settings = run_settings(
            inputs.settings,
            orm.Dict(self.settings["sampling"]),
            orm.List(sorted(self.ctx.potentials)),
            orm.Int(self.ctx.number),
        )
        inputs.metadata = {**inputs.get("metadata", {}), "call_link_label": round_call(self.ctx.number, "sample")}
        return ToContext(sampling=self.submit(load("samplers", self.inputs.sampler.value), **inputs))

    def inspect_sampling(self) -> ExitCode | None:
        """Judge, filter and select what was sampled, also by a run that stopped: there the potential has to learn."""
        node = self.ctx.sampling
        if "frames" not in node.outputs:
            self._attach(f"sampling of round {self.ctx.number} failed")
            return self.exit_codes.ERROR_SAMPLING_FAILED.format(number=self.ctx.number, reason=reason_of(node))
        choices = dict(self.settings["selection"])
        choices["n_select"] = min(choices["n_select"], label_budget_left(self.ctx.rounds, self.settings))
        choices["seed"] = self.settings["sampling"]["seed"] + self.ctx.number
        try:
            found = select_frames(node.outputs.frames, self.ctx.dataset, self.inputs.start, orm.Dict(choices))
        except InputError as error:
            self._attach(f"selection of round {self.ctx.number} failed")
            return self.exit_codes.ERROR_SELECTION_FAILED.format(number=self.ctx.number, reason=str(error))
        record = found["record"].get_dict()
        tests = orm.Dict(self.settings.get("qualification", {}))
        findings = qualify_frames(node.outputs.frames, self.ctx.dataset, tests).get_dict()
        for name, finding in findings.items():
            if "failed" in finding:
                self.report(f"qualification {name} of round {self.ctx.number} failed: {finding['failed']}")
        self.ctx.selected = found.get("frames")
        self.ctx.rounds.append(
            {
                "number": self.ctx.number,
                "held_out_error_before": self.ctx.first_error if self.ctx.number == 1 else None,
                "sampled_by": node.uuid,
                "n_sampled": record["n_sampled"],
                "n_refused": len(record["refused"]),
                "n_uncertain": record["n_uncertain"],
                "n_selected": len(record["selected"]),
                "n_labelled": 0,
                "spreads_eV_A": record["spreads_eV_A"],
                "refused": record["refused"],
                "qualification": findings,
                "stops": node.outputs.results.get_dict().get("stops", {}) if "results" in node.outputs else {},
            }
        )
        self.report(
            f"round {self.ctx.number}: {record['n_sampled']} frames sampled, {len(record['refused'])} rejected, "
            f"{record['n_uncertain']} uncertain, {len(record['selected'])} selected"
        )
        return None

    def has_selected(self) -> bool:
        """Return whether there is something to label."""
        return self.ctx.selected is not None

    def run_labelling(self) -> ToContext:
        """Label the selected frames."""
        inputs = AttributeDict(self.inputs.label)
        inputs.frames = self.ctx.selected
        inputs.metadata = {"call_link_label": round_call(self.ctx.number, "label")}
        return ToContext(labelling=self.submit(load("labellers", self.inputs.labeller.value), **inputs))

    def inspect_labelling(self) -> None:
        """Merge the labelled frames; a round whose labels all failed is kept in the history and changes nothing."""
        node = self.ctx.labelling
        if "frames" in node.outputs:
            self.ctx.rounds[-1]["n_labelled"] = len(node.outputs.frames)
            self.ctx.dataset = merge_frames(a=self.ctx.dataset, b=node.outputs.frames)
        if "refused" in node.outputs:
            self.ctx.rounds[-1]["labels_refused"] = node.outputs.refused.get_dict()

    def has_new_labels(self) -> bool:
        """Return whether the round brought labels to train on."""
        return self.ctx.rounds[-1]["n_labelled"] > 0

    def run_training(self) -> ToContext:
        """Train the ensemble, warm where members exist."""
        inputs = AttributeDict(self.exposed_inputs(TrainEnsembleWorkChain, namespace="ensemble"))
        inputs.dataset = self.ctx.dataset
        if self.ctx.potentials:
            inputs.n_members = orm.Int(len(self.ctx.potentials))
        if self.ctx.potentials and _starts_warm(inputs.trainer):
            inputs.initial = self.ctx.potentials
            inputs.train = AttributeDict(inputs.train)
            inputs.train.settings = retraining_settings(
                inputs.train.settings, orm.Dict(self.settings.get("retraining", {}))
            )
        inputs.metadata.call_link_label = round_call(self.ctx.number, "train")
        return ToContext(training=self.submit(TrainEnsembleWorkChain, **inputs))

    def inspect_training(self) -> ExitCode | None:
        """Keep the new members."""
        node = self.ctx.training
        if not node.is_finished_ok:
            self._attach(f"training of round {self.ctx.number} failed")
            return self.exit_codes.ERROR_TRAINING_FAILED.format(number=self.ctx.number, reason=reason_of(node))
        self.ctx.potentials = dict(node.outputs.potentials)
        trainer: type[Trainer] = load("trainers", self.inputs.ensemble.trainer.value)
        error = held_out_error(node.outputs.summary.get_dict().values(), trainer.error_key)
        if self.ctx.rounds:
            self.ctx.rounds[-1] |= {"trained_by": node.uuid, "held_out_error": error}
        else:
            self.ctx.first_error = error
        return None

    def results(self) -> None:
        """Attach data set, ensemble and history."""
        self._attach(self.ctx.reason)

    def _attach(self, reason: str) -> None:
        """Attach what there is, so that the labels of the rounds are not lost where a later one fails."""
        self.out("dataset", self.ctx.dataset)
        if self.ctx.potentials:
            self.out("potentials", self.ctx.potentials)
        self.out("history", orm.Dict({"rounds": self.ctx.rounds, "reason": reason}).store())


def _starts_warm(trainer: orm.Str) -> bool:
    """Return whether a trainer starts from existing members."""
    return "initial" in load("trainers", trainer.value).spec().inputs


def _validate_retraining(ensemble: Mapping[str, Any], learning: Mapping[str, Any]) -> str | None:
    """Return a sentence if the trainer would reject its settings with what changes where training starts warm."""
    trainer = load("trainers", ensemble["trainer"].value)
    settings = {**ensemble["train"]["settings"].get_dict(), **learning.get("retraining", {})}
    return validate_settings(trainer, orm.Dict(settings), "learning.retraining")


def _validate_plugins(learning: Mapping[str, Any]) -> str | None:
    """Return a sentence if selector, filters or tests of qualification are unknown or reject their settings."""
    selection = learning["selection"]
    try:
        configure("selectors", selection["selector"], selection["selection"], "selection.selection")
        configure_all("filters", selection["filters"], "selection.filters")
        configure_all("qualifications", learning.get("qualification", {}), "qualification")
    except InputError as error:
        return f"learning: {error}"
    return None

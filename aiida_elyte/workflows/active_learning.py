"""Improve an ensemble where it is uncertain: sample, filter, select, label, retrain."""

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode, ProcessBuilder, ToContext, WorkChain, if_, while_

from aiida_elyte.calculations.functions.calibration import calibrate
from aiida_elyte.calculations.functions.dynamics import retraining_settings, run_settings
from aiida_elyte.calculations.functions.frames import merge_frames, qualify_frames, select_frames
from aiida_elyte.calculations.functions.learning import decide_next, sampled_quantities
from aiida_elyte.calculations.settings import validate_record
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load
from aiida_elyte.provenance.names import OFFENDING, qualification_call, round_call
from aiida_elyte.science.learning.ensemble import common_conditions
from aiida_elyte.science.learning.error_key import held_out_error
from aiida_elyte.science.learning.settings import LearningSettings
from aiida_elyte.science.learning.stopping import label_budget_left
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.learning_checks import starts_warm, validate_rounds
from aiida_elyte.workflows.ports import checked_dict, fill, labelled_frames, members, optional, plugin_name
from aiida_elyte.workflows.protocols import ProtocolMixin, check_overrides, recursive_merge
from aiida_elyte.workflows.qualify import QualifyWorkChain
from aiida_elyte.workflows.sampler import sampler_builder
from aiida_elyte.workflows.train_ensemble import TrainEnsembleWorkChain
from aiida_elyte.workflows.trainer import Trainer

__all__ = ["ActiveLearningWorkChain"]


class ActiveLearningWorkChain(ProtocolMixin, WorkChain):
    """Active learning by committee spread.

    Each round samples with the members above the target temperature, by several samplers if asked for; sets unphysical
    frames aside with the reason; labels those whose error is likely too large; calibrates the committee by the labels;
    merges; retrains warm. Once frames of dynamics are seldom uncertain and the quantity of interest is stable the
    ensemble is qualified; frames that fail join the next round. Ends when it has passed, or when rounds or labels are
    spent, says which, and what to change. Labeller, samplers, filters, selector and tests are plug-ins.
    """

    PROTOCOL = "active_learning"
    PLUGINS = (("learning", "selection", "filters"), ("learning", "qualification"), ("more_samplers",))
    SWITCHES = (("qualification",), ("learning", "quantity"), ("learning", "calibration"))
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
        spec.input_namespace(
            "more_samplers",
            dynamic=True,
            required=False,
            help="Inputs of samplers that propose frames beside the first, by name; temperature, replicas and seed are "
            "those of `learning.sampling`.",
        )
        spec.expose_inputs(
            QualifyWorkChain,
            namespace="qualification",
            exclude=("start", "potentials", "dataset", "calibration"),
            namespace_options={"required": False, "populate_defaults": False, "help": "Inputs of the qualification."},
        )
        spec.input(
            "learning",
            **checked_dict(
                validate_record(LearningSettings),
                "Settings of the loop, as in the protocol: rounds, budget, criteria, `sampling`, `selection`, "
                "`retraining`.",
            ),
        )
        spec.inputs.validator = cls._validate
        spec.output("dataset", valid_type=FramesData, help="All labelled frames.")
        spec.output_namespace("potentials", valid_type=cls._potential, dynamic=True, help="The last ensemble.")
        spec.output(
            "history",
            valid_type=orm.Dict,
            help="What each round sampled, rejected and labelled; each decision with its reasons; why it ended.",
        )
        spec.output("calibration", **optional(orm.Dict, "What the spread of the committee is worth, of all labels."))
        spec.output("qualification", **optional(orm.Dict, "Verdict on the last ensemble, with what each test found."))
        spec.output("offending", **optional(FramesData, "Frames that failed the last qualification, not labelled."))
        spec.outline(
            cls.setup,
            if_(cls.should_train_first)(cls.run_training, cls.inspect_training),
            while_(cls.should_go_on)(
                if_(cls.should_qualify)(cls.run_qualification, cls.inspect_qualification).else_(
                    cls.run_sampling,
                    cls.inspect_sampling,
                    if_(cls.has_selected)(
                        cls.run_labelling,
                        cls.inspect_labelling,
                        if_(cls.has_new_labels)(cls.run_training, cls.inspect_training),
                    ),
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
        spec.exit_code(434, "ERROR_QUALIFICATION_FAILED", message="The ensemble could not be tested: {reason}")

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
        qualification = None
        if inputs.get("qualification") is not None:
            known = {"conditions": {"temperature_K": inputs["learning"]["sampling"]["temperature_K"]}}
            qualification = QualifyWorkChain.get_builder_from_protocol(
                codes["python"], overrides=recursive_merge(known, inputs["qualification"]), **given
            )
        more = {name: one for name, one in inputs.get("more_samplers", {}).items() if one is not None}
        return fill(
            cls.get_builder(),
            labeller=orm.Str(labeller),
            label=label,
            ensemble=ensemble,
            sampler=orm.Str(inputs["sampler"]),
            sample=sampler_builder(inputs["sampler"], codes, overrides=inputs["sample"], **given),
            more_samplers={
                name: sampler_builder(name, codes, overrides=one, **given)._inputs(prune=True)
                for name, one in more.items()
            },
            learning=orm.Dict(inputs["learning"]),
            qualification=qualification,
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
        return validate_rounds(inputs)

    def setup(self) -> None:
        """Start with what is given."""
        self.ctx.dataset = self.inputs.dataset
        self.ctx.potentials = dict(self.inputs.get("potentials", {}))
        self.ctx.rounds, self.ctx.number, self.ctx.first_error = [], 0, None
        self.ctx.decisions, self.ctx.step = [], "end"
        self.ctx.n_qualified, self.ctx.qualification, self.ctx.offending = 0, None, None
        self.ctx.calibrated = {}

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the loop."""
        return self.inputs.learning.get_dict()

    def should_train_first(self) -> bool:
        """Return whether the ensemble has to be trained before the first round."""
        return not self.ctx.potentials

    def should_go_on(self) -> bool:
        """Decide what comes next; return whether that is a round or a qualification."""
        given = {name: self.ctx[name] for name in ("qualification", "offending") if self.ctx[name] is not None}
        history = orm.Dict({"rounds": list(self.ctx.rounds)})
        decision = decide_next(history, self.inputs.learning, orm.Bool(self.can_qualify), **given).get_dict()
        self.ctx.decisions.append({"after_round": len(self.ctx.rounds), **decision})
        self.ctx.step = decision["step"]
        if self.ctx.step == "end":
            self.report(f"learning ends after {len(self.ctx.rounds)} rounds: {decision['reason']}")
            for advice in decision["advice"]:
                self.report(f"what to change: {advice}")
        return self.ctx.step != "end"

    @property
    def can_qualify(self) -> bool:
        """Whether the ensemble is qualified in the end."""
        return bool(self.inputs.get("qualification"))

    def should_qualify(self) -> bool:
        """Return whether the ensemble is tested next."""
        return bool(self.ctx.step == "qualify")

    def run_qualification(self) -> ToContext:
        """Test the ensemble on longer dynamics than it was trained on."""
        self.ctx.n_qualified += 1
        inputs = AttributeDict(self.exposed_inputs(QualifyWorkChain, namespace="qualification"))
        inputs.start, inputs.potentials, inputs.dataset = self.inputs.start, self.ctx.potentials, self.ctx.dataset
        if self.ctx.calibrated:
            inputs.calibration = self.ctx.calibrated["previous"]
        inputs.metadata.call_link_label = qualification_call(self.ctx.n_qualified)
        return ToContext(qualifying=self.submit(QualifyWorkChain, **inputs))

    def inspect_qualification(self) -> ExitCode | None:
        """Keep the verdict, and the frames that failed for the next round."""
        node = self.ctx.qualifying
        if "qualification" not in node.outputs:
            self._attach(f"qualification {self.ctx.n_qualified} could not be run")
            return self.exit_codes.ERROR_QUALIFICATION_FAILED.format(reason=reason_of(node))
        self.ctx.qualification = node.outputs.qualification
        self.ctx.offending = node.outputs.offending if "offending" in node.outputs else None
        return None

    def run_sampling(self) -> ToContext:
        """Sample with the current ensemble, by all samplers side by side."""
        self.ctx.number += 1
        self.ctx.selected = None
        sampling = self.settings["sampling"]
        runs = {"sampling": self._sample(self.inputs.sampler.value, self.inputs.sample, sampling, None)}
        for name, given in sorted(self.inputs.get("more_samplers", {}).items()):
            runs[f"more.{name}"] = self._sample(name, given, common_conditions(sampling), name)
        return ToContext(**runs)

    def _sample(
        self, name: str, given: Mapping[str, Any], conditions: Mapping[str, Any], label: str | None
    ) -> orm.ProcessNode:
        """Submit a sampler."""
        sampler, inputs = load("samplers", name), AttributeDict(given)
        inputs.start, inputs.potentials = self.inputs.start, self.ctx.potentials
        if "dataset" in sampler.spec().inputs:
            inputs.dataset = self.ctx.dataset
        members = orm.List(sorted(self.ctx.potentials))
        inputs.settings = run_settings(inputs.settings, orm.Dict(conditions), members, orm.Int(self.ctx.number))
        call = round_call(self.ctx.number, "sample", label)
        inputs.metadata = {**inputs.get("metadata", {}), "call_link_label": call}
        return self.submit(sampler, **inputs)

    def inspect_sampling(self) -> ExitCode | None:
        """Judge, filter and select what was sampled, also by a run that stopped: there the potential has to learn."""
        node, number = self.ctx.sampling, self.ctx.number
        if "frames" not in node.outputs:
            self._attach(f"sampling of round {number} failed")
            return self.exit_codes.ERROR_SAMPLING_FAILED.format(number=number, reason=reason_of(node))
        more = {name: one for name, one in self.ctx.get("more", {}).items() if name in self.inputs.more_samplers}
        others = {name: one.outputs.frames for name, one in more.items() if "frames" in one.outputs}
        failed = {name: reason_of(one) for name, one in more.items() if name not in others}
        for name, reason in failed.items():
            self.report(f"sampler {name} of round {number} gave no frame: {reason}")
        if self.ctx.offending is not None:
            others[OFFENDING], self.ctx.offending = self.ctx.offending, None
        if self.ctx.calibrated:
            others["calibration"] = self.ctx.calibrated["previous"]
        choices = dict(self.settings["selection"])
        choices["n_select"] = min(
            choices["n_select"], label_budget_left(self.ctx.rounds, self.settings["label_budget"])
        )
        choices["seed"] = self.settings["sampling"]["seed"] + number
        try:
            found = select_frames(node.outputs.frames, self.ctx.dataset, self.inputs.start, orm.Dict(choices), **others)
        except InputError as error:
            self._attach(f"selection of round {number} failed")
            return self.exit_codes.ERROR_SELECTION_FAILED.format(number=number, reason=str(error))
        record = found["record"].get_dict()
        tests = orm.Dict(self.settings.get("qualification", {}))
        findings = qualify_frames(node.outputs.frames, self.ctx.dataset, tests).get_dict()
        for name, finding in findings.items():
            if "failed" in finding:
                self.report(f"qualification {name} of round {number} failed: {finding['failed']}")
        self.ctx.selected = found.get("frames")
        stops = node.outputs.results.get_dict().get("stops", {}) if "results" in node.outputs else {}
        self.ctx.rounds.append(
            {
                "number": number,
                "held_out_error_before": self.ctx.first_error if number == 1 else None,
                "sampled_by": node.uuid,
                "sets": record["sets"],
                "samplers_failed": failed,
                **record["judged"],
                "n_selected": len(record["selected"]),
                "n_labelled": 0,
                "spreads_eV_A": record["spreads_eV_A"],
                "refused": record["refused"],
                "qualification": findings,
                "stops": stops,
                "quantities": {} if stops else self._quantities(node),
            }
        )
        self.report(
            f"round {number}: {record['n_sampled']} frames sampled, {len(record['refused'])} rejected, "
            f"{record['n_uncertain']} uncertain, {len(record['selected'])} selected"
        )
        return None

    def _quantities(self, node: orm.ProcessNode) -> dict[str, Any]:
        """Return the quantities of interest by the dynamics of a round, or why there are none."""
        wanted = self.settings.get("quantity")
        if wanted is None or "series" not in node.outputs:
            return {}
        settings = {"charges": wanted["charges"], "temperature_K": node.inputs.settings["temperature_K"]}
        return dict(sampled_quantities(node.outputs.series, orm.Dict(settings)).get_dict())

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
            self._calibrate(node.outputs.frames)
            self.ctx.dataset = merge_frames(a=self.ctx.dataset, b=node.outputs.frames)
        if "refused" in node.outputs:
            self.ctx.rounds[-1]["labels_refused"] = node.outputs.refused.get_dict()

    def _calibrate(self, labelled: FramesData) -> None:
        """See by the new labels, before anything is trained on them, what the spread of the committee is worth."""
        wanted = self.settings.get("calibration")
        if wanted is None:
            return
        found = calibrate(labelled, self.ctx.selected, self.ctx.dataset, orm.Dict(wanted), **self.ctx.calibrated)
        self.ctx.calibrated = {"earlier": found["observations"], "previous": found["calibration"]}
        self.ctx.rounds[-1]["calibration"] = found["calibration"].uuid

    def has_new_labels(self) -> bool:
        """Return whether the round brought labels to train on."""
        return self.ctx.rounds[-1]["n_labelled"] > 0

    def run_training(self) -> ToContext:
        """Train the ensemble, warm where members exist."""
        inputs = AttributeDict(self.exposed_inputs(TrainEnsembleWorkChain, namespace="ensemble"))
        inputs.dataset = self.ctx.dataset
        if self.ctx.potentials:
            inputs.n_members = orm.Int(len(self.ctx.potentials))
        if self.ctx.potentials and starts_warm(inputs.trainer.value):
            inputs.initial = self.ctx.potentials
            changes = orm.Dict(self.settings.get("retraining", {}))
            inputs.train = AttributeDict(inputs.train)
            inputs.train.settings = retraining_settings(inputs.train.settings, changes)
        inputs.metadata.call_link_label = round_call(self.ctx.number, "train")
        return ToContext(training=self.submit(TrainEnsembleWorkChain, **inputs))

    def inspect_training(self) -> ExitCode | None:
        """Keep the new members."""
        node = self.ctx.training
        if not node.is_finished_ok:
            self._attach(f"training of round {self.ctx.number} failed")
            return self.exit_codes.ERROR_TRAINING_FAILED.format(number=self.ctx.number, reason=reason_of(node))
        self.ctx.potentials, self.ctx.qualification = dict(node.outputs.potentials), None
        trainer: type[Trainer] = load("trainers", self.inputs.ensemble.trainer.value)
        error = held_out_error(node.outputs.summary.get_dict().values(), trainer.error_key)
        if self.ctx.rounds:
            self.ctx.rounds[-1] |= {"trained_by": node.uuid, "held_out_error": error}
        else:
            self.ctx.first_error = error
        return None

    def results(self) -> None:
        """Attach data set, ensemble, history and verdict."""
        self._attach(self.ctx.decisions[-1]["reason"])

    def _attach(self, reason: str) -> None:
        """Attach what there is, so that the labels of the rounds are not lost where a later one fails."""
        history = {"rounds": self.ctx.rounds, "decisions": self.ctx.decisions, "reason": reason}
        outputs = {
            "dataset": self.ctx.dataset,
            "potentials": self.ctx.potentials or None,
            "calibration": self.ctx.calibrated.get("previous"),
            "qualification": self.ctx.qualification,
            "offending": self.ctx.offending,
            "history": orm.Dict(history).store(),
        }
        self.out_many({name: node for name, node in outputs.items() if node is not None})

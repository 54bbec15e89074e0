"""Train the members of an ensemble."""

from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode, Process, ProcessBuilder, while_

from aiida_elyte.calculations.functions.training import member_settings, summarise_training
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.plugins import load
from aiida_elyte.provenance.names import member_call
from aiida_elyte.science.learning.ensemble import member_name
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.fan_out import FanOutWorkChain
from aiida_elyte.workflows.ports import fill, labelled_frames, members, plugin_name, positive_integer
from aiida_elyte.workflows.protocols import ProtocolMixin
from aiida_elyte.workflows.trainer import Trainer
from aiida_elyte.workflows.validation import validate_one_level, validate_settings

__all__ = ["TrainEnsembleWorkChain"]


class TrainEnsembleWorkChain(ProtocolMixin, FanOutWorkChain):
    """Train members that differ by their seed, a bounded number at a time."""

    PROTOCOL = "train_ensemble"

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports, outline and exit codes."""
        super().define(spec)
        spec.input("dataset", **labelled_frames("Labelled frames of one level of theory."))
        spec.input("validation", valid_type=FramesData, required=False, help="Labelled frames to validate on.")
        spec.input_namespace("initial", **members(PotentialData, "Members to start from.", required=False))
        spec.input(
            "trainer",
            default=lambda: orm.Str(cls.get_protocol_inputs()["trainer"]),
            **plugin_name("trainers", "Name of the trainer in `aiida_elyte.trainers`."),
        )
        spec.input("n_members", **positive_integer("Members."))
        spec.input_namespace(
            "train", dynamic=True, help="Inputs of the trainer's WorkChain; `seed` counts up from its settings."
        )
        spec.inputs.validator = _validate
        spec.output_namespace(
            "potentials", valid_type=(PotentialData, ForceFieldData), dynamic=True, help="Members m00, m01 …"
        )
        spec.output(
            "summary", valid_type=orm.Dict, help="Errors, epochs and seconds of each member; what failed and why."
        )
        spec.outline(cls.setup, while_(cls.should_run_children)(cls.run_children, cls.inspect_children), cls.results)
        spec.exit_code(
            430, "ERROR_TRAINING_FAILED", message="Only {done} of {wanted} members could be trained: {reason}"
        )

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: orm.AbstractCode,
        dataset: FramesData | None = None,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Return a builder.

        Parameters
        ----------
        code
            Python with what the trainer needs.
        dataset
            Labelled frames; left out where another WorkChain fills them in.
        protocol, overrides, options
            Name of the protocol, what to change of it (``train`` goes to the trainer), options of the jobs.
        """
        inputs = cls.get_inputs(protocol, overrides, None)
        trainer = cls.trainer_of(protocol, overrides)
        sub = trainer.get_builder_from_protocol(code, protocol=protocol, overrides=inputs.get("train"), options=options)
        return fill(
            cls.get_builder(),
            trainer=orm.Str(inputs["trainer"]),
            n_members=orm.Int(inputs["n_members"]),
            max_in_flight=orm.Int(inputs["max_in_flight"]),
            train=sub,
            dataset=dataset,
        )

    @classmethod
    def trainer_of(cls, protocol: str | None = None, overrides: dict[str, Any] | None = None) -> type[Trainer]:
        """Return the trainer of a protocol and what changes it.

        Raises
        ------
        InputError
            If it is unknown.
        """
        trainer: type[Trainer] = load("trainers", cls.get_inputs(protocol, overrides, None)["trainer"])
        return trainer

    def setup(self) -> None:
        """Start with no member."""
        self.ctx.done, self.ctx.failed, self.ctx.results = {}, {}, {}

    def list_children(self) -> list[str]:
        """Return the names of the members."""
        return [member_name(index) for index in range(self.inputs.n_members.value)]

    def call_label(self, name: str) -> str:
        """Return the label of the call of a member."""
        return member_call(name)

    def build_child(self, name: str) -> tuple[type[Process], AttributeDict]:
        """Return the trainer and its inputs for a member."""
        inputs = AttributeDict(self.inputs.train)
        inputs.dataset = self.inputs.dataset
        inputs.settings = member_settings(inputs.settings, orm.Int(int(name[1:])))
        if "validation" in self.inputs:
            inputs.validation = self.inputs.validation
        if name in self.inputs.get("initial", {}):
            inputs.initial = self.inputs.initial[name]
        return load("trainers", self.inputs.trainer.value), inputs

    def inspect_child(self, name: str, node: orm.ProcessNode) -> None:
        """Keep a member."""
        if node.is_finished_ok:
            self.ctx.done[name] = node.outputs.potential
            self.ctx.results[name] = node.outputs.results
        else:
            last = node.called_descendants[-1] if node.called_descendants else node
            self.ctx.failed[name] = last.exit_message or reason_of(node)
            self.report(f"member {name} failed: {self.ctx.failed[name]}")

    def results(self) -> ExitCode | None:
        """Attach the members that were trained."""
        if self.ctx.results:
            self.out("summary", summarise_training(**self.ctx.results))
        self.out("potentials", self.ctx.done)
        if self.ctx.failed:
            reasons = [reason for _, reason in sorted(self.ctx.failed.items())]
            return self.exit_codes.ERROR_TRAINING_FAILED.format(
                done=len(self.ctx.done), wanted=self.inputs.n_members.value, reason="; ".join(reasons)
            )
        return None


def _validate(inputs: Any, _: Any) -> str | None:
    settings = inputs.get("train", {}).get("settings")
    if settings is not None and "trainer" in inputs:
        invalid = validate_settings(load("trainers", inputs["trainer"].value), settings, "train")
        if invalid is not None:
            return invalid
    if "dataset" in inputs and not (settings is not None and settings.get_dict().get("allow_mixed_levels")):
        return validate_one_level(inputs["dataset"], "dataset")
    return None

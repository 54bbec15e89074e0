"""Label frames with any ASE calculator, many frames a job."""

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode, ProcessBuilder, ToContext, WorkChain, while_

from aiida_elyte.calculations.functions.frames import collect_refused, cut_batch, merge_frames
from aiida_elyte.calculations.label_ase import LabelAseCalculation
from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.workflows.protocols import ProtocolMixin, recursive_merge
from aiida_elyte.workflows.script import ScriptBaseWorkChain
from aiida_elyte.workflows.validation import validate_positive

__all__ = ["AseLabelWorkChain", "LabelAseBaseWorkChain", "merge_labels"]


class LabelAseBaseWorkChain(ScriptBaseWorkChain):
    """Label one batch; a job that ends early goes on after the last labelled frame."""

    _process_class = LabelAseCalculation
    PROTOCOL = "label_ase"


class AseLabelWorkChain(ProtocolMixin, WorkChain):
    """Label frames in batches, few jobs in flight; order is kept, no frame is lost or labelled twice."""

    PROTOCOL = "label_ase"

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports, outline and exit codes."""
        super().define(spec)
        spec.input("frames", valid_type=FramesData, help="Frames to label.")
        spec.input(
            "batch_size",
            valid_type=orm.Int,
            serializer=orm.to_aiida_type,
            validator=validate_positive,
            help="Frames a job.",
        )
        spec.input(
            "max_in_flight",
            valid_type=orm.Int,
            serializer=orm.to_aiida_type,
            validator=validate_positive,
            help="Jobs at a time.",
        )
        spec.expose_inputs(LabelAseBaseWorkChain, namespace="ase", exclude=("frames",))
        spec.output(
            "frames", valid_type=FramesData, help="The labelled frames in the order given, the refused left out."
        )
        spec.output("refused", valid_type=orm.Dict, help="Index of each frame set aside → reason.")
        spec.outline(cls.setup, while_(cls.should_label)(cls.run_batches, cls.inspect_batches), cls.results)
        spec.exit_code(
            420, "ERROR_ALL_LABELS_FAILED", message="No frame could be labelled, the first because: {reason}"
        )

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: orm.AbstractCode,
        frames: FramesData | None = None,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
    ) -> ProcessBuilder:
        """Return a builder.

        Parameters
        ----------
        code
            Python with the calculator.
        frames
            Frames to label; left out where another WorkChain fills them in.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of the jobs.

        Raises
        ------
        InputError
            When a calculator other than that of the protocol is named without its level of theory.
        """
        inputs = cls.get_inputs(protocol, overrides, options)
        inputs["settings"] = merge_labels(cls.get_protocol_inputs(protocol), overrides)["settings"]
        if not inputs["settings"].get("level_of_theory"):
            raise InputError(
                f"calculator {inputs['settings']['calculator']!r} has no level_of_theory; expected what to call its "
                "labels, as `level_of_theory: wB97M-V/def2-TZVPD`; add it to the settings of the labeller"
            )
        builder = cls.get_builder()
        builder.batch_size = orm.Int(inputs["batch_size"])
        builder.max_in_flight = orm.Int(inputs["max_in_flight"])
        builder.ase.code = code
        builder.ase.settings = orm.Dict(inputs["settings"])
        builder.ase.options = inputs["options"]
        builder.ase.max_iterations = orm.Int(inputs["max_iterations"])
        if frames is not None:
            builder.frames = frames
        return builder

    def setup(self) -> None:
        """Cut the work into batches."""
        size, count = self.inputs.batch_size.value, len(self.inputs.frames)
        self.ctx.waiting = [(first, min(first + size, count)) for first in range(0, count, size)]
        self.ctx.labelled, self.ctx.refusals = {}, {}

    def should_label(self) -> bool:
        """Tell whether batches wait."""
        return bool(self.ctx.waiting)

    def run_batches(self) -> ToContext:
        """Submit as many batches as may be in flight."""
        now = self.ctx.waiting[: self.inputs.max_in_flight.value]
        self.ctx.waiting = self.ctx.waiting[len(now) :]
        self.ctx.running = {_name(first): (first, last) for first, last in now}
        children = {}
        for name, (first, last) in self.ctx.running.items():
            inputs = AttributeDict(self.exposed_inputs(LabelAseBaseWorkChain, namespace="ase"))
            whole = (first, last) == (0, len(self.inputs.frames))
            inputs.frames = (
                self.inputs.frames if whole else cut_batch(self.inputs.frames, orm.Int(first), orm.Int(last))
            )
            inputs.metadata.call_link_label = f"label_{name}"
            children[name] = self.submit(LabelAseBaseWorkChain, **inputs)
        return ToContext(**children)

    def inspect_batches(self) -> None:
        """Collect what each batch labelled and refused; a batch that failed whole refuses all its frames."""
        for name, (first, last) in self.ctx.running.items():
            batch = self.ctx[name]
            if "frames" in batch.outputs:
                self.ctx.labelled[name] = batch.outputs.frames
            if "results" in batch.outputs and "refused" in batch.outputs.results.get_dict():
                self.ctx.refusals[name] = batch.outputs.results
            elif not batch.is_finished_ok:
                reason = batch.called[0].exit_message if batch.called else batch.exit_message
                self.ctx.refusals[name] = orm.Dict({"refused": {str(i): reason for i in range(last - first)}}).store()
                self.report(f"batch of frames {first} to {last - 1} was set aside: {reason}")

    def results(self) -> ExitCode | None:
        """Attach the labelled frames and the refusals."""
        refused = collect_refused(**self.ctx.refusals)
        self.out("refused", refused)
        if not self.ctx.labelled:
            return self.exit_codes.ERROR_ALL_LABELS_FAILED.format(
                reason=next(iter(refused.get_dict().values()), "unknown")
            )
        batches = list(self.ctx.labelled.values())
        self.out("frames", batches[0] if len(batches) == 1 else merge_frames(**self.ctx.labelled))
        if refused.get_dict():
            self.report(f"{len(refused.get_dict())} of {len(self.inputs.frames)} frames were set aside")
        return None


def merge_labels(below: Mapping[str, Any] | None, above: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the inputs of a labeller with those above merged in; another calculator starts without the old one's.

    Parameters
    ----------
    below, above
        Inputs as of a protocol; parameters and level of theory belong to the calculator they stand with.
    """
    below, above = dict(below or {}), dict(above or {})
    known, asked = below.get("settings") or {}, above.get("settings") or {}
    if asked.get("calculator") not in (None, known.get("calculator")):
        bound = ("parameters", "level_of_theory", "charge_method")
        below["settings"] = {key: value for key, value in known.items() if key not in bound}
    merged: dict[str, Any] = recursive_merge(below, above)
    return merged


def _name(first: int) -> str:
    return f"b{first:08d}"

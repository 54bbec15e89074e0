"""Labellers whose jobs label many frames each."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import Process

from aiida_elyte.calculations.functions.frames import collect_refused, cut_batch, merge_frames
from aiida_elyte.data.frames import FramesData
from aiida_elyte.provenance.names import batch_call
from aiida_elyte.science.labels.geometries import Heat
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.label.base import LabellerWorkChain
from aiida_elyte.workflows.ports import positive_integer
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["BatchLabelWorkChain"]


class BatchLabelWorkChain(LabellerWorkChain):
    """Label frames in batches, few jobs in flight; order is kept, no frame is lost or labelled twice."""

    BATCH: ClassVar[type[ScriptBaseWorkChain]]
    """What labels a batch: ``frames`` in and out, ``refused`` in its results."""
    NAMESPACE: ClassVar[str]
    """Port of its inputs."""
    SHARED: ClassVar[tuple[str, ...]] = ()
    """Inputs of it that are ports of the labeller itself."""

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports of the batches."""
        super().define(spec)
        spec.input("batch_size", **positive_integer("Frames a job."))
        if hasattr(cls, "BATCH"):  # the base has none
            spec.expose_inputs(cls.BATCH, namespace=cls.NAMESPACE, exclude=("frames", *cls.SHARED))

    @classmethod
    def engine_inputs(cls, code: orm.AbstractCode, frames: FramesData | None, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return how many frames a job has, and what each job takes."""
        job = {
            "code": code,
            "settings": orm.Dict(inputs["settings"]),
            "options": inputs["options"],
            "max_iterations": orm.Int(inputs["max_iterations"]),
        }
        return {"batch_size": orm.Int(inputs["batch_size"]), cls.NAMESPACE: job}

    @classmethod
    def settings_of(cls, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of the jobs, as far as there are any."""
        node = (inputs.get(cls.NAMESPACE) or {}).get("settings")
        return {} if node is None else dict(node.get_dict())

    @classmethod
    def labels_per_frame(cls, inputs: Mapping[str, Any]) -> int:
        """Return one, and the geometries that heat makes of a frame."""
        heat = cls.settings_of(inputs).get("heat")
        return 1 if heat is None else 1 + int(heat.get("count", Heat.count))

    def list_children(self) -> list[str]:
        """Return the names of the batches."""
        return list(self._batches())

    def call_label(self, name: str) -> str:
        """Return the label of the call of a batch."""
        return batch_call(self._batches()[name][0])

    def build_child(self, name: str) -> tuple[type[Process], AttributeDict]:
        """Return the inputs of a batch."""
        first, last = self._batches()[name]
        inputs = AttributeDict(self.exposed_inputs(self.BATCH, namespace=self.NAMESPACE))
        inputs.update({shared: self.inputs[shared] for shared in self.SHARED})
        is_whole = (first, last) == (0, len(self.inputs.frames))
        inputs.frames = self.inputs.frames if is_whole else cut_batch(self.inputs.frames, orm.Int(first), orm.Int(last))
        return self.BATCH, inputs

    def inspect_child(self, name: str, node: orm.ProcessNode) -> None:
        """Collect what a batch labelled and set aside; of a batch that failed as a whole, all frames are set aside."""
        if "frames" in node.outputs:
            self.ctx.labelled[name] = node.outputs.frames
        if "results" in node.outputs and "refused" in node.outputs.results.get_dict():
            self.ctx.refused[name] = node.outputs.results
        elif not node.is_finished_ok:
            first, last = self._batches()[name]
            reason = (node.called[0].exit_message if node.called else None) or reason_of(node)
            self.ctx.refused[name] = orm.Dict({"refused": {str(i): reason for i in range(last - first)}}).store()
            self.report(f"batch of frames {first} to {last - 1} was set aside: {reason}")

    def collect_labelled(self) -> FramesData:
        """Return the frames of all batches."""
        batches = list(self.ctx.labelled.values())
        return batches[0] if len(batches) == 1 else merge_frames(**self.ctx.labelled)

    def collect_refused(self) -> orm.Dict:
        """Return the reasons of all batches for the frames set aside."""
        return collect_refused(**self.ctx.refused)

    def _batches(self) -> dict[str, tuple[int, int]]:
        """Return the first frame of each batch and the one after its last, by the batch's name."""
        size, count = self.inputs.batch_size.value, len(self.inputs.frames)
        return {f"b{first:08d}": (first, min(first + size, count)) for first in range(0, count, size)}

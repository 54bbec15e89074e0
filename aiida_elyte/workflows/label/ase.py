"""Label frames with any ASE calculator, many frames a job."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import Process

from aiida_elyte.calculations.functions.frames import collect_refused, cut_batch, merge_frames
from aiida_elyte.calculations.label_ase import LabelAseCalculation
from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.provenance.names import batch_call
from aiida_elyte.science.labels.calculators import MODULES, RATES, has_charges, validate_elements
from aiida_elyte.science.labels.geometries import Heat
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.label.base import LabellerWorkChain
from aiida_elyte.workflows.ports import positive_integer
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["AseLabelWorkChain", "LabelAseBaseWorkChain"]


class LabelAseBaseWorkChain(ScriptBaseWorkChain):
    """Label one batch; a job that ends early resumes after the last labelled frame."""

    _process_class = LabelAseCalculation
    PROTOCOL = "label_ase"


class AseLabelWorkChain(LabellerWorkChain):
    """Label frames in batches, few jobs in flight; order is kept, no frame is lost or labelled twice."""

    PROTOCOL = "label_ase"

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports of the batches."""
        super().define(spec)
        spec.input("batch_size", **positive_integer("Frames a job."))
        spec.expose_inputs(LabelAseBaseWorkChain, namespace="ase", exclude=("frames",))

    @classmethod
    def get_inputs(
        cls, protocol: str | None, overrides: dict[str, Any] | None, options: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return the protocol's inputs with overrides; another calculator has its own parameters.

        Raises
        ------
        InputError
            If a calculator other than that of the protocol is named without its level of theory.
        """
        inputs = super().get_inputs(protocol, overrides, options)
        inputs["settings"] = cls.merge_overrides(cls.get_protocol_inputs(protocol), overrides)["settings"]
        if not inputs["settings"].get("level_of_theory"):
            raise InputError(
                f"calculator {inputs['settings']['calculator']!r} has no level_of_theory; expected what to call its "
                "labels, as `level_of_theory: wB97M-V/def2-TZVPD`; add it to the settings of the labeller"
            )
        return inputs

    @classmethod
    def engine_inputs(cls, code: orm.AbstractCode, frames: FramesData | None, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return how many frames a job has, and what each job takes."""
        job = {
            "code": code,
            "settings": orm.Dict(inputs["settings"]),
            "options": inputs["options"],
            "max_iterations": orm.Int(inputs["max_iterations"]),
        }
        return {"batch_size": orm.Int(inputs["batch_size"]), "ase": job}

    @classmethod
    def level_of_theory(cls, inputs: Mapping[str, Any]) -> str | None:
        """Return what the settings call the labels."""
        level = _settings(inputs).get("level_of_theory")
        return None if level is None else str(level)

    @classmethod
    def gives(cls, inputs: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the properties asked for, without charges if the calculator has none."""
        settings = _settings(inputs)
        if settings.get("properties") is None:
            return None
        missing = {"charges"} if has_charges(settings.get("calculator")) is False else set()
        return frozenset(settings["properties"]) - missing

    @classmethod
    def validate_elements(cls, inputs: Mapping[str, Any], elements: Sequence[str]) -> str | None:
        """Return which elements are beyond the calculator."""
        return validate_elements(_settings(inputs).get("calculator"), elements)

    @classmethod
    def python_modules(cls, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the module of the calculator, if it is not ASE's own."""
        calculator = _settings(inputs).get("calculator")
        return (MODULES[calculator],) if calculator in MODULES else ()

    @classmethod
    def seconds(cls, inputs: Mapping[str, Any], n_atoms: int) -> float | None:
        """Return the time of a single point of the calculator [s]."""
        calculator = _settings(inputs).get("calculator")
        return RATES[calculator].of(n_atoms) if calculator in RATES else None

    @classmethod
    def labels_per_frame(cls, inputs: Mapping[str, Any]) -> int:
        """Return one, and the geometries that heat makes of a frame."""
        heat = _settings(inputs).get("heat")
        return 1 if heat is None else 1 + int(heat.get("count", Heat.count))

    @classmethod
    def merge_overrides(cls, below: Mapping[str, Any] | None, above: Mapping[str, Any] | None) -> dict[str, Any]:
        """Merge; another calculator starts without parameters and level of theory of the old one."""
        below, above = dict(below or {}), dict(above or {})
        known, asked = below.get("settings") or {}, above.get("settings") or {}
        if asked.get("calculator") not in (None, known.get("calculator")):
            bound = ("parameters", "level_of_theory", "charge_method")
            below["settings"] = {key: value for key, value in known.items() if key not in bound}
        return super().merge_overrides(below, above)

    def list_children(self) -> list[str]:
        """Return the names of the batches."""
        return list(self._batches())

    def call_label(self, name: str) -> str:
        """Return the label of the call of a batch."""
        return batch_call(self._batches()[name][0])

    def build_child(self, name: str) -> tuple[type[Process], AttributeDict]:
        """Return the inputs of a batch."""
        first, last = self._batches()[name]
        inputs = AttributeDict(self.exposed_inputs(LabelAseBaseWorkChain, namespace="ase"))
        is_whole = (first, last) == (0, len(self.inputs.frames))
        inputs.frames = self.inputs.frames if is_whole else cut_batch(self.inputs.frames, orm.Int(first), orm.Int(last))
        return LabelAseBaseWorkChain, inputs

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


def _settings(inputs: Mapping[str, Any]) -> dict[str, Any]:
    node = (inputs.get("ase") or {}).get("settings")
    return {} if node is None else dict(node.get_dict())

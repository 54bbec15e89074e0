"""The door of labellers: frames in, labelled frames out, in order, with the frames set aside and why."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode, Process, ProcessBuilder, while_

from aiida_elyte.calculations.functions.structures import frame_structures
from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.provenance.names import frame_call, frame_index
from aiida_elyte.science.labels.theory import difference
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.fan_out import FanOutWorkChain
from aiida_elyte.workflows.ports import fill
from aiida_elyte.workflows.protocols import ProtocolMixin, recursive_merge

__all__ = ["FramewiseLabelWorkChain", "LabellerWorkChain"]


class LabellerWorkChain(ProtocolMixin, FanOutWorkChain):
    """What every labeller is: a WorkChain that labels frames, and describes its labels before anything runs.

    These class methods take the inputs of the labeller as a mapping. What is labelled is kept in ``ctx.labelled`` by
    the names of the children.
    """

    default_code: ClassVar[str | None] = None
    """Label of the code that runs the engine if no other is given; ``None`` for an engine in Python."""

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports, outline and exit codes."""
        super().define(spec)
        spec.input("frames", valid_type=FramesData, help="Frames to label.")
        spec.inputs.validator = cls._validate
        spec.output(
            "frames", valid_type=FramesData, help="The labelled frames in the order given, without those set aside."
        )
        spec.output("refused", valid_type=orm.Dict, help="Index of each frame set aside → reason.")
        spec.outline(cls.setup, while_(cls.should_run_children)(cls.run_children, cls.inspect_children), cls.results)
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
            What runs the engine.
        frames
            Frames to label; left out where another WorkChain fills them in.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of the jobs.

        Raises
        ------
        InputError
            If the engine cannot label with these inputs.
        """
        inputs = cls.get_inputs(protocol, overrides, options)
        return fill(
            cls.get_builder(),
            **cls.engine_inputs(code, frames, inputs),
            max_in_flight=orm.Int(inputs["max_in_flight"]),
            frames=frames,
        )

    @classmethod
    def engine_inputs(cls, code: orm.AbstractCode, frames: FramesData | None, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the inputs of the engine by the names of their ports, made of those of the protocol."""
        raise NotImplementedError

    @classmethod
    def level_of_theory(cls, inputs: Mapping[str, Any]) -> str | None:
        """Return the level of theory of the labels, ``None`` if it is known in full only after the first label."""
        return None

    @classmethod
    def validate_level(cls, inputs: Mapping[str, Any], level: str, elements: Sequence[str]) -> str | None:
        """Return how a level of theory differs from that of labels of these elements, as far as it is known."""
        own = cls.level_of_theory(inputs)
        return None if own is None else difference(level, own)

    @classmethod
    def gives(cls, inputs: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the names of the labels: ``energy``, ``forces``, ``stress``, ``charges``; ``None`` if unknown."""
        return None

    @classmethod
    def validate_elements(cls, inputs: Mapping[str, Any], elements: Sequence[str]) -> str | None:
        """Return why frames with these elements cannot be labelled, ``None`` if they can or if it is unknown."""
        return None

    @classmethod
    def python_modules(cls, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the modules that the code must find if it is a Python."""
        return ()

    @classmethod
    def seconds(cls, inputs: Mapping[str, Any], n_atoms: int) -> float | None:
        """Return about how long the label of a frame takes on one core [s], ``None`` if it was not measured."""
        return None

    @classmethod
    def labels_per_frame(cls, inputs: Mapping[str, Any]) -> int:
        """Return how many labelled frames each frame gives [1]: more than one if displaced copies are labelled too."""
        return 1

    @classmethod
    def merge_overrides(cls, below: Mapping[str, Any] | None, above: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return overrides of the labeller's protocol with others on top."""
        merged: dict[str, Any] = recursive_merge(dict(below or {}), dict(above or {}))
        return merged

    @classmethod
    def pseudo_family_overrides(cls, label: str) -> dict[str, Any] | None:
        """Return the overrides that choose a family of pseudopotentials, ``None`` if the engine has none."""
        return None

    @classmethod
    def potential_overrides(cls, source: str) -> dict[str, Any] | None:
        """Return the overrides that choose the potential which labels, ``None`` if the engine is not one."""
        return None

    @classmethod
    def pick_code(cls, name: str, codes: Mapping[str, orm.AbstractCode]) -> orm.AbstractCode:
        """Return the code that runs the engine, of the codes given by role.

        Parameters
        ----------
        name
            Name of the labeller, which is the role of its code.
        codes
            The codes, ``python`` among them.

        Raises
        ------
        InputError
            If the engine needs a code of its own and none is given.
        """
        if name in codes:
            return codes[name]
        if cls.default_code is None:
            return codes["python"]
        raise InputError(
            f"codes are given for {', '.join(codes)}; expected one for {name!r} too, which runs the labeller; add it"
        )

    @classmethod
    def _validate(cls, inputs: Any, _: Any) -> str | None:
        if inputs.get("frames") is None:
            return None
        return cls.validate_elements(inputs, inputs["frames"].base.attributes.get("elements"))

    def setup(self) -> None:
        """Start with no label."""
        self.ctx.labelled, self.ctx.refused = {}, {}

    def collect_labelled(self) -> FramesData:
        """Return the labelled frames in the order given."""
        raise NotImplementedError

    def collect_refused(self) -> orm.Dict:
        """Return why each frame was set aside, by its index."""
        return orm.Dict(dict(sorted(self.ctx.refused.items(), key=lambda item: int(item[0])))).store()

    def results(self) -> ExitCode | None:
        """Attach the labelled frames, and why others were set aside."""
        refused = self.collect_refused()
        self.out("refused", refused)
        reasons = refused.get_dict()
        if not self.ctx.labelled:
            return self.exit_codes.ERROR_ALL_LABELS_FAILED.format(reason=next(iter(reasons.values()), "unknown"))
        self.out("frames", self.collect_labelled())
        if reasons:
            self.report(f"{len(reasons)} of {len(self.inputs.frames)} frames were set aside")
        return None


class FramewiseLabelWorkChain(LabellerWorkChain):
    """A labeller with a calculation for each frame; one that fails loses only its frame."""

    @classmethod
    def define(cls, spec: Any) -> None:
        """Require periodic frames."""
        super().define(spec)
        spec.inputs["frames"].validator = _validate_periodic
        spec.inputs["frames"].help = "Frames to label, periodic in three directions."

    def build_frame(self, structure: orm.StructureData) -> tuple[type[Process], AttributeDict]:
        """Return the process that labels a frame, and its inputs."""
        raise NotImplementedError

    def describe_failure(self, node: orm.ProcessNode) -> str:
        """Return why a frame failed: what its last calculation said, or the WorkChain around it."""
        last = last_job(node)
        said = last.exit_message or reason_of(node)
        return f"{said} [{last.exit_status}, {last.process_label} {last.uuid}]"

    def list_children(self) -> list[str]:
        """Return the names of the frames."""
        return [frame_call(index) for index in range(len(self.inputs.frames))]

    def call_label(self, name: str) -> str:
        """Return the label of the call of a frame, which is its name."""
        return name

    def build_child(self, name: str) -> tuple[type[Process], AttributeDict]:
        """Return the process of a frame; as many frames as may be in flight become structures at a time."""
        if name not in self.ctx.get("structures", {}):
            coming = [name, *self.ctx.waiting][: self.inputs.max_in_flight.value]
            self.ctx.structures = frame_structures(self.inputs.frames, orm.List([frame_index(each) for each in coming]))
        return self.build_frame(self.ctx.structures[name])

    def inspect_child(self, name: str, node: orm.ProcessNode) -> None:
        """Keep the files of a frame that was labelled; set any other aside with the reason."""
        if node.is_finished_ok:
            self.ctx.labelled[name] = node.outputs.retrieved
        else:
            self.ctx.refused[str(frame_index(name))] = self.describe_failure(node)
            self.report(f"frame {frame_index(name)} was set aside: {self.ctx.refused[str(frame_index(name))]}")


def last_job(node: orm.ProcessNode) -> orm.ProcessNode:
    """Return the last calculation that a process called, itself if it called none."""
    jobs = [called for called in node.called if isinstance(called, orm.CalcJobNode)]
    return max(jobs, key=lambda job: job.pk or 0, default=node)


def _validate_periodic(node: FramesData | None, _: Any) -> str | None:
    for index, frame in enumerate(node.get_frames() if node is not None else ()):
        if not frame.pbc.all():
            return f"frames: frame {index} is not periodic in three directions; expected a crystal; put it into a box"
    return None

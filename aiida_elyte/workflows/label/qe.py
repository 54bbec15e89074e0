"""Label frames with pw.x of Quantum ESPRESSO, one calculation a frame."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from aiida import orm
from aiida.engine import ExitCode, ProcessBuilder, ToContext, WorkChain, while_
from aiida.plugins import GroupFactory
from aiida_pseudo.groups.mixins import RecommendedCutoffMixin
from aiida_quantumespresso.common.types import ElectronicType
from aiida_quantumespresso.workflows.pw.base import PwBaseWorkChain

from aiida_elyte.calculations.functions.pw import collect_pw_labels, frame_name, frame_structures
from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.theory import LevelOfTheory
from aiida_elyte.workflows.protocols import ProtocolMixin, recursive_merge
from aiida_elyte.workflows.validation import validate_positive

__all__ = ["QeLabelWorkChain"]

_ELECTRONIC_TYPES = (ElectronicType.INSULATOR.value, ElectronicType.METAL.value)
"""Those that PwBaseWorkChain's protocols know."""

_REPORTED = frozenset(
    {
        "ecutwfc",
        "ecutrho",
        "input_dft",
        "vdw_corr",
        "dftd3_version",
        "dftd3_threebody",
        "occupations",
        "smearing",
        "degauss",
        "nspin",
        "noncolin",
        "lspinorb",
        "starting_magnetization",
        "lda_plus_u",
        "lda_plus_u_kind",
        "hubbard_u",
        "hubbard_j",
        "hubbard_j0",
        "nbnd",
        "nosym",
        "noinv",
    }
)
"""Variables of SYSTEM that change nothing, or that pw.x reports with its results."""


class QeLabelWorkChain(ProtocolMixin, WorkChain):
    """Label frames by one ``PwBaseWorkChain`` each, a bounded number in flight; order is kept, no frame is lost.

    A frame that does not converge or whose calculation fails is set aside with the reason.
    """

    PROTOCOL = "label_qe"

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define ports, outline and exit codes."""
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="pw.x.")
        spec.input(
            "frames",
            valid_type=FramesData,
            validator=_is_periodic,
            help="Frames to label, periodic in three directions.",
        )
        spec.input(
            "max_in_flight",
            valid_type=orm.Int,
            serializer=orm.to_aiida_type,
            validator=validate_positive,
            help="Frames at a time.",
        )
        spec.input(
            "scf",
            valid_type=orm.Dict,
            serializer=orm.to_aiida_type,
            validator=_is_scf,
            help="Level of theory and how to reach it: `pseudo_family`, `cutoff_stringency`, `kpoints_distance` [1/Å], "
            "`kpoints_offset`, `electronic_type`, `conv_thr_per_atom` [Ry], `parameters` (namelists), as the protocol.",
        )
        spec.input("options", valid_type=dict, non_db=True, default=dict, help="Options of each calculation.")
        spec.inputs.validator = _has_pseudopotentials
        spec.output(
            "frames", valid_type=FramesData, help="The labelled frames in the order given, the refused left out."
        )
        spec.output("refused", valid_type=orm.Dict, help="Index of each frame set aside → reason.")
        spec.outline(cls.setup, while_(cls.should_label)(cls.run_frames, cls.inspect_frames), cls.results)
        spec.exit_code(420, "ERROR_ALL_LABELS_FAILED", message="No frame could be labelled: {reason}")

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
            pw.x.
        frames
            Frames to label; left out where another WorkChain fills them in.
        protocol, overrides, options
            Name of the protocol, what to change of it, options of the calculations.

        Raises
        ------
        InputError
            When the pseudopotential family is not installed, lacks an element of the frames or recommends no cutoffs.
        """
        inputs = cls.get_inputs(protocol, overrides, options)
        elements = frames.base.attributes.get("elements") if frames is not None else []
        _recommend_cutoffs(inputs["scf"], elements)
        settings = inputs["options"]
        if code.with_mpi is not None:
            settings.setdefault("withmpi", code.with_mpi)
        builder = cls.get_builder()
        builder.code = code
        builder.max_in_flight = orm.Int(inputs["max_in_flight"])
        builder.scf = orm.Dict(inputs["scf"])
        builder.options = settings
        if frames is not None:
            builder.frames = frames
        return builder

    @classmethod
    def validate_elements(cls, inputs: Mapping[str, Any], elements: Sequence[str]) -> str | None:
        """Return why frames with these elements cannot be labelled under these inputs, ``None`` when they can."""
        try:
            _recommend_cutoffs(inputs["scf"].get_dict(), elements)
        except InputError as error:
            return str(error)
        return None

    def setup(self) -> None:
        """Fix the cutoffs for all frames: the hardest element sets them, so that all are of one level of theory."""
        elements = self.inputs.frames.base.attributes.get("elements")
        self.ctx.cutoffs = _recommend_cutoffs(self.inputs.scf.get_dict(), elements)
        self.ctx.waiting = list(range(len(self.inputs.frames)))
        self.ctx.retrieved, self.ctx.refused = {}, {}

    def should_label(self) -> bool:
        """Tell whether frames wait."""
        return bool(self.ctx.waiting)

    def run_frames(self) -> ToContext:
        """Submit as many frames as may be in flight."""
        limit = self.inputs.max_in_flight.value
        self.ctx.running, self.ctx.waiting = self.ctx.waiting[:limit], self.ctx.waiting[limit:]
        structures = frame_structures(self.inputs.frames, orm.List(self.ctx.running))
        return ToContext(**{name: self.submit(self._calculation(name, structures[name])) for name in structures})

    def _calculation(self, name: str, structure: orm.StructureData) -> ProcessBuilder:
        """Return the builder of one frame's self-consistent field."""
        scf = self.inputs.scf.get_dict()
        ecutwfc, ecutrho = self.ctx.cutoffs
        required = {
            "CONTROL": {"calculation": "scf", "tprnfor": True, "tstress": True},
            "SYSTEM": {"ecutwfc": ecutwfc, "ecutrho": ecutrho},
        }
        kpoints = _mesh(structure, scf["kpoints_distance"], scf["kpoints_offset"])
        is_gamma = kpoints.get_kpoints_mesh()[0] == [1, 1, 1]
        overrides = {
            "pseudo_family": scf["pseudo_family"],
            "meta_parameters": {"conv_thr_per_atom": scf["conv_thr_per_atom"]},
            "kpoints": kpoints,
            "clean_workdir": scf["clean_workdir"],
            "max_iterations": scf["max_iterations"],
            "pw": {
                "parameters": recursive_merge(scf["parameters"], required),
                # At Γ alone the orbitals are real: half the work for the same numbers.
                "settings": {"gamma_only": is_gamma},
            },
        }
        builder = PwBaseWorkChain.get_builder_from_protocol(
            self.inputs.code,
            structure,
            protocol=scf["protocol"],
            overrides=overrides,
            electronic_type=ElectronicType(scf["electronic_type"]),
            options=dict(self.inputs.options),
        )
        builder.metadata.call_link_label = name
        return builder

    def inspect_frames(self) -> None:
        """Keep what finished well, set the rest aside with the reason."""
        for index in self.ctx.running:
            frame = self.ctx[frame_name(index)]
            if frame.is_finished_ok:
                self.ctx.retrieved[frame_name(index)] = frame.outputs.retrieved
            else:
                self.ctx.refused[str(index)] = _reason(frame)
                self.report(f"frame {index} was set aside: {self.ctx.refused[str(index)]}")

    def results(self) -> ExitCode | None:
        """Attach the labelled frames and the refusals."""
        self.out("refused", orm.Dict(self.ctx.refused).store())
        if not self.ctx.retrieved:
            return self.exit_codes.ERROR_ALL_LABELS_FAILED.format(reason=next(iter(self.ctx.refused.values())))
        elements = self.inputs.frames.base.attributes.get("elements")
        level = _level_of_theory(self.inputs.scf.get_dict(), self.ctx.cutoffs, elements)
        self.out("frames", collect_pw_labels(self.inputs.frames, orm.Str(level), **self.ctx.retrieved))
        return None


def _mesh(structure: orm.StructureData, distance: float, offset: float) -> orm.KpointsData:
    """Return the mesh of points at most ``distance`` [1/Å] apart, shifted by ``offset`` where their number is even."""
    cell = orm.KpointsData()
    cell.set_cell_from_structure(structure)
    cell.set_kpoints_mesh_from_density(distance)
    mesh = orm.KpointsData()
    counts = cell.get_kpoints_mesh()[0]
    mesh.set_kpoints_mesh(counts, offset=[offset if count % 2 == 0 else 0.0 for count in counts])
    return mesh


def _family(label: str) -> orm.Group:
    """Return the pseudopotential family of a label.

    Raises
    ------
    InputError
        When it is not installed.
    """
    family = orm.QueryBuilder().append(GroupFactory("pseudo.family"), filters={"label": label}).first(flat=True)
    if family is None:
        raise InputError(
            f"pseudo_family {label!r} is not installed; expected the label of an installed family; "
            "install one with `aiida-pseudo install`, or choose one of `aiida-pseudo list`"
        )
    return family


def _recommend_cutoffs(scf: dict[str, Any], elements: Sequence[str]) -> tuple[float, float]:
    """Return the cutoffs of orbitals and density [Ry]: the given ones, or the family's for the hardest of the elements.

    Raises
    ------
    InputError
        When the family is not installed, lacks an element, or recommends no cutoffs of that stringency.
    """
    label, stringency = scf["pseudo_family"], scf["cutoff_stringency"]
    family = _family(label)
    missing = sorted(set(elements) - set(family.elements))
    if missing:
        raise InputError(
            f"pseudo_family {label!r} has no pseudopotential for {', '.join(missing)}; expected one for each of "
            f"{', '.join(elements)}; choose a family that has them (`aiida-pseudo list`)"
        )
    system = scf["parameters"].get("SYSTEM", {})
    if {"ecutwfc", "ecutrho"} <= set(system):
        return system["ecutwfc"], system["ecutrho"]
    if {"ecutwfc", "ecutrho"} & set(system):
        raise InputError("parameters.SYSTEM has one of ecutwfc and ecutrho; expected both or none; give both [Ry]")
    known = family.get_cutoff_stringencies() if isinstance(family, RecommendedCutoffMixin) else ()
    if stringency not in known:
        raise InputError(
            f"cutoff_stringency is {stringency!r}; {label!r} has cutoffs for {', '.join(known) or 'none'}; "
            "choose one of these, or give ecutwfc and ecutrho [Ry] in parameters.SYSTEM"
        )
    among = tuple(elements or family.elements)
    return family.get_recommended_cutoffs(elements=among, stringency=stringency, unit="Ry")


def _level_of_theory(scf: dict[str, Any], cutoffs: tuple[float, float], elements: Sequence[str]) -> str:
    """Return the level of theory but for what pw.x reports: functional, dispersion, smearing, spin."""
    family = _family(scf["pseudo_family"])
    pseudos = {element: family.get_pseudo(element=element) for element in elements}
    extras = {
        key: value for key, value in sorted(scf["parameters"].get("SYSTEM", {}).items()) if key.lower() not in _REPORTED
    }
    return str(
        LevelOfTheory(
            method="functional of pw.x",
            cutoff=cutoffs,
            cutoff_unit="Ry",
            kpoints=(scf["kpoints_distance"], scf["kpoints_distance"]),
            potentials={element: f"{pseudo.filename}#{pseudo.md5[:8]}" for element, pseudo in pseudos.items()},
            extras=tuple(f"{key}={value}" for key, value in extras.items()),
        )
    )


def _reason(node: orm.WorkChainNode) -> str:
    """Return why a frame failed: what its last calculation said, or the WorkChain around it."""
    jobs = [called for called in node.called if isinstance(called, orm.CalcJobNode)]
    last = max(jobs, key=lambda job: job.pk) if jobs else node
    said = last.exit_message or node.exit_message or f"the process is {node.process_state.value}"
    return f"{said}{_crash(last)} [{last.exit_status}, {last.process_label} {last.uuid}]"


def _crash(node: orm.ProcessNode) -> str:
    """Return what pw.x wrote into its CRASH file, on one line."""
    if "retrieved" not in node.outputs or "CRASH" not in node.outputs.retrieved.base.repository.list_object_names():
        return ""
    lines = node.outputs.retrieved.base.repository.get_object_content("CRASH").splitlines()
    return " pw.x: " + " ".join(" ".join(line.split()) for line in lines if line.strip(" %"))


def _is_periodic(node: FramesData | None, _: Any) -> str | None:
    if node is not None:
        for index, frame in enumerate(node.get_frames()):
            if not frame.pbc.all():
                return (
                    f"frames: frame {index} is not periodic in three directions; expected a crystal; put it into a box"
                )
    return None


def _is_scf(node: orm.Dict | None, _: Any) -> str | None:
    if node is None:
        return None
    scf, known = node.get_dict(), QeLabelWorkChain.get_protocol_inputs()["scf"]
    for key in scf.keys() - known.keys():
        hint = " or ".join(get_close_matches(key, known)) or ", ".join(known)
        return f"scf has the unknown key {key!r}; expected those of the protocol; did you mean {hint}?"
    if missing := sorted(known.keys() - scf.keys()):
        return (
            f"scf lacks {', '.join(missing)}; expected every key of the protocol; start from get_builder_from_protocol"
        )
    if scf["electronic_type"] not in _ELECTRONIC_TYPES:
        return f"scf.electronic_type is {scf['electronic_type']!r}; expected one of {', '.join(_ELECTRONIC_TYPES)}"
    if not scf["kpoints_distance"] > 0:
        return f"scf.kpoints_distance is {scf['kpoints_distance']}; expected a positive number [1/Å]"
    return None


def _has_pseudopotentials(inputs: Any, _: Any) -> str | None:
    if "scf" in inputs and "frames" in inputs:
        return QeLabelWorkChain.validate_elements(inputs, inputs["frames"].base.attributes.get("elements"))
    return None

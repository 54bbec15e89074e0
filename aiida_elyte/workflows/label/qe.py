"""Label frames with pw.x of Quantum ESPRESSO, one calculation a frame."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import Process
from aiida.plugins import GroupFactory
from aiida_pseudo.groups.mixins import RecommendedCutoffMixin
from aiida_quantumespresso.common.types import ElectronicType
from aiida_quantumespresso.workflows.pw.base import PwBaseWorkChain

from aiida_elyte.calculations.functions.pw import collect_pw_labels
from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError, suggest
from aiida_elyte.science.cost import LabelRate
from aiida_elyte.science.labels.theory import LevelOfTheory, difference
from aiida_elyte.workflows.label.base import FramewiseLabelWorkChain, last_job
from aiida_elyte.workflows.ports import checked_dict
from aiida_elyte.workflows.protocols import recursive_merge

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


_RATE = LabelRate(40.0, 52, 1.9)
"""Time of a self-consistent field at Γ: 1.1, 3.4, 11 and 40 s on 8, 16, 32 and 52 atoms, on one core."""


class QeLabelWorkChain(FramewiseLabelWorkChain):
    """Label frames by one ``PwBaseWorkChain`` each, a bounded number in flight; order is kept, no frame is lost.

    A frame that does not converge or whose calculation fails is set aside with the reason.
    """

    PROTOCOL = "label_qe"
    default_code = "pw@localhost"

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports of pw.x."""
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="pw.x.")
        spec.input(
            "scf",
            **checked_dict(
                _validate_scf,
                "Level of theory and how to reach it: `pseudo_family`, `cutoff_stringency`, `kpoints_distance` [1/Å], "
                "`kpoints_offset`, `electronic_type`, `conv_thr_per_atom` [Ry], `parameters` (namelists), as the "
                "protocol.",
            ),
        )
        spec.input("options", valid_type=dict, non_db=True, default=dict, help="Options of each calculation.")

    @classmethod
    def engine_inputs(cls, code: orm.AbstractCode, frames: FramesData | None, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return what pw.x takes.

        Raises
        ------
        InputError
            If the pseudopotential family is not installed, lacks an element of the frames or recommends no cutoffs.
        """
        elements = frames.base.attributes.get("elements") if frames is not None else []
        _recommend_cutoffs(inputs["scf"], elements)
        settings = inputs["options"]
        if code.with_mpi is not None:
            settings.setdefault("withmpi", code.with_mpi)
        return {"code": code, "scf": orm.Dict(inputs["scf"]), "options": settings}

    @classmethod
    def validate_level(cls, inputs: Mapping[str, Any], level: str, elements: Sequence[str]) -> str | None:
        """Compare cut-offs, pseudopotentials, k-points and the rest; the functional is known once pw.x has run."""
        given, scf = LevelOfTheory.parse(level), inputs["scf"].get_dict()
        try:
            own = LevelOfTheory.parse(_level_of_theory(scf, _recommend_cutoffs(scf, elements), elements))
        except InputError as error:
            return str(error)
        unknown: dict[str, Any] = {"method": given.method, "dispersion": given.dispersion, "hubbard": given.hubbard}
        return difference(level, str(replace(own, **unknown)))

    @classmethod
    def gives(cls, inputs: Mapping[str, Any]) -> frozenset[str]:
        """Return what every self-consistent field gives."""
        return frozenset({"energy", "forces", "stress"})

    @classmethod
    def validate_elements(cls, inputs: Mapping[str, Any], elements: Sequence[str]) -> str | None:
        """Return which elements have no pseudopotential or no cut-offs."""
        try:
            if inputs.get("scf") is not None:
                _recommend_cutoffs(inputs["scf"].get_dict(), elements)
        except InputError as error:
            return str(error)
        return None

    @classmethod
    def seconds(cls, inputs: Mapping[str, Any], n_atoms: int) -> float:
        """Return the time of a self-consistent field at Γ [s]."""
        return _RATE.of(n_atoms)

    @classmethod
    def pseudo_family_overrides(cls, label: str) -> dict[str, Any]:
        """Return the overrides that choose a family of pseudopotentials."""
        return {"scf": {"pseudo_family": label}}

    def setup(self) -> None:
        """Fix the cutoffs for all frames: the hardest element sets them, so that all are of one level of theory."""
        super().setup()
        self.ctx.cutoffs = _recommend_cutoffs(self.inputs.scf.get_dict(), self._elements)

    @property
    def _elements(self) -> list[str]:
        elements: list[str] = self.inputs.frames.base.attributes.get("elements")
        return elements

    def build_frame(self, structure: orm.StructureData) -> tuple[type[Process], AttributeDict]:
        """Return the self-consistent field of a frame."""
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
        return PwBaseWorkChain, AttributeDict(builder._inputs(prune=True))

    def collect_labelled(self) -> FramesData:
        """Return the frames with the labels that pw.x wrote."""
        level = _level_of_theory(self.inputs.scf.get_dict(), self.ctx.cutoffs, self._elements)
        return collect_pw_labels(self.inputs.frames, orm.Str(level), **self.ctx.labelled)

    def describe_failure(self, node: orm.ProcessNode) -> str:
        """Return the reason, and what pw.x wrote into its CRASH file."""
        return super().describe_failure(node) + _crash(last_job(node))


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
        If it is not installed.
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
        If the family is not installed, lacks an element, or recommends no cutoffs of that stringency.
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


def _crash(node: orm.ProcessNode) -> str:
    """Return what pw.x wrote into its CRASH file, on one line."""
    if "retrieved" not in node.outputs or "CRASH" not in node.outputs.retrieved.base.repository.list_object_names():
        return ""
    lines = node.outputs.retrieved.base.repository.get_object_content("CRASH").splitlines()
    return "; pw.x: " + " ".join(" ".join(line.split()) for line in lines if line.strip(" %"))


def _validate_scf(node: orm.Dict | None, _: Any) -> str | None:
    if node is None:
        return None
    scf, known = node.get_dict(), QeLabelWorkChain.get_protocol_inputs()["scf"]
    for key in scf.keys() - known.keys():
        return f"scf has the unknown key {key!r}; expected {', '.join(sorted(known))}{suggest(key, known)}"
    if missing := sorted(known.keys() - scf.keys()):
        return (
            f"scf lacks {', '.join(missing)}; expected every key of the protocol; start from get_builder_from_protocol"
        )
    if scf["electronic_type"] not in _ELECTRONIC_TYPES:
        return f"scf.electronic_type is {scf['electronic_type']!r}; expected one of {', '.join(_ELECTRONIC_TYPES)}"
    if not scf["kpoints_distance"] > 0:
        return f"scf.kpoints_distance is {scf['kpoints_distance']}; expected a positive number [1/Å]"
    return None

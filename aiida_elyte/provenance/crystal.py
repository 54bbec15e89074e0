"""The record of a crystal street: what it was given, learned and simulated, what it found, what is missing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiida_elyte.provenance.learning import learning_of, read_labels, read_learning
from aiida_elyte.provenance.links import Links
from aiida_elyte.provenance.names import CONDUCTIVITY, LEARNING, QUALIFICATION, SEED_LABELS, parse_call
from aiida_elyte.provenance.process import TrailStep, load_node, pk_of, read_process, trail_steps
from aiida_elyte.provenance.qualification import read_qualification, with_verdict
from aiida_elyte.provenance.record import StreetRecord
from aiida_elyte.provenance.theory import read_theory
from aiida_elyte.science.verdict import Verdict

if TYPE_CHECKING:
    from aiida import orm
    from ase import Atoms

    from aiida_elyte.science.trajectory.reduction import Series

__all__ = [
    "CRYSTAL",
    "CrystalStreet",
    "Material",
    "ProductionRun",
    "load_crystal",
    "load_series",
    "read_crystal_street",
]

CRYSTAL = ("CrystalWorkChain", "ActiveLearningWorkChain", "ConductivityWorkChain")
"""WorkChains that can be read: the street, and its learning and its conductivity alone."""


@dataclass(frozen=True)
class Material:
    """The crystal that a street began with."""

    pk: int
    """PK of its node."""
    uuid: str
    """UUID of its node."""
    label: str
    """Label of its node."""
    description: str
    """Description of its node."""
    citation: str | None
    """Extra ``citation`` of its node."""


@dataclass(frozen=True)
class ProductionRun:
    """The production run at one temperature."""

    name: str
    """Name among the outputs, as ``T0600_00``."""
    temperature_K: float
    """Temperature [K]."""
    pk: int
    """PK of its WorkChain, of the last where runs went on from each other."""
    state: str
    """``ok``, or how it ended."""
    seconds: float
    """Time it took so far [s], that of all runs that went on from each other."""
    settings: dict[str, Any]
    """Settings of the dynamics, of the last run."""
    results: dict[str, Any]
    """What the program reports."""
    transport: dict[str, Any] | None
    """Transport quantities; ``None`` before the analysis."""
    result_pk: int | None
    """PK of these quantities."""
    analysis_pk: int | None
    """PK of the analysis."""
    series_pk: int | None
    """PK of the displacements."""
    job_pk: int | None
    """PK of the job that made them."""

    @property
    def n_steps_wanted(self) -> int | None:
        """Steps to which the runs go on; ``None`` where they have ended, or before the analysis."""
        return ((self.transport or {}).get("conditions") or {}).get("next_n_steps")

    @property
    def verdict(self) -> Verdict | None:
        """Whether its numbers may be used; ``None`` before the analysis."""
        return None if self.transport is None else Verdict.from_dict(self.transport)


@dataclass(frozen=True, kw_only=True)
class CrystalStreet(StreetRecord):
    """What the graph holds of a crystal street, or of its learning or conductivity alone."""

    material: Material | None
    """The crystal, as far as the process was given one."""
    charges: dict[str, float]
    """Charge of each mobile species [e]."""
    given_potentials: bool
    """Whether potentials took the place of the first training."""
    conductivity_pk: int | None
    """PK of the production of all temperatures; ``None`` before it has begun."""
    temperatures_K: tuple[float, ...]
    """Temperatures wanted [K]; none before production has begun."""
    runs: tuple[ProductionRun, ...]
    """Production runs, the coldest first."""
    arrhenius: dict[str, Any] | None
    """Quantities of the Arrhenius fit; ``None`` before it was made."""

    def _stations(self) -> Mapping[str, int | None]:
        return {
            SEED_LABELS: None if self.seeds is None else self.seeds.pk,
            LEARNING: None if self.learning is None else self.learning.pk,
            QUALIFICATION: None if self.qualification is None else self.qualification.process_pk,
            CONDUCTIVITY: self.conductivity_pk,
        }

    def _trail(self) -> Iterator[TrailStep]:
        run = next((run for run in self.runs if run.result_pk), None)
        if run is not None:
            kelvin = f"{run.temperature_K:g} K"
            yield from trail_steps(
                (f"Result at {kelvin}", "Dict", run.result_pk, False),
                ("Analysis of the displacements", "transport", run.analysis_pk, True),
                ("Displacements of every ion", "SeriesData", run.series_pk, False),
                (f"Molecular dynamics at {kelvin}", "MdCalculation", run.job_pk, True),
            )
        if self.qualification is not None:
            yield TrailStep("Qualification of the potentials", "Dict", self.qualification.pk)
        if self.trainings:
            training, members = self.trainings[-1]
            for name, member in members.items():
                if member.potential_pk is not None:
                    yield TrailStep(f"Potential {name}", "PotentialData", member.potential_pk)
            yield TrailStep("Training of the ensemble", "TrainEnsembleWorkChain", training.pk, process=True)
        if self.learning is not None:
            yield TrailStep(f"{self.learning.n_frames} labelled frames", "FramesData", self.learning.dataset_pk)

    def _missing(self) -> Iterator[str]:
        label = self.process.label
        yield from self.process.describe_trouble()
        if self.seeds is None and not self.given_dataset and label == "CrystalWorkChain":
            yield "No seed has been labelled."
        if self.learning is None and label != "ConductivityWorkChain":
            yield "No ensemble has been trained."
        if self.conductivity_pk is None:
            if label != "ActiveLearningWorkChain":
                yield "No production run has begun: there is no conductivity."
            return
        for run in self.runs:
            kelvin = f"{run.temperature_K:g} K"
            if run.transport is None:
                yield f"{kelvin}: no result ({run.state})."
            elif run.n_steps_wanted is not None and run.state != "ok":
                yield f"{kelvin}: the runs have not gone on to {run.n_steps_wanted} steps ({run.state})."
            for name, stop in run.results.get("stops", {}).items():
                yield f"{kelvin}: replica {name} stopped at step {stop['step']} ({stop['kind']}: {stop['message']})."
        for wanted in sorted(set(self.temperatures_K) - {float(run.temperature_K) for run in self.runs}):
            yield f"{wanted:g} K: the run has not begun."
        if self.arrhenius is None:
            yield "No Arrhenius fit has been made."


def read_crystal_street(node: "orm.ProcessNode") -> CrystalStreet:
    """Return the record of a crystal street.

    Works on finished, running and failed processes: nodes are followed by their call links, so that what exists is
    found before the street attaches its outputs. No array is loaded.

    Parameters
    ----------
    node
        Process node of one of ``CRYSTAL``.
    """
    street = Links(node)
    seeds, learning = street.calls.get(SEED_LABELS), learning_of(street)
    conductivity = street if street.process == "ConductivityWorkChain" else street.calls.get(CONDUCTIVITY)
    given = [one for label, one in street.inputs.items() if label.startswith("potentials__")]
    wanted = () if conductivity is None else conductivity.inputs["conditions"]["temperatures_K"]
    return CrystalStreet(
        process=read_process(node),
        material=_read_material(street),
        charges=_read_charges(street, conductivity),
        theory=read_theory(street, learning, seeds, given),
        given_dataset="dataset" in street.inputs,
        given_potentials=bool(given),
        seeds=read_labels(seeds),
        learning=read_learning(learning),
        qualification=read_qualification(street, conductivity, learning),
        conductivity_pk=None if conductivity is None else conductivity.pk,
        temperatures_K=tuple(sorted(map(float, wanted))),
        runs=() if conductivity is None else _read_runs(conductivity),
        arrhenius=_read_arrhenius(conductivity),
    )


def load_crystal(material: Material) -> "Atoms":
    """Return the atoms of a crystal, of frames the first."""
    from aiida import orm

    node = load_node(material.pk)
    atoms: Atoms = node.get_ase() if isinstance(node, orm.StructureData) else node.get_frames()[0]
    return atoms


def load_series(pk: int) -> "list[Series]":
    """Return the displacements of all replicas of a run."""
    return list(load_node(pk).get_series())


def _read_material(street: Links) -> Material | None:
    source = street.inputs.get("structure") or street.inputs.get("start")
    if source is None:
        return None
    citation = source.base.extras.get("citation", None)
    return Material(source.pk, source.uuid, source.label, source.description, citation)


def _read_charges(street: Links, conductivity: Links | None) -> dict[str, float]:
    conditions = street.inputs.get("conductivity__conditions")
    if conductivity is not None:
        conditions = conductivity.inputs["conditions"]
    return {} if conditions is None else dict(conditions["charges"])


def _read_arrhenius(conductivity: Links | None) -> dict[str, Any] | None:
    if conductivity is None or "arrhenius" not in conductivity.outputs:
        return None
    return with_verdict(conductivity.outputs["arrhenius"])


def _read_runs(conductivity: Links) -> tuple[ProductionRun, ...]:
    """Return the run of each temperature: the last of those that go on from each other, with the last result."""
    analyses = {one.inputs["series"].pk: one for one in conductivity.functions("transport")}
    calls: dict[str, list[Links]] = {}
    for label, process in conductivity.calls.items():
        call = parse_call(label)
        if call is not None and call.kind == "md" and call.name is not None:
            calls.setdefault(call.name, []).append(process)
    return tuple(sorted((_read_run(name, runs, analyses) for name, runs in calls.items()), key=lambda run: run.name))


def _read_run(name: str, runs: "list[Links]", analyses: "Mapping[int, Links]") -> ProductionRun:
    """Return the record of the runs at one temperature, oldest first."""
    last, ended = runs[-1], [read_process(one.node) for one in runs]
    series = [one.last_output("series") for one in runs]
    analysed = [one for one in series if one is not None and one.pk in analyses]
    shown = analysed[-1] if analysed else series[-1]
    analysis = analyses[shown.pk] if analysed else None
    result = None if analysis is None else analysis.outputs.get("result")
    settings = last.settings
    return ProductionRun(
        name=name,
        temperature_K=settings["temperature_K"],
        pk=last.pk,
        state=ended[-1].outcome,
        seconds=sum(one.seconds for one in ended),
        settings=settings,
        results=next((found for one in reversed(runs) if (found := one.last_results())), {}),
        transport=with_verdict(result),
        result_pk=pk_of(result),
        analysis_pk=None if analysis is None else analysis.pk,
        series_pk=pk_of(shown),
        job_pk=pk_of(None if shown is None else shown.creator),
    )

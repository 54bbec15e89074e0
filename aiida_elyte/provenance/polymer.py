"""The record of a polymer street: what it was given, learned, built and ran, what it found, what is missing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiida_elyte.provenance.learning import learning_of, read_labels, read_learning
from aiida_elyte.provenance.links import Links
from aiida_elyte.provenance.names import (
    BUILD,
    CLUSTER_LABELS,
    LEARNING,
    PRODUCTION,
    REDUCTION,
    SOLVATION,
    parse_call,
)
from aiida_elyte.provenance.process import Process, TrailStep, pk_of, read_process, trail_steps
from aiida_elyte.provenance.qualification import read_qualification, with_verdict
from aiida_elyte.provenance.record import StreetRecord
from aiida_elyte.provenance.theory import read_theory
from aiida_elyte.science.verdict import Verdict

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["POLYMER", "BoxProduction", "BoxRecord", "PolymerStreet", "Pooled", "read_polymer_street"]

POLYMER = ("PolymerWorkChain", "ForceFieldWorkChain", "BoxWorkChain")
"""WorkChains that can be read: the street, and its learning and one of its boxes alone."""


@dataclass(frozen=True)
class BoxProduction:
    """The production run of a box."""

    pk: int
    """PK of its WorkChain."""
    settings: dict[str, Any]
    """Settings of the dynamics."""
    results: dict[str, Any]
    """What the program reports."""
    thermo_pk: int | None
    """PK of its records of temperature, pressure and density."""
    remote_pk: int | None
    """PK of the folder that holds its trajectory."""


@dataclass(frozen=True)
class BoxRecord:
    """One box of a street."""

    name: str
    """Its name, as ``m00_b00``; ``box`` where it is read alone."""
    process: Process
    """Its process."""
    step: str
    """Label of the WorkChain that was called last; empty before the first."""
    force_field_pk: int | None
    """PK of its force field."""
    built: dict[str, Any]
    """What the program that builds it reports."""
    n_settling_runs: int
    """Runs in which it settled."""
    settling_stages: list[dict[str, Any]]
    """Stages of the last of these runs."""
    settling_pk: int | None
    """PK of the records of the last of these runs."""
    equilibrium: dict[str, Any] | None
    """Verdict on its equilibrium; ``None`` before it was judged."""
    production: BoxProduction | None
    """Its production run; ``None`` before that has begun."""
    series_pk: int | None
    """PK of its displacements."""
    solvation: dict[str, Any] | None
    """First shells; ``None`` before their analysis has begun."""
    solvation_process: Process | None
    """Process of that analysis."""
    curves_pk: int | None
    """PK of radial distribution functions."""


@dataclass(frozen=True)
class Pooled:
    """The displacements of all boxes and what they give."""

    series_pk: int | None
    """PK of the displacements; ``None`` before the boxes are pooled."""
    analysis_pk: int | None
    """PK of the analysis."""
    result_pk: int | None
    """PK of the quantities."""
    transport: dict[str, Any] | None
    """Transport quantities; ``None`` before the analysis."""


@dataclass(frozen=True, kw_only=True)
class PolymerStreet(StreetRecord):
    """What the graph holds of a polymer street, or of its learning or one of its boxes alone."""

    part: str | None
    """``learning`` or ``box`` where the process is that part alone."""
    recipe: dict[str, Any] | None
    """The recipe."""
    given_force_fields: tuple[int, ...]
    """PKs of force fields given."""
    n_boxes: int | None
    """Boxes wanted; ``None`` where the process is a part alone."""
    boxes: tuple[BoxRecord, ...]
    """Boxes that have begun."""
    pooled: Pooled
    """Displacements of all boxes."""
    pooled_solvation: dict[str, Any] | None
    """First shells of all boxes; ``None`` before they are pooled."""

    @property
    def verdict(self) -> Verdict:
        """Whether numbers of the boxes may be used."""
        if self.qualification is not None:
            return self.qualification.verdict
        if self.pooled.transport is not None:
            return Verdict.from_dict(self.pooled.transport)
        return Verdict("unqualified", ("the boxes have not been judged",))

    @property
    def solvation(self) -> dict[str, Any] | None:
        """First shells with their verdict: of all boxes once they are pooled, before that of the first that has any."""
        shells = self.pooled_solvation
        if shells is None:
            found = (box.solvation for box in self.boxes if box.curves_pk is not None)
            shells = next(({"n_boxes": 1, **one} for one in found if one is not None), None)
        return None if shells is None else {**shells, **self.verdict.as_dict()}

    @property
    def charges(self) -> dict[str, float]:
        """Formal charge of each ion [e]."""
        return next((dict(box.built["charges"]) for box in self.boxes if "charges" in box.built), {})

    def _stations(self) -> Mapping[str, int | None]:
        return {
            CLUSTER_LABELS: None if self.seeds is None else self.seeds.pk,
            LEARNING: None if self.learning is None else self.learning.pk,
            **{box.name: box.process.pk for box in self.boxes},
        }

    def _trail(self) -> Iterator[TrailStep]:
        if any(box.series_pk is not None for box in self.boxes):
            yield from trail_steps(
                ("Conductivity, transference numbers", "Dict", self.pooled.result_pk, False),
                ("Analysis of the displacements", "transport", self.pooled.analysis_pk, True),
                ("Displacements of all boxes", "SeriesData", self.pooled.series_pk, False),
            )
        for box in self.boxes:
            yield from trail_steps(
                (f"Displacements, box {box.name}", "SeriesData", box.series_pk, False),
                (
                    f"Trajectory, box {box.name}",
                    "RemoteData",
                    None if box.production is None else box.production.remote_pk,
                    False,
                ),
                (f"Force field of box {box.name}", "ForceFieldData", box.force_field_pk, False),
            )
        if self.learning is not None:
            for training in self.learning.trainings[-1:]:
                yield TrailStep("Fit of the members", "TrainEnsembleWorkChain", training.pk, process=True)
            yield TrailStep(f"{self.learning.n_frames} labelled frames", "FramesData", self.learning.dataset_pk)

    def _missing(self) -> Iterator[str]:
        yield from self.process.describe_trouble()
        if self.part is None:
            if self.learning is None and not self.given_force_fields:
                yield "No force field has been fitted."
            if self.seeds is not None and self.seeds.refused:
                yield f"{len(self.seeds.refused)} of {self.seeds.n_frames} clusters have no label; see below."
        for training, members in self.trainings:
            for name, member in members.items():
                if member.state != "ok":
                    yield f"Member {name} of round {training.round} was not fitted: {member.state}."
        if self.part == "learning":
            return
        if not self.boxes:
            yield "No box has been built: there is no conductivity."
        for box in self.boxes:
            yield from _missing_of_box(box)
        if self.n_boxes is not None and self.boxes and len(self.boxes) < self.n_boxes:
            yield f"{self.n_boxes - len(self.boxes)} of {self.n_boxes} boxes have not begun."
        has_series = self.pooled.series_pk is not None or any(box.series_pk is not None for box in self.boxes)
        if has_series and self.pooled.transport is None and self.part is None:
            yield "The displacements have not been analysed yet."


def read_polymer_street(node: "orm.ProcessNode") -> PolymerStreet:
    """Return the record of a polymer street.

    Works on finished, running and failed processes, as ``read_crystal_street`` does. No array is loaded.

    Parameters
    ----------
    node
        Process node of one of ``POLYMER``.
    """
    street = Links(node)
    part = {"ForceFieldWorkChain": "learning", "BoxWorkChain": "box"}.get(street.process)
    boxes = {name: one for name, one in street.calls.items() if one.process == "BoxWorkChain"}
    if part == "box":
        boxes = {"box": street}
    recipe, wanted = street.inputs.get("recipe"), street.inputs.get("n_boxes")
    clusters, learning = street.calls.get(CLUSTER_LABELS), learning_of(street)
    given = [one for label, one in street.inputs.items() if label.startswith("force_field")]
    return PolymerStreet(
        process=read_process(node),
        part=part,
        recipe=None if recipe is None else dict(recipe.get_dict()),
        theory=read_theory(street, learning, clusters, given),
        given_dataset="dataset" in street.inputs,
        given_force_fields=tuple(one.pk for one in given),
        seeds=read_labels(clusters),
        learning=read_learning(learning),
        qualification=read_qualification(street),
        n_boxes=None if wanted is None else wanted.value,
        boxes=tuple(_read_box(name, one) for name, one in boxes.items()),
        pooled=_read_pooled(street),
        pooled_solvation=_result_of(street, "pool_solvation"),
    )


def _last_result(process: Links, function: str) -> Any:
    """Return what a calcfunction gave last."""
    found = [one.outputs["result"] for one in process.functions(function) if "result" in one.outputs]
    return found[-1] if found else None


def _result_of(process: Links, function: str) -> dict[str, Any] | None:
    found = _last_result(process, function)
    return None if found is None else dict(found.get_dict())


def _read_box(name: str, box: Links) -> BoxRecord:
    from aiida import orm

    parsed = {label: parse_call(label) for label in box.calls}
    settling = [box.calls[label] for label, call in parsed.items() if call is not None and call.kind == "settling"]
    build, reduction, solvation = (box.calls.get(label) for label in (BUILD, REDUCTION, SOLVATION))
    begun = [label for label, one in box.calls.items() if isinstance(one.node, orm.WorkChainNode)]
    return BoxRecord(
        name=name,
        process=read_process(box.node),
        step=begun[-1] if begun else "",
        force_field_pk=pk_of(box.inputs.get("force_field")),
        built={} if build is None else build.last_results(),
        n_settling_runs=len(settling),
        settling_stages=settling[-1].settings["stages"] if settling else [],
        settling_pk=pk_of(settling[-1].last_output("thermo")) if settling else None,
        equilibrium=_result_of(box, "judge_box"),
        production=_read_production(box.calls.get(PRODUCTION)),
        series_pk=None if reduction is None else pk_of(reduction.last_output("series")),
        solvation=None if solvation is None else solvation.last_results(),
        solvation_process=None if solvation is None else read_process(solvation.node),
        curves_pk=None if solvation is None else pk_of(solvation.last_output("curves")),
    )


def _read_production(process: Links | None) -> BoxProduction | None:
    if process is None:
        return None
    return BoxProduction(
        pk=process.pk,
        settings=process.settings,
        results=process.last_results(),
        thermo_pk=pk_of(process.last_output("thermo")),
        remote_pk=pk_of(process.last_output("remote_folder")),
    )


def _read_pooled(street: Links) -> Pooled:
    analyses = street.functions("transport")
    result = analyses[-1].outputs.get("result") if analyses else None
    return Pooled(
        series_pk=pk_of(_last_result(street, "pool_series")),
        analysis_pk=analyses[-1].pk if analyses else None,
        result_pk=pk_of(result),
        transport=with_verdict(result),
    )


def _missing_of_box(box: BoxRecord) -> Iterator[str]:
    outcome = box.process.outcome
    if outcome != "ok":
        yield f"Box {box.name}: {outcome}."
    if box.equilibrium and box.equilibrium["refused"]:
        yield f"Box {box.name} has not settled: {box.equilibrium['refused']}."
    if outcome == "ok" and box.curves_pk is None:
        state = box.solvation_process
        yield f"Box {box.name}: no solvation ({'not analysed' if state is None else state.exit_message})."

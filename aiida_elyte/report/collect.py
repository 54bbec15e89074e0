"""From the record of a street to one plain dictionary, with the arrays that figures draw."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from aiida_elyte.provenance.crystal import CrystalStreet, ProductionRun, load_crystal, load_series
from aiida_elyte.provenance.environment import load_environment
from aiida_elyte.provenance.judged_frames import load_calibrations, load_judged_frames
from aiida_elyte.provenance.learning import Labels, LearningRecord, Member, Round, Training, load_parity
from aiida_elyte.provenance.process import StageRecord
from aiida_elyte.provenance.street import Street
from aiida_elyte.report.collect_polymer import collect_polymer
from aiida_elyte.report.curves import arrhenius_band, describe_material, describe_series, pool_parity
from aiida_elyte.report.frame_map import place_frames
from aiida_elyte.report.trainings import describe_trainings
from aiida_elyte.science.dynamics.production import STATED
from aiida_elyte.science.verdict import Verdict, quantities_of

__all__ = ["collect"]


def collect(street: Street) -> dict[str, Any]:
    """Collect what a report shows of a street, or of a part of one.

    Parameters
    ----------
    street
        Its record; finished, running or failed.

    Returns
    -------
    dict
        Plain values and numpy arrays. Of every street: ``process``, ``theory``, ``seeds``, ``rounds``, ``learning``,
        ``map``, ``calibrations``, ``qualification``, ``runs``, ``arrhenius``, ``stages``, ``environment``, ``trail``,
        and ``missing``, sentences on what is not there. Of crystals: ``material``, ``charges``, ``training``,
        ``parity``. Of polymers: ``recipe``, ``fits``, ``boxes``, ``solvation``; the pooled boxes are their one run.
    """
    common = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "process": asdict(street.process),
        "theory": {name: plain(value) for name, value in vars(street.theory).items()},
        "seeds": _labels(street.seeds),
        "rounds": [] if street.learning is None else _rounds(street.learning),
        "learning": None if street.learning is None else _learning(street.learning),
        **_frames(street.learning),
        "qualification": None if street.qualification is None else street.qualification.as_dict(),
        "trail": [asdict(step) for step in street.trail()],
        "missing": street.missing,
        "stages": [_stage(stage) for stage in street.stages()],
        "environment": asdict(load_environment(street.process.pk)),
    }
    found = _crystal(street) if isinstance(street, CrystalStreet) else collect_polymer(street)
    return {name: plain(value) for name, value in (common | found).items()}


def plain(value: Any) -> Any:
    """Return plain containers: AiiDA's own lists and dictionaries become Python's, as do tuples."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def _crystal(street: CrystalStreet) -> dict[str, Any]:
    material = street.material
    return {
        "material": None if material is None else {**describe_material(load_crystal(material)), **asdict(material)},
        "charges": street.charges,
        "given": {"dataset": street.given_dataset, "potentials": street.given_potentials},
        "training": describe_trainings(street.trainings),
        "parity": _parity(street.trainings),
        "runs": [_run(run, street.charges) for run in street.runs],
        "arrhenius": street.arrhenius,
        "arrhenius_band": _arrhenius_band(street),
    }


def _arrhenius_band(street: CrystalStreet) -> dict[str, Any] | None:
    """Return the fit with its band, through the points that the fit was made of."""
    law = street.arrhenius
    if law is not None and not any("value" in one for one in quantities_of(law).values()):
        return None
    takes_all = law is not None and Verdict.from_dict(law).status not in STATED
    return arrhenius_band(
        {
            run.temperature_K: run.transport["conductivity"]
            for run in street.runs
            if run.transport is not None and (takes_all or Verdict.from_dict(run.transport).status in STATED)
        }
    )


def _labels(labels: Labels | None) -> dict[str, Any] | None:
    return None if labels is None else asdict(labels)


def _learning(learning: LearningRecord) -> dict[str, Any]:
    keys = ("settings", "reason", "n_frames", "dataset_pk", "n_given")
    ending = None if learning.ending is None else asdict(learning.ending)
    return {key: getattr(learning, key) for key in keys} | {"ending": ending}


def _frames(learning: LearningRecord | None) -> dict[str, Any]:
    """Return the map of all frames, and what their labels said of what was expected of them."""
    if learning is None:
        return {"map": None, "calibrations": []}
    calibrations = [asdict(one) for one in load_calibrations(learning.pk)]
    return {"map": place_frames(load_judged_frames(learning.pk)), "calibrations": calibrations}


def _rounds(learning: LearningRecord) -> list[dict[str, Any]]:
    """Return the rounds whose sampled frames were judged."""
    return [_round(one) for one in learning.rounds if one.selection is not None]


def _round(one: Round) -> dict[str, Any]:
    selection, labels = one.selection, one.labels
    return {
        "number": one.number,
        "temperature_K": one.temperature_K,
        "stops": {name: asdict(stop) for name, stop in one.stops.items()},
        **({} if selection is None else vars(selection)),
        "spreads_eV_A": np.array([] if selection is None else selection.spreads_eV_A, float),
        "errors_eV_A": np.array([] if selection is None else selection.errors_eV_A, float),
        "n_labelled": 0 if labels is None else labels.n_labelled,
        "labels_refused": {} if labels is None else labels.refused,
    }


def _parity(trainings: tuple[tuple[Training, dict[str, Member]], ...]) -> dict[str, Any]:
    """Pool the parity data of the last training that has any."""
    found = (load_parity(members) for _, members in reversed(trainings))
    return pool_parity(next((arrays for arrays in found if arrays), {}))


def _run(run: ProductionRun, charges: Mapping[str, float]) -> dict[str, Any]:
    drawn: dict[str, Any] = {"msd": {}, "temperatures": []}
    if run.series_pk is not None:
        drawn = describe_series(load_series(run.series_pk), charges)
    return {**vars(run), **drawn}


def _stage(stage: StageRecord) -> dict[str, Any]:
    return {**asdict(stage.process), "stage": stage.label or "the whole", "level": stage.level}

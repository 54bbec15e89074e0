"""What only the report of a polymer street shows: fits, boxes, first shells, and the arrays that figures draw."""

from typing import Any

from aiida_elyte.provenance.crystal import load_series
from aiida_elyte.provenance.polymer import BoxProduction, BoxRecord, PolymerStreet
from aiida_elyte.provenance.process import load_arrays
from aiida_elyte.report.curves import describe_series
from aiida_elyte.report.trainings import describe_trainings
from aiida_elyte.science.electrolyte.recipe import read_recipe

__all__ = ["collect_polymer"]


def collect_polymer(street: PolymerStreet) -> dict[str, Any]:
    """Collect what only the report of a polymer street shows, from its record."""
    return {
        "part": street.part,
        "recipe": street.recipe,
        "given": {"dataset": street.given_dataset, "force_fields": street.given_force_fields},
        "fits": describe_trainings(street.trainings),
        "boxes": [_box(box) for box in street.boxes],
        "runs": _runs(street),
        "arrhenius": None,
        "solvation": street.solvation,
    }


def _box(box: BoxRecord) -> dict[str, Any]:
    settling = None if box.settling_pk is None else {"stages": box.settling_stages, **load_arrays(box.settling_pk)}
    return {
        "name": box.name,
        "pk": box.process.pk,
        "state": box.process.outcome,
        "seconds": box.process.seconds,
        "force_field_pk": box.force_field_pk,
        "built": box.built,
        "equilibrium": box.equilibrium,
        "settling": settling,
        "n_settling_runs": box.n_settling_runs,
        "production": {} if box.production is None else _production(box.production),
        "series_pk": box.series_pk,
        "solvation": box.solvation,
        "curves": None if box.curves_pk is None else load_arrays(box.curves_pk),
    }


def _production(run: BoxProduction) -> dict[str, Any]:
    """Return how long production ran, how fast, and the means of its records after thermalisation."""
    stages = run.settings["stages"]
    lengths_ns = [stage["n_steps"] * stage["timestep_fs"] * 1e-6 for stage in stages]
    means: dict[str, float] = {}
    records = load_arrays(run.thermo_pk)
    if records:
        first = sum(stage["n_steps"] for stage in stages if not stage["is_production"])
        chosen = records["step"] >= first
        names = ("temperature_K", "pressure_bar", "density_g_cm3")
        means = {name: float(records[name][chosen].mean()) for name in names if name in records and chosen.any()}
    return {
        "pk": run.pk,
        "length_ns": sum(one for one, stage in zip(lengths_ns, stages, strict=True) if stage["is_production"]),
        "simulated_ns": run.results.get("simulated_ns"),
        "ns_per_day": run.results.get("ns_per_day"),
        "n_parts": len(run.results.get("trajectory", [])),
        "frame_ps": run.settings.get("dump_stride", 0) * stages[-1]["timestep_fs"] / 1000,
        "timestep_fs": stages[-1]["timestep_fs"],
        "lammps": run.results.get("lammps"),
        "means": means,
        "remote_pk": run.remote_pk,
    }


def _runs(street: PolymerStreet) -> list[dict[str, Any]]:
    """Return the boxes pooled as one run; nothing before a box has its displacements."""
    pooled = street.pooled
    own = [box.series_pk for box in street.boxes if box.series_pk is not None]
    series = [one for pk in ([pooled.series_pk] if pooled.series_pk is not None else own) for one in load_series(pk)]
    if not series or street.recipe is None:
        return []
    return [
        {
            "name": "boxes",
            "state": "ok" if pooled.transport is not None else "not analysed",
            "settings": {"temperature_K": read_recipe(street.recipe).temperature_K},
            "results": {},
            **vars(pooled),
            "charges": street.charges,
            **describe_series(series, street.charges),
        }
    ]

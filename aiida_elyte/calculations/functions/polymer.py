"""calcfunctions of the polymer street: clusters, runs of a box, equilibrium, pooled series."""

from dataclasses import asdict, replace

from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.science.arrays import write_arrays
from aiida_elyte.science.electrolyte.recipe import read_recipe
from aiida_elyte.science.electrolyte.solvation import Solvation, make_solvation_clusters, short_chain
from aiida_elyte.science.frames import first_frames, round_frame
from aiida_elyte.science.lammps.production import ProductionSettings, production_stages
from aiida_elyte.science.qualification.boxes import judge_box as qualification_of_box
from aiida_elyte.science.qualification.boxes import judge_force_fields, judge_street
from aiida_elyte.science.statistics.equilibration import judge_settling
from aiida_elyte.science.structure.pooling import pool_shells
from aiida_elyte.science.trajectory.reduction import pack_series

__all__ = [
    "box_settings",
    "judge_box",
    "make_cluster_frames",
    "pool_series",
    "pool_solvation",
    "production_settings",
    "qualify_box",
    "qualify_force_fields",
    "qualify_street",
    "reduction_settings",
    "sampling_settings",
    "sampling_start",
    "solvation_settings",
    "transport_settings",
    "with_recipe",
]


@uncached_calcfunction
def make_cluster_frames(recipe: orm.Dict, settings: orm.Dict, fit: orm.Dict) -> FramesData:
    """Return the clusters of an electrolyte, unlabelled; chains hold every type that the fit looks for."""
    chosen = Solvation(**{"depth": _depth(fit), **settings.get_dict()})
    return FramesData(make_solvation_clusters(read_recipe(recipe.get_dict()), chosen))


@uncached_calcfunction
def sampling_start(dataset: FramesData) -> FramesData:
    """Return one frame of each cluster of a data set without its labels, where sampling starts."""
    return FramesData([round_frame(frame) for frame in first_frames(dataset.get_frames())])


@uncached_calcfunction
def sampling_settings(settings: orm.Dict, recipe: orm.Dict, clusters: orm.Dict, fit: orm.Dict) -> orm.Dict:
    """Return the settings of sampling with the recipe that small boxes are made of, their chains as in clusters."""
    content = settings.get_dict()
    boxes, polymer = content.get("boxes"), read_recipe(recipe.get_dict()).polymer
    if not boxes:
        return orm.Dict(content)
    boxes = {**boxes, "recipe": recipe.get_dict()}
    if polymer is not None:
        boxes["n_units"] = short_chain(polymer, clusters.get_dict().get("n_units", Solvation.n_units), _depth(fit))
    return orm.Dict({**content, "boxes": boxes})


@uncached_calcfunction
def transport_settings(recipe: orm.Dict, built: orm.Dict, allow_unqualified: orm.Bool) -> orm.Dict:
    """Return the settings of transport: formal charges of the ions, temperature, whether numbers need a verdict."""
    asked = {"temperature_K": read_recipe(recipe.get_dict()).temperature_K}
    return orm.Dict({"charges": built["charges"], "allow_unqualified": allow_unqualified.value, **asked})


@uncached_calcfunction
def box_settings(settings: orm.Dict, built: orm.Dict, seed: orm.Int, extra_ps: orm.Float) -> orm.Dict:
    """Return the settings of the run that compresses a box and lets it settle, the last stage longer by some time."""
    stages = [dict(stage) for stage in built["stages"]]
    stages[-1]["n_steps"] += round(1000 * extra_ps.value / stages[-1]["timestep_fs"])
    given = {key: built[key] for key in ("cutoff_A", "kspace_accuracy", "thermo_stride")}
    return orm.Dict({**settings.get_dict(), **given, "stages": stages, "seed": seed.value})


@uncached_calcfunction
def production_settings(
    settings: orm.Dict, compression: orm.Dict, production: orm.Dict, equilibrium: orm.Dict, seed: orm.Int
) -> orm.Dict:
    """Return the settings of production at the mean density of equilibrium, all else as in the compression."""
    last, asked = compression["stages"][-1], ProductionSettings(**production.get_dict())
    stages = production_stages(last, equilibrium["means"]["density_g_cm3"]["value"], asked)
    return orm.Dict(
        {**compression.get_dict(), "stages": [asdict(stage) for stage in stages], "seed": seed.value}
        | {"thermo_stride": settings["thermo_stride"]}
        | {"dump_stride": max(1, round(1000 * asked.frame_ps / last["timestep_fs"]))}
    )


@uncached_calcfunction
def with_recipe(settings: orm.Dict, recipe: orm.Dict, seed: orm.Int) -> orm.Dict:
    """Return the settings that build the box of a recipe with a seed of its own."""
    return orm.Dict({**settings.get_dict(), "recipe": {**recipe.get_dict(), "seed": seed.value}})


@uncached_calcfunction
def reduction_settings(settings: orm.Dict, run: orm.Dict, built: orm.Dict) -> orm.Dict:
    """Return the settings that reduce the parts a run has left, ions of several atoms by their centres of mass."""
    chosen = {
        "trajectories": {"r0": run["trajectory"]},
        "molecules": built["molecules"],
        "tracked": list(built["charges"]),
    }
    return orm.Dict({**settings.get_dict(), **chosen})


@uncached_calcfunction
def solvation_settings(settings: orm.Dict, run: orm.Dict, built: orm.Dict) -> orm.Dict:
    """Return the settings that look for the first shells of the cations in the parts a run has left."""
    chosen = {**built["solvation"], "trajectories": {"r0": run["trajectory"]}}
    return orm.Dict({**settings.get_dict(), **chosen})


@uncached_calcfunction
def judge_box(thermo: orm.ArrayData, settings: orm.Dict) -> orm.Dict:
    """Return whether a box has settled: where, its means with errors, or why not."""
    records = {name: thermo.get_array(name) for name in thermo.get_arraynames()}
    return orm.Dict(judge_settling(records, settings["stages"]))


@uncached_calcfunction
def qualify_box(equilibrium: orm.Dict, reduction: orm.Dict) -> orm.Dict:
    """Return the verdict on a box: settled before production, its molecules whole to the end."""
    bonds = reduction.get_dict().get("bonds", {})
    return orm.Dict(qualification_of_box(equilibrium.get_dict(), bonds.get("r0")))


@uncached_calcfunction
def qualify_force_fields(
    recipe: orm.Dict, learning: orm.Dict | None = None, history: orm.Dict | None = None, **members: ForceFieldData
) -> orm.Dict:
    """Return the verdict on force fields: errors on clusters held out, and what the last round of learning sampled."""
    errors = {name: node.base.attributes.get("errors", {}) for name, node in members.items()}
    temperature_K = read_recipe(recipe.get_dict()).temperature_K
    if learning is None or history is None:
        return orm.Dict(judge_force_fields(errors, temperature_K))
    sampled_K = learning.get_dict()["sampling"].get("temperature_K")
    return orm.Dict(judge_force_fields(errors, temperature_K, sampled_K, history["rounds"]))


@uncached_calcfunction
def qualify_street(force_fields: orm.Dict, **boxes: orm.Dict) -> orm.Dict:
    """Return the verdict on what boxes give together, with what every test found."""
    found = {name: node.get_dict() for name, node in sorted(boxes.items())}
    return orm.Dict(judge_street(force_fields.get_dict(), found))


@uncached_calcfunction
def pool_series(**replicas: SeriesData) -> SeriesData:
    """Return the series of several runs of one system as one set, ``m00_r01`` of member ``m00``."""
    series = [
        replace(one, replica=name, member=name.partition("_")[0])
        for name, node in sorted(replicas.items())
        for one in node.get_series()
    ]
    return SeriesData(write_arrays(pack_series(series)))


@uncached_calcfunction
def pool_solvation(**boxes: orm.Dict) -> orm.Dict:
    """Return the first shells of several boxes of one system: means over the boxes with errors."""
    return orm.Dict(pool_shells([node.get_dict() for _, node in sorted(boxes.items())]))


def _depth(fit: orm.Dict) -> int:
    return int(fit.get_dict().get("fit", {}).get("depth", 3))

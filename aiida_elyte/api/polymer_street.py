"""From the words of a command line to the inputs of the polymer street, checked before anything runs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiida_elyte.api.cores import available_cores
from aiida_elyte.api.identifiers import is_identifier
from aiida_elyte.api.recipes import recipe_summary
from aiida_elyte.cli.datasets import load_frames_node
from aiida_elyte.cli.files import named, read_yaml
from aiida_elyte.cli.follow import span
from aiida_elyte.cli.inputs import (
    check_codes,
    check_dataset,
    check_levels,
    check_protocol,
    find_codes,
)
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load
from aiida_elyte.provenance.nodes import load_any
from aiida_elyte.science.electrolyte.boxes import count_molecules, one_of_each
from aiida_elyte.science.electrolyte.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    from aiida.engine import ProcessBuilder

    from aiida_elyte.data.forcefield import ForceFieldData
    from aiida_elyte.data.frames import FramesData

__all__ = ["Request", "build", "describe_plan", "plan_of", "read_recipe_file"]

_ATOM_STEPS_S = 1.15e5
"""Atoms times steps a second of a class-2 box on each core, 12 Å and PPPM: 0.6 ns/day of 33 000 atoms on two."""


@dataclass
class Request:
    """What the user asked for."""

    recipe: Path
    """File of the recipe."""
    labeller: str | None = None
    """Name of the labeller; that of the protocol when left out."""
    protocol: str | None = None
    """Name of the protocol."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """What to change of it."""
    dataset: str | None = None
    """PK or file of labelled clusters."""
    force_fields: tuple[str, ...] = ()
    """PKs, or folders or files that `forcefield fit` wrote, one a member."""
    max_wallclock_s: int | None = None
    """Wall time of each job [s]."""
    codes: Mapping[str, str] = field(default_factory=dict)
    """Role (``python``, ``engine``, or a labeller's name) → label of a code."""


def read_recipe_file(path: Path) -> tuple[dict[str, Any], Recipe]:
    """Return the content of a recipe and the recipe.

    Raises
    ------
    InputError
        If it cannot be read, is not a recipe, or has no salt.
    """
    content = read_yaml(path, "recipe")
    if content is None:
        raise InputError(f"recipe {path} is empty; expected a mapping of keys to values; see examples/recipes")
    with named(str(path)):
        recipe = read_recipe(content)
        count_molecules(recipe)
    if recipe.salt is None:
        raise InputError(f"recipe {path} has no salt; expected one, whose ions carry the current; add `salt:`")
    return content, recipe


def build(request: Request) -> "ProcessBuilder":
    """Return the inputs of ``elyte.polymer``, checked as far as they can be before anything runs; nothing is stored.

    Raises
    ------
    InputError
        For whatever is wrong with them.
    """
    content, recipe = read_recipe_file(request.recipe)

    from aiida_elyte.workflows.forcefield import ForceFieldWorkChain
    from aiida_elyte.workflows.polymer import PolymerWorkChain

    check_protocol(request.protocol, PolymerWorkChain)
    overrides = dict(request.overrides)
    inputs = PolymerWorkChain.get_inputs(request.protocol, overrides, None)
    learning = ForceFieldWorkChain.get_inputs(request.protocol, inputs["learning"], None)
    request = replace(request, labeller=request.labeller or learning["labeller"])
    codes = find_codes(request, {"python": "python@localhost", "engine": "lmp@localhost"})
    try:
        builder = PolymerWorkChain.get_builder_from_protocol(
            codes,
            content,
            labeller=request.labeller,
            protocol=request.protocol,
            overrides=overrides,
            options={"max_wallclock_seconds": request.max_wallclock_s} if request.max_wallclock_s else None,
        )
    except ValueError as error:
        raise InputError(str(error).removeprefix("invalid attribute value ")) from error
    if request.dataset is not None:
        builder.dataset = _load_dataset(request, recipe, builder)
    if request.force_fields:
        builder.force_fields = {f"m{i:02d}": _load(given, recipe) for i, given in enumerate(request.force_fields)}
    labels = {} if request.force_fields else _inputs(builder.learning.label)
    programs = () if recipe.polymer is not None else ("packmol",)
    check_codes(codes, ("torch", "rdkit", "MDAnalysis"), request.labeller, labels, programs)
    return builder


def plan_of(builder: "ProcessBuilder") -> dict[str, Any]:
    """Return what a street would do: labels, boxes, picoseconds, seconds."""
    recipe = read_recipe(builder.recipe.get_dict())
    amounts = count_molecules(recipe)
    learning, clusters = builder.learning.learning.get_dict(), builder.clusters.get_dict()
    stages = builder.box.build["settings"].get_dict()["compression"]
    compression_ps = sum(stages[name] for name in ("push_off_ps", "loose_ps", "compression_ps", "settling_ps"))
    production_ps = builder.box.production.get_dict()["length_ps"]
    steps = 1000 * (compression_ps + production_ps) / stages["timestep_fs"]
    ranks = _ranks(dict(builder.box.md["options"]).get("resources") or {})
    at_once = max(1, min(builder.n_boxes.value, builder.max_in_flight.value, available_cores() // ranks))
    seconds = math.ceil(builder.n_boxes.value / at_once) * steps * amounts.n_atoms / _ATOM_STEPS_S / ranks
    plan: dict[str, Any] = {
        "structure": recipe_summary(recipe, amounts),
        "boxes": builder.n_boxes.value,
        "atoms": amounts.n_atoms,
        "compression_ps": compression_ps,
        "production_ps": production_ps,
        "dynamics_s": seconds,
    }
    if builder.force_fields:
        return plan
    n_clusters = sum(clusters[kind] for kind in ("complex", "contact", "separated", "aggregate"))
    budget = min(learning["label_budget"], learning["max_rounds"] * learning["selection"]["n_select"])
    given = builder.dataset is not None
    labeller = load("labellers", builder.learning.labeller.value)
    return plan | {
        "labels_given": len(builder.dataset) if given else 0,
        "clusters": 0 if given else n_clusters,
        "first_labels": 0 if given else n_clusters * labeller.labels_per_frame(_inputs(builder.label)),
        "later_labels": budget * labeller.labels_per_frame(_inputs(builder.learning.label)),
    }


def describe_plan(plan: Mapping[str, Any]) -> str:
    """Return what a street would do, as of ``plan_of``, as lines of text."""
    lines = []
    if "clusters" in plan:
        first = f"{plan['first_labels']} geometries of {plan['clusters']} clusters"
        if plan["labels_given"]:
            first = f"{plan['labels_given']} given"
        lines.append(f"labels     {first}, and {plan['later_labels']} more at most")
    lengths = f"{plan['compression_ps']:g} ps of compression and settling, {plan['production_ps']:g} ps of production"
    lines += [
        f"boxes      {plan['boxes']} of {plan['atoms']} atoms",
        f"MD         {lengths}, each box",
        f"time       about {span(plan['dynamics_s'])} of LAMMPS on this machine, more where boxes settle slowly",
        "Dry run: nothing was submitted.",
    ]
    return "\n".join(lines)


def _ranks(resources: Mapping[str, Any]) -> int:
    """Return the processes of MPI of each job."""
    total = resources.get("tot_num_mpiprocs")
    return int(total or resources.get("num_machines", 1) * resources.get("num_mpiprocs_per_machine", 1))


def _inputs(namespace: Any) -> dict[str, Any]:
    """Return what a namespace of a builder holds."""
    return dict(namespace._inputs(prune=True)) if hasattr(namespace, "_inputs") else dict(namespace)


def _load_dataset(request: Request, recipe: Recipe, builder: "ProcessBuilder") -> "FramesData":
    """Return the data set, once it is known to be labelled as the rounds will be and to have every type."""
    from aiida_elyte.science.forcefield.dataset import frames_by_name, group_frames
    from aiida_elyte.science.forcefield.model import BONDED, place_types
    from aiida_elyte.science.molecules.typing import assign_types

    name, molecules = str(request.dataset), one_of_each(recipe)
    node = load_frames_node(name)
    check_dataset(node, name, molecules.elements)
    learns = builder.learning.learning["max_rounds"] > 0
    labels = builder.learning.label
    check_levels(node, request, _inputs(labels) if learns else None, "learning")
    depth = builder.learning.ensemble["train"]["settings"].get_dict()["fit"].get("depth", 3)
    try:
        systems = group_frames([members[0] for members in frames_by_name(node.get_frames()).values()], depth=depth)
        for system in systems:
            if system.charges is None:
                raise InputError(f"{system.name} has no charges; expected those of its atoms; label them with charges")
        found = [system.types for system in systems]
        keys = {kind: tuple({key for types in found for key in getattr(types, kind).keys}) for kind in BONDED}
        keys["atoms"] = tuple({(label,) for types in found for label in types.labels})
        place_types(keys, molecules, assign_types(molecules, depth))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    return node


def _load(given: str, recipe: Recipe) -> "ForceFieldData":
    """Return a force field by PK or from a file, once it is known to have every type of the recipe."""
    from aiida_elyte.api.forcefield import load_force_field
    from aiida_elyte.data.forcefield import ForceFieldData
    from aiida_elyte.science.forcefield.model import place_types
    from aiida_elyte.science.molecules.typing import assign_types

    is_folder = Path(given).exists() or not is_identifier(given)
    node = ForceFieldData(load_force_field(given).force_field.to_json()) if is_folder else load_any(given)
    if not isinstance(node, ForceFieldData):
        raise InputError(f"--forcefield {given} is {type(node).__name__}; expected a force field; give its PK or DIR")
    force_field = node.get_force_field()
    molecules = one_of_each(recipe)
    with named(f"--forcefield {given}"):
        place_types(force_field.keys, molecules, assign_types(molecules, force_field.depth))
    if force_field.charge_scale != recipe.charge_scale:
        raise InputError(
            f"charge_scale is {recipe.charge_scale:g}, {given} was fitted with {force_field.charge_scale:g}; expected "
            "the same; fit it anew, or change charge_scale of the recipe"
        )
    return node

"""The polymer street: from a recipe to ionic conductivity and transference numbers; planned, priced, launched."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiida_elyte.api.cores import available_cores
from aiida_elyte.api.files import named, read_yaml
from aiida_elyte.api.identifiers import names_file
from aiida_elyte.api.overrides import read_overrides
from aiida_elyte.api.recipes import recipe_summary
from aiida_elyte.api.streets import Launch, launch
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load
from aiida_elyte.science.electrolyte.boxes import Amounts, count_molecules, one_of_each
from aiida_elyte.science.electrolyte.recipe import Recipe, read_recipe
from aiida_elyte.science.learning.ensemble import member_name

if TYPE_CHECKING:
    from aiida import orm

    from aiida_elyte.api.labels import FrameSource
    from aiida_elyte.data.forcefield import ForceFieldData

__all__ = ["PolymerLaunch", "PolymerPlan", "PolymerRecipe", "launch_polymer", "plan_polymer", "read_polymer_recipe"]

_ATOM_STEPS_S = 1.15e5
"""Atoms times steps a second of a class-2 box on each core, 12 Å and PPPM: 0.6 ns/day of 33 000 atoms on two."""


@dataclass(frozen=True)
class PolymerRecipe:
    """A recipe whose ions carry a current."""

    content: Mapping[str, Any]
    """What its file holds."""
    recipe: Recipe
    """The recipe."""
    amounts: Amounts
    """Numbers of chains, molecules and atoms of a box."""


@dataclass(frozen=True)
class PolymerPlan:
    """The work of a polymer street."""

    structure: Mapping[str, Any]
    """What a box is made of, as of ``recipe_summary``."""
    boxes: int
    """Boxes [1]."""
    atoms: int
    """Atoms of each [1]."""
    compression_ps: float
    """Dynamics of each until it has settled [ps]."""
    production_ps: float
    """Dynamics of each that is analysed [ps]."""
    dynamics_s: float
    """Wall time of LAMMPS on the cores of this machine [s]."""
    labels: Mapping[str, int] | None
    """``labels_given``, ``clusters``, ``first_labels``, ``later_labels`` at most; ``None`` with force fields."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, with units in the keys."""
        return {name: value for name, value in vars(self).items() if name != "labels"} | dict(self.labels or {})


@dataclass(frozen=True, kw_only=True)
class PolymerLaunch(Launch):
    """A polymer street with its recipe, its work and what that costs."""

    recipe: PolymerRecipe
    """The recipe."""

    @cached_property
    def plan(self) -> PolymerPlan:
        """Its work and what that costs: labels, boxes, picoseconds, seconds."""
        return _plan(self.recipe, self.builder)

    def describe(self) -> dict[str, Any]:
        """Return the plan as plain values, with units in the keys."""
        return self.plan.as_dict()


def launch_polymer(
    recipe: str | Path | Mapping[str, Any] | PolymerRecipe,
    *,
    dry_run: bool = False,
    run: bool = False,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> PolymerLaunch:
    """Take a recipe to ionic conductivity and transference numbers: labels, force field, boxes, transport.

    The street is submitted, or an earlier run of it found, as of ``launch_crystal``.

    Parameters
    ----------
    recipe, **options
        As of ``plan_polymer``.
    dry_run, run, force, progress
        As of ``launch_crystal``; ``plan`` of what a dry run returns says what the street would do and cost.

    Raises
    ------
    InputError
        If something is missing or does not fit.
    """
    street = plan_polymer(recipe, **options)
    return street if dry_run else launch(street, run=run, force=force, progress=progress)


def read_polymer_recipe(source: str | Path | Mapping[str, Any]) -> PolymerRecipe:
    """Return a recipe with salt from its YAML file, or from the content of one.

    Raises
    ------
    InputError
        If it cannot be read, is not a recipe, or has no salt.
    """
    name = "recipe" if isinstance(source, Mapping) else f"recipe {source}"
    content = source if isinstance(source, Mapping) else read_yaml(Path(source), "recipe")
    if content is None:
        raise InputError(f"{name} is empty; expected a mapping of keys to values; see examples/recipes")
    with named(name.removeprefix("recipe ")):
        recipe = read_recipe(content)
        amounts = count_molecules(recipe)
    if recipe.salt is None:
        raise InputError(f"{name} has no salt; expected one, whose ions carry the current; add `salt:`")
    return PolymerRecipe(content, recipe, amounts)


def plan_polymer(
    recipe: str | Path | Mapping[str, Any] | PolymerRecipe,
    *,
    labeller: str | None = None,
    protocol: str | None = None,
    overrides: Mapping[str, Any] | str | Path | None = None,
    dataset: "FrameSource | orm.Node | None" = None,
    force_fields: "Sequence[str | Path | orm.Node]" = (),
    codes: Mapping[str, str] | None = None,
    max_wallclock_s: int | None = None,
    allow_unqualified: bool = False,
) -> PolymerLaunch:
    """Check that a street can be launched, as far as that is known before anything runs; nothing is stored.

    Parameters
    ----------
    recipe
        YAML file of the recipe, or its content.
    labeller, protocol, overrides, max_wallclock_s
        As of ``plan_crystal``.
    dataset
        Labelled clusters to start with, instead of new ones: a file, frames, PK or node.
    force_fields
        Force fields to run with, instead of fitted ones, one a member: folders, PKs or nodes.
    codes
        Role (``python``, ``engine``, or a labeller's name) → label of a code.
    allow_unqualified
        Whether numbers are stated whatever the verdict on what they stand on; the verdict goes with them.

    Raises
    ------
    InputError
        If something is missing or does not fit.
    """
    asked = recipe if isinstance(recipe, PolymerRecipe) else read_polymer_recipe(recipe)

    from aiida_elyte.api.profile import ensure_profile

    ensure_profile()
    from aiida_elyte.api.street_inputs import (
        find_street_codes,
        require_protocol,
        require_runnable_codes,
        wall_time,
    )
    from aiida_elyte.calculations.analyse_solvation import AnalyseSolvationCalculation
    from aiida_elyte.workflows.forcefield import ForceFieldWorkChain
    from aiida_elyte.workflows.polymer import PolymerWorkChain

    require_protocol(protocol, PolymerWorkChain)
    changes = read_overrides(overrides)
    inputs = PolymerWorkChain.get_inputs(protocol, changes, None)
    learning = ForceFieldWorkChain.get_inputs(protocol, inputs["learning"], None)
    name = labeller or str(learning["labeller"])
    roles = find_street_codes(codes or {}, name, {"python": "python@localhost", "engine": "lmp@localhost"})
    try:
        builder: Any = PolymerWorkChain.get_builder_from_protocol(
            roles,
            dict(asked.content),
            labeller=name,
            protocol=protocol,
            overrides=changes,
            options=wall_time(max_wallclock_s),
            allow_unqualified=allow_unqualified,
        )
    except ValueError as error:
        raise InputError(str(error).removeprefix("invalid attribute value ")) from error
    if dataset is not None:
        builder.dataset = _find_clusters(dataset, asked.recipe, builder, name)
    if force_fields:
        found = [_find_force_field(given, asked.recipe) for given in force_fields]
        builder.force_fields = {member_name(index): node for index, node in enumerate(found)}
    labels = {} if force_fields else _inputs(builder.learning.label)
    programs = () if asked.recipe.polymer is not None else ("packmol",)
    trainer = load("trainers", builder.learning.ensemble["trainer"].value)
    needs = (*trainer.needs, *AnalyseSolvationCalculation.PROGRAM.needs)
    require_runnable_codes(roles, needs, name, labels, programs)
    return PolymerLaunch(recipe=asked, builder=builder)


def _find_clusters(source: "FrameSource | orm.Node", recipe: Recipe, builder: Any, labeller: str) -> "orm.Node":
    """Return labelled clusters, of the level of the labels to come, which have every type of the recipe."""
    from aiida_elyte.api.street_inputs import find_dataset, require_level_of_labels
    from aiida_elyte.science.forcefield.dataset import frames_by_name, group_frames
    from aiida_elyte.science.forcefield.model import BONDED, place_types
    from aiida_elyte.science.molecules.typing import assign_types

    molecules = one_of_each(recipe)
    node, name = find_dataset(source, molecules.elements)
    learns = builder.learning.learning["max_rounds"] > 0
    labels = _inputs(builder.learning.label) if learns else None
    require_level_of_labels(node, name, labeller, labels, "learning")
    depth = builder.learning.ensemble["train"]["settings"].get_dict()["fit"].get("depth", 3)
    with named(name):
        systems = group_frames([members[0] for members in frames_by_name(node.get_frames()).values()], depth=depth)
        for system in systems:
            if system.charges is None:
                raise InputError(f"{system.name} has no charges; expected those of its atoms; label them with charges")
        found = [system.types for system in systems]
        keys = {kind: tuple({key for types in found for key in getattr(types, kind).keys}) for kind in BONDED}
        keys["atoms"] = tuple({(label,) for types in found for label in types.labels})
        place_types(keys, molecules, assign_types(molecules, depth))
    return node


def _find_force_field(given: "str | Path | orm.Node", recipe: Recipe) -> "ForceFieldData":
    """Return a force field that has every type of the recipe, and scales its charges alike."""
    from aiida_elyte.api.forcefield import load_force_field
    from aiida_elyte.data.forcefield import ForceFieldData
    from aiida_elyte.provenance.nodes import load_any
    from aiida_elyte.science.forcefield.model import place_types
    from aiida_elyte.science.molecules.typing import assign_types

    node: Any = given
    if isinstance(given, str | Path):
        is_file = names_file(given)
        node = ForceFieldData(load_force_field(given).force_field.to_json()) if is_file else load_any(str(given))
    if not isinstance(node, ForceFieldData):
        raise InputError(f"`force_fields` {given} is {type(node).__name__}; expected a force field; give its PK or DIR")
    force_field = node.get_force_field()
    molecules = one_of_each(recipe)
    with named(f"`force_fields` {given}"):
        place_types(force_field.keys, molecules, assign_types(molecules, force_field.depth))
    if force_field.charge_scale != recipe.charge_scale:
        raise InputError(
            f"charge_scale is {recipe.charge_scale:g}, {given} was fitted with {force_field.charge_scale:g}; expected "
            "the same; fit it anew, or change charge_scale of the recipe"
        )
    return node


def _plan(asked: PolymerRecipe, builder: Any) -> PolymerPlan:
    """Return what a street would do: labels, boxes, picoseconds, seconds."""
    n_boxes, n_atoms = builder.n_boxes.value, asked.amounts.n_atoms
    stages = builder.box.build["settings"].get_dict()["compression"]
    compression_ps = sum(stages[name] for name in ("push_off_ps", "loose_ps", "compression_ps", "settling_ps"))
    production_ps = builder.box.production.get_dict()["length_ps"]
    steps = 1000 * (compression_ps + production_ps) / stages["timestep_fs"]
    ranks = _ranks(dict(builder.box.md["options"]).get("resources") or {})
    at_once = max(1, min(n_boxes, builder.max_in_flight.value, available_cores() // ranks))
    return PolymerPlan(
        structure=recipe_summary(asked.recipe, asked.amounts),
        boxes=n_boxes,
        atoms=n_atoms,
        compression_ps=compression_ps,
        production_ps=production_ps,
        dynamics_s=math.ceil(n_boxes / at_once) * steps * n_atoms / _ATOM_STEPS_S / ranks,
        labels=None if builder.force_fields else _count_labels(builder),
    )


def _count_labels(builder: Any) -> dict[str, int]:
    """Return how many clusters are made, and how many geometries are labelled at first and at most later."""
    learning, clusters = builder.learning.learning.get_dict(), builder.clusters.get_dict()
    given = builder.dataset is not None
    n_clusters = 0 if given else sum(clusters[kind] for kind in ("complex", "contact", "separated", "aggregate"))
    budget = min(learning["label_budget"], learning["max_rounds"] * learning["selection"]["n_select"])
    labeller = load("labellers", builder.learning.labeller.value)
    return {
        "labels_given": len(builder.dataset) if given else 0,
        "clusters": n_clusters,
        "first_labels": n_clusters * labeller.labels_per_frame(_inputs(builder.label)),
        "later_labels": budget * labeller.labels_per_frame(_inputs(builder.learning.label)),
    }


def _ranks(resources: Mapping[str, Any]) -> int:
    """Return the processes of MPI of each job."""
    total = resources.get("tot_num_mpiprocs")
    return int(total or resources.get("num_machines", 1) * resources.get("num_mpiprocs_per_machine", 1))


def _inputs(namespace: Any) -> dict[str, Any]:
    """Return what a namespace of a builder holds."""
    return dict(namespace._inputs(prune=True)) if hasattr(namespace, "_inputs") else dict(namespace)

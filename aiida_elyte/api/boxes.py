"""Periodic boxes of polymers, liquids and salt: from a recipe to a loose box, and on to one that LAMMPS compressed."""

import io
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from ase import Atoms
from ase.io import write

from aiida_elyte.api.compression import Equilibration, LammpsRun, assess_equilibrium, run_stages, write_runs
from aiida_elyte.api.engines import find_lammps
from aiida_elyte.api.files import check_outputs, named, read_json, read_yaml, write_files
from aiida_elyte.api.forcefield import FittedForceField, load_force_field
from aiida_elyte.errors import InputError, suggest
from aiida_elyte.science.electrolyte.boxes import (
    Amounts,
    count_molecules,
    loose_density,
    one_of_each,
    pack_box,
    topology_of_box,
)
from aiida_elyte.science.electrolyte.packing import PackedBox
from aiida_elyte.science.electrolyte.recipe import Recipe, read_recipe
from aiida_elyte.science.forcefield.model import ForceField, place_types
from aiida_elyte.science.frames import read_frames
from aiida_elyte.science.lammps.compression import Compression, compression_stages, schedule_rows
from aiida_elyte.science.lammps.stages import Stage
from aiida_elyte.science.molecules.typing import assign_types
from aiida_elyte.science.settings import check_between

__all__ = ["BOX_FILE", "STATES", "BoxPlan", "BuiltBox", "build_box", "plan_box"]

BOX_FILE = "box.extxyz"
_RECORD = "box.json"
STATES = ("loose", "push_off", "compressed")
"""How far a box is built."""


@dataclass(frozen=True)
class BoxPlan:
    """A box that can be built: everything it needs was found and fits together."""

    recipe: Recipe
    """The recipe."""
    amounts: Amounts
    """Numbers of chains, molecules and atoms."""
    density_g_cm3: float
    """Density of the loose box [g/cm³]."""
    settings: Compression
    """Settings of the compression."""
    force_field: ForceField | None = None
    """What its molecules feel; none where only the geometry is wanted."""
    until: str = "loose"
    """One of ``STATES``."""
    engine: str | None = None
    """Shell script that starts LAMMPS; ``None`` where nothing is run."""
    flags: tuple[str, ...] = ()
    """Words for the command line of LAMMPS."""

    @property
    def stages(self) -> list[Stage]:
        """Stages of push-off and compression."""
        return compression_stages(self.recipe.temperature_K, self.recipe.pressure_bar, self.settings)

    @property
    def schedule(self) -> list[list[str]]:
        """Rows of a table of the stages, the first its headings."""
        return schedule_rows(self.stages)

    def pack(self, folder: Path) -> PackedBox:
        """Pack the loose box and write it, or read it where it was packed.

        Raises
        ------
        InputError
            If no place is found for a molecule, or the folder holds the box of another recipe.
        """
        record = {"recipe": asdict(self.recipe), "density_g_cm3": self.density_g_cm3, "amounts": asdict(self.amounts)}
        record = json.loads(json.dumps(record))
        if not (folder / _RECORD).exists():
            check_outputs([folder / BOX_FILE, folder / _RECORD])
            box = pack_box(self.recipe, self.amounts, self.density_g_cm3)
            text = io.StringIO()
            write(text, _as_atoms(box), format="extxyz")
            write_files({folder / BOX_FILE: text.getvalue(), folder / _RECORD: json.dumps(record, indent=1) + "\n"})
        elif read_json(folder / _RECORD, "record of the box") != record:
            raise InputError(f"{folder} holds the box of another recipe; expected an empty folder; give another `out`")
        topology = topology_of_box(self.recipe, self.amounts)
        atoms, *others = read_frames(folder / BOX_FILE)  # as the file rounds them, so that the next call has the same
        if others or tuple(atoms.symbols) != topology.elements:
            raise InputError(
                f"{folder / BOX_FILE} has other atoms than its recipe; expected a whole box; remove it "
                f"and {_RECORD}, to pack it anew"
            )
        return PackedBox(atoms.positions, np.array(atoms.cell), topology)

    def write_inputs(self, box: PackedBox, folder: Path) -> None:
        """Write the inputs of LAMMPS for the compression, if there is a force field.

        Raises
        ------
        InputError
            If a run in the folder began with other settings.
        """
        if self.force_field is not None:
            write_runs(self.recipe, self.settings, self.flags, self.force_field, box, folder)

    def run(self, folder: Path, progress: Callable[[str], None] | None = None) -> Iterator[LammpsRun]:
        """Run LAMMPS as far as ``until`` says, from where it stopped; yield each run at its end.

        Raises
        ------
        ElyteError
            If a run fails.
        """
        if self.engine is not None:
            yield from run_stages(folder, self.engine, is_compressed=self.until == "compressed", progress=progress)


@dataclass(frozen=True)
class BuiltBox:
    """A box in its folder."""

    plan: BoxPlan
    """What it was made from."""
    box: PackedBox
    """The loose box: positions and cell [Å], molecules."""
    runs: tuple[LammpsRun, ...]
    """Runs of LAMMPS that came to their end."""
    equilibration: Equilibration | None
    """Whether it has settled; ``None`` where it was not compressed."""

    @property
    def atoms(self) -> Atoms:
        """The loose box as atoms, with the number of its molecule as the array ``molecule``."""
        return _as_atoms(self.box)


def build_box(
    recipe: str | Path | Mapping[str, Any],
    force_field: FittedForceField | ForceField | str | Path | None = None,
    *,
    folder: str | Path,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> BuiltBox:
    """Build the box of a recipe, write the inputs of LAMMPS for its compression, and run them as far as asked.

    Called again, it goes on where it stopped.

    Parameters
    ----------
    recipe, force_field, **options
        As of ``plan_box``.
    folder
        Where the box is kept.
    progress
        Called with a sentence as each stage begins.

    Raises
    ------
    InputError
        If the recipe, the force field, LAMMPS or the folder cannot be used.
    ElyteError
        If a run fails.
    """
    plan, folder = plan_box(recipe, force_field, **options), Path(folder)
    box = plan.pack(folder)
    plan.write_inputs(box, folder)
    runs = tuple(plan.run(folder, progress))
    settled = assess_equilibrium(folder) if plan.until == "compressed" else None
    return BuiltBox(plan, box, runs, settled)


def plan_box(
    recipe: str | Path | Mapping[str, Any],
    force_field: FittedForceField | ForceField | str | Path | None = None,
    *,
    until: str = "loose",
    protocol: str = "balanced",
    changes: Mapping[str, float] | None = None,
    lmp: str = "lmp",
    processes: int = 1,
    flags: str | Sequence[str] = (),
    density_g_cm3: float | None = None,
) -> BoxPlan:
    """Check that a box can be built, before anything is.

    Parameters
    ----------
    recipe
        The content of a recipe, or its YAML file.
    force_field
        What ``fit_force_field`` returned, or its folder; without it there is only a geometry.
    until
        ``loose``, ``push_off`` or ``compressed``.
    protocol
        ``fast``, ``balanced`` or ``stringent``: lengths and strengths of the compression.
    changes
        Numbers of the protocol to change, as ``{"settling_ps": 120}``.
    lmp, processes
        LAMMPS with the package CLASS2, and its MPI processes.
    flags
        Words for its command line, as ``"-sf omp -pk omp 2"``.
    density_g_cm3
        Density of the loose box [g/cm³]; 0.2, of liquids 0.8, if it is not given.

    Raises
    ------
    InputError
        If something cannot be used, or does not fit.
    """
    if until not in STATES:
        raise InputError(f"until is {until!r}; expected one of {', '.join(STATES)}{suggest(until, STATES)}")
    asked, amounts = _read_recipe(recipe)
    settings = _read_protocol(protocol, changes or {})
    if until != "loose" and force_field is None:
        raise InputError(
            f"`until` is {until!r}, which needs a force field; expected one; give `force_field`, or take `until` loose"
        )
    engine = None if until == "loose" else find_lammps(lmp, processes)
    model = None if force_field is None else _read_force_field(force_field, asked)
    words = tuple(shlex.split(flags) if isinstance(flags, str) else flags)
    if density_g_cm3 is not None:
        check_between("density_g_cm3", density_g_cm3, 1e-3, 30.0, "a positive number, in g/cm³,")
    density = loose_density(asked) if density_g_cm3 is None else density_g_cm3
    return BoxPlan(asked, amounts, density, settings, model, until, engine, words)


def _read_recipe(recipe: str | Path | Mapping[str, Any]) -> tuple[Recipe, Amounts]:
    if isinstance(recipe, Mapping):
        found = read_recipe(recipe)
        return found, count_molecules(found)
    with named(str(recipe)):
        found = read_recipe(read_yaml(Path(recipe), "recipe"))
        return found, count_molecules(found)


def _read_protocol(name: str, changes: Mapping[str, float]) -> Compression:
    """Return the settings of a protocol, with what the user changes."""
    content = yaml.safe_load((files("aiida_elyte") / "workflows" / "protocols" / "compression.yaml").read_text())
    protocols, known = content["protocols"], [each.name for each in fields(Compression)]
    if name not in protocols:
        raise InputError(f"protocol is {name!r}; expected one of {', '.join(protocols)}{suggest(name, protocols)}")
    for key in changes:
        if key not in known:
            raise InputError(
                f"`changes` {key}={changes[key]:g} names no setting; expected one of {', '.join(known)}"
                f"{suggest(key, known)}"
            )
    own = {key: value for key, value in protocols[name].items() if key != "description"}
    return Compression(**{**content["default_inputs"], **own, **changes})


def _read_force_field(given: FittedForceField | ForceField | str | Path, recipe: Recipe) -> ForceField:
    """Return a force field that fits a recipe: it knows its molecules and scales their charges alike."""
    molecules = one_of_each(recipe)
    fitted = load_force_field(given) if isinstance(given, str | Path) else given
    model = fitted.force_field if isinstance(fitted, FittedForceField) else fitted
    if model.charge_scale != recipe.charge_scale:
        raise InputError(
            f"charge_scale is {recipe.charge_scale:g}, the force field was fitted with {model.charge_scale:g}; "
            f"expected the same; fit with charge scale {recipe.charge_scale:g}, or change charge_scale of the recipe"
        )
    place_types(model.keys, molecules, assign_types(molecules, model.depth))
    return model


def _as_atoms(box: PackedBox) -> Atoms:
    atoms = Atoms(box.topology.elements, box.positions, cell=box.cell, pbc=True)
    atoms.arrays["molecule"] = box.topology.molecules
    return atoms

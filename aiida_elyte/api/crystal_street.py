"""The crystal street: from a crystal to its ionic conductivity; planned, priced, launched."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from aiida_elyte.api.cores import available_cores
from aiida_elyte.api.overrides import read_overrides
from aiida_elyte.api.streets import Launch, launch
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import configure_all, load
from aiida_elyte.science.cost import Cost, Plan, estimate_cost
from aiida_elyte.science.crystal import check_structure, require_charges, require_temperatures
from aiida_elyte.science.crystal_files.read import read_crystal
from aiida_elyte.science.crystal_files.record import CrystalFile
from aiida_elyte.science.crystal_files.summary import describe_crystal
from aiida_elyte.science.dynamics.extension import read_length
from aiida_elyte.science.learning.ensemble import member_name
from aiida_elyte.science.qualification.conditions import read_conditions
from aiida_elyte.science.seeds.kind import make_seeds
from aiida_elyte.science.structure.supercell import Supercell, choose_supercell

if TYPE_CHECKING:
    from aiida import orm

    from aiida_elyte.api.labels import FrameSource

__all__ = ["CrystalLaunch", "check_crystal", "launch_crystal", "plan_crystal"]


@dataclass(frozen=True, kw_only=True)
class CrystalLaunch(Launch):
    """A crystal street with its crystal, its work and what that costs."""

    crystal: CrystalFile
    """What was read of the crystal."""

    @cached_property
    def plan(self) -> Plan:
        """Its work: labels, rounds, trainings, steps."""
        return _plan(self.builder)

    @cached_property
    def cost(self) -> Cost:
        """What that costs at most."""
        return estimate_cost(self.plan)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What will make its results doubtful, a sentence each."""
        return tuple(_warnings(self.builder))

    def describe(self) -> dict[str, Any]:
        """Return cost, structure and warnings as plain values, with units in the keys."""
        structure = describe_crystal(self.crystal)
        return asdict(self.cost) | {
            "seconds": self.cost.seconds,
            "structure": structure,
            "warnings": list(self.warnings),
        }


def launch_crystal(
    structure: str | Path | Atoms | CrystalFile,
    *,
    charges: Mapping[str, float],
    dry_run: bool = False,
    run: bool = False,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> CrystalLaunch:
    """Take a crystal to its ionic conductivity: labels, potentials, dynamics, transport.

    The street is submitted to the daemon, which is started where none runs, and the call returns at once; ``status``
    says where it is. If a run of the same inputs has finished well or is under way, it is returned.

    Parameters
    ----------
    structure, charges, **options
        As of ``plan_crystal``.
    dry_run
        Check everything and submit nothing; ``cost`` of what is returned says what it would cost.
    run
        Compute in this process, without the daemon, and return at the end.
    force
        Compute again what is there already.
    progress
        Called with a sentence as something happens.

    Raises
    ------
    InputError
        If something is missing or does not fit.
    """
    street = plan_crystal(structure, charges=charges, **options)
    return street if dry_run else launch(street, run=run, force=force, progress=progress)


def check_crystal(
    structure: str | Path | Atoms | CrystalFile,
    charges: Mapping[str, float],
    temperatures_K: Sequence[float] = (),
    labeller: str | None = None,
) -> CrystalFile:
    """Return the crystal, once all that needs no AiiDA profile was checked; parameters as of ``plan_crystal``.

    Raises
    ------
    InputError
        If the structure is not an ordered crystal, charges or temperatures do not fit, or the labeller is unknown.
    """
    if isinstance(structure, str | Path):
        found = read_crystal(structure, is_ordered=True)
    elif isinstance(structure, Atoms):
        check_structure(structure, "the structure")
        plain = Atoms(numbers=structure.numbers, positions=structure.positions, cell=structure.cell, pbc=True)
        found = CrystalFile(plain, np.ones(len(plain)))
    else:
        found = structure
    if not charges:
        raise InputError("`charges` is missing; expected the charge of each mobile species in e; add e.g. Li=1")
    require_charges(found.atoms, charges)
    if temperatures_K:
        require_temperatures(list(temperatures_K), "`temperatures_K`")
    if labeller is not None:
        load("labellers", labeller)
    return found


def plan_crystal(
    structure: str | Path | Atoms | CrystalFile,
    *,
    charges: Mapping[str, float],
    temperatures_K: Sequence[float] = (),
    labeller: str | None = None,
    protocol: str | None = None,
    overrides: Mapping[str, Any] | str | Path | None = None,
    dataset: "FrameSource | orm.Node | None" = None,
    potentials: "str | Path | orm.Node | None" = None,
    pseudo_family: str | None = None,
    teacher: str | None = None,
    codes: Mapping[str, str] | None = None,
    max_wallclock_s: int | None = None,
    citation: str = "",
    allow_unqualified: bool = False,
) -> CrystalLaunch:
    """Check that a street can be launched, as far as that is known before anything runs; nothing is stored.

    Parameters
    ----------
    structure
        File of the crystal (CIF, POSCAR, extxyz, …), or the crystal; every site fully occupied.
    charges
        Charge of each mobile species [e], as ``{"Li": 1}``.
    temperatures_K
        Temperatures of production [K]; those of the protocol if none are given.
    labeller
        Name of the labeller; that of the protocol if it is not given.
    protocol
        ``fast``, ``balanced`` or ``stringent``.
    overrides
        What to change of the protocol, or the YAML file that says so.
    dataset
        Labelled frames to start with, instead of seeds: a file, frames, PK or node.
    potentials
        Potentials to start with, instead of a first training: a folder, PK or node, or the name of a pretrained one.
        With ``max_rounds: 0`` of learning they are taken as they are: nothing is labelled, and a data set only serves
        their tests.
    pseudo_family
        Pseudopotential family of a labeller that has any.
    teacher
        Potential of a labeller that labels with one: a PK, a UUID, a file, or the name of a pretrained one.
    codes
        Role (``python``, or a labeller's name) → label of a code.
    max_wallclock_s
        Wall time of each job [s].
    citation
        Where the structure was published; the report names it.
    allow_unqualified
        Whether numbers are stated whatever the verdict on what they stand on; the verdict goes with them.

    Raises
    ------
    InputError
        If something is missing or does not fit.
    """
    found = check_crystal(structure, charges, temperatures_K, labeller)

    from aiida_elyte.api.profile import ensure_profile

    ensure_profile()
    from aiida import orm

    from aiida_elyte.api.codes import check_runnable
    from aiida_elyte.api.street_inputs import (
        find_street_codes,
        require_protocol,
        require_runnable_codes,
        wall_time,
    )
    from aiida_elyte.calculations.md import MdCalculation
    from aiida_elyte.data.frames import FramesData
    from aiida_elyte.workflows.active_learning import ActiveLearningWorkChain
    from aiida_elyte.workflows.crystal import CrystalWorkChain, has_to_learn
    from aiida_elyte.workflows.protocols import recursive_merge

    require_protocol(protocol, CrystalWorkChain)
    atoms, changes = found.atoms, read_overrides(overrides)
    inputs = CrystalWorkChain.get_inputs(protocol, changes, None)
    learning = ActiveLearningWorkChain.get_inputs(protocol, inputs["active_learning"], None)
    name = labeller or str(learning["labeller"])
    door = load("labellers", name)
    for option, chosen, overrides_of, what in (
        ("pseudo_family", pseudo_family, door.pseudo_family_overrides, "has no pseudopotentials"),
        ("teacher", teacher, door.potential_overrides, "does not label with a potential"),
    ):
        if chosen is None:
            continue
        chosen_overrides = overrides_of(chosen)
        if chosen_overrides is None:
            raise InputError(
                f"`{option}` is given, but the labeller {name!r} {what}; expected one that does; leave it out"
            )
        changes = recursive_merge(changes, {"active_learning": {"label": {name: chosen_overrides}}})
    roles, options = find_street_codes(codes or {}, name, {"python": "python@localhost"}), wall_time(max_wallclock_s)

    # A labeller which looks up what it needs for each element, as pseudopotentials, rejects the missing here.
    seed = atoms.copy()
    seed.info = {"origin": "structure#0"}
    labels = door.get_builder_from_protocol(
        door.pick_code(name, roles),
        frames=FramesData([seed]),
        protocol=protocol,
        overrides=changes.get("active_learning", {}).get("label", {}).get(name),
        options=options,
    )._inputs(prune=True)
    try:
        builder: Any = CrystalWorkChain.get_builder_from_protocol(
            roles,
            orm.StructureData(ase=atoms, description=citation),
            dict(charges),
            list(temperatures_K) or None,
            labeller=name,
            protocol=protocol,
            overrides=changes,
            options=options,
            allow_unqualified=allow_unqualified,
        )
    except ValueError as error:
        raise InputError(str(error).removeprefix("invalid attribute value ")) from error
    symbols = atoms.get_chemical_symbols()
    settings = builder.active_learning.learning.get_dict()
    learns, modules = settings["max_rounds"] > 0, set[str]()
    if potentials is not None:
        builder.potentials = _find_members(potentials, symbols, settings["selection"]["selector"] if learns else None)
        modules = {module for node in builder.potentials.values() for module in load("families", node.family).modules}
    if dataset is not None:
        builder.dataset = _find_dataset(dataset, builder, symbols, name, labels if learns else None)
    _production_cell(builder)  # rejects one of too many atoms
    if (invalid := CrystalWorkChain.spec().inputs.validate(builder._inputs(prune=True))) is not None:
        raise InputError(invalid.message)
    if not has_to_learn(builder.potentials or {}, settings):
        check_runnable(roles["python"], (*MdCalculation.PROGRAM.needs, *sorted(modules)))
        return CrystalLaunch(crystal=found, builder=builder)
    if (learns or dataset is None) and (lacks := door.validate_elements(labels, symbols)) is not None:
        raise InputError(lacks)
    trainer = load("trainers", builder.active_learning.ensemble["trainer"].value)
    needs = dict.fromkeys((*trainer.needs, *MdCalculation.PROGRAM.needs, *sorted(modules)))
    require_runnable_codes(roles, tuple(needs), name, labels)
    return CrystalLaunch(crystal=found, builder=builder)


def _find_dataset(
    source: "FrameSource | orm.Node",
    builder: Any,
    symbols: Sequence[str],
    labeller: str,
    labels: Mapping[str, Any] | None,
) -> "orm.Node":
    """Return the labelled frames to start with, of the level of the labels to come unless levels may mix."""
    from aiida_elyte.api.street_inputs import find_dataset, require_level_of_labels

    node, name = find_dataset(source, symbols)
    train = dict(builder.active_learning.ensemble["train"]).get("settings")
    if train is None or not train.get_dict().get("allow_mixed_levels"):
        require_level_of_labels(node, name, labeller, labels, "active_learning")
    return node


def _find_members(
    source: "str | Path | orm.Node", symbols: Sequence[str], selector: str | None
) -> "Mapping[str, orm.Node]":
    """Return the potentials to start with, which know every element, and will do for the selector of a round."""
    from aiida_elyte.api.potentials import find_potentials
    from aiida_elyte.api.street_inputs import require_all_elements
    from aiida_elyte.workflows.learning_checks import validate_committee

    members = find_potentials(source)
    for member, node in members.items():
        require_all_elements(node, f"{source} ({member})", symbols, "has not learned")
    if selector is not None and (sentence := validate_committee(len(members), selector)) is not None:
        raise InputError(f"{source} holds one potential: {sentence}")
    return members


def _plan(builder: Any) -> Plan:
    """Return the work of a street."""
    from aiida_elyte.workflows.crystal import has_to_learn

    atoms = builder.structure.get_ase()
    learning = builder.active_learning.learning.get_dict()
    train = builder.active_learning.ensemble["train"]["settings"].get_dict()
    conditions = builder.conductivity.conditions.get_dict()
    n_seeds, members = 0, dict(builder.potentials or {})
    learns = has_to_learn(members, learning)
    if builder.dataset is None and learns:
        kinds = configure_all("seeds", builder.seeds.get_dict(), "seeds")
        n_seeds = sum(len(make_seeds(name, kind, atoms)) for name, kind in kinds.items())
    sampling = learning["sampling"]
    runs = len(conditions["temperatures_K"]) * conditions["n_replicas"]
    length = read_length(conditions)
    n_steps = conditions["n_steps"]
    if length.target_relative_error is not None:
        n_steps = max(n_steps, length.max_steps or 0)
    labels = builder.active_learning._inputs(prune=True)["label"]
    return Plan(
        n_atoms=len(atoms),
        n_atoms_production=_production_cell(builder).n_atoms,
        n_seeds=n_seeds,
        label_budget=min(learning["label_budget"], learning["max_rounds"] * learning["selection"]["n_select"]),
        n_rounds=learning["max_rounds"],
        n_members=len(members) or builder.active_learning.ensemble["n_members"].value,
        n_known=len(builder.dataset) if builder.dataset is not None and learns else 0,
        epochs_first=0 if members else train["max_epochs"],
        epochs_again=learning["retraining"].get("max_epochs", train["max_epochs"]),
        rates=load("trainers", builder.active_learning.ensemble["trainer"].value).rates(train),
        sampling_steps=sampling["n_replicas"]
        * (sampling["n_steps"] + _start_steps(builder.active_learning.sample, sampling)),
        production_steps=runs * (n_steps + _start_steps(builder.conductivity.md, conditions)),
        trajectory_frames=runs * n_steps // (conditions.get("trajectory_stride") or n_steps),
        label_s=load("labellers", builder.active_learning.labeller.value).seconds(labels, len(atoms)),
        cores=available_cores(),
        qualification_steps=_qualification_steps(builder),
        n_atoms_qualification=len(atoms) * _cells_of_qualification(builder),
    )


def _qualification_steps(builder: Any) -> int:
    """Return the steps of one qualification, all runs and replicas, with their start; 0 if it is switched off."""
    given = builder.active_learning._inputs(prune=True).get("qualification")
    if not given:
        return 0
    conditions, md = read_conditions(given["conditions"].get_dict()), given["md"]["settings"].get_dict()
    tests = configure_all("qualifications", given["tests"].get_dict(), "tests").values()
    runs = {run for test in tests for run in test.runs}
    steps = (conditions.settings_of(run, md, [member_name(0)])["n_steps"] for run in runs)
    return sum(conditions.n_replicas * (n_steps + _start_steps(given["md"], {})) for n_steps in steps)


def _cells_of_qualification(builder: Any) -> int:
    """Return how many cells a qualification repeats; 0 if it is switched off."""
    given = builder.active_learning._inputs(prune=True).get("qualification")
    return int(np.prod(read_conditions(given["conditions"].get_dict()).supercell)) if given else 0


def _warnings(builder: Any) -> Iterator[str]:
    """Yield what is known before any job to make results doubtful."""
    learning = builder.active_learning.learning.get_dict()
    hottest = max(builder.conductivity.conditions.get_dict()["temperatures_K"])
    sampled = learning["sampling"].get("temperature_K")
    if learning["max_rounds"] > 0 and sampled is not None and hottest > sampled:
        yield (
            f"production at {hottest:g} K is hotter than the sampling of the rounds of learning ({sampled:g} K): the "
            "potentials extrapolate there; raise active_learning.learning.sampling.temperature_K, or leave it out"
        )
    tested = builder.active_learning._inputs(prune=True).get("qualification")
    if tested and hottest > (tested_K := tested["conditions"]["temperature_K"]):
        yield (
            f"production at {hottest:g} K is hotter than the qualification ({tested_K:g} K): its results will be "
            "called extrapolated; raise active_learning.qualification.conditions.temperature_K, or leave it out"
        )


def _production_cell(builder: Any) -> Supercell:
    """Return the supercell of production, for the cut-off of the potentials as far as it is known before training."""
    conditions = builder.conductivity.conditions.get_dict()
    given = [float(node.base.attributes.get("cutoff_A")) for node in dict(builder.potentials or {}).values()]
    return choose_supercell(
        builder.structure.get_ase(),
        conditions.get("supercell", [1, 1, 1]),
        max(given, default=0.0),
        conditions.get("max_atoms"),
    )


def _start_steps(md: Any, conditions: Mapping[str, Any]) -> int:
    """Return the steps of ramp and hold before production."""
    ramp = conditions.get("ramp") or md["settings"].get_dict().get("ramp") or {}
    return int(ramp.get("ramp_steps", 0)) + int(ramp.get("hold_steps", 0))

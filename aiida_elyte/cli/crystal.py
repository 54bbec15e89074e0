"""From the words of a command line to the inputs of the crystal street: checked, priced, known again by their key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aiida_elyte.api.cores import available_cores
from aiida_elyte.api.potentials import find_potentials
from aiida_elyte.cli.datasets import load_frames_node
from aiida_elyte.cli.inputs import (
    check_codes,
    check_dataset,
    check_elements,
    check_levels,
    check_protocol,
    find_codes,
)
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import configure_all, load
from aiida_elyte.science.cost import Plan
from aiida_elyte.science.crystal import require_charges, require_temperatures
from aiida_elyte.science.crystal_files.read import read_structure

if TYPE_CHECKING:
    from aiida.engine import ProcessBuilder

__all__ = ["Request", "build", "plan_of"]


@dataclass
class Request:
    """What the user asked for."""

    structure: Path
    """File of the crystal."""
    charges: Mapping[str, float]
    """Charge of each mobile species [e]."""
    temperatures_K: Sequence[float] = ()
    """Temperatures of production [K]; those of the protocol when empty."""
    labeller: str | None = None
    """Name of the labeller; that of the protocol when left out."""
    protocol: str | None = None
    """Name of the protocol."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """What to change of it."""
    dataset: str | None = None
    """PK or file of labelled frames."""
    potentials: str | None = None
    """PK or folder of potentials."""
    pseudo_family: str | None = None
    """Pseudopotential family of a labeller that has any."""
    max_wallclock_s: int | None = None
    """Wall time of each job [s]."""
    citation: str = ""
    """Where the structure was published; the report names it."""
    codes: Mapping[str, str] = field(default_factory=dict)
    """Role (``python``, or a labeller's name) → label of a code."""


def build(request: Request) -> "ProcessBuilder":
    """Return the inputs of ``elyte.crystal``, checked as far as they can be before anything runs; nothing is stored.

    Raises
    ------
    InputError
        For whatever is wrong with them.
    """
    atoms = read_structure(request.structure)
    require_charges(atoms, request.charges)
    if request.temperatures_K:
        require_temperatures(list(request.temperatures_K))

    from aiida import orm

    from aiida_elyte.data.frames import FramesData
    from aiida_elyte.workflows.active_learning import ActiveLearningWorkChain
    from aiida_elyte.workflows.crystal import CrystalWorkChain
    from aiida_elyte.workflows.protocols import recursive_merge

    check_protocol(request.protocol, CrystalWorkChain)
    overrides = dict(request.overrides)
    inputs = CrystalWorkChain.get_inputs(request.protocol, overrides, None)
    learning = ActiveLearningWorkChain.get_inputs(request.protocol, inputs["active_learning"], None)
    request = replace(request, labeller=request.labeller or learning["labeller"])
    labeller = load("labellers", request.labeller)
    if request.pseudo_family is not None:
        family = labeller.pseudo_family_overrides(request.pseudo_family)
        if family is None:
            raise InputError(
                f"--pseudo-family is given, but the labeller {request.labeller!r} has no pseudopotentials; expected "
                "one that has; leave it out"
            )
        overrides = recursive_merge(overrides, {"active_learning": {"label": {request.labeller: family}}})

    codes = find_codes(request, {"python": "python@localhost"})
    options = {"max_wallclock_seconds": request.max_wallclock_s} if request.max_wallclock_s else None

    # A labeller which looks up what it needs for each element, as pseudopotentials, rejects the missing here.
    given = overrides.get("active_learning", {}).get("label", {}).get(request.labeller)
    seed = atoms.copy()
    seed.info = {"origin": "structure#0"}
    labels = labeller.get_builder_from_protocol(
        labeller.pick_code(request.labeller, codes),
        frames=FramesData([seed]),
        protocol=request.protocol,
        overrides=given,
        options=options,
    )._inputs(prune=True)
    try:
        builder = CrystalWorkChain.get_builder_from_protocol(
            codes,
            orm.StructureData(ase=atoms, description=request.citation),
            dict(request.charges),
            list(request.temperatures_K) or None,
            labeller=request.labeller,
            protocol=request.protocol,
            overrides=overrides,
            options=options,
        )
    except ValueError as error:
        raise InputError(str(error).removeprefix("invalid attribute value ")) from error
    symbols = atoms.get_chemical_symbols()
    learns = builder.active_learning.learning.get_dict()["max_rounds"] > 0
    if request.dataset is not None:
        dataset = load_frames_node(request.dataset)
        check_dataset(dataset, request.dataset, symbols)
        train = dict(builder.active_learning.ensemble["train"]).get("settings")
        if train is None or not train.get_dict().get("allow_mixed_levels"):
            check_levels(dataset, request, labels if learns else None)
        builder.dataset = dataset
    if (learns or request.dataset is None) and (lacks := labeller.validate_elements(labels, symbols)) is not None:
        raise InputError(lacks)
    if request.potentials is not None:
        potentials = find_potentials(request.potentials)
        _check_potentials(potentials, request.potentials, symbols)
        if learns and len(potentials) < 2:
            raise InputError(
                f"{request.potentials} holds one potential; expected at least two, as one has no committee spread to "
                "learn by; give more, or set active_learning.learning.max_rounds to 0 in --overrides"
            )
        builder.potentials = potentials
    check_codes(codes, ("torch", "schnetpack", "torch_sim"), request.labeller, labels)
    return builder


def plan_of(builder: "ProcessBuilder") -> Plan:
    """Return the work of a street, for ``science.cost.estimate_cost``."""
    atoms = builder.structure.get_ase()
    learning = builder.active_learning.learning.get_dict()
    train = builder.active_learning.ensemble["train"]["settings"].get_dict()
    conditions = builder.conductivity.conditions.get_dict()
    n_seeds = 0
    if builder.dataset is None:
        kinds = configure_all("seeds", builder.seeds.get_dict(), "seeds").values()
        n_seeds = sum(len(kind.make(atoms, np.random.default_rng(kind.seed))) for kind in kinds)
    sampling = learning["sampling"]
    runs = len(conditions["temperatures_K"]) * conditions["n_replicas"]
    members = dict(builder.potentials or {})
    return Plan(
        n_atoms=len(atoms),
        n_atoms_production=len(atoms) * int(np.prod(conditions.get("supercell", [1, 1, 1]))),
        n_seeds=n_seeds,
        label_budget=min(learning["label_budget"], learning["max_rounds"] * learning["selection"]["n_select"]),
        n_rounds=learning["max_rounds"],
        n_members=len(members) or builder.active_learning.ensemble["n_members"].value,
        n_known=len(builder.dataset) if builder.dataset is not None else 0,
        epochs_first=0 if members else train["max_epochs"],
        epochs_again=learning["retraining"].get("max_epochs", train["max_epochs"]),
        rates=load("trainers", builder.active_learning.ensemble["trainer"].value).rates(train),
        sampling_steps=sampling["n_replicas"]
        * (sampling["n_steps"] + _start_steps(builder.active_learning.sample, sampling)),
        production_steps=runs * (conditions["n_steps"] + _start_steps(builder.conductivity.md, conditions)),
        trajectory_frames=runs * conditions["n_steps"] // conditions.get("trajectory_stride", conditions["n_steps"]),
        label_s=load("labellers", builder.active_learning.labeller.value).seconds(
            builder.active_learning._inputs(prune=True)["label"], len(atoms)
        ),
        cores=available_cores(),
    )


def _check_potentials(members: Mapping[str, Any], name: str, symbols: Sequence[str]) -> None:
    for member, node in members.items():
        check_elements(node, f"{name} ({member})", symbols, "has not learned")


def _start_steps(md: Any, conditions: Mapping[str, Any]) -> int:
    """Return the steps of ramp and hold before production."""
    ramp = conditions.get("ramp") or md["settings"].get_dict().get("ramp") or {}
    return int(ramp.get("ramp_steps", 0)) + int(ramp.get("hold_steps", 0))

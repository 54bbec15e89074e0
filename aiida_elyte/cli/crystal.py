"""From the words of a command line to the inputs of the crystal street: checked, priced, known again by their key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers

from aiida_elyte.api.codes import check_runnable
from aiida_elyte.api.cores import available_cores
from aiida_elyte.api.potentials import find_potentials
from aiida_elyte.cli.datasets import load_frames_node
from aiida_elyte.cli.inputs import (
    ase_settings,
    check_dataset,
    check_elements,
    check_levels,
    check_protocol,
    find_codes,
)
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import configure_all, load
from aiida_elyte.science.cost import LABEL_RATES, Plan
from aiida_elyte.science.crystal import require_charges, require_temperatures
from aiida_elyte.science.crystal_files.read import read_structure

if TYPE_CHECKING:
    from aiida.engine import ProcessBuilder

__all__ = ["Request", "build", "plan_of"]

_HEAVIEST = {"tblite": "Rn"}
"""Calculator of ASE → heaviest element it knows; GFN1-xTB and GFN2-xTB: doi:10.1002/wcms.1493."""


@dataclass
class Request:
    """What the user asked for."""

    structure: Path
    """File of the crystal."""
    charges: Mapping[str, float]
    """Charge of each mobile species [e]."""
    temperatures_K: Sequence[float] = ()
    """Temperatures of production [K]; those of the protocol when empty."""
    labeller: str = "ase"
    """Name of the labeller."""
    protocol: str | None = None
    """Name of the protocol."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """What to change of it."""
    dataset: str | None = None
    """PK or file of labelled frames."""
    potentials: str | None = None
    """PK or folder of potentials."""
    pseudo_family: str | None = None
    """Pseudopotential family of the labeller ``qe``."""
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
    labeller = load("labellers", request.labeller)

    from aiida import orm

    from aiida_elyte.data.frames import FramesData
    from aiida_elyte.workflows.active_learning import ActiveLearningWorkChain
    from aiida_elyte.workflows.crystal import CrystalWorkChain
    from aiida_elyte.workflows.protocols import recursive_merge

    check_protocol(request.protocol, CrystalWorkChain)
    overrides = dict(request.overrides)
    inputs = CrystalWorkChain.get_inputs(request.protocol, overrides, None)
    ActiveLearningWorkChain.get_inputs(request.protocol, inputs["active_learning"], None)
    if request.pseudo_family is not None:
        if request.labeller != "qe":
            raise InputError(
                f"--pseudo-family goes with the labeller qe; the labeller is {request.labeller!r}; leave it out"
            )
        family = {"active_learning": {"label": {"qe": {"scf": {"pseudo_family": request.pseudo_family}}}}}
        overrides = recursive_merge(overrides, family)

    codes = find_codes(request, {"python": "python@localhost"})
    options = {"max_wallclock_seconds": request.max_wallclock_s} if request.max_wallclock_s else None

    # A labeller which looks up what it needs for each element (qe: pseudopotentials) refuses the missing here.
    given = overrides.get("active_learning", {}).get("label", {}).get(request.labeller)
    seed = atoms.copy()
    seed.info = {"origin": "structure#0"}
    labels = labeller.get_builder_from_protocol(
        codes.get(request.labeller, codes["python"]),
        frames=FramesData([seed]),
        protocol=request.protocol,
        overrides=given,
        options=options,
    )
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
    if learns or request.dataset is None:
        _check_engine(labels, symbols)
    if request.potentials is not None:
        potentials = find_potentials(request.potentials)
        _check_potentials(potentials, request.potentials, symbols)
        if learns and len(potentials) < 2:
            raise InputError(
                f"{request.potentials} holds one potential; expected at least two, as one has no committee spread to "
                "learn by; give more, or set active_learning.learning.max_rounds to 0 in --overrides"
            )
        builder.potentials = potentials
    check_runnable(codes["python"], ("torch", "schnetpack", "torch_sim", *_needs(labels)))
    for role, code in codes.items():
        if role != "python":
            check_runnable(code)
    return builder


def plan_of(builder: "ProcessBuilder", request: Request) -> Plan:
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
        engine=_engine(builder, request.labeller),
        cores=available_cores(),
    )


def _check_engine(labels: "ProcessBuilder", symbols: Sequence[str]) -> None:
    """Refuse elements beyond the engine of the labels, as far as its limit is known."""
    engine = ase_settings(labels).get("calculator")
    heaviest = _HEAVIEST.get(str(engine))
    if heaviest is None:
        return
    beyond = [symbol for symbol in sorted(set(symbols)) if atomic_numbers[symbol] > atomic_numbers[heaviest]]
    if beyond:
        raise InputError(
            f"engine {engine} of the labeller lacks {', '.join(beyond)}; expected elements up to {heaviest}; "
            "use --labeller qe, or another calculator in --overrides"
        )


def _check_potentials(members: Mapping[str, Any], name: str, symbols: Sequence[str]) -> None:
    for member, node in members.items():
        check_elements(node, f"{name} ({member})", symbols, "has not learned")


def _needs(labels: "ProcessBuilder") -> tuple[str, ...]:
    """Return the Python modules a labeller needs beside those of training and dynamics."""
    return ("tblite",) if ase_settings(labels).get("calculator") == "tblite" else ()


def _engine(builder: "ProcessBuilder", labeller: str) -> str | None:
    if labeller in LABEL_RATES:
        return labeller
    settings = dict(builder.active_learning.label).get("ase", {}).get("settings")
    name = settings.get_dict().get("calculator") if settings is not None else None
    return name if name in LABEL_RATES else None


def _start_steps(md: Any, conditions: Mapping[str, Any]) -> int:
    """Return the steps of ramp and hold before production."""
    ramp = conditions.get("ramp") or md["settings"].get_dict().get("ramp") or {}
    return int(ramp.get("ramp_steps", 0)) + int(ramp.get("hold_steps", 0))

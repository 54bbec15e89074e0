"""From the words of a command line to the inputs of the crystal street: checked, priced, known again by their key."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import yaml
from ase.data import atomic_numbers

from aiida_elyte.cli.datasets import load_frames_node, load_potential_nodes, require_level
from aiida_elyte.cli.profile import check_runnable, find_code
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load
from aiida_elyte.science.cost import LABEL_RATES, Plan
from aiida_elyte.science.crystal import read_structure, require_charges, require_temperatures, suggest

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder

__all__ = [
    "KEY",
    "Request",
    "available_cores",
    "build",
    "check_dataset",
    "check_keys",
    "check_levels",
    "check_protocol",
    "find_codes",
    "find_run",
    "key_of",
    "plan_of",
    "read_overrides",
]

KEY = "elyte_key"
"""Extra of a street's node under which the hash of its inputs is stored."""

_HEAVIEST = {"tblite": "Rn"}
"""Calculator of ASE → heaviest element it knows; GFN1-xTB and GFN2-xTB: doi:10.1002/wcms.1493."""


class LabelRequest(Protocol):
    """What of a request tells the labels."""

    labeller: str
    dataset: str | None
    codes: Mapping[str, str]


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
    from aiida_elyte.workflows.crystal import CrystalWorkChain
    from aiida_elyte.workflows.protocols import recursive_merge

    check_protocol(request.protocol, CrystalWorkChain)
    overrides = dict(request.overrides)
    _check_overrides(overrides)
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
        potentials = load_potential_nodes(request.potentials)
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
    from aiida_elyte.science.seeds.perturb import make_seeds

    atoms = builder.structure.get_ase()
    learning = builder.active_learning.learning.get_dict()
    train = builder.active_learning.ensemble["train"]["settings"].get_dict()
    conditions = builder.conductivity.conditions.get_dict()
    seeds = builder.seeds.get_dict()
    n_seeds = 0
    if builder.dataset is None:
        n_seeds = len(make_seeds(atoms, seeds, np.random.default_rng(seeds.pop("seed"))))
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
        n_features=train["architecture"]["n_features"],
        n_layers=train["architecture"]["n_layers"],
        sampling_steps=sampling["n_replicas"]
        * (sampling["n_steps"] + _start_steps(builder.active_learning.sample, sampling)),
        production_steps=runs * (conditions["n_steps"] + _start_steps(builder.conductivity.md, conditions)),
        trajectory_frames=runs * conditions["n_steps"] // conditions.get("trajectory_stride", conditions["n_steps"]),
        engine=_engine(builder, request.labeller),
        cores=available_cores(),
    )


def key_of(builder: "ProcessBuilder") -> str:
    """Return the hash of all inputs that can change a result: nodes by content, our programs and rooms included."""
    import aiida_elyte
    from aiida_elyte.calculations.rooms import PROGRAMS, rooms_of

    content: dict[str, str] = {}
    _flatten(builder._inputs(prune=True), "", content)
    root = Path(aiida_elyte.__file__).parents[1]
    programs = sorted(PROGRAMS.glob("*.py"))
    for path in {*programs, *(root / room for program in programs for room in rooms_of(program))}:
        content[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def find_run(key: str) -> "orm.WorkChainNode | None":
    """Return the newest street of these inputs that finished well or still runs."""
    from aiida import orm

    query = orm.QueryBuilder().append(orm.WorkChainNode, filters={f"extras.{KEY}": key}, tag="street")
    query.order_by({"street": {"id": "desc"}})
    for node in query.all(flat=True):
        if node.is_finished_ok or not node.is_terminated:
            return node
    return None


def read_overrides(path: Path | None) -> dict[str, Any]:
    """Return the content of a YAML file with overrides, ``{}`` for none.

    Raises
    ------
    InputError
        When it is missing or no mapping.
    """
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"overrides file {path} cannot be read ({error}); expected a YAML file") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(
            f"overrides file {path} holds a {type(content).__name__}; expected a mapping, e.g. `seeds: {{seed: 1}}`"
        )
    return content


def available_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_overrides(overrides: Mapping[str, Any]) -> None:
    """Refuse keys no part of the street knows: a misspelt one would change nothing and say nothing."""
    from aiida_elyte.workflows.active_learning import ActiveLearningWorkChain
    from aiida_elyte.workflows.conductivity import ConductivityWorkChain
    from aiida_elyte.workflows.crystal import CrystalWorkChain

    check_keys(overrides, CrystalWorkChain, "overrides")
    for name, part in (("active_learning", ActiveLearningWorkChain), ("conductivity", ConductivityWorkChain)):
        check_keys(overrides.get(name) or {}, part, f"overrides.{name}")


def check_keys(overrides: Any, process: Any, name: str) -> None:
    """Refuse keys of overrides that the protocol of a WorkChain lacks."""
    known = list(process.get_protocol_inputs())
    if not isinstance(overrides, Mapping):
        raise InputError(f"{name} is a {type(overrides).__name__}; expected a mapping with {', '.join(known)}")
    for key in overrides:
        if key not in known:
            raise InputError(f"{name} has {key!r}; expected {', '.join(known)}{suggest(str(key), known)}")


def check_protocol(name: str | None, process: Any) -> None:
    """Refuse a protocol that a WorkChain lacks."""
    known = list(process.get_available_protocols())
    if name is not None and name not in known:
        raise InputError(f"protocol {name!r} is unknown; expected one of {', '.join(known)}{suggest(name, known)}")


def find_codes(request: LabelRequest, defaults: Mapping[str, str]) -> "dict[str, orm.AbstractCode]":
    """Return the code of each role, the labeller's where it has one of its own.

    Parameters
    ----------
    request
        Tells ``codes`` and ``labeller``.
    defaults
        Role of the street → label of the code that plays it unless the request names another.

    Raises
    ------
    InputError
        When a code is missing, or is given for a role that nobody plays.
    """
    roles = [*defaults, request.labeller]
    for role in request.codes:
        if role not in roles:
            expected = f"{', '.join(roles[:-1])} or {roles[-1]}"
            raise InputError(f"--code has the role {role!r}; expected {expected}{suggest(role, roles)}")
    codes = {role: find_code(request.codes.get(role, default)) for role, default in defaults.items()}
    if request.labeller == "qe" or request.labeller in request.codes:
        codes[request.labeller] = find_code(request.codes.get(request.labeller, "pw@localhost"))
    return codes


def check_dataset(node: Any, name: str, symbols: Sequence[str]) -> None:
    """Refuse a data set without labels, their level of theory, or an element.

    Raises
    ------
    InputError
        Naming what is missing.
    """
    from aiida_elyte.science.frames import require_labels

    frames = node.get_frames()
    require_labels(frames, name=name)
    require_level(frames, name)
    _check_elements(node, name, symbols, "has no frame with")


def check_levels(
    node: Any, request: "LabelRequest", labels: "ProcessBuilder | None", learning: str = "active_learning"
) -> None:
    """Refuse a data set of several levels of theory, or of another than that of the labels learning will add.

    Parameters
    ----------
    node
        The data set.
    request
        Tells ``dataset`` and ``labeller``.
    labels
        Inputs of the labeller; ``None`` where nothing is learned.
    learning
        Name of the street's inputs of learning.

    Raises
    ------
    InputError
        Naming the levels.
    """
    from aiida_elyte.science.frames import require_one_level

    level = require_one_level(node.get_frames(), str(request.dataset))
    if labels is None:
        return
    wanted: str | None
    if request.labeller == "qe":  # its level is known in full only after the first label
        wanted, differs = "a level of DFT", "xtb" in level.lower()
    else:
        wanted = _ase_settings(labels).get("level_of_theory")
        differs = wanted is not None and level != wanted
    if differs:
        raise InputError(
            f"{request.dataset} is of level of theory {level!r}; expected {wanted}, which the labeller "
            f"{request.labeller!r} adds in the rounds of learning; label with the same engine, or set "
            f"{learning}.learning.max_rounds to 0 in --overrides"
        )


def _check_engine(labels: "ProcessBuilder", symbols: Sequence[str]) -> None:
    """Refuse elements beyond the engine of the labels, as far as its limit is known."""
    engine = _ase_settings(labels).get("calculator")
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
        _check_elements(node, f"{name} ({member})", symbols, "has not learned")


def _check_elements(node: Any, name: str, symbols: Sequence[str], lacks: str) -> None:
    missing = sorted(set(symbols) - set(node.base.attributes.get("elements")))
    if missing:
        raise InputError(f"{name} {lacks} {', '.join(missing)}; expected every element; add frames with it")


def _needs(labels: "ProcessBuilder") -> tuple[str, ...]:
    """Return the Python modules a labeller needs beside those of training and dynamics."""
    return ("tblite",) if _ase_settings(labels).get("calculator") == "tblite" else ()


def _ase_settings(labels: "ProcessBuilder") -> dict[str, Any]:
    """Return the settings of the labeller ``ase``, ``{}`` for another."""
    settings = labels._inputs(prune=True).get("ase", {}).get("settings")
    return {} if settings is None else dict(settings.get_dict())


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


def _flatten(inputs: Mapping[str, Any], above: str, content: dict[str, str]) -> None:
    """Collect the hash of every input under its path; metadata and options of the jobs change no result."""
    from aiida import orm
    from aiida.common.hashing import make_hash

    for name, value in inputs.items():
        path = f"{above}.{name}".lstrip(".")
        if name in ("metadata", "options"):
            continue
        if isinstance(value, orm.Node):
            content[path] = make_hash(value.base.caching.get_objects_to_hash())
        elif isinstance(value, Mapping):
            _flatten(value, path, content)
        else:
            content[path] = json.dumps(value, sort_keys=True, default=str)

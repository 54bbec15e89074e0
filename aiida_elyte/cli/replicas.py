"""Replicas as ``aiida-elyte transport`` reads them, and what it says of each."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from aiida_elyte.science.trajectory.cells import Cells
    from aiida_elyte.science.trajectory.readers import Trajectory
    from aiida_elyte.science.trajectory.reduction import Reducer, Series
    from aiida_elyte.science.trajectory.topology import AtomTable

__all__ = ["Sources", "System", "describe_times", "describe_trajectories", "read_system", "require_independent"]

_ALIKE_E = 0.05
"""Largest difference between the charges of particles of one species [e]."""


@dataclass(frozen=True)
class Sources:
    """What the trajectories are read with."""

    paths: tuple[Path, ...]
    topology: Path | None
    molecules: Mapping[str, str]
    timestep_fs: float | None
    cell: "Cells | None"
    elements: Mapping[str, str] | None
    stride: int
    lammps_units: str


@dataclass
class System:
    """What was read: replicas of one system."""

    series: "list[Series]" = field(default_factory=list)
    charges: dict[str, float] = field(default_factory=dict)
    trajectories: list[dict[str, Any]] = field(default_factory=list)


def read_system(
    sources: Sources, given: Mapping[str, float] | None, mobile: tuple[str, ...], resting: tuple[str, ...]
) -> System:
    """Read and reduce all trajectories; ``given`` are the charges, ``None`` those of the topology."""
    from aiida_elyte.science.trajectory.readers import open_trajectory
    from aiida_elyte.science.trajectory.topology import read_topology

    are_reduced = [zipfile.is_zipfile(path) for path in sources.paths]
    used = {
        "--topology": sources.topology,
        "--molecule": sources.molecules,
        "--timestep-fs": sources.timestep_fs,
        "--cell": sources.cell,
        "--elements": sources.elements,
        "--stride": sources.stride > 1,
        "--charges topology": given is None,
    }
    if all(are_reduced) and any(used.values()):
        raise InputError(
            f"{', '.join(name for name, is_used in used.items() if is_used)} cannot apply to {sources.paths[0]}, which "
            "is reduced already; expected a trajectory; leave it out, or reduce the trajectory anew"
        )
    system = System(charges=dict(given or {}))
    if given is not None:
        _require_charges(mobile, given)
    topology = None if sources.topology is None else read_topology(sources.topology, elements=sources.elements)
    for path, is_reduced in zip(sources.paths, are_reduced, strict=True):
        if is_reduced:
            _add_series(system, path)
            continue
        trajectory = open_trajectory(
            path,
            topology=topology,
            timestep_fs=sources.timestep_fs,
            cell_A=sources.cell,
            elements=sources.elements,
            stride=sources.stride,
            lammps_units=sources.lammps_units,
        )
        molecules = _molecules(trajectory, [*(given or mobile), *resting], sources.molecules)
        if given is None and not system.charges:
            system.charges = _charges_of(trajectory, molecules, mobile)
            _require_charges(mobile, system.charges)
        _add_trajectory(system, trajectory, molecules, mobile)
    return system


def _require_charges(mobile: tuple[str, ...], charges: Mapping[str, float]) -> None:
    absent = [name for name in mobile if name not in charges]
    if absent:
        raise InputError(
            f"--species names {', '.join(absent)}, without a charge; expected species among {', '.join(charges)}; "
            f"add --charges {absent[0]}=CHARGE"
        )


def _add_series(system: System, path: Path) -> None:
    import numpy as np

    from aiida_elyte.science.trajectory.reduction import unpack_series

    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = unpack_series(arrays)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise InputError(f"{path}: {error}") from error
        raise InputError(f"{path} cannot be read ({error}); expected a series.npz; copy it anew") from error
    system.series += found
    for one in found:
        place = f"{path}:{one.replica}" if len(found) > 1 else str(path)
        formula = "".join(
            f"{name}{count}" if name.isalpha() and len(name) < 3 else f"({name}){count}"
            for name, count in zip(one.species, one.counts.tolist(), strict=True)
        )
        known = {"format": "reduced series", "formula": formula, "n_atoms": None, "time_source": "as it was reduced"}
        system.trajectories.append(_facts_of(place, len(one.time_fs), one, known))


def _add_trajectory(
    system: System,
    trajectory: "Trajectory",
    molecules: "Mapping[str, Sequence[np.ndarray]]",
    mobile: tuple[str, ...],
) -> None:
    from ase.formula import Formula

    from aiida_elyte.science.trajectory.readers import reduce_trajectory

    n_frames = 0

    def count(reducer: "Reducer") -> None:
        nonlocal n_frames
        n_frames = reducer.n_frames

    series, notes = reduce_trajectory(
        trajectory,
        molecules=molecules,
        tracked=mobile or system.charges,
        replica=str(trajectory.path),
        on_frame=count,
    )
    system.series.append(series)
    known = {
        "format": trajectory.format,
        "formula": Formula.from_list(list(trajectory.symbols)).format("hill"),
        "n_atoms": len(trajectory.symbols),
        "time_source": trajectory.time_source,
        "n_frames_left_out": trajectory.n_dropped,
    }
    facts = _facts_of(str(trajectory.path), n_frames, series, known, trajectory)
    system.trajectories.append({**facts, "notes": list(notes), "warnings": list(trajectory.warnings)})


def require_independent(system: System) -> None:
    """Check that replicas are trajectories of their own.

    Raises
    ------
    InputError
        If one holds the motion of another.
    """
    from aiida_elyte.science.transport.copies import find_copy

    pair = find_copy(system.series)
    if pair is not None:
        first, second = (system.trajectories[place]["path"] for place in pair)
        raise InputError(
            f"{second} holds the motion of {first}: it is a copy, a part, or every so many frames of it; expected "
            "replicas of their own; leave one out"
        )


def _facts_of(
    path: str, n_frames: int, series: "Series", known: Mapping[str, Any], trajectory: "Trajectory | None" = None
) -> dict[str, Any]:
    """Return what was read of one trajectory."""
    import numpy as np
    from ase.geometry import cell_to_cellpar

    step = series.interval_fs if trajectory is None else trajectory.interval_fs
    # a mean of cells means nothing where the lattice changes its basis
    cell = series.cell_A if trajectory is None else trajectory.first_cell_A
    volume = series.volume_A3
    temperature = series.temperature_K[np.isfinite(series.temperature_K)]
    return {
        "path": path,
        "n_frames": n_frames,
        "interval_fs": step,
        "duration_ps": (n_frames - 1) * step / 1e3,
        "notes": [],
        "warnings": [],
        "n_frames_left_out": 0,
        **known,
        "cell_A_deg": [round(float(value), 4) for value in cell_to_cellpar(cell)],
        "volume_A3": {name: float(getattr(np, name)(volume)) for name in ("mean", "min", "max")},
        "kinetic_temperature_K": float(temperature.mean()) if len(temperature) else None,
    }


def _molecules(
    trajectory: "Trajectory", names: Iterable[str], selections: Mapping[str, str]
) -> "dict[str, list[np.ndarray]]":
    """Return the molecules selected, and those named that are no element of the trajectory."""
    from aiida_elyte.science.trajectory.topology import select_molecules

    elements = dict.fromkeys(trajectory.symbols)
    residues = _residues(trajectory.topology)
    chosen = dict(selections)
    for name in names:
        if name in elements or name in chosen:
            continue
        if name not in residues:
            known = f"residues {', '.join(residues)} of its topology" if residues else "its topology names no residues"
            raise InputError(
                f"{name} is neither an element of {trajectory.path} ({', '.join(elements)}) nor a molecule ({known}); "
                f"expected one of them; give --molecule {name}='SELECTION', or a --topology with residues {name}"
            )
        chosen[name] = f"resname {name}"
    if not chosen:
        return {}
    if trajectory.topology is None:
        raise InputError(
            f"--molecule {next(iter(chosen))} needs a topology; expected a file with bonds or residues; give --topology"
        )
    return select_molecules(trajectory.topology, chosen)


def _residues(topology: "AtomTable | None") -> tuple[str, ...]:
    residues = getattr(getattr(topology, "universe", None), "residues", None)
    return tuple(dict.fromkeys(map(str, getattr(residues, "resnames", ()))))


def _charges_of(
    trajectory: "Trajectory", molecules: "Mapping[str, Sequence[np.ndarray]]", mobile: tuple[str, ...]
) -> dict[str, float]:
    """Return the charge of each species from those of the topology's atoms: their sum over each particle."""
    import numpy as np

    atoms = getattr(getattr(trajectory.topology, "universe", None), "atoms", None)
    per_atom = getattr(atoms, "charges", None)
    if per_atom is None:
        raise InputError(
            f"the topology of {trajectory.path} carries no charges; expected one an atom, as in LAMMPS data (full) or "
            "PSF; give --charges NAME=CHARGE"
        )
    symbols = np.array(trajectory.symbols)
    is_single = np.ones(len(symbols), bool)
    found: dict[str, np.ndarray] = {}
    for name, members in molecules.items():
        found[name] = np.array([per_atom[member].sum() for member in members])
        is_single[np.concatenate(members)] = False
    for symbol in dict.fromkeys(symbols[is_single].tolist()):
        found[symbol] = per_atom[is_single & (symbols == symbol)]
    for name in mobile or found:
        values = found.get(name, np.zeros(1))
        if np.abs(values - values.mean()).max() > _ALIKE_E:
            raise InputError(
                f"charges of {name} in the topology range from {values.min():.3g} to {values.max():.3g} e; expected "
                f"alike within {_ALIKE_E:g} e; name the molecules they belong to with --molecule, or the mobile "
                "ones with --species"
            )
    return {name: round(float(values.mean()), 6) for name, values in found.items()}


def describe_times(system: System) -> str:
    """Return the times of all trajectories in one line."""
    shown = []
    for facts in system.trajectories:
        line = f"frames {facts['interval_fs']:g} fs apart, {facts['n_frames']} frames, {facts['duration_ps']:g} ps"
        shown.append(line)
    return "; ".join(dict.fromkeys(shown))


def describe_trajectories(system: System) -> list[str]:
    """Return what was read of each trajectory: times first, then atoms and cell."""
    lines = []
    for facts in system.trajectories:
        lines.append(f"{facts['path']}: frames {facts['interval_fs']:g} fs apart, {facts['time_source']}")
        atoms = "" if facts["n_atoms"] is None else f" ({facts['n_atoms']} atoms)"
        count = f"{facts['n_frames']} frames"
        if facts["n_frames_left_out"]:
            count += f" ({facts['n_frames_left_out']} left out)"
        a, b, c, *angles = facts["cell_A_deg"]
        cell = f"cell {a:g} {b:g} {c:g} Å, {' '.join(f'{angle:g}' for angle in angles)}°"
        volume = facts["volume_A3"]
        swing = (volume["max"] - volume["min"]) / volume["mean"]
        if swing > 1e-6:
            cell = f"{cell} at first, volume changing by {100 * swing:.2g} %"
        words = [f"{facts['format']}, {facts['formula']}{atoms}", f"{count}, {facts['duration_ps']:g} ps", cell]
        if facts["kinetic_temperature_K"] is not None:
            words.append(f"kinetic temperature {facts['kinetic_temperature_K']:.4g} K")
        lines.append("; ".join(words))
    return lines

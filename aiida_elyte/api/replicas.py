"""Replicas of one system: trajectories, or their reduced series, read from files."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase.formula import Formula
from ase.geometry import cell_to_cellpar

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.cells import Cells
from aiida_elyte.science.trajectory.particles import charges_of_species, molecules_of_species
from aiida_elyte.science.trajectory.passes import Trajectory
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.reduction import Reducer, Series, unpack_series
from aiida_elyte.science.trajectory.topology import read_topology
from aiida_elyte.science.transport.copies import find_copy

__all__ = ["Replica", "ReplicaSystem", "Sources", "read_replica_system"]


@dataclass(frozen=True)
class Sources:
    """Files of replicas, and what they are read with."""

    paths: tuple[Path, ...]
    """A trajectory each, a folder of its parts, or a ``series.npz``."""
    topology: Path | None
    """Elements, masses, bonds, residues, cell and charges of the atoms."""
    molecules: Mapping[str, str]
    """Name of a species → selection of its molecules."""
    timestep_fs: float | None
    """See ``open_trajectory``."""
    cell: Cells | None
    """Cell of files that have none."""
    elements: Mapping[str, str] | None
    """Type in a LAMMPS file → chemical symbol."""
    stride: int
    """Every so many frames are read."""
    lammps_units: str
    """``real`` or ``metal``."""


@dataclass(frozen=True)
class Replica:
    """What was read of one trajectory."""

    path: str
    """Where it is."""
    n_frames: int
    """Frames that were used."""
    interval_fs: float
    """Time between two of them [fs]."""
    duration_ps: float
    """Time from the first to the last [ps]."""
    notes: tuple[str, ...]
    """Sentences on what was guessed or left out."""
    warnings: tuple[str, ...]
    """Sentences on what makes times or cell doubtful."""
    n_frames_left_out: int
    """Frames that repeat others."""
    format: str
    """Name of the file's format."""
    formula: str
    """Its atoms, or its species where it is reduced."""
    n_atoms: int | None
    """Number of atoms; ``None`` where it is reduced."""
    time_source: str
    """Where the times come from."""
    cell_A_deg: tuple[float, ...]
    """Edges [Å] and angles [°] of the first cell."""
    volume_A3: Mapping[str, float]
    """``mean``, ``min`` and ``max`` [Å³]."""
    kinetic_temperature_K: float | None
    """Mean of the frames that have velocities [K]."""

    @property
    def times(self) -> str:
        """Interval, number of frames and duration in one line."""
        return f"frames {self.interval_fs:g} fs apart, {self.n_frames} frames, {self.duration_ps:g} ps"

    def describe(self) -> list[str]:
        """Return two lines: where its times come from, then atoms, frames and cell."""
        atoms = "" if self.n_atoms is None else f" ({self.n_atoms} atoms)"
        count = f"{self.n_frames} frames"
        if self.n_frames_left_out:
            count += f" ({self.n_frames_left_out} left out)"
        a, b, c, *angles = self.cell_A_deg
        cell = f"cell {a:g} {b:g} {c:g} Å, {' '.join(f'{angle:g}' for angle in angles)}°"
        swing = (self.volume_A3["max"] - self.volume_A3["min"]) / self.volume_A3["mean"]
        if swing > 1e-6:
            cell = f"{cell} at first, volume changing by {100 * swing:.2g} %"
        words = [f"{self.format}, {self.formula}{atoms}", f"{count}, {self.duration_ps:g} ps", cell]
        if self.kinetic_temperature_K is not None:
            words.append(f"kinetic temperature {self.kinetic_temperature_K:.4g} K")
        return [f"{self.path}: frames {self.interval_fs:g} fs apart, {self.time_source}", "; ".join(words)]


@dataclass(frozen=True)
class ReplicaSystem:
    """Replicas of one system, reduced."""

    series: tuple[Series, ...]
    """One for each replica."""
    replicas: tuple[Replica, ...]
    """What was read of each."""
    charges: Mapping[str, float]
    """Charge of each species [e]."""


def read_replica_system(
    sources: Sources,
    charges: Mapping[str, float] | None,
    mobile: tuple[str, ...] = (),
    resting: tuple[str, ...] = (),
) -> ReplicaSystem:
    """Read and reduce replicas, each in one pass.

    Parameters
    ----------
    sources
        The files.
    charges
        Charge of each mobile species [e]; ``None`` takes those of the topology.
    mobile
        The mobile ones, when not all that have a charge are.
    resting
        Species of the frame of reference.

    Raises
    ------
    InputError
        If a file cannot be read, lacks what was named, is given twice, or is a copy of another.
    """
    twice = [str(path) for place, path in enumerate(sources.paths) if path in sources.paths[:place]]
    if twice:
        raise InputError(f"{twice[0]} is given twice; expected replicas of their own; leave one out")
    are_reduced = [zipfile.is_zipfile(path) for path in sources.paths]
    if all(are_reduced):
        _require_untouched(sources, charges)
    known = None if charges is None else dict(charges)
    if known is not None:
        _require_charges(mobile, known)
    topology = None if sources.topology is None else read_topology(sources.topology, elements=sources.elements)
    found: list[tuple[Series, Replica]] = []
    for path, is_reduced in zip(sources.paths, are_reduced, strict=True):
        if is_reduced:
            found += _read_series(path)
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
        molecules = molecules_of_species(trajectory, [*(charges or mobile), *resting], sources.molecules)
        if known is None:
            known = charges_of_species(trajectory, molecules, mobile)
            _require_charges(mobile, known)
        found.append(_read_trajectory(trajectory, molecules, mobile or tuple(known)))
    system = ReplicaSystem(tuple(one for one, _ in found), tuple(replica for _, replica in found), known or {})
    _require_independent(system)
    return system


def _require_untouched(sources: Sources, charges: Mapping[str, float] | None) -> None:
    used = {
        "`topology`": sources.topology,
        "`molecules`": sources.molecules,
        "`timestep_fs`": sources.timestep_fs,
        "`cell`": sources.cell,
        "`elements`": sources.elements,
        "`stride`": sources.stride > 1,
        "`charges` topology": charges is None,
    }
    if any(used.values()):
        raise InputError(
            f"{', '.join(name for name, is_used in used.items() if is_used)} cannot apply to {sources.paths[0]}, which "
            "is reduced already; expected a trajectory; leave it out, or reduce the trajectory anew"
        )


def _require_charges(mobile: tuple[str, ...], charges: Mapping[str, float]) -> None:
    absent = [name for name in mobile if name not in charges]
    if absent:
        raise InputError(
            f"`species` names {', '.join(absent)}, without a charge; expected species among {', '.join(charges)}; "
            f"give {absent[0]} one in `charges`"
        )


def _require_independent(system: ReplicaSystem) -> None:
    pair = find_copy(system.series)
    if pair is not None:
        first, second = (system.replicas[place].path for place in pair)
        raise InputError(
            f"{second} holds the motion of {first}: it is a copy, a part, or every so many frames of it; expected "
            "replicas of their own; leave one out"
        )


def _read_series(path: Path) -> list[tuple[Series, Replica]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = unpack_series(arrays)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise InputError(f"{path}: {error}") from error
        raise InputError(f"{path} cannot be read ({error}); expected a series.npz; copy it anew") from error
    replicas = []
    for one in found:
        place = f"{path}:{one.replica}" if len(found) > 1 else str(path)
        formula = "".join(
            f"{name}{count}" if name.isalpha() and len(name) < 3 else f"({name}){count}"
            for name, count in zip(one.species, one.counts.tolist(), strict=True)
        )
        known = {"format": "reduced series", "formula": formula, "n_atoms": None, "time_source": "as it was reduced"}
        replicas.append((one, _replica_of(place, len(one.time_fs), one.interval_fs, one, one.cell_A, known)))
    return replicas


def _read_trajectory(
    trajectory: Trajectory, molecules: Mapping[str, list[np.ndarray]], tracked: tuple[str, ...]
) -> tuple[Series, Replica]:
    n_frames = 0

    def count(reducer: Reducer) -> None:
        nonlocal n_frames
        n_frames = reducer.n_frames

    series, notes = reduce_trajectory(
        trajectory, molecules=molecules, tracked=tracked, replica=str(trajectory.path), on_frame=count
    )
    known = {
        "notes": notes,
        "warnings": trajectory.warnings,
        "n_frames_left_out": trajectory.n_dropped,
        "format": trajectory.format,
        "formula": Formula.from_list(list(trajectory.symbols)).format("hill"),
        "n_atoms": len(trajectory.symbols),
        "time_source": trajectory.time_source,
    }
    # a mean of cells means nothing where the lattice changes its basis
    cell = trajectory.first.cell_A
    return series, _replica_of(str(trajectory.path), n_frames, trajectory.interval_fs, series, cell, known)


def _replica_of(
    path: str, n_frames: int, interval_fs: float, series: Series, cell_A: np.ndarray, known: Mapping[str, Any]
) -> Replica:
    temperature = series.temperature_K[np.isfinite(series.temperature_K)]
    return Replica(
        path=path,
        n_frames=n_frames,
        interval_fs=interval_fs,
        duration_ps=(n_frames - 1) * interval_fs / 1e3,
        cell_A_deg=tuple(round(float(value), 4) for value in cell_to_cellpar(cell_A)),
        volume_A3={name: float(getattr(np, name)(series.volume_A3)) for name in ("mean", "min", "max")},
        kinetic_temperature_K=float(temperature.mean()) if len(temperature) else None,
        **{"notes": (), "warnings": (), "n_frames_left_out": 0, **known},
    )

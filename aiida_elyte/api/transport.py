"""Anybody's trajectory to diffusion, conductivity and transference numbers, without AiiDA."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from aiida_elyte.api.replicas import Replica, ReplicaSystem, Sources, read_replica_system
from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.cells import Cells, parse_cells
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.bounds import check_charge, check_interval, check_temperature
from aiida_elyte.science.transport.estimates import (
    DISAGREES,
    Estimate,
    Refusal,
    estimate_transport,
    frame_of,
    mobile_charges,
)
from aiida_elyte.science.transport.grouping import DIFFER
from aiida_elyte.science.transport.plausibility import check_time_step
from aiida_elyte.science.transport.rigid_shifts import rigid_shift_in
from aiida_elyte.science.transport.windows import usable_series

__all__ = ["Analysis", "Background", "analyse"]

_TOPOLOGY = "topology"
"""What stands for charges when the topology has them."""


@dataclass(frozen=True)
class Background:
    """What neutralises the mobile species."""

    species: tuple[str, ...]
    """The other species of the trajectory; none where it holds the mobile ones alone."""
    charge_e: float
    """Their charge together [e]."""


@dataclass(frozen=True)
class Analysis:
    """Transport of one system at one temperature, with all it stands on."""

    quantities: Mapping[str, Estimate | Refusal]
    """What ``estimate_transport`` returned: name → number with its error, or why there is none."""
    frame: str
    """What is at rest, in words."""
    charges: Mapping[str, float]
    """Charge of each species [e]."""
    species: tuple[str, ...]
    """The mobile ones."""
    background: Background | None
    """What neutralises them, ``None`` where they are neutral together."""
    temperature_K: float
    """Temperature of the run [K]."""
    replicas: tuple[Replica, ...]
    """What was read of each trajectory."""
    notes: tuple[str, ...]
    """Sentences on how the numbers were made, for a reader to know."""
    warnings: tuple[str, ...]
    """Sentences on what makes the numbers doubtful."""
    series: tuple[Series, ...] = field(repr=False)
    """The reduced trajectories."""
    given_frame: str | None = None
    """``frame`` as it was given to ``analyse``."""

    @property
    def conductivity(self) -> Estimate | Refusal:
        """Conductivity [mS/cm]."""
        return self.quantities["conductivity"]

    @property
    def haven_ratio(self) -> Estimate | Refusal:
        """Nernst–Einstein conductivity over conductivity."""
        return self.quantities["haven_ratio"]

    @property
    def diffusion(self) -> dict[str, Estimate | Refusal]:
        """Species → tracer diffusion coefficient [cm²/s]."""
        return {name: self.quantities[f"tracer_diffusion_{name}"] for name in self.species}

    @property
    def transference(self) -> dict[str, Estimate | Refusal]:
        """Species → transference number, ``{}`` where one species carries all of the current."""
        names = {name: f"transference_{name}" for name in self.species}
        return {name: self.quantities[key] for name, key in names.items() if key in self.quantities}

    def as_dict(self) -> dict[str, Any]:
        """Return all but the series as JSON-serialisable values."""
        return {
            "quantities": {name: one.as_dict() for name, one in self.quantities.items()},
            "frame": self.frame,
            "charges": dict(self.charges),
            "species": list(self.species),
            "neutralising_background": self.background and asdict(self.background),
            "temperature_K": self.temperature_K,
            "trajectories": [asdict(one) for one in self.replicas],
            "warnings": list(self.warnings),
            "version": version("aiida-elyte"),
        }


def analyse(
    trajectories: str | Path | Sequence[str | Path],
    charges: Mapping[str, float] | str,
    temperature_K: float,
    *,
    timestep_fs: float | None = None,
    topology: str | Path | None = None,
    cell: str | Path | np.ndarray | None = None,
    elements: Mapping[str, str] | Sequence[str] | None = None,
    molecules: Mapping[str, str] | None = None,
    frame: str | None = None,
    species: Collection[str] | None = None,
    stride: int = 1,
    lammps_units: str = "real",
    viscosity_mPa_s: float | None = None,
) -> Analysis:
    """Estimate diffusion, conductivity, Onsager coefficients and transference numbers from trajectories of one system.

    Parameters
    ----------
    trajectories
        One file or several replicas: LAMMPS dump, DCD, XTC, TRR, XDATCAR, extxyz, ASE traj, HDF5 of torch-sim, a folder
        of ``part_*.lammpstrj``, or ``series.npz``.
    charges
        Charge of each mobile species [e], as ``{"Li": 1}``; or ``"topology"``.
    temperature_K
        Temperature of the run [K].
    timestep_fs
        LAMMPS dump, torch-sim: the MD step; XDATCAR, extxyz, ASE: the time between frames [fs]. Else not needed, but
        overrules the times of the file.
    topology
        File with elements, masses, bonds, residues, cell or charges that the trajectories lack.
    cell
        Cell of a trajectory that has none: its vectors as rows [Å], shape ``(3, 3)``; a text of numbers, as
        ``"12,12,12"``; or a file.
    elements
        Elements of the types of a LAMMPS dump or data file: ``{"1": "Li", "2": "Cl"}``, or in the order of the types.
    molecules
        Molecules followed by their centre of mass: name → selection, as ``{"TFSI": "resname TFSI"}``.
    frame
        What is at rest: ``lab``, ``com``, ``framework:P,S``, ``solvent:G4``, ``charge:P,S``; the species without a
        charge if left out.
    species
        The mobile ones, when not all that have a charge are.
    stride
        Read every so many frames.
    lammps_units
        ``real`` or ``metal``.
    viscosity_mPa_s
        Shear viscosity of a liquid [mPa s]: corrects its diffusion coefficients for the cell.

    Returns
    -------
    Analysis
        Numbers with their errors, or the reason why there is none.

    Raises
    ------
    InputError
        If a file cannot be read, contradicts what is given, or lacks what is not given; messages name the options of
        ``aiida-elyte transport``, which are the keywords of this function.
    """
    paths = [trajectories] if isinstance(trajectories, str | Path) else trajectories
    if not paths:
        raise InputError("trajectories is empty; expected one file or several replicas; give one")
    if not charges:
        raise InputError("`charges` is missing; expected the charge of each mobile species in e; add e.g. Li=1,TFSI=-1")
    if isinstance(charges, str) and charges != _TOPOLOGY:
        raise InputError(f"charges is {charges!r}; expected species → charge, as {{'Li': 1}}, or {_TOPOLOGY!r}")
    for name, charge in {} if isinstance(charges, str) else charges.items():
        check_charge(name, charge)
    check_temperature("temperature_K", temperature_K)
    if timestep_fs is not None:
        check_interval("timestep_fs", timestep_fs)
    sources = Sources(
        tuple(map(Path, paths)),
        None if topology is None else Path(topology),
        molecules or {},
        timestep_fs,
        _cells(cell),
        None if elements is None else _elements(elements),
        stride,
        lammps_units,
    )
    mobile = tuple(dict.fromkeys(species or ()))
    resting = [name.strip() for name in (frame or "").partition(":")[2].split(",")]
    try:
        system = read_replica_system(
            sources, None if isinstance(charges, str) else charges, mobile, tuple(filter(None, dict.fromkeys(resting)))
        )
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; these files need it; pip install {error.name}") from error
    quantities = estimate_transport(
        system.series,
        system.charges,
        temperature_K,
        mobile=mobile or None,
        frame=frame,
        viscosity_mPa_s=viscosity_mPa_s,
    )
    first = system.series[0]
    carriers = mobile_charges(system.charges, mobile or None)
    background = _background(first, carriers)
    rest = frame_of(first, system.charges, mobile or None, frame).name
    return Analysis(
        quantities=quantities,
        frame=rest,
        charges=system.charges,
        species=tuple(carriers),
        background=background,
        temperature_K=temperature_K,
        replicas=system.replicas,
        notes=tuple(_notes(system, stride, rest, background)),
        warnings=tuple(_warnings(system, quantities, temperature_K)),
        series=system.series,
        given_frame=frame,
    )


def _cells(given: str | Path | np.ndarray | None) -> Cells | None:
    if given is None:
        return None
    if isinstance(given, str | Path):
        return parse_cells(str(given))
    return parse_cells(" ".join(str(float(value)) for value in np.ravel(given)))


def _elements(given: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """Return type → chemical symbol."""
    found = given if isinstance(given, Mapping) else {str(number): name for number, name in enumerate(given, 1)}
    wrong = [name for name in found.values() if atomic_numbers.get(name, 0) < 1]
    if wrong:
        raise InputError(f"`elements` names {wrong[0]!r}; expected chemical symbols, e.g. 1=Li,2=Cl")
    return dict(found)


def _background(series: Series, carriers: Mapping[str, float]) -> Background | None:
    counts = dict(zip(series.species, series.counts.tolist(), strict=True))
    net = sum(charge * counts[name] for name, charge in carriers.items())
    others = tuple(name for name in series.species if name not in carriers)
    return Background(others, -net) if abs(net) > 1e-6 else None


def _warnings(system: ReplicaSystem, quantities: Mapping[str, Estimate | Refusal], temperature_K: float) -> list[str]:
    found = [
        f"{replica.path}: {warning}"
        for one, replica in zip(system.series, system.replicas, strict=True)
        for warning in (*replica.warnings, check_time_step(one, temperature_K), rigid_shift_in(one))
        if warning
    ]
    methods = {name: one.method for name, one in quantities.items() if isinstance(one, Estimate)}
    apart = [name for name, method in methods.items() if DIFFER in method]
    if apart:
        found.append(f"replicas do not agree on {', '.join(apart)}; are they of one system, and equilibrated?")
    routes = [f"{name} {method[method.index(DISAGREES) :]}" for name, method in methods.items() if DISAGREES in method]
    return found + routes


def _notes(system: ReplicaSystem, stride: int, rest: str, background: Background | None) -> list[str]:
    lines = []
    for one, replica in zip(system.series, system.replicas, strict=True):
        lines += [f"{replica.path}: {note}" for note in replica.notes]
        if one.tracked_every > 1:
            lines.append(f"{replica.path}: single ions are kept at every {one.tracked_every}th frame, to bound memory")
    n_given, n_used = len(system.series), len(usable_series(system.series))
    if n_used < n_given:
        lines.append(f"{n_given - n_used} of {n_given} replicas left out, as shorter than half the longest")
    if stride > 1:
        lines.append(f"of every {stride} frames one was read")
    lines.append(f"frame of reference: {rest}")
    if background and not background.species:
        lines.append(
            f"what neutralises them ({background.charge_e:+g} e) is not in the trajectory: they diffuse in the "
            "laboratory frame, with whatever drift the whole system has"
        )
    elif background:
        lines.append(f"{', '.join(background.species)} are the neutralising background of {background.charge_e:+g} e")
    return lines

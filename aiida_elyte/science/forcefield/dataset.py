"""Labelled frames of several clusters, each cluster with its topology, types and internal coordinates."""

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.coordinates import describe_coordinates
from aiida_elyte.science.forcefield.internal import InternalCoordinates
from aiida_elyte.science.frames import block_of, charges_of, labels_of, name_of, total_charge_of
from aiida_elyte.science.molecules.broken_bonds import find_broken_bonds
from aiida_elyte.science.molecules.connectivity import topology_from_text
from aiida_elyte.science.molecules.matching import match
from aiida_elyte.science.molecules.perception import topology_from_frame
from aiida_elyte.science.molecules.topology import Topology, renumber, topology_from_smiles
from aiida_elyte.science.molecules.typing import Types, assign_types
from aiida_elyte.units import EV_KCAL_MOL

__all__ = ["LabelledSystem", "fit_fingerprint", "frames_by_name", "group_frames", "split_systems"]


@dataclass(frozen=True)
class LabelledSystem:
    """Labelled frames of one cluster: what a fit needs of them and parameters do not change."""

    name: str
    """Name of the cluster."""
    topology: Topology
    """Its molecules."""
    types: Types
    """Types of its atoms and rows."""
    coordinates: InternalCoordinates
    """Internal coordinates of the F frames, rows in the direction of their keys."""
    forces: Tensor
    """Forces of the labels [kcal/mol/Å], shape ``(F, N, 3)``."""
    charges: np.ndarray | None
    """Charges of the atoms, the mean of the frames' labels [e], ``shape=(N,)``; ``None`` where they have none."""
    energies: Tensor | None = None
    """Energies of the labels [kcal/mol], shape ``(F,)``; ``None`` where a frame has none."""
    blocks: np.ndarray | None = None
    """Number of the block of each frame, ``shape=(F,)``; ``None`` where frames are not correlated."""

    @property
    def net_forces(self) -> Tensor:
        """Net force on each frame, zero but for the noise of the labels [kcal/mol/Å], shape ``(F, 3)``."""
        return self.forces.sum(1)

    def without_net_force(self) -> "LabelledSystem":
        """Return the system with the net force of each frame taken from its atoms in equal shares."""
        return replace(self, forces=self.forces - self.forces.mean(1, keepdim=True))

    def retyped(self, depth: int) -> "LabelledSystem":
        """Return the system with types that look at ``depth`` bonds."""
        types = assign_types(self.topology, depth)
        coordinates = describe_coordinates(self.topology, types, self.coordinates.positions)
        return replace(self, types=types, coordinates=coordinates)

    def take(self, frames: np.ndarray | Tensor) -> "LabelledSystem":
        """Return the system with some of its frames, in this order."""
        chosen = torch.as_tensor(frames)
        return replace(
            self,
            coordinates=describe_coordinates(self.topology, self.types, self.coordinates.positions[chosen]),
            forces=self.forces[chosen],
            energies=None if self.energies is None else self.energies[chosen],
            blocks=None if self.blocks is None else self.blocks[chosen.numpy()],
        )

    def split(self, n_frames: int) -> "list[LabelledSystem]":
        """Return the system in parts of so many frames, the last of what is left."""
        if len(self.forces) <= n_frames:
            return [self]
        return [self.take(part) for part in torch.arange(len(self.forces)).split(n_frames)]

    def to(self, device: torch.device) -> "LabelledSystem":
        """Return the system with its coordinates and labels on a device."""
        if self.forces.device == device:
            return self
        return replace(
            self,
            coordinates=describe_coordinates(self.topology, self.types, self.coordinates.positions.to(device)),
            forces=self.forces.to(device),
            energies=None if self.energies is None else self.energies.to(device),
        )


def group_frames(
    frames: Iterable[Atoms], *, depth: int = 3, smiles: Mapping[str, str] | None = None
) -> tuple[LabelledSystem, ...]:
    """Gather labelled frames by cluster, with a topology each.

    The topology is that of SMILES; or the one in ``info["bonds"]`` of the first frame, as ``write_bonds`` wrote it; or
    is perceived in the first frame, with the total charge as of ``total_charge_of``, or else the sum of the charges.
    The other frames must have its atoms in its order. Bonds are never perceived anew.

    Parameters
    ----------
    frames
        Clusters with forces [eV/Å] and, if there are, charges as of ``charges_of``; names as in ``name_of``.
    depth
        Bonds that an atom type looks at, as in ``assign_types``.
    smiles
        SMILES of clusters by name.

    Raises
    ------
    InputError
        If there are no frames, a frame is periodic, has no or impossible forces, charges or energy, has other atoms
        than the first of its name, or a bond of its topology is torn in it.
    """
    grouped = frames_by_name(frames)
    absent = [name for name in smiles or {} if name not in grouped]
    if absent:
        raise InputError(f"smiles names {absent[0]}; expected one of {', '.join(grouped)}")
    return tuple(_as_system(name, members, depth, (smiles or {}).get(name)) for name, members in grouped.items())


def frames_by_name(frames: Iterable[Atoms]) -> dict[str, list[Atoms]]:
    """Gather labelled frames by cluster, in the order given.

    Parameters
    ----------
    frames
        As of ``group_frames``.

    Raises
    ------
    InputError
        As of ``group_frames``.
    """
    grouped: dict[str, list[Atoms]] = {}
    for number, frame in enumerate(frames):
        members = grouped.setdefault(name_of(frame), [])
        _check_frame(frame, number, members)
        members.append(frame)
    if not grouped:
        raise InputError("there are no frames; expected labelled frames of clusters; give some")
    return grouped


def split_systems(
    frames: Sequence[Atoms], fractions: Sequence[float], rng: np.random.Generator, by: str = "frame"
) -> tuple[list[Atoms], ...]:
    """Split frames at random into parts, each system alike.

    Parameters
    ----------
    frames
        Labelled frames.
    fractions
        Share of each part; they are divided by their sum.
    rng
        Source of randomness.
    by
        ``frame``, or ``cluster``: frames of one block (see ``block_of``), those that heat made of one cluster, stay
        together, so that a part has none of another's clusters. Frames without ``origin`` are clusters of their own.
        Systems with fewer clusters than parts, as those cut out of boxes, are in the first part whole.

    Raises
    ------
    InputError
        If a system has too few frames for one in each part, or ``by`` is neither.
    """
    if by not in ("frame", "cluster"):
        raise InputError(f"split by {by!r} is unknown; expected 'frame' or 'cluster'")
    ends = np.cumsum(fractions) / np.sum(fractions)
    parts: tuple[list[Atoms], ...] = tuple([] for _ in fractions)
    names = np.array([name_of(frame) for frame in frames])
    units = np.array(
        [f"frame-{n}" if by == "frame" else block_of(frame, f"frame-{n}") for n, frame in enumerate(frames)]
    )
    for name in dict.fromkeys(names.tolist()):
        members = rng.permutation(list(dict.fromkeys(units[names == name].tolist())))
        shares = np.split(members, np.round(ends[:-1] * len(members)).astype(int))
        if not all(len(chosen) for chosen in shares):
            if by == "frame":
                raise InputError(
                    f"{name} has {len(members)} frames, too few for {len(parts)} parts; expected some in each; give "
                    "more, or leave it out"
                )
            shares = [members, *[members[:0]] * (len(parts) - 1)]
        for part, chosen in zip(parts, shares, strict=True):
            places = np.flatnonzero((names == name) & np.isin(units, chosen))
            part += [frames[place] for place in places.tolist()]
    return parts


def fit_fingerprint(frames: Iterable[Atoms]) -> str:
    """Return the SHA-256 of atoms, bonds told, positions, forces, charges of frames, checked as in ``group_frames``."""
    digest = hashlib.sha256()
    for frame in itertools.chain.from_iterable(frames_by_name(frames).values()):
        told = f"{name_of(frame)} {' '.join(frame.get_chemical_symbols())} {frame.info.get('bonds', '')}".rstrip()
        digest.update(told.encode())
        charges = charges_of(frame)
        for values in (frame.positions, labels_of(frame)["forces"], () if charges is None else charges):
            digest.update(np.asarray(values, dtype="<f8").tobytes())
    return digest.hexdigest()


def _check_frame(frame: Atoms, number: int, before: Sequence[Atoms]) -> None:
    name = name_of(frame)
    if frame.pbc.any():
        raise InputError(f"frame {number} ({name}) is periodic; expected an isolated cluster; cut clusters out of it")
    labels = labels_of(frame)
    forces = labels.get("forces")
    if forces is None:
        raise InputError(f"frame {number} ({name}) has no forces; expected those of its label [eV/Å]; label it")
    charges = charges_of(frame)
    energy = labels.get("energy", 0.0)
    given = (frame.positions, forces, 0.0 if charges is None else charges, energy)
    if not all(np.isfinite(values).all() for values in given):
        raise InputError(f"frame {number} ({name}) holds a value that is not finite; expected numbers; drop it")
    if before and frame.get_chemical_symbols() != before[0].get_chemical_symbols():
        raise InputError(
            f"frame {number} ({name}) is {frame.get_chemical_formula()}, in another order or of other atoms than the "
            f"first frame of {name}, {before[0].get_chemical_formula()}; expected the same atoms in one order; rename "
            "its system, or sort its atoms"
        )
    told = [each.info["bonds"] for each in (*before[:1], frame) if "bonds" in each.info]
    if len(set(told)) > 1:
        raise InputError(
            f"frame {number} ({name}) tells other bonds than the first frame of {name}; expected one topology; rename "
            "its system"
        )
    if before and (charges is None) != (charges_of(before[0]) is None):
        raise InputError(f"some frames of {name} have charges and some have none; expected all or none; relabel them")


def _as_system(name: str, frames: Sequence[Atoms], depth: int, smiles: str | None) -> LabelledSystem:
    labelled = [charges for frame in frames if (charges := charges_of(frame)) is not None]
    charges = np.mean(labelled, axis=0) if labelled else None
    if smiles is not None:
        topology = topology_from_smiles(smiles)
        topology = renumber(topology, match(topology, frames[0]))
    elif "bonds" in frames[0].info:
        topology = topology_from_text(frames[0].get_chemical_symbols(), str(frames[0].info["bonds"]))
    else:
        total = total_charge_of(frames[0])
        if total is None:
            if charges is None:
                raise InputError(
                    f"{name} has neither a total charge nor charges; expected its total charge; add `charge` to the "
                    "info of its first frame"
                )
            total = round(float(charges.sum()))
        topology = topology_from_frame(frames[0], total)
    types = assign_types(topology, depth)
    forces = np.array([labels_of(frame)["forces"] for frame in frames]) * EV_KCAL_MOL
    positions = np.array([frame.positions for frame in frames])
    for number, torn in find_broken_bonds(positions, topology).items():
        raise InputError(f"frame {number} of {name} is torn: {torn}; expected the bonds of its topology whole; drop it")
    energies = [labels_of(frame).get("energy") for frame in frames]
    has_energies = all(energy is not None for energy in energies)
    blocks = [block_of(frame, f"frame-{number}") for number, frame in enumerate(frames)]
    return LabelledSystem(
        name,
        topology,
        types,
        describe_coordinates(topology, types, positions),
        torch.as_tensor(forces),
        charges,
        torch.tensor(energies, dtype=torch.float64) * EV_KCAL_MOL if has_energies else None,
        np.unique(blocks, return_inverse=True)[1],
    )

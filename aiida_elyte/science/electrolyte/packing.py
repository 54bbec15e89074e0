"""Loose periodic boxes of chains, molecules and salt, to be pushed off and compressed by molecular dynamics.

Chains grow between what is there already, for a coil of hundreds of atoms finds no free place as a rigid body; small
molecules are placed rigidly, the largest first.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.chains import place_chain
from aiida_elyte.science.molecules.crowd import CONTACT_FACTOR, Crowd, contact_radii
from aiida_elyte.science.molecules.molecule import embed_molecule
from aiida_elyte.science.molecules.polymer import Polymer
from aiida_elyte.science.molecules.topology import Topology, charges_of_molecules, join
from aiida_elyte.units import G_CM3

__all__ = ["PackedBox", "join_kinds", "pack"]

_TRIES = 2000
"""Random places for one small molecule."""


@dataclass(frozen=True)
class PackedBox:
    """Molecules in a periodic cube."""

    positions: np.ndarray
    """Positions [Å], molecules whole and so partly outside the cell, ``shape=(N, 3)``."""
    cell: np.ndarray
    """Cell vectors as rows [Å], diagonal, ``shape=(3, 3)``."""
    topology: Topology
    """Graph of the whole box, in the same order of atoms."""


def pack(
    chains: Mapping[str, tuple[Polymer, int]],
    molecules: Mapping[str, int],
    density_g_cm3: float,
    rng: np.random.Generator,
    contact_factor: float = CONTACT_FACTOR,
) -> PackedBox:
    """Pack chains and small molecules into a periodic cube.

    Parameters
    ----------
    chains
        Name of each polymer → the polymer and the number of its chains; none for a liquid.
    molecules
        SMILES of each molecule or ion → its number, as ``{"[Li+]": 30, "F[P-](F)(F)(F)(F)F": 30}``.
    density_g_cm3
        Density of the box [g/cm³]: 0.1 to 0.3 packs quickly.
    rng
        Source of randomness.
    contact_factor
        Part of the sum of van der Waals radii that atoms keep [1], as in ``grow_chain``.

    Returns
    -------
    PackedBox
        Chains first, then molecules, each in the order given.

    Raises
    ------
    InputError
        If a number is invalid, the box is empty or not neutral, or no place without overlap is found.
    """
    seeds = rng.integers(2**31 - 1, size=len(molecules)).tolist()
    small = [embed_molecule(smiles, seed=seed) for smiles, seed in zip(molecules, seeds, strict=True)]
    kinds: list[tuple[Polymer | Atoms, Topology, int]] = [
        *((polymer, polymer.topology, count) for polymer, count in chains.values()),
        *((atoms, graph, count) for (atoms, graph), count in zip(small, molecules.values(), strict=True)),
    ]
    counts = {**{name: count for name, (_, count) in chains.items()}, **molecules}
    topology, edge = join_kinds([graph for _, graph, _ in kinds], counts, density_g_cm3)
    crowd = Crowd(contact_radii(topology.elements, contact_factor), edge)
    copies, first = [], 0
    for shape, graph, count in kinds:
        for _ in range(count):
            copies.append((shape, first))
            first += len(graph.elements)
    for shape, start in sorted(copies, key=lambda copy: (isinstance(copy[0], Atoms), -_size(copy[0]))):
        if isinstance(shape, Polymer):
            place_chain(shape, crowd, start, rng)
        else:
            _place_rigid(shape, crowd, edge, start, rng, density_g_cm3)
    return PackedBox(positions=crowd.positions, cell=edge * np.eye(3), topology=topology)


def join_kinds(graphs: Sequence[Topology], counts: Mapping[str, int], density_g_cm3: float) -> tuple[Topology, float]:
    """Join kinds of molecules to the graph of a box, and return the edge of its cube [Å].

    Parameters
    ----------
    graphs
        Graph of each kind.
    counts
        Name of each kind → its number.
    density_g_cm3
        Density of the box [g/cm³].

    Raises
    ------
    InputError
        If the density or a number is invalid, or the box is empty or not neutral.
    """
    if not 0 < density_g_cm3 < math.inf:
        raise InputError(f"density_g_cm3 is {density_g_cm3}; expected a positive density, as 0.2")
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise InputError(f"count of {name} is {count!r}; expected a whole number above zero")
    if not graphs:
        raise InputError("box has no molecules; expected at least one; name chains or molecules")
    topology = join(graphs, list(counts.values()))
    charge = int(charges_of_molecules(topology).sum())
    if charge:
        recipe = " + ".join(f"{count} {name}" for name, count in counts.items())
        raise InputError(f"charge of {recipe} is {charge:+d}; expected a neutral box; correct the numbers of ions")
    mass = float(atomic_masses[[atomic_numbers[symbol] for symbol in topology.elements]].sum())
    return topology, (mass * G_CM3 / density_g_cm3) ** (1 / 3)


def _size(shape: Polymer | Atoms) -> int:
    return len(shape) if isinstance(shape, Atoms) else len(shape.topology.elements)


def _place_rigid(
    molecule: Atoms, crowd: Crowd, edge_A: float, first: int, rng: np.random.Generator, density_g_cm3: float
) -> None:
    """Place one molecule anywhere, turned anyhow."""
    members = first + np.arange(len(molecule))
    centred = molecule.positions - molecule.positions.mean(axis=0)
    for _ in range(_TRIES):
        positions = centred @ _draw_rotation(rng).T + rng.uniform(0, edge_A, 3)
        if crowd.is_free(members, positions):
            crowd.add(members, positions)
            return
    raise InputError(
        f"density_g_cm3 is {density_g_cm3:g} and {molecule.get_chemical_formula()} finds no free place in {_TRIES} "
        "tries; expected a looser box; lower the density, molecular dynamics compresses it"
    )


def _draw_rotation(rng: np.random.Generator) -> np.ndarray:
    """Return a rotation, all equally probable, ``shape=(3, 3)``."""
    axes, triangle = np.linalg.qr(rng.standard_normal((3, 3)))
    axes = axes * np.sign(np.diag(triangle))
    return np.asarray(axes * np.sign(np.linalg.det(axes)))

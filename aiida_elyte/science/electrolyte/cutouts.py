"""Clusters cut out of a periodic box: whole molecules around one atom."""

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.connectivity import topology_from_text, write_bonds
from aiida_elyte.science.molecules.topology import Topology, charges_of_molecules, topology_from_bonds

__all__ = ["cut_cluster", "cut_shells", "room_for_shell"]


def room_for_shell(topology: Topology) -> int:
    """Return how many atoms a cluster must be allowed to hold something of the surroundings of any ion.

    The largest molecule, one cation and two anions, the largest there are besides it: a cation whose chain has no room
    would be cut out alone.
    """
    sizes = np.bincount(topology.molecules)
    largest = int(np.argmax(sizes))
    is_other = np.array(topology.names) != topology.names[largest]
    charges = charges_of_molecules(topology)
    cation, anion = (int(sizes[is_other & (sign * charges > 0)].max(initial=0)) for sign in (1, -1))
    return int(sizes[largest]) + cation + 2 * anion


def cut_shells(
    positions: np.ndarray,
    cell: np.ndarray,
    topology: Topology,
    *,
    n_cuts: int,
    radius_A: float,
    max_atoms: int,
    rng: np.random.Generator,
) -> list[Atoms]:
    """Cut the surroundings of some cations of one atom out of a box, or of some atoms where it has none.

    Parameters
    ----------
    positions, cell, topology, radius_A
        As in ``cut_cluster``.
    n_cuts
        Atoms to choose.
    max_atoms
        As in ``cut_cluster``, raised to ``room_for_shell`` where that is more.
    rng
        Source of randomness.

    Returns
    -------
    list of ase.Atoms
        Clusters as of ``cut_cluster``, but for those of a single molecule: they tell nothing of molecules together.
    """
    room = max(max_atoms, room_for_shell(topology))
    is_alone = np.bincount(topology.molecules)[topology.molecules] == 1
    cations = np.flatnonzero(is_alone & (topology.formal_charges > 0))
    centres = cations if len(cations) else np.arange(len(topology.elements))
    chosen = rng.choice(centres, min(n_cuts, len(centres)), replace=False)
    cuts = [cut_cluster(positions, cell, topology, int(centre), radius_A, room) for centre in chosen]
    return [cut for cut in cuts if len(topology_from_text(cut.get_chemical_symbols(), cut.info["bonds"]).names) > 1]


def cut_cluster(
    positions: np.ndarray, cell: np.ndarray, topology: Topology, centre: int, radius_A: float, max_atoms: int
) -> Atoms:
    """Cut the molecules that come near one atom out of a box.

    Parameters
    ----------
    positions
        Positions [Å], each molecule whole, ``shape=(N, 3)``.
    cell
        Cell vectors as rows [Å], ``shape=(3, 3)``.
    topology
        Molecules of the box.
    centre
        The atom; its own molecule is always in the cluster.
    radius_A
        Molecules with an atom within this distance of it [Å] are taken, the nearest first …
    max_atoms
        … until another would make the cluster larger than this.

    Returns
    -------
    ase.Atoms
        The cluster, not periodic, the centre at the origin, molecules in the order of the box and whole. ``info``
        holds the total ``charge`` [e], the ``system``, its molecules by name, and ``bonds`` as of ``write_bonds``.

    Raises
    ------
    InputError
        If the molecule of the centre alone has more atoms.
    """
    around = np.asarray(positions, float) - positions[centre]
    shifts = -np.round(around @ np.linalg.inv(cell)) @ cell
    distances = np.linalg.norm(around + shifts, axis=1)
    found = []
    for molecule in range(len(topology.names)):
        members = np.flatnonzero(topology.molecules == molecule)
        nearest = members[np.argmin(distances[members])]
        if centre in members:
            nearest = centre
        found.append((float(distances[nearest]), molecule, around[members] + shifts[nearest], members))
    chosen: list[tuple[int, np.ndarray, np.ndarray]] = []
    n_atoms = 0
    for distance, molecule, whole, members in sorted(found, key=lambda one: one[0]):
        if distance > radius_A:
            break
        if n_atoms + len(members) > max_atoms:
            if not chosen:
                raise InputError(
                    f"max_atoms is {max_atoms} and {topology.names[molecule]} has {len(members)} atoms; expected room "
                    "for one molecule; raise it, or take shorter chains"
                )
            break
        chosen.append((molecule, whole, members))
        n_atoms += len(members)
    chosen.sort(key=lambda one: one[0])
    order = np.concatenate([members for _, _, members in chosen])
    cluster = Atoms([topology.elements[atom] for atom in order], np.concatenate([whole for _, whole, _ in chosen]))
    molecules = [molecule for molecule, _, _ in chosen]
    names = [topology.names[molecule] for molecule in molecules]
    place = np.full(len(topology.elements), -1)
    place[order] = np.arange(len(order))
    bonds = place[topology.bonds]
    charges = topology.formal_charges[order]
    own = topology_from_bonds(cluster.get_chemical_symbols(), bonds[(bonds >= 0).all(axis=1)], charges)
    cluster.info = {
        "bonds": write_bonds(own),
        "charge": int(charges_of_molecules(topology)[molecules].sum()),
        "system": " + ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names)),
    }
    return cluster

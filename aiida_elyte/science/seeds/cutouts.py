"""Clusters cut out of a periodic box: whole molecules around one atom."""

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.connectivity import write_bonds
from aiida_elyte.science.forcefield.topology import Topology, charges_of_molecules, topology_from_bonds

__all__ = ["cut_cluster"]


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
        When the molecule of the centre alone has more atoms.
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

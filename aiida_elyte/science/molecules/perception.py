"""Perception: the bonds and charges that the distances in one frame tell."""

from collections import Counter

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.neighborlist import neighbor_list

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.graph import find_molecules
from aiida_elyte.science.molecules.topology import Topology, formula_of, topology_from_bonds

__all__ = ["perceive_bonds", "topology_from_frame"]

_ION_CHARGES = {
    **dict.fromkeys(("Li", "Na", "K", "Rb", "Cs"), 1),
    **dict.fromkeys(("Mg", "Ca", "Sr", "Ba", "Zn"), 2),
    **dict.fromkeys(("F", "Cl", "Br", "I"), -1),
}
"""Formal charge of each monatomic ion [e]."""

_METALS = tuple(symbol for symbol, charge in _ION_CHARGES.items() if charge > 0)
"""Elements that are ions wherever they sit; halides are ions only where nothing but these is near."""

_SLACK_A = 0.4
"""Two atoms nearer than the sum of their covalent radii and this are bonded [Å], the tolerance of the Cambridge
Structural Database. In 565 DFT frames of tetraglyme and TFSI⁻ bonds reach 0.23 Å, S⋯S over nitrogen begins at 0.57."""

_MOST_NEIGHBOURS = {"H": 1, "C": 4, "N": 4, "O": 3, "F": 1}
"""What has more neighbours than this in a frame is a collision, no molecule."""


def topology_from_frame(atoms: Atoms, charge: int) -> Topology:
    """Perceive molecules from the distances in one frame.

    Alkali, alkaline-earth and zinc atoms are taken out first, as ions; so are halogens that then have no neighbour.
    Other atoms are bonded when nearer than the sum of their covalent radii and 0.4 Å, across periodic faces too.

    Electron counts tell the charge of each molecule: molecules of one composition share what the ions leave; molecules
    of several are neutral with an even number of electrons and ±1 with an odd one. The charge of a molecule stands
    on its first atom. ``matching.match`` takes charges from SMILES instead.

    Parameters
    ----------
    atoms
        The frame.
    charge
        Its total charge [e].

    Raises
    ------
    InputError
        If the charge fits no such assignment, atoms collide, or an atom stands alone that is not a known ion.
    """
    elements = atoms.get_chemical_symbols()
    bare = topology_from_bonds(elements, perceive_bonds(atoms))
    return topology_from_bonds(elements, bare.bonds, _assign_charges(bare, charge))


def perceive_bonds(atoms: Atoms) -> np.ndarray:
    """Return the bonded atoms by distance, metals left out, ``shape=(B, 2)``.

    Raises
    ------
    InputError
        If atoms collide, or one is bonded to an image.
    """
    rest = np.flatnonzero(~np.isin(atoms.get_chemical_symbols(), _METALS))
    others = atoms[rest]
    i, j = neighbor_list("ij", others, covalent_radii[others.numbers] + _SLACK_A / 2)
    once = i <= j
    pairs = np.stack([i[once], j[once]], axis=1)
    if len(np.unique(pairs, axis=0)) < len(pairs) or (pairs[:, 0] == pairs[:, 1]).any():
        raise InputError("cell of the frame is so small that an atom is bonded to an image; expected a larger cell")
    for atom, count in enumerate(np.bincount(pairs.ravel(), minlength=len(others)).tolist()):
        most = _MOST_NEIGHBOURS.get(others[atom].symbol, count)
        if count > most:
            raise InputError(
                f"atom {rest[atom]} ({others[atom].symbol}) of the frame has {count} neighbours; expected at most "
                f"{most}; drop the frame: atoms collide"
            )
    return rest[pairs]


def _assign_charges(bare: Topology, charge: int) -> np.ndarray:
    """Return formal charges that ions and electron counts allow [e], ``shape=(N,)``."""
    groups = find_molecules(len(bare.elements), bare.bonds)
    charges = np.zeros(len(bare.elements), dtype=int)
    rest = []
    for group in groups:
        symbol = bare.elements[group[0]]
        if len(group) > 1:
            rest.append(group)
        elif symbol in _ION_CHARGES:
            charges[group] = _ION_CHARGES[symbol]
        else:
            raise InputError(
                f"atom {group[0]} ({symbol}) of the frame stands alone; expected a neighbour or one of the ions "
                f"{', '.join(_ION_CHARGES)}; drop the frame if a bond broke"
            )
    left = charge - int(charges.sum())
    is_odd = np.array([sum(atomic_numbers[bare.elements[atom]] for atom in group) % 2 for group in rest], dtype=int)
    n_formulas = len({formula_of(bare.elements[atom] for atom in group) for group in rest})
    if n_formulas == 1 and left % len(rest) == 0 and (left // len(rest) - is_odd[0]) % 2 == 0:
        shares = np.full(len(rest), left // len(rest))
    elif abs(left) == is_odd.sum():
        shares = np.sign(left) * is_odd
    else:
        kinds = " + ".join(f"{count} {name}" for name, count in Counter(bare.names).items())
        raise InputError(
            f"charge is {charge}, which leaves {left} for the {len(rest)} molecules of {kinds}, {is_odd.sum()} of them "
            "with an odd number of electrons; expected what closes their shells; correct it, or match SMILES"
        )
    for group, share in zip(rest, shares, strict=True):
        charges[group[0]] = share
    return charges

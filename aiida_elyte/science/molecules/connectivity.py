"""Connectivity: bonds and formal charges as text, which a frame carries in ``info["bonds"]``: ``0-1 1-2; 0:+1``."""

from collections.abc import Sequence

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.topology import Topology, topology_from_bonds

__all__ = ["topology_from_text", "write_bonds"]


def write_bonds(topology: Topology) -> str:
    """Return bonds and formal charges as text that a frame carries in ``info["bonds"]``: ``0-1 1-2; 0:+1``."""
    bonds = " ".join(f"{i}-{j}" for i, j in topology.bonds.tolist())
    charges = " ".join(f"{atom}:{charge:+d}" for atom, charge in enumerate(topology.formal_charges.tolist()) if charge)
    return f"{bonds}; {charges}"


def topology_from_text(elements: Sequence[str], text: str) -> Topology:
    """Return the topology that ``write_bonds`` wrote.

    Parameters
    ----------
    elements
        Chemical symbol of each atom.
    text
        Bonds and formal charges.

    Raises
    ------
    InputError
        If the text is something else, or names atoms that are not there.
    """
    try:
        first, second = text.split(";")
        bonds = [[int(atom) for atom in pair.split("-")] for pair in first.split()]
        told = {int(atom): int(charge) for atom, charge in (each.split(":") for each in second.split())}
    except ValueError as error:
        raise InputError(f"bonds is {text!r}; expected pairs of atoms and charges, as '0-1 1-2; 0:+1'") from error
    charges = np.zeros(len(elements), dtype=int)
    if any(not 0 <= atom < len(elements) for atom in told):
        raise InputError(f"bonds names a charge of an atom beyond {len(elements)}; expected those of the frame")
    for atom, charge in told.items():
        charges[atom] = charge
    return topology_from_bonds(elements, bonds, charges)

"""Does a topology belong to a trajectory? Its atoms may stand in another order, which their number does not tell."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.topology import AtomTable

__all__ = ["require_same_types", "require_whole"]

_LONGEST_BOND_A = 6.0
"""Distance that no bond reaches [Å]; beads of coarse models are 4.7 Å apart."""

_MOST_LOOKED_AT = 2000
"""Bonds, or molecules of one name, whose lengths are looked at."""


def require_same_types(path: Path, types: list[str], topology: AtomTable) -> None:
    """Check that the types of a dump are those of its topology, or stand for one element each where that has none.

    Raises
    ------
    InputError
        If they are not.
    """
    listed = [str(kind) for kind in getattr(getattr(topology.universe, "atoms", None), "types", ())]
    if listed and all(kind.isdigit() for kind in set(listed)):
        if listed != types:
            atom = next(atom for atom, pair in enumerate(zip(types, listed, strict=True)) if pair[0] != pair[1])
            raise InputError(
                f"atom {atom} is of type {types[atom]} in {path} and of type {listed[atom]} in {topology.path}; "
                "expected the same order; give the topology of this trajectory"
            )
        return
    found: dict[str, str] = {}
    for kind, symbol in zip(types, topology.symbols, strict=True):
        if found.setdefault(kind, symbol) != symbol:
            raise InputError(
                f"type {kind} of {path} is {found[kind]} and {symbol} by {topology.path}; expected one element a type; "
                "give the topology of this trajectory, its atoms in the order of their ids"
            )


def require_whole(
    path: Path,
    positions: np.ndarray,
    cell: np.ndarray,
    bonds: np.ndarray,
    molecules: Mapping[str, Sequence[np.ndarray]],
) -> None:
    """Check on one frame that atoms of a bond, or of a molecule where no bonds are known, are near each other.

    Parameters
    ----------
    path
        The trajectory, to name it in messages.
    positions
        Positions [Å], shape ``(n_atoms, 3)``.
    cell
        Rows are the cell vectors [Å], shape ``(3, 3)``.
    bonds
        Pairs of bonded atoms, shape ``(n_bonds, 2)``.
    molecules
        Name → atoms of each molecule.

    Raises
    ------
    InputError
        If atoms are too far from those they belong to.
    """
    neighbours = [(atoms[0], atoms[1:]) for atoms in bonds[:_MOST_LOOKED_AT]]
    if not neighbours:
        parts = [part for members in molecules.values() for part in members[:_MOST_LOOKED_AT] if len(part) > 1]
        neighbours = [(part[place], np.delete(part, place)) for part in parts for place in (0, len(part) - 1)]
    inverse = np.linalg.inv(cell)
    for atom, others in neighbours:
        steps = np.asarray(positions[others], float) - positions[atom]
        nearest = float(np.linalg.norm(steps - np.rint(steps @ inverse) @ cell, axis=1).min())
        if nearest > _LONGEST_BOND_A:
            raise InputError(
                f"atom {atom} of {path} is {nearest:.1f} Å from those that its topology puts into its molecule; "
                f"expected less than {_LONGEST_BOND_A:g} Å; give the topology of this trajectory, its atoms in the "
                "same order, and the cell of the run"
            )

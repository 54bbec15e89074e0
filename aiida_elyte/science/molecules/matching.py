"""Matching a topology to a frame whose atoms come in another order, by isomorphism of graphs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.graph import find_molecules
from aiida_elyte.science.molecules.perception import perceive_bonds
from aiida_elyte.science.molecules.topology import Topology, formula_of

__all__ = ["match"]


def match(topology: Topology, frame: Atoms | Topology) -> np.ndarray:
    """Find which atom of a topology each atom of a frame is, by isomorphism of graphs.

    Parameters
    ----------
    topology
        What the frame should hold, as from SMILES, in any order of atoms.
    frame
        The frame, perceived as in ``topology_from_frame``, or its topology; its charges and names are not looked at.

    Returns
    -------
    np.ndarray
        Atom of the topology at each atom of the frame, ``shape=(N,)``: ``renumber(topology, order)`` is the topology in
        the order of the frame. Of equivalent atoms any may be taken.

    Raises
    ------
    InputError
        If the frame has other atoms, or its atoms make other molecules.
    """
    if isinstance(frame, Topology):
        elements, bonds = frame.elements, frame.bonds
    else:
        elements, bonds = tuple(frame.get_chemical_symbols()), perceive_bonds(frame)
    expected = " + ".join(f"{count} {name}" for name, count in Counter(topology.names).items())
    given, wanted = Counter(elements), Counter(topology.elements)
    if given != wanted:
        differences = [
            f"{given[symbol] - wanted[symbol]:+d} {symbol}"
            for symbol in sorted(given | wanted)
            if given[symbol] != wanted[symbol]
        ]
        raise InputError(
            f"frame is {formula_of(elements)}; expected {formula_of(topology.elements)} of {expected} "
            f"({', '.join(differences)}); give the SMILES of what the frame holds"
        )
    n_atoms = len(elements)
    both = np.concatenate([bonds, topology.bonds + n_atoms])
    colours = _refine([*elements, *topology.elements], both)
    free: dict[bytes, list[np.ndarray]] = {}
    for group in find_molecules(n_atoms, bonds):
        free.setdefault(np.sort(colours[group]).tobytes(), []).append(group)
    order = np.empty(n_atoms, dtype=int)
    missing: Counter[str] = Counter()
    for number, group in enumerate(find_molecules(n_atoms, topology.bonds)):
        pattern = _as_graph(group + n_atoms, both, colours)
        alike = free.get(np.sort(colours[group + n_atoms]).tobytes(), [])
        for place, candidate in enumerate(alike):
            found = _as_graph(candidate, both, colours).GetSubstructMatch(pattern)
            if found:
                order[candidate[list(found)]] = group
                del alike[place]
                break
        else:
            missing[topology.names[number]] += 1
    if missing:
        lacking = " + ".join(f"{count} {name}" for name, count in missing.items())
        spare = Counter(formula_of(elements[atom] for atom in group) for groups in free.values() for group in groups)
        left_over = " + ".join(f"{count} {formula}" for formula, count in spare.items())
        raise InputError(
            f"frame lacks {lacking}: its other atoms make {left_over}, bonded otherwise; expected {expected}; "
            "correct the SMILES, or drop the frame if a bond broke"
        )
    return order


def _refine(elements: Sequence[str], bonds: np.ndarray) -> np.ndarray:
    """Colour atoms by what surrounds them until no colour splits any more, ``shape=(N,)``.

    Atoms that an isomorphism exchanges have one colour (Weisfeiler and Leman). Colours keep the search for isomorphisms
    from guessing, which takes a time exponential in the length of a chain.
    """
    rng = np.random.default_rng(0)
    ends, others = np.concatenate([bonds, bonds[:, ::-1]]).T
    colours = np.unique(elements, return_inverse=True)[1]
    n_before = 0
    while (n_colours := int(colours.max()) + 1) > n_before:
        n_before = n_colours
        own, passed_on = rng.integers(2**63, size=(2, n_colours), dtype=np.uint64)
        sums = own[colours]
        np.add.at(sums, ends, passed_on[colours[others]])  # integers add up alike in any order
        colours = np.unique(sums, return_inverse=True)[1]
    return colours


def _as_graph(group: np.ndarray, bonds: np.ndarray, colours: np.ndarray) -> Any:
    """Return one molecule as an RDKit graph, colours in place of elements and bonds all alike."""
    from rdkit import Chem

    graph = Chem.RWMol()
    for colour in colours[group].tolist():
        node = Chem.Atom("C")
        node.SetIsotope(colour + 1)
        node.SetNoImplicit(True)
        graph.AddAtom(node)
    for i, j in np.searchsorted(group, bonds[np.isin(bonds[:, 0], group)]).tolist():
        graph.AddBond(i, j, Chem.BondType.SINGLE)
    return graph

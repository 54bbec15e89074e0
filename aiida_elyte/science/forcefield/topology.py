"""Topology: the graph of bonded atoms, and the angles, dihedrals and impropers that follow from it.

A topology comes from bonds, from SMILES, or once from the distances in a frame; it is never perceived anew per frame.
Bond orders are never asked for: the graph alone decides.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.neighborlist import neighbor_list

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.topology import are_elements, find_molecules

__all__ = [
    "Topology",
    "charges_of_molecules",
    "join",
    "list_neighbours",
    "match",
    "renumber",
    "topology_from_bonds",
    "topology_from_frame",
    "topology_from_smiles",
    "topology_from_text",
    "write_bonds",
]

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


@dataclass(frozen=True)
class Topology:
    """Molecules as a graph, with its angles, dihedrals and impropers.

    Rows are in one canonical order, whatever the order of the bonds: a row begins at its end of lower index (a dihedral
    at that of its second and third atom), outer atoms of an improper ascend, and rows ascend. A row occurs once.
    """

    elements: tuple[str, ...]
    """Chemical symbol of each of the N atoms."""
    formal_charges: np.ndarray
    """Formal charge of each atom [e], ``shape=(N,)``; only its sum over a molecule is meant."""
    molecules: np.ndarray
    """Molecule of each atom, numbered in the order of their first atoms, ``shape=(N,)``."""
    names: tuple[str, ...]
    """Name of each molecule."""
    bonds: np.ndarray
    """Bonded atoms, ``shape=(B, 2)``."""
    angles: np.ndarray
    """Atoms of each angle, the centre second, ``shape=(A, 3)``."""
    dihedrals: np.ndarray
    """Atoms of each dihedral along its bonds, ``shape=(D, 4)``."""
    impropers: np.ndarray
    """Atoms of each improper, the centre second as in LAMMPS' class 2, ``shape=(I, 4)``."""


def charges_of_molecules(topology: Topology) -> np.ndarray:
    """Return the formal charge of each molecule [e], ``shape=(n_molecules,)``."""
    charges = np.zeros(len(topology.names), dtype=int)
    np.add.at(charges, topology.molecules, topology.formal_charges)
    return charges


def list_neighbours(topology: Topology) -> list[list[int]]:
    """Return the atoms bonded to each atom, ascending."""
    return _list_neighbours(len(topology.elements), topology.bonds)


def topology_from_bonds(
    elements: Sequence[str],
    bonds: Sequence[Sequence[int]] | np.ndarray,
    formal_charges: Sequence[int] | np.ndarray | None = None,
    names: Sequence[str] | None = None,
) -> Topology:
    """Enumerate the terms of a graph.

    - angles: every pair of neighbours of every atom.
    - dihedrals i–j–k–l: every bond j–k with a further neighbour of each, i ≠ l; none where j or k is linear or has
      more than four neighbours, for there φ is undefined. Linear is a carbon with two neighbours, and a nitrogen with
      two, one of which is a carbon or nitrogen bonded to nothing else (azide, diazonium, isonitrile).
    - impropers: one for a centre with three neighbours; for one with four the four triples, which carry the angle–angle
      terms of class 2; none above (PF₆⁻ has angles of 180°, where an improper of class 2 is undefined).

    Parameters
    ----------
    elements
        Chemical symbol of each of the N atoms.
    bonds
        Bonded atoms in any order, ``shape=(B, 2)``; a bond given twice counts once.
    formal_charges
        Formal charge of each atom [e], ``shape=(N,)``; zero where not given.
    names
        Name of each molecule, in the order of their first atoms; the formula where not given.

    Raises
    ------
    InputError
        When an element is unknown, a bond names a missing atom or one atom twice, or charges or names do not fit.
    """
    n_atoms = len(elements)
    _check_elements(elements)
    bonds = _check_bonds(bonds, n_atoms)
    charges = np.zeros(n_atoms, dtype=int) if formal_charges is None else np.asarray(formal_charges)
    if charges.shape != (n_atoms,) or not np.array_equal(charges, np.round(charges)):
        raise InputError(
            f"formal_charges is {charges.tolist()}; expected an integer for each of {n_atoms} atoms; correct it"
        )
    groups = find_molecules(n_atoms, bonds)
    molecules = np.empty(n_atoms, dtype=int)
    for number, group in enumerate(groups):
        molecules[group] = number
    if names is None:
        names = [_formula(elements[atom] for atom in group) for group in groups]
    if len(names) != len(groups):
        raise InputError(
            f"names has {len(names)} entries; expected one for each of {len(groups)} molecules; correct it"
        )
    neighbours = _list_neighbours(n_atoms, bonds)
    is_twistable = [
        len(around) <= 4 and not _is_linear(atom, elements, neighbours) for atom, around in enumerate(neighbours)
    ]
    return Topology(
        elements=tuple(elements),
        formal_charges=charges.astype(int),
        molecules=molecules,
        names=tuple(names),
        bonds=bonds,
        angles=_rows(
            3, ((i, j, k) for j, around in enumerate(neighbours) for i, k in itertools.combinations(around, 2))
        ),
        dihedrals=_rows(
            4,
            (
                (i, j, k, m)
                for j, k in bonds.tolist()
                if is_twistable[j] and is_twistable[k]
                for i in neighbours[j]
                for m in neighbours[k]
                if i not in (k, m) and m != j
            ),
        ),
        impropers=_rows(
            4,
            (
                (i, j, k, m)
                for j, around in enumerate(neighbours)
                if len(around) <= 4
                for i, k, m in itertools.combinations(around, 3)
            ),
        ),
    )


def topology_from_smiles(smiles: str, name: str | None = None) -> Topology:
    """Read molecules from SMILES, with all hydrogens; parts between dots are molecules of their own.

    Parameters
    ----------
    smiles
        As ``COCCOC`` or ``COCCOC.[Li+]``; atoms keep its order, hydrogens follow.
    name
        Name of the one molecule; canonical SMILES of each part where not given.

    Raises
    ------
    InputError
        When RDKit cannot read it, a valence is impossible, or one name is given for several molecules.
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles, sanitize=False)
        if molecule is None or not molecule.GetNumAtoms():
            raise InputError(f"SMILES {smiles!r} cannot be read; expected one of a molecule, as 'COCCOC'; correct it")
        problems = Chem.DetectChemistryProblems(molecule)
        if problems:
            raise InputError(
                f"SMILES {smiles!r} is no molecule ({problems[0].Message().strip()}); expected possible valences; "
                "correct it"
            )
        Chem.SanitizeMol(molecule)
        parts = Chem.GetMolFrags(molecule, asMols=True)
        names = [Chem.MolToSmiles(part) for part in parts]
        if any(atom.GetNumRadicalElectrons() for atom in molecule.GetAtoms() if atom.GetDegree()):
            raise InputError(f"SMILES {smiles!r} has unpaired electrons; expected closed shells; add the hydrogens")
        molecule = Chem.AddHs(molecule)
    if name is not None:
        if len(parts) > 1:
            raise InputError(f"name {name!r} is given for {len(parts)} molecules of {smiles!r}; expected one; split it")
        names = [name]
    return topology_from_bonds(
        [atom.GetSymbol() for atom in molecule.GetAtoms()],
        [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()],
        [atom.GetFormalCharge() for atom in molecule.GetAtoms()],
        names,
    )


def topology_from_frame(atoms: Atoms, charge: int) -> Topology:
    """Perceive molecules from the distances in one frame.

    Alkali, alkaline-earth and zinc atoms are taken out first, as ions; so are halogens that then have no neighbour.
    Other atoms are bonded when nearer than the sum of their covalent radii and 0.4 Å, across periodic faces too.

    Electron counts tell the charge of each molecule: molecules of one composition share what the ions leave; molecules
    of several are neutral with an even number of electrons and ±1 with an odd one. The charge of a molecule stands
    on its first atom. ``match`` takes charges from SMILES instead.

    Parameters
    ----------
    atoms
        The frame.
    charge
        Its total charge [e].

    Raises
    ------
    InputError
        When the charge fits no such assignment, atoms collide, or an atom stands alone that is no known ion.
    """
    elements = atoms.get_chemical_symbols()
    bare = topology_from_bonds(elements, _perceive_bonds(atoms))
    return topology_from_bonds(elements, bare.bonds, _assign_charges(bare, charge))


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
        When the text is something else, or names atoms that are not there.
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
        When the frame has other atoms, or its atoms make other molecules.
    """
    if isinstance(frame, Topology):
        elements, bonds = frame.elements, frame.bonds
    else:
        elements, bonds = tuple(frame.get_chemical_symbols()), _perceive_bonds(frame)
    expected = " + ".join(f"{count} {name}" for name, count in Counter(topology.names).items())
    given, wanted = Counter(elements), Counter(topology.elements)
    if given != wanted:
        differences = [
            f"{given[symbol] - wanted[symbol]:+d} {symbol}"
            for symbol in sorted(given | wanted)
            if given[symbol] != wanted[symbol]
        ]
        raise InputError(
            f"frame is {_formula(elements)}; expected {_formula(topology.elements)} of {expected} "
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
        spare = Counter(_formula(elements[atom] for atom in group) for groups in free.values() for group in groups)
        left_over = " + ".join(f"{count} {formula}" for formula, count in spare.items())
        raise InputError(
            f"frame lacks {lacking}: its other atoms make {left_over}, bonded otherwise; expected {expected}; "
            "correct the SMILES, or drop the frame if a bond broke"
        )
    return order


def renumber(topology: Topology, order: Sequence[int] | np.ndarray) -> Topology:
    """Return a topology with its atoms in another order.

    Parameters
    ----------
    topology
        The topology, left as it is.
    order
        Its atom at each new place, ``shape=(N,)``, as in ``atoms[order]`` of ASE.

    Raises
    ------
    InputError
        When ``order`` is no permutation.
    """
    order = np.asarray(order)
    if not np.array_equal(np.sort(order), np.arange(len(topology.elements))):
        raise InputError(f"order is no permutation of {len(topology.elements)} atoms; expected each once; correct it")
    molecules = dict.fromkeys(topology.molecules[order].tolist())
    return topology_from_bonds(
        [topology.elements[atom] for atom in order],
        np.argsort(order)[topology.bonds],
        topology.formal_charges[order],
        [topology.names[molecule] for molecule in molecules],
    )


def join(topologies: Sequence[Topology], counts: Sequence[int] | None = None) -> Topology:
    """Put topologies behind each other.

    Parameters
    ----------
    topologies
        At least one.
    counts
        How many of each, copies next to each other; one where not given.

    Raises
    ------
    InputError
        When there is none, or the counts are no positive integer for each.
    """
    counts = [1] * len(topologies) if counts is None else counts
    if not topologies or len(counts) != len(topologies) or any(int(count) != count or count < 1 for count in counts):
        raise InputError(
            f"counts is {list(counts)} for {len(topologies)} topologies; expected at least one, and a positive integer "
            "for each; correct it"
        )
    copies = [topology for topology, count in zip(topologies, counts, strict=True) for _ in range(int(count))]
    first_atoms = np.cumsum([0, *(len(one.elements) for one in copies)])
    first_molecules = np.cumsum([0, *(len(one.names) for one in copies)])

    def stack(field: str, first: Iterable[int]) -> np.ndarray:
        return np.concatenate([getattr(one, field) + shift for one, shift in zip(copies, first, strict=False)])

    return Topology(
        elements=tuple(itertools.chain.from_iterable(one.elements for one in copies)),
        formal_charges=np.concatenate([one.formal_charges for one in copies]),
        molecules=stack("molecules", first_molecules),
        names=tuple(itertools.chain.from_iterable(one.names for one in copies)),
        bonds=stack("bonds", first_atoms),
        angles=stack("angles", first_atoms),
        dihedrals=stack("dihedrals", first_atoms),
        impropers=stack("impropers", first_atoms),
    )


def _check_elements(elements: Sequence[str]) -> None:
    if not elements or not are_elements(elements):
        others = ", ".join(sorted({str(symbol) for symbol in elements if not are_elements([symbol])})) or "none"
        raise InputError(f"elements has {others}; expected chemical symbols of at least one atom; correct them")


def _check_bonds(bonds: Sequence[Sequence[int]] | np.ndarray, n_atoms: int) -> np.ndarray:
    """Return each bond once, ascending."""
    pairs = np.asarray(bonds, dtype=int).reshape(-1, 2)
    wrong = pairs[((pairs < 0) | (pairs >= n_atoms)).any(axis=1) | (pairs[:, 0] == pairs[:, 1])]
    if len(wrong):
        raise InputError(
            f"bond {tuple(wrong[0].tolist())} is none; expected two different atoms of 0 … {n_atoms - 1}; correct it"
        )
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _list_neighbours(n_atoms: int, bonds: np.ndarray) -> list[list[int]]:
    neighbours: list[list[int]] = [[] for _ in range(n_atoms)]
    for i, j in bonds.tolist():
        neighbours[i].append(j)
        neighbours[j].append(i)
    return [sorted(around) for around in neighbours]


def _is_linear(atom: int, elements: Sequence[str], neighbours: Sequence[Sequence[int]]) -> bool:
    if len(neighbours[atom]) != 2:
        return False
    ends = {elements[near] for near in neighbours[atom] if len(neighbours[near]) == 1}
    return elements[atom] == "C" or (elements[atom] == "N" and not ends.isdisjoint({"C", "N"}))


def _rows(width: int, rows: Iterable[tuple[int, ...]]) -> np.ndarray:
    """Return rows, ascending."""
    return np.array(sorted(rows), dtype=int).reshape(-1, width)


def _formula(elements: Iterable[str]) -> str:
    """Return the formula after Hill: C, H, then the alphabet."""
    counts = Counter(elements)
    first = [symbol for symbol in ("C", "H") if "C" in counts and symbol in counts]
    symbols = first + sorted(set(counts) - set(first))
    return "".join(symbol + (str(counts[symbol]) if counts[symbol] > 1 else "") for symbol in symbols)


def _perceive_bonds(atoms: Atoms) -> np.ndarray:
    """Return the bonded atoms by distance, metals left out, ``shape=(B, 2)``."""
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
    n_formulas = len({_formula(bare.elements[atom] for atom in group) for group in rest})
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

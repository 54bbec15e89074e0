"""Polymers read from a repeat unit: their graph, and the geometry of their parts.

A template of at most three units, embedded once, gives bond lengths, angles and side groups of the whole chain.
"""

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.crowd import NEAR_BONDS, NEAR_FACTOR
from aiida_elyte.science.molecules.molecule import embed_conformers, match_sites
from aiida_elyte.science.molecules.topology import (
    Topology,
    has_unpaired_electrons,
    list_neighbours,
    topology_from_bonds,
)

__all__ = [
    "FIXED",
    "FREE",
    "STATES",
    "TRANS",
    "Polymer",
    "count_sites",
    "make_polymer",
    "moving_frames",
    "smiles_of_oligomer",
]

_TACTICITIES = ("isotactic", "syndiotactic", "atactic")

_CONFORMERS = 4
"""Geometries of the template; every unit draws one, so that side groups differ."""

FIXED, TRANS, FREE, STATES = range(4)
"""How a torsion is set: as in the template, trans, uniformly, by the states."""


@dataclass(frozen=True)
class Polymer:
    """A chain of given length: its graph, and the geometry of its parts.

    Backbone atoms are the shortest way along the chain, with one atom of each end group; every other atom is in the
    side group of one of them. A template of min(n, 3) units in C conformers gives the geometry.
    """

    topology: Topology
    """Graph of the chain: head group, units, tail group; in each the atoms of its SMILES, then hydrogens."""
    backbone: np.ndarray
    """Backbone atoms from head to tail, ``shape=(B,)``."""
    units: np.ndarray
    """Unit of each backbone atom, from 1; 0 for the head group and n + 1 for the tail group, ``shape=(B,)``."""
    lengths_A: np.ndarray
    """Length of the bond that leads to each backbone atom [Å], ``shape=(C, B)``; the first is undefined."""
    angles: np.ndarray
    """Angle between the bonds of each backbone atom [rad], ``shape=(C, B)``; those of the ends are undefined."""
    torsions: np.ndarray
    """Torsion in the template around the bond that leads to each backbone atom [rad], ``shape=(C, B)``; those of the
    first two and the last are undefined."""
    kinds: np.ndarray
    """How that torsion is set, ``shape=(B,)``."""
    side_groups: tuple[np.ndarray, ...]
    """Atoms of the side group of each backbone atom."""
    side_positions: tuple[np.ndarray, ...]
    """Their positions in the frame of the backbone there [Å], ``shape=(C, n, 3)``."""
    factors: tuple[dict[int, float], ...]
    """For each atom, atoms that may be nearer than others, and by what factor [1]."""
    tacticity: str | None
    """``isotactic``, ``syndiotactic`` or ``atactic``; ``None`` where units have no stereocentre."""


def make_polymer(
    unit: str,
    n_units: int,
    head: str = "*[H]",
    tail: str = "*C",
    tacticity: str | None = None,
    name: str | None = None,
    seed: int = 0,
) -> Polymer:
    """Read a polymer from its repeat unit.

    Parameters
    ----------
    unit
        SMILES with two ``*``, the first towards the head, as ``*CCO*``.
    n_units
        Units in the chain.
    head, tail
        End groups: SMILES with one ``*``; hydrogen and methyl where not given. ``*OC`` and ``*C`` end PEO in methoxy.
    tacticity
        ``isotactic`` (all units alike), ``syndiotactic`` (every second one its mirror image) or ``atactic`` (each at
        random, the default of a unit with a stereocentre). A unit with several stereocentres states them, with ``@``.
    name
        Name of the molecule; its formula where not given.
    seed
        Seed of the template's conformers.

    Raises
    ------
    InputError
        If a SMILES cannot be read or has another number of ``*``, the tacticity is unknown or needs a stereocentre that
        is not there, or RDKit finds no geometry.
    """
    if isinstance(n_units, bool) or not isinstance(n_units, int) or n_units < 1:
        raise InputError(f"n_units is {n_units!r}; expected a whole number above zero")
    unit_part = _read_part(unit, "unit", 2)
    parts = [_read_part(head, "head", 1), unit_part, _read_part(tail, "tail", 1)]
    tacticity = _settle_tacticity(unit_part, unit, tacticity)
    n_template = min(n_units, 3)
    # Part of the chain → part of the template: inner units are all the template's second.
    sources = [0, 1, *[2] * (n_units - 2), n_template, n_template + 1] if n_units > 1 else [0, 1, 2]
    template = _zip_parts([parts[0], *[parts[1]] * n_template, parts[2]])
    geometry = embed_conformers(template, _CONFORMERS, seed, f"unit {unit!r}", should_relax=True, from_random=True)
    places = {(atom.GetIntProp("part"), atom.GetIntProp("place")): atom.GetIdx() for atom in template.GetAtoms()}
    layouts = [_lay_out(part) for part in (parts[0], *[parts[1]] * n_template, parts[2])]
    elements: list[str] = []
    charges: list[int] = []
    bonds: list[tuple[int, int]] = []
    backbone: list[int] = []
    units: list[int] = []
    owners: list[int] = []
    origins: list[int] = []
    for number, source in enumerate(sources):
        layout, first = layouts[source], len(elements)
        if backbone:
            bonds.append((backbone[-1], first + layout.backbone[0]))
        elements += layout.elements
        charges += layout.formal_charges
        bonds += [(first + i, first + j) for i, j in layout.bonds]
        owners += [len(backbone) + owner for owner in layout.owners]
        backbone += [first + atom for atom in layout.backbone]
        units += [number] * len(layout.backbone)
        origins += [places[source, atom] for atom in layout.atoms]
    topology = topology_from_bonds(elements, bonds, charges, None if name is None else [name])
    template_backbone = [
        places[source, layout.atoms[atom]] for source, layout in enumerate(layouts) for atom in layout.backbone
    ]
    step_of = {atom: step for step, atom in enumerate(template_backbone)}
    # Place in the template's backbone of each place in the chain's.
    steps = np.array([step_of[origins[atom]] for atom in backbone])
    lengths, angles, torsions = _internal_coordinates(geometry[:, template_backbone])
    frames = moving_frames(geometry[:, template_backbone])
    side_groups = [
        np.array([atom for atom in members if atom != backbone[step]], dtype=int)
        for step, members in enumerate(_group(owners, len(backbone)))
    ]
    side_positions = tuple(
        np.einsum("cnx,cxy->cny", geometry[:, [origins[atom] for atom in group]] - origin[:, None], axes)
        for group, step in zip(side_groups, steps, strict=True)
        for origin, axes in [(frames[0][:, step], frames[1][:, step])]
    )
    return Polymer(
        topology=topology,
        backbone=np.array(backbone),
        units=np.array(units),
        lengths_A=lengths[:, steps],
        angles=angles[:, steps],
        torsions=torsions[:, steps],
        kinds=np.array(_torsion_kinds(template, template_backbone))[steps],
        side_groups=tuple(side_groups),
        side_positions=side_positions,
        factors=_factors(topology),
        tacticity=tacticity,
    )


def count_sites(unit: str, n_units: int, pattern: str, head: str = "*[H]", tail: str = "*C") -> int:
    """Count the places in a chain that match SMARTS, end groups included.

    Counted in a chain of at most three units: a pattern is told by the part that its first atom is in.

    Parameters
    ----------
    unit, n_units, head, tail
        As in ``make_polymer``.
    pattern
        SMARTS, as ``[OX2]([#6])[#6]`` for the ether oxygens of PEO.

    Raises
    ------
    InputError
        If a SMILES or the SMARTS cannot be read.
    """
    parts = [_read_part(head, "head", 1), _read_part(unit, "unit", 2), _read_part(tail, "tail", 1)]
    n_template = min(n_units, 3)
    template = _zip_parts([parts[0], *[parts[1]] * n_template, parts[2]])
    found = [
        template.GetAtomWithIdx(atom).GetIntProp("part") for atom in match_sites(template, pattern, f"unit {unit!r}")
    ]
    inner = found.count(2) if n_template == 3 else 0
    return len(found) + (n_units - n_template) * inner


def smiles_of_oligomer(unit: str, n_units: int, head: str = "*[H]", tail: str = "*C") -> str:
    """Return the canonical SMILES of a short chain, which stands for the polymer in clusters.

    Parameters
    ----------
    unit, n_units, head, tail
        As in ``make_polymer``.

    Raises
    ------
    InputError
        As ``make_polymer``.
    """
    from rdkit import Chem

    parts = [_read_part(head, "head", 1), *[_read_part(unit, "unit", 2)] * n_units, _read_part(tail, "tail", 1)]
    return str(Chem.MolToSmiles(Chem.RemoveHs(_zip_parts(parts))))


def moving_frames(path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return origin and axes of the frame at each atom of a path, ``shape=(C, B, 3)`` and ``(C, B, 3, 3)``.

    x runs along the bond that comes, z is normal to the plane of the bonds that come and go; columns are axes. The
    ends have the frame of their neighbour.
    """
    incoming, outgoing = path[:, 1:-1] - path[:, :-2], path[:, 2:] - path[:, 1:-1]
    x = incoming / np.linalg.norm(incoming, axis=-1, keepdims=True)
    z = np.cross(incoming, outgoing)
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    axes = np.stack([x, np.cross(z, x), z], axis=-1)
    whole = np.pad(np.arange(axes.shape[1]), 1, mode="edge")
    return path[:, 1:-1][:, whole], axes[:, whole]


def _internal_coordinates(path: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lengths, angles and torsions as ``Polymer`` has them, NaN where undefined, each ``shape=(C, B)``."""
    steps = np.diff(path, axis=1)
    lengths = np.linalg.norm(steps, axis=-1)
    directions = steps / lengths[..., None]
    incoming, outgoing = directions[:, :-1], directions[:, 1:]
    angles = np.arccos(np.clip(-np.einsum("cbx,cbx->cb", incoming, outgoing), -1, 1))
    normals = np.cross(incoming, outgoing)
    torsions = np.arctan2(
        np.einsum("cbx,cbx->cb", directions[:, :-2], normals[:, 1:]),
        np.einsum("cbx,cbx->cb", normals[:, :-1], normals[:, 1:]),
    )

    def pad(values: np.ndarray, before: int, after: int) -> np.ndarray:
        return np.pad(values, ((0, 0), (before, after)), constant_values=np.nan)

    return pad(lengths, 1, 0), pad(angles, 1, 1), pad(torsions, 2, 1)


@dataclass(frozen=True)
class _Layout:
    """Atoms of one part, its ``*`` left out and the others counted anew."""

    atoms: list[int]
    elements: list[str]
    formal_charges: list[int]
    bonds: list[tuple[int, int]]
    backbone: list[int]
    owners: list[int]
    """Backbone atom, as a place in ``backbone``, that each atom hangs on."""


def _read_part(smiles: str, role: str, n_stars: int) -> Any:
    """Read a unit or end group, with hydrogens; its ``*`` are told apart by isotopes, so that stereocentres show."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles, sanitize=False)
        if molecule is None:
            raise InputError(f"{role} {smiles!r} cannot be read; expected SMILES such as '*CCO*'")
        problems = Chem.DetectChemistryProblems(molecule)
        if problems:
            raise InputError(
                f"{role} {smiles!r} is not part of a molecule ({problems[0].Message().strip()}); expected possible "
                "valences"
            )
        molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    if has_unpaired_electrons(molecule):
        raise InputError(f"{role} {smiles!r} has unpaired electrons; expected closed shells; add the hydrogens")
    stars = [atom for atom in molecule.GetAtoms() if atom.GetAtomicNum() == 0]
    if len(stars) != n_stars:
        expected = "two, as in '*CCO*'" if n_stars == 2 else "one, as in '*C'"
        raise InputError(f"{role} {smiles!r} has {len(stars)} of '*'; expected {expected}")
    for number, star in enumerate(stars):
        star.SetIsotope(number + 1)
        neighbours = star.GetNeighbors()
        if (
            len(Chem.GetMolFrags(molecule)) > 1
            or len(neighbours) != 1
            or neighbours[0].GetAtomicNum() == 0
            or star.GetBonds()[0].GetBondType() != Chem.BondType.SINGLE
        ):
            raise InputError(f"{role} {smiles!r} is not one part with single bonds to each '*'")
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(0)
    return molecule


def _settle_tacticity(unit: Any, smiles: str, tacticity: str | None) -> str | None:
    """Check the tacticity against the stereocentres of a unit; give a lone unspecified centre a handedness."""
    from rdkit import Chem

    if tacticity is not None and tacticity not in _TACTICITIES:
        raise InputError(f"tacticity is {tacticity!r}; expected one of {', '.join(_TACTICITIES)}")
    centres = [found for found in Chem.FindPotentialStereo(unit) if found.type == Chem.StereoType.Atom_Tetrahedral]
    if not centres:
        if tacticity is not None:
            raise InputError(
                f"tacticity is {tacticity!r} and unit {smiles!r} has no stereocentre; expected one; leave it out"
            )
        return None
    open_centres = [found for found in centres if found.specified != Chem.StereoSpecified.Specified]
    if len(centres) > 1 and open_centres:
        raise InputError(
            f"unit {smiles!r} has {len(centres)} stereocentres; expected each stated where there are several; "
            "write them with @ or @@"
        )
    for found in open_centres:
        unit.GetAtomWithIdx(found.centeredOn).SetChiralTag(Chem.ChiralType.CHI_TETRAHEDRAL_CCW)
    return tacticity or "atactic"


def _zip_parts(parts: Sequence[Any]) -> Any:
    """Join parts at their ``*`` into one molecule; ``part`` and ``place`` on each atom tell where it comes from."""
    from rdkit import Chem

    whole = Chem.Mol()
    for number, part in enumerate(parts):
        copy = Chem.Mol(part)
        for atom in copy.GetAtoms():
            atom.SetIntProp("part", number)
            atom.SetIntProp("place", atom.GetIdx())
        stars = [atom for atom in copy.GetAtoms() if atom.GetAtomicNum() == 0]
        for joint, star in enumerate(stars, max(number, 1)):
            star.SetAtomMapNum(joint)
            star.SetIsotope(0)
        whole = Chem.CombineMols(whole, copy)
    whole = Chem.molzip(whole)
    # An isotope at the tail keeps the ends apart, without which a centre between like halves would be none.
    last = len(parts) - 1
    next(atom for atom in whole.GetAtoms() if atom.GetIntProp("part") == last).SetIsotope(99)
    Chem.SanitizeMol(whole)
    return whole


def _lay_out(part: Any) -> _Layout:
    from rdkit import Chem

    stars = [atom.GetIdx() for atom in part.GetAtoms() if atom.GetAtomicNum() == 0]
    atoms = [atom.GetIdx() for atom in part.GetAtoms() if atom.GetAtomicNum() != 0]
    new = {atom: place for place, atom in enumerate(atoms)}
    if len(stars) == 2:
        way = list(Chem.GetShortestPath(part, *stars)[1:-1])
    else:
        way = [part.GetAtomWithIdx(stars[0]).GetNeighbors()[0].GetIdx()]
    bonds = [
        (new[bond.GetBeginAtomIdx()], new[bond.GetEndAtomIdx()])
        for bond in part.GetBonds()
        if bond.GetBeginAtomIdx() in new and bond.GetEndAtomIdx() in new
    ]
    backbone = [new[atom] for atom in way]
    owners = {atom: place for place, atom in enumerate(backbone)}
    queue = deque(backbone)
    while queue:
        atom = queue.popleft()
        for other in part.GetAtomWithIdx(atoms[atom]).GetNeighbors():
            near = new.get(other.GetIdx())
            if near is not None and near not in owners:
                owners[near] = owners[atom]
                queue.append(near)
    return _Layout(
        atoms=atoms,
        elements=[part.GetAtomWithIdx(atom).GetSymbol() for atom in atoms],
        formal_charges=[part.GetAtomWithIdx(atom).GetFormalCharge() for atom in atoms],
        bonds=bonds,
        backbone=backbone,
        owners=[owners[place] for place in range(len(atoms))],
    )


def _torsion_kinds(template: Any, backbone: Sequence[int]) -> list[int]:
    """Return how the torsion around the bond that leads to each backbone atom is set."""
    from rdkit import Chem

    pattern = Chem.MolFromSmarts("[CX3](=[O,S,N])-[O,N,S]")
    esters = {
        frozenset((carbon, other)) for carbon, _, other in template.GetSubstructMatches(pattern, maxMatches=10**6)
    }
    kinds = [FREE]
    for i, j in itertools.pairwise(backbone):
        bond = template.GetBondBetweenAtoms(i, j)
        ends = (bond.GetBeginAtom(), bond.GetEndAtom())
        if bond.IsInRing() or bond.GetBondType() != Chem.BondType.SINGLE:
            kinds.append(FIXED)
        elif frozenset((i, j)) in esters:
            kinds.append(TRANS)
        elif any(end.GetIsAromatic() or (end.GetSymbol() in ("B", "C") and end.GetDegree() < 4) for end in ends):
            kinds.append(FREE)
        else:
            kinds.append(STATES)
    return kinds


def _factors(topology: Topology) -> tuple[dict[int, float], ...]:
    """Return which atoms may be near each atom, and by what factor [1]."""
    neighbours = list_neighbours(topology)
    factors = []
    for start in range(len(neighbours)):
        distance = {start: 0}
        queue = deque([start])
        while queue:
            atom = queue.popleft()
            if distance[atom] < NEAR_BONDS:
                for other in neighbours[atom]:
                    if other not in distance:
                        distance[other] = distance[atom] + 1
                        queue.append(other)
        factors.append({atom: 0.0 if bonds <= 3 else NEAR_FACTOR for atom, bonds in distance.items()})
    return tuple(factors)


def _group(owners: Sequence[int], n_groups: int) -> list[list[int]]:
    groups: list[list[int]] = [[] for _ in range(n_groups)]
    for atom, owner in enumerate(owners):
        groups[owner].append(atom)
    return groups

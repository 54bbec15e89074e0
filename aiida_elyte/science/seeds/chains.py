"""Polymer chains grown bond by bond from a repeat unit, and small molecules.

A template of at most three units, embedded once, gives bond lengths, angles and side groups; the torsions of the
backbone are drawn from rotational isomeric states. Nothing is perceived from the coordinates of the chain.
"""

import itertools
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.topology import (
    Topology,
    list_neighbours,
    topology_from_bonds,
    topology_from_smiles,
)
from aiida_elyte.science.seeds.crowd import CONTACT_FACTOR, NEAR_BONDS, NEAR_FACTOR, Crowd, contact_radii

__all__ = ["TORSIONS", "Polymer", "embed_molecule", "grow_chain", "make_polymer", "place_chain"]

TORSIONS: Mapping[float, float] = {180.0: 0.6, 62.0: 0.2, -62.0: 0.2}
"""Torsion of each rotational isomeric state, trans and gauche± [°], and its weight [1], the same for every single bond.

Independent of each other and with angles of 110° they give a characteristic ratio near 5. They are no model of one
polymer: of PEO's bonds C–C is mostly gauche and C–O mostly trans.
"""

_NOISE_DEG = 5.0
"""Standard deviation of a torsion around its state [°]."""

_TACTICITIES = ("isotactic", "syndiotactic", "atactic")

_CONFORMERS = 4
"""Geometries of the template; every unit draws one, so that side groups differ."""

_TRIES = 20
"""Draws of one torsion before some units are taken back."""

_SETBACKS = 100
"""Times that units are taken back, mostly one or two, without getting further; then the chain is given up."""

_BEGINNINGS = 5
"""Places where a chain may begin."""

_FIXED, _TRANS, _FREE, _STATES = range(4)
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
        When a SMILES cannot be read or has another number of ``*``, the tacticity is none or needs a stereocentre that
        is not there, or RDKit finds no geometry.
    """
    if isinstance(n_units, bool) or not isinstance(n_units, int) or n_units < 1:
        raise InputError(f"n_units is {n_units!r}; expected a whole number above zero; correct it")
    unit_part = _read_part(unit, "unit", 2)
    parts = [_read_part(head, "head", 1), unit_part, _read_part(tail, "tail", 1)]
    tacticity = _settle_tacticity(unit_part, unit, tacticity)
    n_template = min(n_units, 3)
    # Part of the chain → part of the template: inner units are all the template's second.
    sources = [0, 1, *[2] * (n_units - 2), n_template, n_template + 1] if n_units > 1 else [0, 1, 2]
    template = _zip_parts([parts[0], *[parts[1]] * n_template, parts[2]])
    geometry = _embed(template, _CONFORMERS, seed, f"unit {unit!r}")
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
    frames = _frames(geometry[:, template_backbone])
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


def grow_chain(
    polymer: Polymer,
    rng: np.random.Generator,
    torsions: Mapping[float, float] = TORSIONS,
    contact_factor: float = CONTACT_FACTOR,
) -> Atoms:
    """Grow one chain in open space.

    Parameters
    ----------
    polymer
        The chain to grow.
    rng
        Source of randomness.
    torsions
        Torsion of each rotational isomeric state [°] → its weight [1]. Rings and double bonds of the backbone stay as
        in the template, esters, amides and carbonates are trans, and bonds to other planar atoms turn freely.
    contact_factor
        Part of the sum of van der Waals radii that atoms keep [1]: 0.7 of it at four to six bonds, nothing at fewer; 0
        for an ideal chain.

    Returns
    -------
    ase.Atoms
        The chain, in the order of ``polymer.topology``.

    Raises
    ------
    InputError
        When weights or the factor are none, or no chain without overlap is found.
    """
    crowd = Crowd(contact_radii(polymer.topology.elements, contact_factor))
    return Atoms(polymer.topology.elements, place_chain(polymer, crowd, 0, rng, torsions))


def place_chain(
    polymer: Polymer, crowd: Crowd, first: int, rng: np.random.Generator, torsions: Mapping[float, float] = TORSIONS
) -> np.ndarray:
    """Grow one chain between atoms that have a place, and leave it there.

    Parameters
    ----------
    polymer
        The chain to grow.
    crowd
        Atoms placed so far. In a cube the chain begins anywhere, in open space at the origin.
    first
        First atom of the chain in the crowd.
    rng
        Source of randomness.
    torsions
        As in ``grow_chain``.

    Returns
    -------
    np.ndarray
        Positions [Å], the chain whole, ``shape=(N, 3)``.

    Raises
    ------
    InputError
        When the weights are none, or no chain without overlap is found.
    """
    angles, weights = _check_torsions(torsions)
    for _ in range(_BEGINNINGS):
        growth = _Growth(polymer, crowd, first, rng, angles, weights)
        if growth.run():
            return crowd.positions[first : first + len(polymer.topology.elements)].copy()
    raise InputError(
        f"a chain of {int(polymer.units[-1]) - 1} units finds no way without overlap from {_BEGINNINGS} beginnings; "
        "expected room for it; lower the density or contact_factor, or raise the weight of trans"
    )


def embed_molecule(smiles: str, name: str | None = None, seed: int = 0) -> tuple[Atoms, Topology]:
    """Embed one small molecule or ion.

    A centre with six neighbours is an octahedron.

    Parameters
    ----------
    smiles
        One molecule, as ``C1COC(=O)O1`` or ``[Li+]``.
    name
        Its name; canonical SMILES where not given.
    seed
        Seed of the embedding.

    Returns
    -------
    ase.Atoms
        The molecule.
    Topology
        Its graph, as from ``topology_from_smiles``.

    Raises
    ------
    InputError
        When the SMILES is none or of several molecules, or RDKit finds no geometry.
    """
    from rdkit import Chem

    topology = topology_from_smiles(smiles, name)
    if len(topology.names) != 1:
        raise InputError(f"SMILES {smiles!r} has {len(topology.names)} molecules; expected one; split it at the dots")
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    return Atoms(topology.elements, _embed(molecule, 1, seed, f"SMILES {smiles!r}")[0]), topology


class _Growth:
    """One attempt at one chain: places backbone atoms one by one, each with the side groups that it settles."""

    def __init__(
        self,
        polymer: Polymer,
        crowd: Crowd,
        first: int,
        rng: np.random.Generator,
        angles: np.ndarray,
        weights: np.ndarray,
    ) -> None:
        self.polymer, self.crowd, self.first, self.rng = polymer, crowd, first, rng
        self.angles, self.weights = angles, weights
        self.n_steps = len(polymer.backbone)
        self.signs = _draw_signs(polymer, rng)
        self.conformers = np.zeros(self.n_steps, dtype=int)
        self.path = np.full((self.n_steps, 3), np.nan)

    def run(self) -> bool:
        """Grow; on failure leave the crowd as it was."""
        if not self._begin():
            return False
        n_per_unit = max(1, (self.n_steps - 2) // int(self.polymer.units[-2]))
        step, furthest, setbacks = 2, 2, 0
        while step < self.n_steps:
            if self._advance(step):
                step += 1
                if step > furthest:
                    furthest, setbacks = step, 0
                continue
            setbacks += 1
            back = max(2, step - int(self.rng.geometric(0.5)) * n_per_unit)
            for taken in range(back, step):
                self.crowd.remove(self._atoms(taken))
            step = back
            if setbacks > _SETBACKS:
                for taken in range(2, step):
                    self.crowd.remove(self._atoms(taken))
                self.crowd.remove(self._atoms(0))
                return False
        return True

    def _begin(self) -> bool:
        """Place the first two backbone atoms."""
        polymer, edge = self.polymer, self.crowd.edge_A
        for _ in range(_TRIES):
            origin = np.zeros(3) if edge is None else self.rng.uniform(0, edge, 3)
            self._draw_conformer(0)
            self._draw_conformer(1)
            self.path[0] = origin
            self.path[1] = origin + polymer.lengths_A[self.conformers[1], 1] * _direction(self.rng)
            if self._settle(self._atoms(0), self.path[:2]):
                return True
        return False

    def _advance(self, step: int) -> bool:
        """Place one backbone atom with the side groups before it."""
        polymer = self.polymer
        a, b, c = (
            self.path[step - 3] if step > 2 else self.path[0] + _direction(self.rng),
            self.path[step - 2],
            self.path[step - 1],
        )
        for _ in range(_TRIES):
            self._draw_conformer(step)
            length = polymer.lengths_A[self.conformers[step], step]
            angle = polymer.angles[self.conformers[step - 1], step - 1]
            self.path[step] = _attach(a, b, c, length, angle, self._draw_torsion(step - 1))
            positions = [self.path[step : step + 1], *(self._side(group) for group in self._groups(step))]
            if self._settle(self._atoms(step), np.concatenate(positions)):
                return True
        return False

    def _draw_conformer(self, step: int) -> None:
        units = self.polymer.units
        begins = step == 0 or units[step] != units[step - 1]
        n_conformers = len(self.polymer.lengths_A)
        self.conformers[step] = self.rng.integers(n_conformers) if begins else self.conformers[step - 1]

    def _draw_torsion(self, step: int) -> float:
        """Draw the torsion around the bond that leads to a backbone atom."""
        kind = self.polymer.kinds[step]
        if kind == _FIXED:
            return float(self.signs[step] * self.polymer.torsions[self.conformers[step], step])
        if kind == _FREE:
            return float(self.rng.uniform(-math.pi, math.pi))
        state = math.pi if kind == _TRANS else self.rng.choice(self.angles, p=self.weights)
        return float(state + math.radians(_NOISE_DEG) * self.rng.standard_normal())

    def _groups(self, step: int) -> list[int]:
        """Return the side groups that a step settles: that of the atom before, and those of the ends."""
        if step < 2:
            return []
        return [*([0] if step == 2 else []), step - 1, *([step] if step == self.n_steps - 1 else [])]

    def _atoms(self, step: int) -> np.ndarray:
        polymer = self.polymer
        own = polymer.backbone[:2] if step == 0 else polymer.backbone[step : step + 1]
        return self.first + np.concatenate([own, *(polymer.side_groups[group] for group in self._groups(step))])

    def _side(self, group: int) -> np.ndarray:
        """Return the positions of a side group; a mirrored unit has it on the other side of the backbone's plane."""
        local = self.polymer.side_positions[group][self.conformers[group]] * [1, 1, self.signs[group]]
        centre = min(max(group, 1), self.n_steps - 2)
        origins, axes = _frames(self.path[None, centre - 1 : centre + 2])
        place = group - centre + 1
        return np.asarray(origins[0, place] + local @ axes[0, place].T)

    def _settle(self, atoms: np.ndarray, positions: np.ndarray) -> bool:
        is_free = self.crowd.is_free(atoms, positions, self.polymer.factors, self.first)
        if is_free:
            self.crowd.add(atoms, positions)
        return is_free


def _draw_signs(polymer: Polymer, rng: np.random.Generator) -> np.ndarray:
    """Return −1 for each backbone atom of a mirrored unit and 1 elsewhere, ``shape=(B,)``."""
    n_units = int(polymer.units[-1]) - 1
    signs = np.ones(n_units + 2, dtype=int)
    if polymer.tacticity == "syndiotactic":
        signs[2:-1:2] = -1
    elif polymer.tacticity == "atactic":
        signs[1:-1] = rng.choice([-1, 1], n_units)
    return signs[polymer.units]


def _direction(rng: np.random.Generator) -> np.ndarray:
    vector = rng.standard_normal(3)
    return np.asarray(vector / np.linalg.norm(vector))


def _attach(a: np.ndarray, b: np.ndarray, c: np.ndarray, length: float, angle: float, torsion: float) -> np.ndarray:
    """Return the atom d with the bond c–d, the angle b–c–d and the torsion a–b–c–d."""
    along = c - b
    along = along / math.sqrt(along @ along)
    normal = np.cross(b - a, along)
    normal = normal / math.sqrt(normal @ normal)
    inside = np.cross(normal, along)
    return np.asarray(
        c
        + length
        * (
            -math.cos(angle) * along
            + math.sin(angle) * math.cos(torsion) * inside
            + math.sin(angle) * math.sin(torsion) * normal
        )
    )


def _frames(path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def _check_torsions(torsions: Mapping[float, float]) -> tuple[np.ndarray, np.ndarray]:
    angles, weights = np.array([*torsions], dtype=float), np.array([*torsions.values()], dtype=float)
    if not len(angles) or not np.isfinite(angles).all() or not (weights >= 0).all() or not 0 < weights.sum() < math.inf:
        raise InputError(f"torsions is {dict(torsions)}; expected angles in degrees and their weights; correct it")
    return np.radians(angles), weights / weights.sum()


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
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None:
            raise InputError(f"{role} {smiles!r} cannot be read; expected SMILES such as '*CCO*'; correct it")
        molecule = Chem.AddHs(molecule)
    stars = [atom for atom in molecule.GetAtoms() if atom.GetAtomicNum() == 0]
    if len(stars) != n_stars:
        expected = "two, as in '*CCO*'" if n_stars == 2 else "one, as in '*C'"
        raise InputError(f"{role} {smiles!r} has {len(stars)} of '*'; expected {expected}; correct it")
    for number, star in enumerate(stars):
        star.SetIsotope(number + 1)
        neighbours = star.GetNeighbors()
        if (
            len(Chem.GetMolFrags(molecule)) > 1
            or len(neighbours) != 1
            or neighbours[0].GetAtomicNum() == 0
            or star.GetBonds()[0].GetBondType() != Chem.BondType.SINGLE
        ):
            raise InputError(f"{role} {smiles!r} is not one part with single bonds to each '*'; correct it")
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(0)
    return molecule


def _settle_tacticity(unit: Any, smiles: str, tacticity: str | None) -> str | None:
    """Check the tacticity against the stereocentres of a unit; give a lone unspecified centre a handedness."""
    from rdkit import Chem

    if tacticity is not None and tacticity not in _TACTICITIES:
        raise InputError(f"tacticity is {tacticity!r}; expected one of {', '.join(_TACTICITIES)}; correct it")
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


def _embed(molecule: Any, n_conformers: int, seed: int, what: str) -> np.ndarray:
    """Return relaxed conformers [Å], ``shape=(C, N, 3)``: by MMFF94, or by UFF for what it does not know.

    Octahedra stay as they were embedded.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    molecule = Chem.Mol(molecule)
    octahedral = [atom for atom in molecule.GetAtoms() if atom.GetDegree() == 6]
    for atom in octahedral:
        if atom.GetChiralTag() == Chem.ChiralType.CHI_UNSPECIFIED:
            atom.SetChiralTag(Chem.ChiralType.CHI_OCTAHEDRAL)
            atom.SetIntProp("_chiralPermutation", 1)
    settings: Any = rdDistGeom.ETKDGv3()
    settings.randomSeed = int(seed) + 1
    settings.useRandomCoords = True
    with rdBase.BlockLogs():
        found = list(rdDistGeom.EmbedMultipleConfs(molecule, n_conformers, settings))
        if not found:
            raise InputError(f"{what} gets no geometry from RDKit; expected one; look for strain, or give another seed")
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
            rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(molecule, maxIters=2000)
        elif not octahedral and molecule.GetNumAtoms() > 1:  # UFF in RDKit knows no octahedron
            if not rdForceFieldHelpers.UFFHasAllMoleculeParams(molecule):
                raise InputError(f"{what} has atoms that neither MMFF94 nor UFF knows; expected others; write it anew")
            rdForceFieldHelpers.UFFOptimizeMoleculeConfs(molecule, maxIters=2000)
    return np.array([molecule.GetConformer(number).GetPositions() for number in found])


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
    kinds = [_FREE]
    for i, j in itertools.pairwise(backbone):
        bond = template.GetBondBetweenAtoms(i, j)
        ends = (bond.GetBeginAtom(), bond.GetEndAtom())
        if bond.IsInRing() or bond.GetBondType() != Chem.BondType.SINGLE:
            kinds.append(_FIXED)
        elif frozenset((i, j)) in esters:
            kinds.append(_TRANS)
        elif any(end.GetIsAromatic() or (end.GetSymbol() in ("B", "C") and end.GetDegree() < 4) for end in ends):
            kinds.append(_FREE)
        else:
            kinds.append(_STATES)
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

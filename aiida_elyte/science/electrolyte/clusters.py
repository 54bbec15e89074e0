"""Seeds of a polymer electrolyte: ion–solvent clusters, placed at random and rejected where atoms collide.

Molecules are rigid conformers; QM relaxes them. The topology comes with the clusters, so nothing is perceived later.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, vdw_radii
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from aiida_elyte.errors import InputError, suggest
from aiida_elyte.science.frames import round_frame
from aiida_elyte.science.molecules.connectivity import write_bonds
from aiida_elyte.science.molecules.molecule import embed_conformers, match_sites, read_molecule
from aiida_elyte.science.molecules.topology import Topology, join, topology_from_smiles

__all__ = ["KINDS", "ClusterRecipe", "Ingredient", "make_clusters"]

_PAIR = "one cation, one anion and at least one solvent molecule"

KINDS = {
    "complex": "one cation, no anion and at least one solvent molecule",
    "contact": _PAIR,
    "separated": _PAIR,
    "aggregate": "cations and anions, three ions or more",
}
"""What each kind of cluster consists of."""

_BATCH = 250
_BATCHES = 20
"""A molecule is tried ``_BATCH`` places at a time, ``_BATCHES`` times, before its cluster is begun anew."""
_RESTARTS = 20


@dataclass(frozen=True)
class Ingredient:
    """One kind of molecule or ion. Its charge says its role: monatomic cation, anion, or neutral solvent."""

    name: str
    """As it shall be called in stoichiometry and topology, without blanks."""
    smiles: str
    """Of one molecule, as ``COCCOC`` or ``[Li+]``."""
    count: int
    """How many a cluster holds."""
    sites: tuple[str, ...] = ()
    """SMARTS of the atoms that coordinate cations, the first atom of each pattern, as ``[OX2]`` (ether), ``O=S``
    (sulfonyl) or ``F``; none for a cation."""
    range_A: tuple[float, float] = (1.8, 2.4)
    """Least and largest distance of a cation and a site it is coordinated by [Å]; no site comes nearer to a cation."""


@dataclass(frozen=True)
class ClusterRecipe:
    """What clusters consist of and how their ions are arranged."""

    kind: str
    """How ions and solvent are arranged:

    ``complex``
        A cation in solvent.
    ``contact``
        A cation that one anion and all solvent molecules coordinate.
    ``separated``
        A cation that all solvent molecules coordinate, an anion beyond them.
    ``aggregate``
        Three or more ions, each in contact with one of opposite sign and all connected, so that at least one bridges
        two; every solvent molecule coordinates one of the cations.
    """
    ingredients: tuple[Ingredient, ...]
    """Atoms of a cluster are in their order, copies next to each other."""
    seed: int = 0
    """Seed of conformers and placement; other seeds give other clusters."""
    separation_A: tuple[float, float] = (4.5, 7.0)
    """``separated`` only: least and largest distance of the cation and the nearest atom of the anion [Å]."""
    min_distance_factor: float = 0.7
    """No two atoms of different molecules are nearer than this part of the sum of their van der Waals radii [1]; for a
    cation and a site the range of the site holds instead."""
    n_conformers: int = 10
    """Conformers of each molecule to draw from."""


@dataclass(frozen=True)
class _Shape:
    """What placing needs to know of an ingredient."""

    ingredient: Ingredient
    topology: Topology
    charge: int
    conformers: np.ndarray
    """Positions [Å], ``shape=(n_conformers, n_atoms, 3)``."""
    sites: np.ndarray
    """Coordinating atoms, of a cation itself, ``shape=(n_sites,)``."""
    reach_A: tuple[float, float]
    """Distance of a cation and the site, or the atom of a separated anion, by which the molecule is placed [Å]."""


def make_clusters(recipe: ClusterRecipe, count: int) -> tuple[list[Atoms], Topology]:
    """Make ion–solvent clusters by Monte Carlo.

    Molecules are inserted one by one, ions first: a conformer, an orientation, one of its sites, one of the cations
    present, and a distance and direction between these two are drawn, until no atoms collide. A further cation of an
    aggregate is put at a site of an anion alike. A cluster that finds no room for a molecule is begun anew.

    Each cluster is a block of its own (``origin`` ``"seed-contact-1Li-1TFSI-3DME-s0-002#0"``: ingredients, seed,
    number) and draws from its own stream: asking for more leaves the first as they were.

    Parameters
    ----------
    recipe
        What to build.
    count
        How many clusters.

    Returns
    -------
    clusters : list of ase.Atoms
        Unlabelled frames, not periodic, the first cation at the origin, coordinates rounded to 1e-8 Å. ``info`` holds
        ``origin``, ``kind``, ``stoichiometry`` (``"1 Li + 1 TFSI + 3 DME"``), the total ``charge`` [e], ``bonds`` as
        of ``write_bonds``.
    topology : Topology
        That of every cluster, atoms in the same order.

    Raises
    ------
    InputError
        For an unusable recipe, or if no room is found for a molecule.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"count of clusters is {count!r}; expected a whole number above zero")
    shapes = _read_shapes(recipe)
    copies = [shape for shape in shapes for _ in range(shape.ingredient.count)]
    topology = join([shape.topology for shape in copies])
    limits = _find_limits(copies, topology, recipe.min_distance_factor)
    amounts = [(shape.ingredient.count, shape.ingredient.name) for shape in shapes]
    block = "-".join(["seed", recipe.kind, *(f"{number}{name}" for number, name in amounts), f"s{recipe.seed}"])
    clusters, bonds = [], write_bonds(topology)
    for number, rng in enumerate(np.random.default_rng(recipe.seed).spawn(count)):
        cluster = Atoms(topology.elements, _place(copies, limits, rng))
        cluster.info = {
            "origin": f"{block}-{number:03d}#0",
            "kind": recipe.kind,
            "stoichiometry": " + ".join(f"{number} {name}" for number, name in amounts),
            "charge": int(topology.formal_charges.sum()),
            "bonds": bonds,
        }
        clusters.append(round_frame(cluster))
    return clusters, topology


def _place(copies: Sequence[_Shape], limits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return positions of a cluster without collisions [Å], ``shape=(N, 3)``."""
    ends = np.cumsum([len(shape.topology.elements) for shape in copies])
    members = [np.arange(end - len(shape.topology.elements), end) for shape, end in zip(copies, ends, strict=True)]
    for _ in range(_RESTARTS):
        positions = np.zeros((ends[-1], 3))
        order = _draw_order(copies, rng)
        placed = order[:1]
        for member in order[1:]:
            own, others = members[member], np.concatenate([members[one] for one in placed])
            for _ in range(_BATCHES):
                trials = _draw_trials(copies, members, positions, placed, member, rng)
                distances = cdist(trials.reshape(-1, 3), positions[others]).reshape(_BATCH, len(own), len(others))
                fits = (distances >= limits[np.ix_(own, others)]).all(axis=(1, 2))
                if fits.any():
                    break
            else:
                break
            positions[own] = trials[fits.argmax()]
            placed.append(member)
        else:
            return positions
    raise InputError(
        f"cluster has no room for molecule {len(placed) + 1} of {len(copies)} ({copies[member].ingredient.name}): it "
        f"collides in {_BATCHES * _BATCH} tries in each of {_RESTARTS} clusters; expected a place; use fewer "
        "molecules, a wider range_A or separation_A, more conformers, or a smaller min_distance_factor"
    )


def _draw_order(copies: Sequence[_Shape], rng: np.random.Generator) -> list[int]:
    """Return the order of insertion: a cation and an anion, the other ions, the solvent.

    So every ion but the first finds one of opposite sign to be put at.
    """
    cations = [member for member, shape in enumerate(copies) if shape.charge > 0]
    anions = [member for member, shape in enumerate(copies) if shape.charge < 0]
    solvent = [member for member, shape in enumerate(copies) if shape.charge == 0]
    others = rng.permutation([*cations[1:], *anions[1:]]).astype(int).tolist()
    return [*cations[:1], *anions[:1], *others, *solvent]


def _draw_trials(
    copies: Sequence[_Shape],
    members: Sequence[np.ndarray],
    positions: np.ndarray,
    placed: Sequence[int],
    member: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw positions of a molecule next to those placed [Å], ``shape=(_BATCH, n_atoms, 3)``."""
    shape = copies[member]
    if shape.charge > 0:
        anions = [one for one in placed if copies[one].charge < 0]
        anchors = np.concatenate([members[one][copies[one].sites] for one in anions])
        reaches_A = np.concatenate([[copies[one].reach_A] * len(copies[one].sites) for one in anions])
    else:
        anchors = np.concatenate([members[one] for one in placed if copies[one].charge > 0])
        reaches_A = np.array([shape.reach_A] * len(anchors))
    at = rng.integers(len(anchors), size=_BATCH)
    directions = rng.standard_normal((_BATCH, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    sites = positions[anchors[at]] + rng.uniform(*reaches_A[at].T)[:, None] * directions
    rotations = Rotation.from_quat(rng.standard_normal((_BATCH, 4))).as_matrix()
    turned = rng.choice(shape.conformers, _BATCH) @ rotations.transpose(0, 2, 1)
    return np.asarray(turned + (sites - turned[np.arange(_BATCH), rng.choice(shape.sites, _BATCH)])[:, None])


def _find_limits(copies: Sequence[_Shape], topology: Topology, factor: float) -> np.ndarray:
    """Return the least distance of atoms of different molecules [Å], ``shape=(N, N)``."""
    radii = vdw_radii[[atomic_numbers[symbol] for symbol in topology.elements]]
    unknown = sorted({symbol for symbol, radius in zip(topology.elements, radii, strict=True) if math.isnan(radius)})
    if unknown:
        raise InputError(f"ingredients hold {', '.join(unknown)}, of no known van der Waals radius; leave them out")
    limits = factor * (radii[:, None] + radii)
    is_cation = np.concatenate([np.full(len(shape.topology.elements), shape.charge > 0) for shape in copies])
    nearest = np.full(len(radii), np.nan)
    first = 0
    for shape in copies:
        if shape.charge <= 0:
            nearest[first + shape.sites] = shape.reach_A[0]
        first += len(shape.topology.elements)
    of_sites = np.where(is_cation[:, None] & ~np.isnan(nearest), nearest, limits)
    return np.where(is_cation, of_sites.T, of_sites)


def _read_shapes(recipe: ClusterRecipe) -> list[_Shape]:
    """Check the recipe and return what its ingredients look like."""
    if recipe.kind not in KINDS:
        raise InputError(f"kind is {recipe.kind!r}; expected {', '.join(KINDS)}{suggest(recipe.kind, [*KINDS])}")
    if isinstance(recipe.seed, bool) or not isinstance(recipe.seed, int) or recipe.seed < 0:
        raise InputError(f"seed is {recipe.seed!r}; expected a whole number, zero or more")
    if not 0.0 < recipe.min_distance_factor <= 1.0:
        raise InputError(f"min_distance_factor is {recipe.min_distance_factor!r}; expected above 0, at most 1")
    if isinstance(recipe.n_conformers, bool) or not isinstance(recipe.n_conformers, int) or recipe.n_conformers < 1:
        raise InputError(f"n_conformers is {recipe.n_conformers!r}; expected a whole number above zero")
    names = [ingredient.name for ingredient in recipe.ingredients]
    if len(set(names)) < len(names):
        raise InputError(f"ingredients are called {', '.join(names)}; expected a name of its own for each; rename one")
    shapes = [_read_shape(ingredient, recipe) for ingredient in recipe.ingredients]
    _check_composition(shapes, recipe.kind)
    if recipe.kind != "separated":
        return shapes
    _check_range(recipe.separation_A, "separation_A")
    shell = max(shape.reach_A[1] for shape in shapes if shape.charge == 0)
    if recipe.separation_A[0] <= shell:
        raise InputError(
            f"separation_A begins at {recipe.separation_A[0]:g}, within the first shell of the solvent; expected above "
            f"its range_A, {shell:g}; raise it"
        )
    return [_stand_off(shape, recipe.separation_A) if shape.charge < 0 else shape for shape in shapes]


def _stand_off(anion: _Shape, separation_A: tuple[float, float]) -> _Shape:
    """Return an anion that is placed by any of its atoms, none of which comes nearer than the separation."""
    return replace(anion, sites=np.arange(len(anion.topology.elements)), reach_A=separation_A)


def _read_shape(ingredient: Ingredient, recipe: ClusterRecipe) -> _Shape:
    name = ingredient.name
    if not re.fullmatch(r"[^\s#]+", name):
        raise InputError(f"ingredient is called {name!r}; expected a name without blanks and '#'; rename it")
    if isinstance(ingredient.count, bool) or not isinstance(ingredient.count, int) or ingredient.count < 1:
        raise InputError(f"count of {name} is {ingredient.count!r}; expected a whole number above zero")
    topology = topology_from_smiles(ingredient.smiles, name)
    charge = int(topology.formal_charges.sum())
    if charge > 0 and (len(topology.elements) > 1 or ingredient.sites):
        raise InputError(
            f"cation {name} has {len(topology.elements)} atoms and sites {ingredient.sites}; expected one atom and no "
            "sites: it is the centre that others coordinate"
        )
    sites = np.array([0])
    if charge <= 0:
        _check_range(ingredient.range_A, f"range_A of {name}")
        sites = _find_sites(ingredient)
    return _Shape(
        ingredient=ingredient,
        topology=topology,
        charge=charge,
        conformers=embed_conformers(
            read_molecule(ingredient.smiles), recipe.n_conformers, recipe.seed, f"{name} ({ingredient.smiles})"
        ),
        sites=sites,
        reach_A=ingredient.range_A,
    )


def _check_range(given: tuple[float, float], name: str) -> None:
    if len(given) != 2 or not 0.0 < given[0] <= given[1] < math.inf:
        raise InputError(f"{name} is {given!r}; expected a least and a largest distance in Å, as (1.8, 2.4)")


def _check_composition(shapes: Sequence[_Shape], kind: str) -> None:
    signs = [int(np.sign(shape.charge)) for shape in shapes for _ in range(shape.ingredient.count)]
    cations, anions, solvent = (signs.count(sign) for sign in (1, -1, 0))
    fits = {
        "complex": (cations, anions) == (1, 0) and solvent > 0,
        "contact": (cations, anions) == (1, 1) and solvent > 0,
        "separated": (cations, anions) == (1, 1) and solvent > 0,
        "aggregate": min(cations, anions) > 0 and cations + anions > 2,
    }
    if not fits[kind]:
        raise InputError(
            f"ingredients of kind {kind!r} are {cations} cations, {anions} anions and {solvent} solvent molecules; "
            f"expected {KINDS[kind]}; correct the counts or the kind"
        )


def _find_sites(ingredient: Ingredient) -> np.ndarray:
    """Return the coordinating atoms of a molecule, ``shape=(n_sites,)``."""
    if isinstance(ingredient.sites, str):
        raise InputError(f"sites of {ingredient.name} is {ingredient.sites!r}; expected a list; put it in brackets")
    molecule = read_molecule(ingredient.smiles)
    found = {atom for pattern in ingredient.sites for atom in match_sites(molecule, pattern, ingredient.name)}
    if not found:
        raise InputError(
            f"{ingredient.name} ({ingredient.smiles}) has no coordinating atom of sites {ingredient.sites}; expected "
            "at least one; give SMARTS of its donors, as '[OX2]', 'O=S' or 'F'"
        )
    return np.array(sorted(found))

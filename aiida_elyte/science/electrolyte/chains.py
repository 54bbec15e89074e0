"""Polymer chains grown bond by bond: torsions of the backbone are drawn, the rest of the geometry is the template's.

Nothing is perceived from the coordinates of the chain.
"""

import math
from collections.abc import Mapping

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.crowd import CONTACT_FACTOR, Crowd, contact_radii
from aiida_elyte.science.molecules.polymer import FIXED, FREE, TRANS, Polymer, moving_frames

__all__ = ["TORSIONS", "grow_chain", "place_chain"]

TORSIONS: Mapping[float, float] = {180.0: 0.6, 62.0: 0.2, -62.0: 0.2}
"""Torsion of each rotational isomeric state, trans and gauche± [°], and its weight [1], the same for every single bond.

Independent of each other and with angles of 110° they give a characteristic ratio near 5. They are not a model of one
polymer: of PEO's bonds C–C is mostly gauche and C–O mostly trans.
"""

_NOISE_DEG = 5.0
"""Standard deviation of a torsion around its state [°]."""

_TRIES = 20
"""Draws of one torsion before some units are taken back."""

_SETBACKS = 100
"""Times that units are taken back, mostly one or two, without getting further; then the chain is given up."""

_BEGINNINGS = 5
"""Places where a chain may begin."""


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
        If weights or the factor are invalid, or no chain without overlap is found.
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
        If the weights are invalid, or no chain without overlap is found.
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
        if kind == FIXED:
            return float(self.signs[step] * self.polymer.torsions[self.conformers[step], step])
        if kind == FREE:
            return float(self.rng.uniform(-math.pi, math.pi))
        state = math.pi if kind == TRANS else self.rng.choice(self.angles, p=self.weights)
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
        origins, axes = moving_frames(self.path[None, centre - 1 : centre + 2])
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


def _check_torsions(torsions: Mapping[float, float]) -> tuple[np.ndarray, np.ndarray]:
    angles, weights = np.array([*torsions], dtype=float), np.array([*torsions.values()], dtype=float)
    if not len(angles) or not np.isfinite(angles).all() or not (weights >= 0).all() or not 0 < weights.sum() < math.inf:
        raise InputError(f"torsions is {dict(torsions)}; expected angles in degrees and their weights")
    return np.radians(angles), weights / weights.sum()

"""What a fit is free to choose: parameters of types as functions of numbers without bounds."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.dataset import LabelledSystem
from aiida_elyte.science.forcefield.elements import LENNARD_JONES, check_elements
from aiida_elyte.science.forcefield.model import BONDED, COLUMNS, ForceField, Keys, place_types
from aiida_elyte.science.forcefield.readings import turn
from aiida_elyte.science.molecules.topology import Topology, charges_of_molecules, list_neighbours
from aiida_elyte.science.molecules.typing import Types, assign_types

__all__ = ["Constraints", "TypedMolecules"]

_WIDTHS: dict[str, dict[str, float]] = {
    "atoms": {"q": 0.1, "epsilon": 0.05, "sigma": 0.005},
    "bonds": {"r0": 0.03, "k2": 100.0, "k3": 0.5, "k4": 300.0},
    "angles": {"theta0": 0.06, "k2": 20.0, "k3": 0.5, "k4": 10.0, "M": 15.0, "N1": 15.0, "N2": 15.0},
    "dihedrals": {
        **{f"K{n}": 1.0 for n in (1, 2, 3)},
        **{f"{letter}{n}": 5.0 for letter in "ABCDE" for n in (1, 2, 3)},
        "M": 10.0,
        "N": 10.0,
    },
    "impropers": {"K": 10.0, "M1": 10.0, "M2": 10.0, "M3": 10.0},
}
"""Width of the prior of each parameter that is free: in its unit; of ε and σ relative; of k3 in the inverse hyperbolic
tangent of its share of the largest that has no second minimum. Parameters not named are tied or zero.

ε and σ are held tightly: forces on clusters are mostly intramolecular, and a fit that may bends them to make up for
what its bonded terms lack. With ten times the width tetraglyme at 298 K swells to 0.70 g/cm³; as it is, 1.00 (measured
1.005), and the error of the forces is the same."""

_CLASS_1 = {"q", "epsilon", "sigma", "r0", "theta0", "k2", "K", "K1", "K2", "K3"}
"""Parameters of a harmonic force field."""

_START = {"bonds": {"k2": 300.0, "k3": -0.6, "k4": 600.0}, "angles": {"k2": 50.0, "k3": -0.2, "k4": 10.0}}
"""Where force constants begin, k3 as the share above."""

_PLANAR_RAD = 0.2
"""Centres with three neighbours whose mean |χ| is less than this are planar."""

_LARGEST_SHARE = 0.999
"""Share of √(32/9 k2 k4), where a second minimum begins, that |k3| may reach."""


class TypedMolecules(Protocol):
    """Molecules with types, such as a ``LabelledSystem``."""

    @property
    def topology(self) -> Topology:
        """The molecules."""

    @property
    def types(self) -> Types:
        """Types of their atoms and rows."""


class Constraints:
    """Map from free numbers to parameters by type, on which they keep every condition.

    Zero is where a fit begins, and one the width of each number's prior:

    - r0 and θ0 begin at their means in the frames; those of the cross terms are those of their bonds and angles.
    - k2, k4 > 0 by softplus; k3² < (32/9) k2 k4 by tanh, which forbids a second minimum.
    - Parameters that an exchange of equal atoms would exchange are one.
    - Charges begin at the mean of the labels over each type. They are moved, with the same on every atom where one
      kind of molecule is concerned, so that each molecule has its charge.
    - ε and σ begin at a table of elements.

    With a coarser force field, whose types these split, all begin at its parameters instead, and charges are left to
    ``spread_charges``: a type is then the same whatever other molecules there are.

    Parameters
    ----------
    systems
        Clusters to be fitted, with charges; with a coarser force field molecules with types are enough.
    terms
        ``class2``, or ``class1`` for harmonic bonds and angles without cross terms.
    charge_scale
        What the charges of ions are multiplied by.
    coarser
        Force field of the same terms whose types look at fewer bonds.

    Raises
    ------
    InputError
        If ``terms`` is another, labels have no charges, an element has no Lennard-Jones parameters, or the coarser
        force field lacks a type.
    """

    def __init__(
        self,
        systems: Sequence[TypedMolecules],
        terms: str = "class2",
        charge_scale: float = 1.0,
        coarser: ForceField | None = None,
    ) -> None:
        if terms not in ("class2", "class1"):
            raise InputError(f"terms is {terms!r}; expected class2 or class1; choose one")
        self.is_harmonic = terms == "class1"
        self.charge_scale = charge_scale
        self.neighbourhoods: dict[str, str] = {}
        for system in systems:
            self.neighbourhoods.update(system.types.neighbourhoods)
        self.neighbourhoods = dict(sorted(self.neighbourhoods.items()))
        self.keys: dict[str, Keys] = {"atoms": tuple((label,) for label in self.neighbourhoods)}
        for kind in BONDED:
            self.keys[kind] = tuple(sorted({key for system in systems for key in getattr(system.types, kind).keys}))
        if coarser is None:
            self._start = _start(self.keys, cast("Sequence[LabelledSystem]", systems))
        else:
            self._start = _start_at(coarser, self.keys, systems)
        self._width = {
            kind: torch.tensor([_WIDTHS[kind].get(each.name, 0.0) for each in columns], dtype=torch.float64)
            for kind, columns in COLUMNS.items()
        }
        self._is_planar = self._start["impropers"][:, 0] > 0
        self._sums, self._totals = _molecule_sums(self.keys["atoms"], systems, charge_scale)
        counts = np.maximum(self._sums.sum(0), 1)
        weighted = self._sums / counts
        lift = weighted.T @ np.linalg.pinv(weighted @ self._sums.T)
        self._lift = torch.as_tensor(lift if coarser is None else np.zeros_like(lift))
        self._ties = {kind: _ties(kind, keys) for kind, keys in self.keys.items()}
        self._index = self._number()
        self._references = _references(self.keys)

    def _number(self) -> dict[str, Tensor]:
        """Return the number of the free value of each parameter, equal where tied and ``n_free`` where fixed."""
        index, count = {}, 0
        for kind, columns in COLUMNS.items():
            table = np.full((len(self.keys[kind]), len(columns)), -1)
            for row, leaders in enumerate(self._ties[kind]):
                for column, each in enumerate(columns):
                    is_free = each.name in _WIDTHS[kind] and (not self.is_harmonic or each.name in _CLASS_1)
                    if kind == "impropers" and each.name == "K":
                        is_free = bool(self._is_planar[row])
                    if not is_free:
                        continue
                    leader = leaders.get(each.name)
                    if leader is None:
                        table[row, column], count = count, count + 1
                    else:
                        table[row, column] = table[row, [one.name for one in columns].index(leader)]
            index[kind] = table
        self.n_free = count
        """How many numbers are free."""
        flat = np.concatenate([table.ravel() for table in index.values()])
        numbers, first = np.unique(flat, return_index=True)
        self._leaders = torch.as_tensor(first[numbers >= 0])
        self.is_free = {kind: torch.as_tensor(table >= 0) for kind, table in index.items()}
        """Which parameters of each kind are free, tied ones too, shapes ``(T, P)``."""
        return {kind: torch.as_tensor(np.where(table < 0, count, table)) for kind, table in index.items()}

    def names(self) -> list[str]:
        """Return a name for each free number, as ``bonds c4_… o2_… k2``."""
        names = [""] * self.n_free
        for kind, table in self._index.items():
            for key, row in zip(self.keys[kind], table.tolist(), strict=True):
                for each, place in zip(COLUMNS[kind], row, strict=True):
                    if place < self.n_free and not names[place]:
                        names[place] = f"{kind} {' '.join(key)} {each.name}"
        return names

    def tables(self, free: Tensor) -> dict[str, Tensor]:
        """Return the parameters by kind, shapes ``(T, P)``, of free numbers, shape ``(n_free,)``."""
        values = torch.cat([free, free.new_zeros(1)])
        return self.apply({kind: values[index] for kind, index in self._index.items()})

    def free(self, steps: Mapping[str, Tensor]) -> Tensor:
        """Return the free numbers among steps of every parameter, shapes ``(T, P)``, of which tied ones are equal."""
        flat = torch.cat([steps[kind].flatten() for kind in self._index])
        return flat[self._leaders]

    def apply(self, steps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the parameters by kind of steps in widths of their priors, shapes ``(T, P)``, equal where tied."""
        start, width = self._start, self._width
        q, epsilon, sigma = start["atoms"].T
        d_q, d_epsilon, d_sigma = (steps["atoms"] * width["atoms"]).T
        q = q + d_q
        q = q + self._lift @ (torch.as_tensor(self._totals) - torch.as_tensor(self._sums) @ q)
        tables = {"atoms": torch.stack([q, epsilon * d_epsilon.exp(), sigma * d_sigma.exp()], 1)}
        tables["bonds"] = torch.stack(self._stretch("bonds", steps), 1)
        r0 = tables["bonds"][:, 0]
        couplings = start["angles"][:, 4:7] + (steps["angles"] * width["angles"])[:, 4:7]
        stretch = torch.stack(self._stretch("angles", steps), 1)
        tables["angles"] = torch.cat([stretch, couplings, r0[self._references["angles", "bonds"]]], 1)
        theta0 = stretch[:, 0]
        linear = (start["dihedrals"] + steps["dihedrals"] * width["dihedrals"])[:, :23]
        tables["dihedrals"] = torch.cat(
            [linear, r0[self._references["dihedrals", "bonds"]], theta0[self._references["dihedrals", "angles"]]], 1
        )
        linear = (start["impropers"] + steps["impropers"] * width["impropers"])[:, 1:5]
        k = _positive(start["impropers"][:, 0], steps["impropers"][:, 0], width["impropers"][0])
        k = torch.where(self._is_planar, k, torch.zeros_like(k))
        tables["impropers"] = torch.cat([k[:, None], linear, theta0[self._references["impropers", "angles"]]], 1)
        return tables

    def locate(self, tables: Mapping[str, np.ndarray]) -> Tensor:
        """Return the free numbers that give parameters by kind: the inverse of ``tables``.

        Raises
        ------
        InputError
            If the parameters are of other types.
        """
        total, count = torch.zeros(self.n_free + 1).double(), torch.zeros(self.n_free + 1).double()
        for kind, index in self._index.items():
            if tables[kind].shape != tuple(index.shape):
                raise InputError(
                    f"start has {len(tables[kind])} types of {kind}; expected {len(index)}; start from a force field "
                    "of the same systems"
                )
            value, start, width = torch.as_tensor(tables[kind]), self._start[kind], self._width[kind]
            steps = (value - start) / torch.where(width > 0, width, 1.0)
            if kind == "atoms":
                steps[:, 1:] = (value / start).log()[:, 1:] / width[1:]
            elif kind in _START:
                for column in (1, 3):
                    steps[:, column] = _inverse_softplus(value[:, column] / width[column]) - _inverse_softplus(
                        start[:, column] / width[column]
                    )
                share = value[:, 2] / (_LARGEST_SHARE * (32 / 9 * value[:, 1] * value[:, 3]).sqrt())
                share = share.clamp(-_LARGEST_SHARE, _LARGEST_SHARE)  # tanh rounds to one further out
                steps[:, 2] = (share.atanh() - start[:, 2].atanh()) / width[2]
            elif kind == "impropers":
                steps[:, 0] = _inverse_softplus(value[:, 0] / width[0]) - _inverse_softplus(start[:, 0] / width[0])
            is_free = index < self.n_free
            total.index_add_(0, index[is_free], steps[is_free])
            count.index_add_(0, index[is_free], torch.ones(int(is_free.sum())).double())
        if not total.isfinite().all():
            raise InputError(
                "start has zero for k2 or k4; expected both positive; start from a force field of these terms"
            )
        return (total / count.clamp(min=1))[:-1]

    def _stretch(self, kind: str, steps: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Return reference, k2, k3 and k4."""
        start, step, width = self._start[kind], steps[kind], self._width[kind]
        reference = start[:, 0] + step[:, 0] * width[0]
        k2 = _positive(start[:, 1], step[:, 1], width[1])
        if self.is_harmonic:
            return reference, k2, torch.zeros_like(k2), torch.zeros_like(k2)
        k4 = _positive(start[:, 3], step[:, 3], width[3])
        share = _LARGEST_SHARE * torch.tanh(start[:, 2].atanh() + step[:, 2] * width[2])
        return reference, k2, share * (32 / 9 * k2 * k4).sqrt(), k4


def _positive(start: Tensor, step: Tensor, width: Tensor) -> Tensor:
    return width * softplus(_inverse_softplus(start / width) + step)


def _inverse_softplus(value: Tensor) -> Tensor:
    return value + torch.log(-torch.expm1(-value))


def _start_at(coarser: ForceField, keys: Mapping[str, Keys], systems: Sequence[TypedMolecules]) -> dict[str, Tensor]:
    """Return the parameters of a coarser force field for the types that split its own, k3 as its share."""
    start = {kind: np.zeros((len(keys[kind]), len(columns))) for kind, columns in COLUMNS.items()}
    for system in systems:
        types = assign_types(system.topology, coarser.depth)
        places = {kind: each.numpy() for kind, each in place_types(coarser.keys, system.topology, types).items()}
        atoms = [keys["atoms"].index((label,)) for label in system.types.labels]
        start["atoms"][np.array(atoms)[system.types.atoms]] = coarser.parameters["atoms"][places["atoms"]]
        for kind in BONDED:
            own, coarse = getattr(system.types, kind), getattr(types, kind)
            numbers = np.array([keys[kind].index(key) for key in own.keys], dtype=int)[own.types]
            start[kind][numbers] = turn(kind, coarser.parameters[kind][places[kind]], coarse.rows, own.rows)
    for kind in _START:
        k2, k3, k4 = start[kind].T[1:4]
        share = k3 / np.maximum(_LARGEST_SHARE * np.sqrt(32 / 9 * k2 * k4), 1e-300)
        start[kind][:, 2] = share.clip(-_LARGEST_SHARE, _LARGEST_SHARE)  # tanh rounds to one further out
    return {kind: torch.as_tensor(values) for kind, values in start.items()}


def _start(keys: Mapping[str, Keys], systems: Sequence[LabelledSystem]) -> dict[str, Tensor]:
    start = {kind: np.zeros((len(keys[kind]), len(columns))) for kind, columns in COLUMNS.items()}
    for kind, values in _START.items():
        for column, each in enumerate(COLUMNS[kind]):
            start[kind][:, column] = values.get(each.name, 0.0)
    for kind in ("bonds", "angles"):
        start[kind][:, 0] = _means(keys[kind], systems, kind)
    flatness = _means(keys["impropers"], systems, "impropers")
    valence: dict[str, int] = {}
    label_charges: dict[str, list[float]] = {}
    for system in systems:
        if system.charges is None:
            raise InputError(f"{system.name} has no charges; expected those of its atoms; label them with charges")
        check_elements(system.topology.elements, system.name)
        neighbours = list_neighbours(system.topology)
        for atom, place in enumerate(system.types.atoms.tolist()):
            label = system.types.labels[place]
            valence[label] = len(neighbours[atom])
            label_charges.setdefault(label, []).append(float(system.charges[atom]))
            element = system.topology.elements[atom]
            start["atoms"][keys["atoms"].index((label,)), 1:] = LENNARD_JONES[element]
    start["atoms"][:, 0] = [np.mean(label_charges[label]) for (label,) in keys["atoms"]]
    for row, key in enumerate(keys["impropers"]):
        if valence[key[1]] == 3 and flatness[row] < _PLANAR_RAD:
            start["impropers"][row, 0] = 10.0
    return {kind: torch.as_tensor(values) for kind, values in start.items()}


def _means(keys: Keys, systems: Sequence[LabelledSystem], kind: str) -> np.ndarray:
    """Return the mean of the magnitude of the own coordinate of each type."""
    place = {key: number for number, key in enumerate(keys)}
    total, count = np.zeros(len(keys)), np.zeros(len(keys))
    own = {"bonds": 0, "angles": 2, "impropers": 0}[kind]
    for system in systems:
        rows = getattr(system.types, kind)
        if not len(rows.types):
            continue
        values = system.coordinates.values(kind)[own].abs().numpy()
        numbers = np.array([place[key] for key in rows.keys])[rows.types]
        np.add.at(total, numbers, values.sum(0))
        np.add.at(count, numbers, len(values))
    return total / np.maximum(count, 1)


def _molecule_sums(
    labels: Keys, systems: Sequence[TypedMolecules], charge_scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many atoms of each type a kind of molecule has, and its charge [e]: one row a kind."""
    place = {label: number for number, (label,) in enumerate(labels)}
    found: dict[tuple[int, ...], float] = {}
    for system in systems:
        numbers = np.array([place[label] for label in system.types.labels])[system.types.atoms]
        for molecule, charge in enumerate(charges_of_molecules(system.topology).tolist()):
            members = numbers[system.topology.molecules == molecule]
            found[tuple(np.bincount(members, minlength=len(labels)).tolist())] = charge_scale * charge
    return np.array(list(found), dtype=float), np.array(list(found.values()), dtype=float)


def _ties(kind: str, keys: Keys) -> list[dict[str, str]]:
    """Return, for each type, parameters → those they equal because an exchange of equal atoms exchanges them."""
    ties: list[dict[str, str]] = []
    for key in keys:
        tied: dict[str, str] = {}
        if kind == "angles" and key == key[::-1]:
            tied = {"N2": "N1"}
        elif kind == "dihedrals" and key == key[::-1]:
            tied = {f"{second}{n}": f"{first}{n}" for first, second in ("BC", "DE") for n in (1, 2, 3)}
        elif kind == "impropers":
            i, _, k, l = key  # noqa: E741 - as in LAMMPS
            if i == k:
                tied["M2"] = "M1"
            if k == l:
                tied["M3"] = "M1"
        ties.append(tied)
    return ties


def _references(keys: Mapping[str, Keys]) -> dict[tuple[str, str], Tensor]:
    """Return the bonds and angles whose references serve each type of the cross terms, shapes ``(T, n)``."""
    place = {
        kind: {key: number for number, one in enumerate(keys[kind]) for key in (one, one[::-1])}
        for kind in ("bonds", "angles")
    }

    def find(kind: str, part: str, width: int, members: Any) -> Tensor:
        rows = [[place[part][one] for one in members(key)] for key in keys[kind]]
        return torch.tensor(rows, dtype=torch.int64).reshape(-1, width)

    return {
        ("angles", "bonds"): find("angles", "bonds", 2, lambda key: list(pairwise(key))),
        ("dihedrals", "bonds"): find("dihedrals", "bonds", 3, lambda key: list(pairwise(key))),
        ("dihedrals", "angles"): find("dihedrals", "angles", 2, lambda key: [key[:3], key[1:]]),
        ("impropers", "angles"): find("impropers", "angles", 3, _angles_of_improper),
    }


def _angles_of_improper(key: tuple[str, ...]) -> list[tuple[str, ...]]:
    i, j, k, l = key  # noqa: E741 - as in LAMMPS
    return [(i, j, k), (i, j, l), (k, j, l)]

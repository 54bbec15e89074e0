"""Continuous typing: a network that reads parameters off the molecular graph, for molecules that were never fitted."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from ase.data import atomic_numbers, chemical_symbols
from torch import Tensor, nn
from torch.nn.functional import one_hot, silu

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.constraints import Constraints, TypedMolecules
from aiida_elyte.science.forcefield.model import BONDED, COLUMNS, ForceField
from aiida_elyte.science.forcefield.readings import READINGS
from aiida_elyte.science.molecules.topology import Topology, charges_of_molecules, list_neighbours
from aiida_elyte.science.molecules.typing import Types, assign_types, smallest_ring

__all__ = ["ContinuousTyping", "Graph", "describe_graph", "type_molecules"]

_MOST_NEIGHBOURS = 6
"""Atoms with more neighbours than this are read as if they had so many."""

_FORMAT = "aiida-elyte continuous typing 1"


@dataclass(frozen=True)
class _Molecules:
    topology: Topology
    types: Types


@dataclass(frozen=True)
class Graph:
    """What the network sees of molecules: no bond orders, no positions, no names."""

    elements: Tensor
    """Atomic number of each of the N atoms, shape ``(N,)``."""
    marks: Tensor
    """Number of neighbours, charge of an ion or sign of a molecule's, shape ``(N, 2)``."""
    rings: Tensor
    """Size of the smallest ring through each atom as in ``assign_types``, zero where there is none, shape ``(N,)``."""
    bonds: Tensor
    """Bonded atoms, both ways, shape ``(2, 2 B)``."""
    rows: dict[str, Tensor] = field(repr=False)
    """Atoms of one row of each type, by kind, shapes ``(T, width)``."""


def type_molecules(topologies: Sequence[Topology], depth: int) -> list[TypedMolecules]:
    """Return molecules with types that look at ``depth`` bonds."""
    return [_Molecules(topology, assign_types(topology, depth)) for topology in topologies]


def describe_graph(systems: Sequence[TypedMolecules], constraints: Constraints, depth: int) -> Graph:
    """Describe molecules with one row of atoms for each type of the constraints; ``depth`` bounds the rings."""
    elements, marks, rings, bonds = [], [], [], []
    rows: dict[str, list[Any]] = {kind: [None] * len(keys) for kind, keys in constraints.keys.items()}
    place = {kind: {key: number for number, key in enumerate(keys)} for kind, keys in constraints.keys.items()}
    first = 0
    for system in systems:
        topology, types = system.topology, system.types
        neighbours = list_neighbours(topology)
        charges = charges_of_molecules(topology)[topology.molecules].tolist()
        for atom, (symbol, around, charge) in enumerate(zip(topology.elements, neighbours, charges, strict=True)):
            elements.append(atomic_numbers[symbol])
            marks.append([min(len(around), _MOST_NEIGHBOURS), (charge > 0) - (charge < 0) if around else charge])
            rings.append(smallest_ring(atom, neighbours, depth) or 0)
            rows["atoms"][place["atoms"][(types.labels[types.atoms[atom]],)]] = [first + atom]
        bonds += [[first + i, first + j] for i, j in topology.bonds.tolist()]
        for kind in BONDED:
            typed = getattr(types, kind)
            for row, number in zip(typed.rows.tolist(), typed.types.tolist(), strict=True):
                rows[kind][place[kind][typed.keys[number]]] = [first + atom for atom in row]
        first += len(topology.elements)
    pairs = torch.tensor(bonds, dtype=torch.int64).reshape(-1, 2)
    return Graph(
        elements=torch.tensor(elements),
        marks=torch.tensor(marks),
        rings=torch.tensor(rings),
        bonds=torch.cat([pairs, pairs.flip(1)]).T,
        rows={
            kind: torch.tensor(each, dtype=torch.int64).reshape(-1, len(READINGS[kind][0][0]))
            for kind, each in rows.items()
        },
    )


class ContinuousTyping(nn.Module):
    r"""Parameters from messages between bonded atoms.

    .. math::

        h_i^{l+1} = h_i^l + \mathrm{silu}\Big(W^l \big[h_i^l, \textstyle\sum_{j \sim i} h_j^l\big]\Big), \qquad
        x_{row} = \frac{1}{|G|} \sum_{g \in G} g^{-1} \, \mathrm{MLP}(h_{g(row)})

    :math:`h^0` knows element, number of neighbours and charge of an atom, the read-out every :math:`h^l` and the
    atom's ring. G are the ``READINGS`` of a row, so that no order of the atoms matters. The numbers x are offsets from
    a coarse discrete force field, in widths of the priors of ``Constraints``, which turns them into parameters.

    As many messages as an atom type looks at bonds are passed: atoms of one type have one h, and ``freeze`` loses
    nothing.

    Parameters
    ----------
    coarse
        Force field by element and number of neighbours, where training begins.
    depth
        Messages passed.
    width
        Length of h.
    seed
        Of the first weights; the read-outs begin at zero.
    """

    def __init__(
        self, coarse: ForceField, terms: str = "class2", depth: int = 2, width: int = 32, seed: int = 0
    ) -> None:
        super().__init__()
        self.coarse, self.terms, self.depth, self.width = coarse, terms, depth, width
        self.record: dict[str, Any] = {}
        """How it came about: settings and errors."""
        n_marks = len(chemical_symbols) + _MOST_NEIGHBOURS + 1 + 1
        n_features = (depth + 1) * width + 2 * depth + 1
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            self.embed = nn.Linear(n_marks, width)
            self.messages = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(depth))
            self.readouts = nn.ModuleDict(
                {
                    kind: _readout(len(READINGS[kind][0][0]) * n_features, 2 * width, len(columns))
                    for kind, columns in COLUMNS.items()
                }
            )
        self.double()

    def forward(self, graph: Graph, constraints: Constraints) -> dict[str, Tensor]:
        """Return the steps of every parameter in widths of its prior, by kind, shapes ``(T, P)``."""
        known = torch.cat(
            [
                one_hot(graph.elements, len(chemical_symbols)),
                one_hot(graph.marks[:, 0], _MOST_NEIGHBOURS + 1),
                graph.marks[:, 1:],
            ],
            1,
        ).double()
        levels = [self.embed(known)]
        sender, receiver = graph.bonds
        for message in self.messages:
            h = levels[-1]
            received = torch.zeros_like(h).index_add(0, receiver, h[sender])
            levels.append(h + silu(message(torch.cat([h, received], 1))))
        features = torch.cat([*levels, one_hot(graph.rings, 2 * self.depth + 1).double()], 1)
        steps = {}
        for kind, readings in READINGS.items():
            rows = graph.rows[kind]
            mean = features.new_zeros(len(rows), len(COLUMNS[kind]))
            for places, columns in readings:
                found = self.readouts[kind](features[rows[:, list(places)]].flatten(1))
                mean = mean.index_add(1, torch.tensor(columns), found, alpha=1 / len(readings))
            steps[kind] = mean * constraints.is_free[kind]
        return steps

    def constrain(self, systems: Sequence[TypedMolecules]) -> Constraints:
        """Return the constraints of molecules, which begin at the coarse force field.

        Raises
        ------
        InputError
            If the coarse force field lacks an element with so many neighbours, or a bond, angle … of such.
        """
        return Constraints(systems, self.terms, self.coarse.charge_scale, self.coarse)

    @torch.no_grad()
    def freeze(self, topologies: Sequence[Topology]) -> ForceField:
        """Return the parameters of molecules by discrete types: a plain force field with the same forces.

        Raises
        ------
        InputError
            If the training had no such element with so many neighbours, or no bond, angle … of such.
        """
        systems = type_molecules(topologies, self.depth)
        constraints = self.constrain(systems)
        tables = constraints.apply(self(describe_graph(systems, constraints, self.depth), constraints))
        return ForceField(
            depth=self.depth,
            neighbourhoods=constraints.neighbourhoods,
            keys=constraints.keys,
            parameters={kind: table.numpy() for kind, table in tables.items()},
            charge_scale=self.coarse.charge_scale,
            record=self.record,
        )

    def to_bytes(self) -> bytes:
        """Write it as a file that ``from_bytes`` reads."""
        content = {
            "format": _FORMAT,
            "coarse": self.coarse.to_json(),
            "terms": self.terms,
            "depth": self.depth,
            "width": self.width,
            "record": self.record,
            "weights": self.state_dict(),
        }
        file = io.BytesIO()
        torch.save(content, file)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "ContinuousTyping":
        """Read what ``to_bytes`` wrote; nothing in it is run.

        Raises
        ------
        InputError
            If it is something else.
        """
        try:
            found = torch.load(io.BytesIO(content), weights_only=True)
        except Exception as error:  # torch says of damaged bytes whatever its reader stumbles over
            raise InputError("network cannot be read; expected one that was fitted; fit anew") from error
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise InputError(f"network is of another format; expected {_FORMAT!r}; fit anew")
        network = cls(ForceField.from_json(found["coarse"]), found["terms"], found["depth"], found["width"])
        network.load_state_dict(found["weights"])
        network.record = found["record"]
        return network


def _readout(n_features: int, width: int, n_parameters: int) -> nn.Module:
    """Return a perceptron that begins at zero."""
    last = nn.Linear(width, n_parameters)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(n_features, width), nn.SiLU(), last)

"""A class-2 force field as a set of parameters by type, which is one readable file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.evaluation import Interaction, forces
from aiida_elyte.science.forcefield.internal import InternalCoordinates
from aiida_elyte.science.forcefield.terms import (
    Angle,
    Bond,
    Coulomb,
    Dihedral,
    Improper,
    LennardJones96,
    Term,
    nonbonded_pairs,
)
from aiida_elyte.science.forcefield.terms.term import Parameter
from aiida_elyte.science.molecules.topology import Topology, charges_of_molecules
from aiida_elyte.science.molecules.typing import Types

__all__ = ["BONDED", "COLUMNS", "ForceField", "Keys", "interactions_of", "place_types", "spread_charges"]

Keys = tuple[tuple[str, ...], ...]
"""Atom types of each type of a kind."""

BONDED: dict[str, Term] = {"bonds": Bond(), "angles": Angle(), "dihedrals": Dihedral(), "impropers": Improper()}
"""Family of each kind of rows."""

COLUMNS: dict[str, tuple[Parameter, ...]] = {
    "atoms": (*Coulomb.parameters, *LennardJones96.parameters),
    **{kind: term.parameters for kind, term in BONDED.items()},
}
"""Parameters of a type of each kind, in order: of an atom its charge, ε and σ."""

_FORMAT = "aiida-elyte force field 1"


@dataclass(frozen=True)
class ForceField:
    """Parameters by type, in kcal/mol, Å, rad and e.

    Raises
    ------
    InputError
        If parameters do not fit the types, or are not finite.
    """

    depth: int
    """Bonds that an atom type looks at, as in ``assign_types``."""
    neighbourhoods: Mapping[str, str]
    """Label of each atom type → the neighbourhood it stands for."""
    keys: Mapping[str, Keys]
    """Types of each kind of ``COLUMNS``; those of atoms are the labels."""
    parameters: Mapping[str, np.ndarray]
    """Parameters of the types of each kind, ``shape=(T, P)``."""
    charge_scale: float = 1.0
    """What the charges of ions are multiplied by."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """How it came about: settings, data, errors; numbers and texts."""

    def __post_init__(self) -> None:
        for kind, columns in COLUMNS.items():
            shape = (len(self.keys[kind]), len(columns))
            if self.parameters[kind].shape != shape:
                raise InputError(
                    f"parameters of {kind} has shape {self.parameters[kind].shape}; expected {shape}; give "
                    f"{', '.join(each.name for each in columns)} for each type"
                )
            if not np.isfinite(self.parameters[kind]).all():
                raise InputError(f"parameters of {kind} hold one that is not finite; expected numbers; fit anew")

    def interactions(self, topology: Topology, types: Types) -> list[Interaction]:
        """Return the interactions of a cluster, as for its ``energies`` and ``forces``.

        Raises
        ------
        InputError
            If the cluster has types that the force field lacks.
        """
        tables = {kind: torch.as_tensor(values) for kind, values in self.parameters.items()}
        return interactions_of(tables, place_types(self.keys, topology, types), topology, self.charge_scale)

    def forces(self, topology: Topology, types: Types, coordinates: InternalCoordinates) -> Tensor:
        """Compute the forces on a cluster [kcal/mol/Å], shape ``(F, N, 3)``."""
        return forces(coordinates, self.interactions(topology, types))

    def to_json(self) -> str:
        """Write it as text that is read back exactly."""
        content: dict[str, Any] = {
            "format": _FORMAT,
            "units": {kind: {each.name: each.unit for each in columns} for kind, columns in COLUMNS.items()},
            "depth": self.depth,
            "charge_scale": self.charge_scale,
            "neighbourhoods": dict(self.neighbourhoods),
        }
        for kind, columns in COLUMNS.items():
            names = [each.name for each in columns]
            content[kind] = {
                " ".join(key): dict(zip(names, values, strict=True))
                for key, values in zip(self.keys[kind], self.parameters[kind].tolist(), strict=True)
            }
        content["record"] = dict(self.record)
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ForceField":
        """Read what ``to_json`` wrote.

        Raises
        ------
        InputError
            If the text is something else.
        """
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"force field is no JSON ({error}); expected one that was fitted; fit anew") from error
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise InputError(f"force field is of another format; expected {_FORMAT!r}; fit anew")
        try:
            return cls(
                depth=content["depth"],
                neighbourhoods=content["neighbourhoods"],
                keys={kind: tuple(tuple(key.split(" ")) for key in content[kind]) for kind in COLUMNS},
                parameters={
                    kind: np.array(
                        [[values[each.name] for each in columns] for values in content[kind].values()], dtype=float
                    ).reshape(-1, len(columns))
                    for kind, columns in COLUMNS.items()
                },
                charge_scale=content["charge_scale"],
                record=content["record"],
            )
        except KeyError as error:
            raise InputError(f"force field lacks {error.args[0]!r}; expected it with its unit; fit anew") from error
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(
                f"force field holds what is not a parameter ({error}); expected numbers; fit anew"
            ) from error


def place_types(keys: Mapping[str, Keys], topology: Topology, types: Types) -> dict[str, Tensor]:
    """Return the place in ``keys`` of each atom's and each row's type, by kind, shapes ``(n,)``.

    Raises
    ------
    InputError
        If a type is not among the keys.
    """
    labels = tuple((label,) for label in types.labels)
    found = {"atoms": _places("atoms", keys["atoms"], labels, types)[torch.as_tensor(types.atoms)]}
    for kind in BONDED:
        rows = getattr(types, kind)
        found[kind] = _places(kind, keys[kind], rows.keys, types)[torch.as_tensor(rows.types)]
    if len(found["atoms"]) != len(topology.elements):
        raise InputError(
            f"types has {len(found['atoms'])} atoms; expected {len(topology.elements)}; give those of the topology"
        )
    return found


def spread_charges(topology: Topology, charges: Tensor, scale: float = 1.0) -> Tensor:
    """Give each molecule its exact charge, what is missing in equal shares on its atoms [e], shape ``(N,)``.

    Parameters
    ----------
    topology
        Molecules.
    charges
        Charge of each atom's type [e], shape ``(N,)``.
    scale
        What the formal charges are multiplied by.
    """
    molecules = torch.as_tensor(topology.molecules, device=charges.device)
    expected = scale * torch.as_tensor(charges_of_molecules(topology), dtype=charges.dtype, device=charges.device)
    missing = expected - torch.zeros_like(expected).index_add(0, molecules, charges)
    return charges + (missing / torch.bincount(molecules))[molecules]


def interactions_of(
    tables: Mapping[str, Tensor], places: Mapping[str, Tensor], topology: Topology, charge_scale: float = 1.0
) -> list[Interaction]:
    """Return the interactions of a cluster from parameters by kind and the place of each row's type in them.

    Parameters and places are on one device.
    """
    charges = spread_charges(topology, tables["atoms"][places["atoms"], 0], charge_scale)
    pairs = torch.as_tensor(nonbonded_pairs(len(topology.elements), topology.bonds), device=charges.device)
    bonded = [Interaction(term, places[kind], tables[kind]) for kind, term in BONDED.items()]
    return [
        *bonded,
        Interaction(LennardJones96(), places["atoms"][pairs], tables["atoms"][:, 1:]),
        Interaction(Coulomb(), pairs, charges.unsqueeze(1)),
    ]


def _places(kind: str, keys: Keys, sought: Sequence[tuple[str, ...]], types: Types) -> Tensor:
    place = {key: number for number, key in enumerate(keys)}
    missing = [key for key in sought if key not in place]
    if missing:
        what = "; ".join(types.neighbourhoods[label] for label in missing[0])
        raise InputError(
            f"force field lacks {len(missing)} of {len(sought)} types of {kind}, as {' '.join(missing[0])} ({what}); "
            "expected all; fit with frames of such molecules too"
        )
    return torch.tensor([place[key] for key in sought], dtype=torch.int64)

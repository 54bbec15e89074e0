"""A crystal structure: the checks that everything after relies on."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError, suggest
from aiida_elyte.science.contact import closest_contact

__all__ = [
    "OVERLAP_FACTOR",
    "check_structure",
    "framework_of",
    "refuse_partial",
    "require_charges",
    "require_temperatures",
]

OVERLAP_FACTOR = 0.5
"""Two atoms overlap when they are nearer than this part of the sum of their covalent radii."""

_LARGEST_A = 1e6
"""No coordinate of a crystal is longer [Å]."""
_OCCUPANCY_TOLERANCE = 1e-3
_CHARGE_TOLERANCE = 1e-6


def _is_partial(occupancy: float | str) -> bool:
    """Tell whether a site is partly filled; a CIF that states none (``?`` or ``.``) means one."""
    return occupancy not in ("?", ".") and abs(float(occupancy) - 1.0) > _OCCUPANCY_TOLERANCE


def refuse_partial(sites: Sequence[str], name: str) -> None:
    """Reject sites that are not full.

    Raises
    ------
    InputError
        If there are any.
    """
    if sites:
        raise InputError(
            f"{name} has partially occupied sites: {', '.join(sites)}; expected every site fully occupied; "
            "order the structure first (e.g. enumerate orderings in a supercell and keep one) and give the ordered cell"
        )


def framework_of(species: Iterable[str], charges: Mapping[str, float]) -> list[str]:
    """Return the species of the framework: those without a charge of their own, which do not move."""
    return sorted(set(species) - set(charges))


def check_structure(atoms: Atoms, name: str = "structure") -> None:
    """Reject what cannot be a crystal.

    Parameters
    ----------
    atoms
        Structure to judge; a partial ``info["occupancy"]`` as left by ASE's CIF reader counts.
    name
        What to call it in the message.

    Raises
    ------
    InputError
        For no atoms, numbers that are not finite, no cell or no periodicity, unknown species, partial occupancies,
        overlapping atoms (nearer than half the sum of covalent radii, through the boundaries too).
    """
    if len(atoms) == 0:
        raise InputError(f"{name} holds no atom; expected a crystal structure")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise InputError(f"{name} holds coordinates that are not numbers; expected finite positions and cell in Å")
    if max(np.abs(atoms.positions).max(), np.abs(atoms.cell.array).max()) > _LARGEST_A:
        raise InputError(f"{name} holds coordinates beyond {_LARGEST_A:g} Å; expected positions and cell in Å")
    if atoms.cell.rank < 3 or abs(atoms.cell.volume) < 1e-6 or not atoms.pbc.all():
        raise InputError(
            f"{name} is not periodic in three directions (pbc {atoms.pbc.tolist()}, cell rank {atoms.cell.rank}); "
            "expected a crystal with its cell, e.g. a CIF or an extxyz with Lattice"
        )
    if (atoms.numbers == 0).any():
        raise InputError(f"{name} holds atoms of unknown species (X); expected chemical elements on every site")
    refuse_partial(_partial_sites(atoms.info.get("occupancy", {})), name)
    contact = closest_contact(atoms)
    if contact is not None and contact.factor < OVERLAP_FACTOR:
        raise InputError(
            f"{name} has overlapping atoms: {contact}; expected at least {OVERLAP_FACTOR} of the sum of covalent "
            "radii; remove duplicated or split sites"
        )


def _partial_sites(occupancy: Any) -> list[str]:
    """Return the sites of ``{kind: {symbol: occupancy}}`` that one species does not fill alone."""
    if not isinstance(occupancy, Mapping):
        return []
    return [
        f"kind {kind} ({', '.join(f'{symbol} {part}' for symbol, part in parts.items())})"
        for kind, parts in occupancy.items()
        if any(map(_is_partial, parts.values()))
    ]


def require_charges(structure: Atoms, charges: Mapping[str, float] | None, mobile: Sequence[str] = ()) -> None:
    """Reject charges that transport cannot use.

    Parameters
    ----------
    structure
        The crystal.
    charges
        Charge of each mobile species [e], e.g. ``{"Li": 1.0}``.
    mobile
        Species that must have a charge.

    Raises
    ------
    InputError
        If none is given, a species is not in the structure or lacks its charge, a charge is zero or not a number, or
        every species has a charge and the crystal is not neutral.
    """
    if not charges:
        raise InputError('charges is empty; expected the charge of each mobile species in e, e.g. {"Li": 1}')
    present = sorted(set(structure.get_chemical_symbols()))
    for species in [*charges, *mobile]:
        if species not in present:
            raise InputError(
                f"species {species!r} is not in the structure ({', '.join(present)}){suggest(species, present)}"
            )
    for species in mobile:
        if species not in charges:
            raise InputError(f'charges lacks mobile species {species}; expected e.g. {{"{species}": 1}}, in e')
    for species, charge in charges.items():
        if isinstance(charge, bool) or not isinstance(charge, int | float) or not math.isfinite(charge) or charge == 0:
            raise InputError(f"charge of {species} is {charge!r}; expected a number other than zero, in e")
    if set(charges) == set(present):
        net = sum(charges[symbol] for symbol in structure.get_chemical_symbols())
        if abs(net) > _CHARGE_TOLERANCE:
            raise InputError(
                f"charges of all species sum to {net:g} e over {structure.get_chemical_formula()}; expected a neutral "
                "crystal; give charges that add up to zero, or those of the mobile species alone"
            )


def require_temperatures(temperatures: Sequence[float] | None, name: str = "temperatures_K") -> None:
    """Reject temperatures that are not positive numbers, and lists that are empty or name one twice.

    Raises
    ------
    InputError
        Naming the first bad value.
    """
    if not temperatures:
        raise InputError(f"{name} is empty; expected at least one temperature in K")
    for value in temperatures:
        if isinstance(value, bool) or not isinstance(value, int | float) or not (0 < value < math.inf):
            raise InputError(f"{name} holds {value!r}; expected positive numbers, in K")
    if len(set(temperatures)) < len(temperatures):
        raise InputError(f"{name} {list(temperatures)} names a temperature twice; give each once")

"""A crystal in few words: formula, cell, symmetry, closest contact."""

import math
from collections.abc import Mapping
from typing import Any

import spglib

from aiida_elyte.science.contact import closest_contact
from aiida_elyte.science.crystal_files.formula import density_of, format_formula
from aiida_elyte.science.crystal_files.record import CrystalFile

__all__ = ["crystal_lines", "describe_crystal"]

_SYMMETRY_A = 1e-3
"""Distance by which atoms may miss the symmetry that is looked for [Å]."""
_FARTHEST = 2.0
"""Contacts are looked for up to this many sums of covalent radii [1]."""


def describe_crystal(found: CrystalFile) -> dict[str, Any]:
    """Return what was read of a file.

    Returns
    -------
    dict
        ``formula`` of the cell, ``reduced_formula``, ``z``, ``n_atoms``, ``elements``, ``cell`` (``lengths_A``,
        ``angles_deg``), ``volume_A3``, ``density_g_cm3``, ``space_group`` (``named`` and
        ``read_under`` of the file; ``found`` and ``number`` of the atoms),
        ``closest_contact`` (``None`` with partial occupancies: neighbouring sites may be filled in turn),
        ``partial_occupancies``, ``notes``.
    """
    contents: dict[str, float] = {}
    for symbol, part in zip(found.atoms.get_chemical_symbols(), found.occupancies, strict=True):
        contents[symbol] = contents.get(symbol, 0.0) + float(part)
    divisor = 1
    if all(abs(number - round(number)) < 1e-6 for number in contents.values()):
        divisor = math.gcd(*(round(number) for number in contents.values()))
    parameters = [round(float(value), 5) for value in found.atoms.cell.cellpar()]
    volume = found.atoms.get_volume()
    contact = None if found.partial else closest_contact(found.atoms, _FARTHEST)
    symbol, number = _find_group(found)
    return {
        "formula": format_formula(contents),
        "reduced_formula": format_formula({element: amount / divisor for element, amount in contents.items()}),
        "z": divisor,
        "n_atoms": round(sum(contents.values()), 3) if found.partial else len(found.atoms),
        "elements": list(contents),
        "cell": {"lengths_A": parameters[:3], "angles_deg": parameters[3:]},
        "volume_A3": round(volume, 4),
        "density_g_cm3": round(density_of(contents, volume), 4),
        "space_group": {"named": found.named, "read_under": found.group, "found": symbol, "number": number},
        "closest_contact": contact
        and {"pair": list(contact.pair), "distance_A": round(contact.distance, 4), "factor": round(contact.factor, 3)},
        "partial_occupancies": list(found.partial),
        "notes": list(found.notes),
    }


def crystal_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return what ``describe_crystal`` found as lines of text."""
    lengths = " ".join(f"{value:g}" for value in summary["cell"]["lengths_A"])
    angles = " ".join(f"{value:g}" for value in summary["cell"]["angles_deg"])
    group = summary["space_group"]
    found = f"{group['found']} ({group['number']})" if group["found"] else "none"
    named = "" if group["named"] is None else f"; the file names {group['named']}"
    if group["read_under"] is not None and group["read_under"] != group["named"]:
        named += f"; read under {group['read_under']}"
    z = "" if summary["z"] == 1 else f" = {summary['z']} {summary['reduced_formula']}"
    rows = [
        ("formula", f"{summary['formula']}{z}"),
        ("atoms", f"{summary['n_atoms']:g}"),
        ("cell", f"{lengths} Å   {angles}°   {summary['volume_A3']:.2f} Å³   {summary['density_g_cm3']:.3f} g/cm³"),
        ("group", f"{found}{named}"),
    ]
    contact = summary["closest_contact"]
    if contact is not None:
        pair = " and ".join(contact["pair"])
        rows.append(("closest", f"{pair}, {contact['distance_A']:.3f} Å, {contact['factor']:.2f} of covalent radii"))
    if summary["partial_occupancies"]:
        rows.append(("partial", ", ".join(summary["partial_occupancies"])))
    rows += [("note", note) for note in summary["notes"]]
    return [f"{name:<10}{text}" for name, text in rows]


def _find_group(found: CrystalFile) -> tuple[str | None, int | None]:
    """Return the space group of the atoms; atoms of one element with other occupancies are other atoms."""
    kinds = [
        (symbol, round(float(part), 4))
        for symbol, part in zip(found.atoms.get_chemical_symbols(), found.occupancies, strict=True)
    ]
    numbers = [sorted(set(kinds)).index(kind) + 1 for kind in kinds]
    cell = (found.atoms.cell.array, found.atoms.get_scaled_positions(), numbers)
    data = spglib.get_symmetry_dataset(cell, symprec=_SYMMETRY_A)
    return (None, None) if data is None else (str(data.international), int(data.number))

"""A CIF: its sites under its symmetry, read so that they keep to what the file says of itself, or rejected."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from ase.geometry import cellpar_to_cell

from aiida_elyte.errors import InputError
from aiida_elyte.science.contact import closest_contact
from aiida_elyte.science.crystal import OVERLAP_FACTOR, refuse_partial
from aiida_elyte.science.crystal_files.document import Block, read_block
from aiida_elyte.science.crystal_files.expansion import expand, nearest_images
from aiida_elyte.science.crystal_files.formula import Stated, read_stated
from aiida_elyte.science.crystal_files.record import CrystalFile
from aiida_elyte.science.crystal_files.sites import Site, read_sites
from aiida_elyte.science.crystal_files.symmetry import Symmetry, named_group, other_origins, read_symmetries

__all__ = ["read_cif"]

_VOLUME = 0.01
"""Part by which the volume of the cell may differ from the one stated [1]."""
_MERGED_A = 0.3
"""Images of a full site nearer than this are one atom [Å]: no two atoms are."""
_ROUNDED_A = 0.05
"""Images of a partly filled site nearer than this are one, more where its coordinates have few digits [Å]."""
_REPORTED_A = 0.02
"""Moves onto special positions are noted from here on [Å]."""
_DUPLICATE_A = 0.05
"""Atoms of one element nearer than this are listed twice [Å]."""
_EQUAL_A = 0.02
"""Two readings are one structure when their atoms differ by less [Å]."""
_MOST_ASSIGNMENTS = 64


@dataclass(frozen=True)
class _Reading:
    """The atoms of the cell under one symmetry, with one element for each ambiguous label."""

    symmetry: Symmetry
    elements: tuple[str, ...]
    """Element of each site."""
    atoms: Atoms
    occupancies: np.ndarray
    contents: dict[str, float]
    """Element → atoms in the cell, by occupancy."""
    objection: str | None
    """What speaks against it."""
    notes: tuple[str, ...]


def read_cif(content: bytes, is_ordered: bool) -> CrystalFile:
    """Read the one structure of a CIF.

    Where the file leaves origin or elements open or contradicts itself, each way to read it is compared with the
    formula, Z and density it states; the file is rejected unless one way is left.

    Parameters
    ----------
    content
        The file.
    is_ordered
        Reject partial occupancies.

    Raises
    ------
    InputError
        If the file is not a CIF with one structure, its sites contradict what it says of itself, atoms overlap, or
        sites are partly filled and must not be.
    """
    block = read_block(content)
    parameters = _read_cell(block)
    cell = np.array(cellpar_to_cell(parameters))
    _check_volume(block, cell)
    stated = read_stated(block)
    sites, notes = read_sites(block, None if stated.formula is None else set(stated.formula))
    partial = tuple(f"{site.label} ({site.elements[0]} {site.occupancy_text})" for site in sites if site.is_partial)
    if is_ordered:
        refuse_partial(partial, "it")
    symmetries, more = read_symmetries(block, parameters[3:])
    assignments = list(_assignments(sites))
    readings = [_read(symmetry, elements, sites, cell, stated) for symmetry in symmetries for elements in assignments]
    if all(reading.objection for reading in readings):
        raise InputError(
            _explain(
                readings,
                symmetries,
                [
                    _read(other, elements, sites, cell, stated)
                    for other in other_origins(symmetries)
                    for elements in assignments
                ],
            )
        )
    chosen, why = _choose(readings, symmetries, assignments, stated, cell)
    notes += [*more, *chosen.notes, *why, *stated.remarks(chosen.contents, abs(np.linalg.det(cell)))]
    ambiguous = sorted(
        {
            f"{site.label} is read as {element}"
            for site, element in zip(sites, chosen.elements, strict=True)
            if len(site.elements) > 1
        }
    )
    return CrystalFile(
        chosen.atoms,
        chosen.occupancies,
        partial,
        named_group(block),
        chosen.symmetry.name or None,
        stated.text or None,
        stated.z,
        (*notes, *ambiguous),
    )


def _read_cell(block: Block) -> list[float]:
    """Return lengths [Å] and angles [°]."""
    found = []
    for name in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"):
        number = block.number(f"_cell_{name}")
        if number is None:
            raise InputError(f"it has no _cell_{name}; expected the six parameters of the cell; add it")
        limit, limited = (180.0, " below 180") if "angle" in name else (np.inf, "")
        if not 0 < number.value < limit:
            raise InputError(f"its _cell_{name} is {number.value:g}; expected a positive number{limited}")
        found.append(number.value)
    alpha, beta, gamma = found[3:]
    if alpha + beta + gamma >= 360 or 2 * max(found[3:]) >= alpha + beta + gamma:
        raise InputError(
            f"its angles {alpha:g}, {beta:g}, {gamma:g}° do not close a cell; expected angles of vectors that span one"
        )
    return found


def _check_volume(block: Block, cell: np.ndarray) -> None:
    stated, volume = block.number("_cell_volume"), abs(np.linalg.det(cell))
    if stated is not None and stated.value > 0 and abs(volume / stated.value - 1) > _VOLUME:
        raise InputError(
            f"its cell has a volume of {volume:.2f} Å³, _cell_volume is {stated.value:g}; expected the same; correct "
            "the one that is wrong"
        )


def _assignments(sites: Sequence[Site]) -> Iterator[tuple[str, ...]]:
    """Yield an element for each site; labels of the same letters that leave it open are the same element."""
    kinds = sorted({site.elements for site in sites if len(site.elements) > 1})
    if 2 ** len(kinds) > _MOST_ASSIGNMENTS:
        raise InputError("too many of its labels can be two elements; expected elements; add _atom_site_type_symbol")
    for drawn in product(*kinds):
        meant = dict(zip(kinds, drawn, strict=True))
        yield tuple(meant.get(site.elements, site.elements[0]) for site in sites)


def _read(
    symmetry: Symmetry, elements: tuple[str, ...], sites: Sequence[Site], cell: np.ndarray, stated: Stated
) -> _Reading:
    """Return the atoms of the cell under one symmetry, and what speaks against them."""
    objection = None
    if not symmetry.fits(cell):
        objection = f"its cell does not have the symmetry of {symmetry.label}; expected one that fits"
    points, symbols, occupancies, notes = [], [], [], []
    for site, element in zip(sites, elements, strict=True):
        orbit = expand(site.point, symmetry, cell, _tolerance(site, cell))
        if orbit is None:
            objection = objection or (
                f"its site {site.label} is near a special position of {symmetry.label}, but on none within its digits; "
                "expected coordinates that show whether it is on one; give more digits"
            )
            continue
        if orbit.moved_A > _REPORTED_A:
            notes.append(
                f"{site.label} was moved by {orbit.moved_A:.3f} Å onto its special position ({len(orbit.points)} atoms)"
            )
        points.append(orbit.points)
        symbols += [element] * len(orbit.points)
        occupancies += [site.occupancy] * len(orbit.points)
    positions = np.vstack(points) if points else np.zeros((0, 3))
    atoms = Atoms(symbols, scaled_positions=positions, cell=cell, pbc=True)
    filled = np.array(occupancies)
    is_ordered = not any(site.is_partial for site in sites)
    if is_ordered:
        atoms, n_twice = _merge_duplicates(atoms)
        filled = filled[: len(atoms)]
        if n_twice and objection is None:
            if stated.formula is None:
                objection = f"{n_twice} of its atoms under {symmetry.label} are listed twice; expected each atom once"
            else:
                notes.append(f"{n_twice} atoms that the sites give twice under {symmetry.label} were merged")
    contents: dict[str, float] = {}
    for symbol, part in zip(atoms.get_chemical_symbols(), filled, strict=True):
        contents[symbol] = contents.get(symbol, 0.0) + float(part)
    if objection is None:
        objection = stated.contradiction(contents, atoms.get_volume(), is_ordered)
    if objection is None and is_ordered:
        contact = closest_contact(atoms, OVERLAP_FACTOR)
        if contact is not None and contact.factor < OVERLAP_FACTOR:
            objection = (
                f"it has overlapping atoms under {symmetry.label}: {contact}; expected at least {OVERLAP_FACTOR} of "
                "the sum of covalent radii; remove duplicated or split sites"
            )
    return _Reading(symmetry, elements, atoms, filled, contents, objection, tuple(notes))


def _tolerance(site: Site, cell: np.ndarray) -> float:
    """Return the distance of images of a site that are one atom [Å]."""
    if not site.is_partial:
        return _MERGED_A
    rounding = 1.5 * 10.0 ** -min(site.decimals, 12) * float(np.linalg.norm(cell, axis=1).max())
    return min(_MERGED_A, max(_ROUNDED_A, rounding))


def _merge_duplicates(atoms: Atoms) -> tuple[Atoms, int]:
    """Return the atoms without those of one element at one place, and how many these were."""
    scaled, cell = atoms.get_scaled_positions(), np.array(atoms.cell)
    kept: list[int] = []
    for index, point in enumerate(scaled):
        same = [other for other in kept if atoms.numbers[other] == atoms.numbers[index]]
        if same:
            near = nearest_images(scaled[same], point) - point
            if np.linalg.norm(near @ cell, axis=1).min() < _DUPLICATE_A:
                continue
        kept.append(index)
    return atoms[kept], len(atoms) - len(kept)


def _choose(
    readings: Sequence[_Reading],
    symmetries: Sequence[Symmetry],
    assignments: Sequence[tuple[str, ...]],
    stated: Stated,
    cell: np.ndarray,
) -> tuple[_Reading, list[str]]:
    """Return the one reading that keeps to the file, and why it was chosen.

    Raises
    ------
    InputError
        If there are several that differ.
    """
    fitting = [reading for reading in readings if reading.objection is None]
    first = fitting[0]
    others = [reading for reading in fitting[1:] if not _is_equal(first, reading, cell)]
    if others:
        if first.symmetry.is_listed and stated.is_complete and first.elements == assignments[0]:
            named = next((other for other in symmetries[1:]), first.symmetry)
            return first, [
                f"the operations listed contradict the {named.source}; they keep to the formula and are used"
            ]
        raise InputError(_explain_open(first, others[0]))
    if len(symmetries) == 1:
        return first, []
    listed = symmetries[0].is_listed
    if first.symmetry is symmetries[0] and listed:
        return first, [f"the operations listed contradict the {symmetries[1].source}; they keep to the formula"]
    if len({symmetry.source for symmetry in symmetries}) == 1:
        rejected = [other.name for other in symmetries if other is not first.symmetry]
        same = " (another origin gives the same structure)" if len(fitting) > len(assignments) else ""
        used = f"{first.symmetry.name} is used, not {', '.join(rejected)}{same}"
        return first, [f"{first.symmetry.source} leaves the origin open; {used}"]
    return first, [
        f"the file contradicts itself on symmetry; {first.symmetry.label} is used, which keeps to the formula"
    ]


def _explain(readings: Sequence[_Reading], symmetries: Sequence[Symmetry], others: Sequence[_Reading]) -> str:
    """Return the objection to the first reading, and to that of other symmetries where there are several."""
    objection = str(readings[0].objection)
    if len(symmetries) > 1:
        firsts = {reading.symmetry.label: str(reading.objection) for reading in reversed(readings)}
        objection = "; ".join(f"under {label} {text}" for label, text in reversed(firsts.items()))
    elif symmetries[0].is_assumed:
        objection = f"it states no symmetry, and {objection}"
    fitting = next((other.symmetry.name for other in others if other.objection is None), None)
    if fitting is not None:
        return f"{objection}; under {fitting} they agree; if the source has this origin, correct the name of the group"
    return f"{objection}; give a complete CIF whose sites, symmetry and formula agree"


def _explain_open(first: _Reading, second: _Reading) -> str:
    if first.symmetry is not second.symmetry:
        ways = f"{first.symmetry.label} or {second.symmetry.label}"
        made = " and ".join(reading.atoms.get_chemical_formula() for reading in (first, second))
        return (
            f"it can be read under {ways}, which give different structures ({made}); expected one; add the symmetry "
            "operations (_symmetry_equiv_pos_as_xyz), or the origin to the name, as 'P n -3 m :2'"
        )
    return "its labels can be several elements that all fit its formula; expected one; add _atom_site_type_symbol"


def _is_equal(first: _Reading, second: _Reading, cell: np.ndarray) -> bool:
    """Tell whether two readings are one structure but for its origin."""
    if len(first.atoms) != len(second.atoms) or Counter(first.atoms.numbers) != Counter(second.atoms.numbers):
        return False
    rarest = min(Counter(first.atoms.numbers).items(), key=lambda item: (item[1], item[0]))[0]
    one, other = first.atoms.get_scaled_positions(), second.atoms.get_scaled_positions()
    anchor = one[first.atoms.numbers == rarest][0]
    return any(
        _coincide(one, other + (anchor - start), first, second, cell) for start in other[second.atoms.numbers == rarest]
    )


def _coincide(one: np.ndarray, other: np.ndarray, first: _Reading, second: _Reading, cell: np.ndarray) -> bool:
    for point, number, part in zip(other, second.atoms.numbers, second.occupancies, strict=True):
        same = (first.atoms.numbers == number) & (np.abs(first.occupancies - part) < 1e-6)
        if not same.any():
            return False
        if np.linalg.norm((nearest_images(one[same], point) - point) @ cell, axis=1).min() > _EQUAL_A:
            return False
    return True

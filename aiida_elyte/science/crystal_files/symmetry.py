"""Symmetry of a CIF: its operations, and the space group it names, by symbol, number or Hall symbol."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gemmi
import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.crystal_files.document import UNKNOWN, Block

__all__ = ["Symmetry", "named_group", "other_origins", "read_symmetries"]

_OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz", "_space_group_symop_xyz")
_NAMES = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_space_group_name_h-m_ref",
    "_symmetry_space_group_name_h-m_full",
)
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")
_CODE = ("_space_group_it_coordinate_system_code", "_symmetry_space_group_setting")
_PHRASES = {
    "origin choice 1": "1",
    "origin choice 2": "2",
    "origin 1": "1",
    "origin 2": "2",
    "hexagonal axes": "H",
    "rhombohedral axes": "R",
}
"""What programs write behind a name → mark of origin or axes."""
_LARGEST = 192
"""Operations of the largest space group, centring included."""
_LISTED, _ASSUMED = "operations listed", "no symmetry stated"
_METRIC = 0.02
"""Part of the largest element of the metric tensor by which a cell may miss its symmetry [1]."""


@dataclass(frozen=True)
class Symmetry:
    """One way to read the symmetry of a file."""

    operations: Any
    """Operations with those of centring, ``gemmi.GroupOps``."""
    name: str
    """Extended Hermann–Mauguin symbol, as ``P n -3 m:2``; ``""`` of a setting without one."""
    number: int | None
    """Number in the International Tables."""
    source: str
    """What of the file says so, in words."""

    @property
    def is_listed(self) -> bool:
        """Whether the file lists its operations."""
        return self.source == _LISTED

    @property
    def is_assumed(self) -> bool:
        """Whether the file says nothing of its symmetry."""
        return self.source == _ASSUMED

    @cached_property
    def rotations(self) -> np.ndarray:
        """Rotations in fractional coordinates, ``(n, 3, 3)``."""
        return np.array([operation.rot for operation in self.operations], float) / gemmi.Op.DEN

    @cached_property
    def translations(self) -> np.ndarray:
        """Translations in fractional coordinates, ``(n, 3)``."""
        return np.array([operation.tran for operation in self.operations], float) / gemmi.Op.DEN

    def fits(self, cell: np.ndarray) -> bool:
        """Tell whether rotations keep the metric of a cell, its vectors in rows [Å]."""
        metric = cell @ cell.T
        turned = np.einsum("nki,kl,nlj->nij", self.rotations, metric, self.rotations)
        return bool(np.abs(turned - metric).max() <= _METRIC * np.abs(metric).max())

    @property
    def label(self) -> str:
        """Name and where it comes from, for messages."""
        return f"{self.name or 'the group'} ({self.source})"


def read_symmetries(block: Block, angles: Sequence[float]) -> tuple[list[Symmetry], list[str]]:
    """Return the ways to read the symmetry of a block, the one with most right first, and notes.

    Several are returned where the file leaves the origin open or contradicts itself.

    Parameters
    ----------
    block
        Block of the structure.
    angles
        Angles of the cell [°]; they tell rhombohedral from hexagonal axes.

    Raises
    ------
    InputError
        If the file has modulations or magnetic operations, operations that cannot be read, or names no group that is
        known and lists no operations.
    """
    _reject_beyond_space_groups(block)
    notes: list[str] = []
    named = _named(block, angles, notes)
    listed = _listed(block, notes)
    if listed is None:
        if not named:
            notes.append("the file states no symmetry: its sites are taken for all atoms of the cell")
            return [_as_symmetry([gemmi.Op()], _ASSUMED)], notes
        if named_group(block) == f"number {named[0].number}" and _has_settings(named[0].number):
            notes.append(f"the number {named[0].number} alone leaves the setting open; {named[0].name} is taken")
        return named, notes
    if any(_same(listed, other) for other in named):
        return [next(other for other in named if _same(listed, other))], notes
    if not named:
        return [listed], notes
    numbers = {other.number for other in named}
    if listed.number in numbers and not any(":" in (block.text(tag) or "") for tag in _NAMES):
        # Names without setting or origin are short for the group; the operations say which setting it is.
        return [listed], notes
    return [listed, *named], notes


def named_group(block: Block) -> str | None:
    """Return the space group as a file names it: its symbol, else its number."""
    number = block.number(*_NUMBER)
    return block.text(*_NAMES, *_HALL) or (None if number is None else f"number {number.value:g}")


def other_origins(symmetries: Sequence[Symmetry]) -> list[Symmetry]:
    """Return the other origin of a group that a file names with one, for a hint."""
    if len(symmetries) != 1 or symmetries[0].is_listed or symmetries[0].name[-2:] not in (":1", ":2"):
        return []
    name = symmetries[0].name[:-1] + ("2" if symmetries[0].name.endswith("1") else "1")
    return [_as_symmetry(list(gemmi.SpaceGroup(name).operations()), "the other origin")]


def _reject_beyond_space_groups(block: Block) -> None:
    dimension = block.number("_cell_modulation_dimension")
    if (dimension is not None and dimension.value > 0) or any("_ssg_" in tag for tag in block.values):
        raise InputError("it holds a modulated structure; expected a periodic one; give an approximant in a supercell")
    if any("symop_magn" in tag for tag in block.values):
        raise InputError(
            "it holds magnetic operations; expected those of a space group; export the structure without its moments"
        )


def _listed(block: Block, notes: list[str]) -> Symmetry | None:
    """Return the operations a file lists, completed to a group where they are its generators."""
    found = block.column(*_OPERATIONS)
    texts = [text for text in found or () if text not in UNKNOWN]
    if not texts:
        return None
    operations = []
    for number, text in enumerate(texts, start=1):
        plain = re.sub(r"[\s'\"]", "", text).lower()
        try:
            if not set(plain) <= set("xyz0123456789+-/.,"):
                raise ValueError(text)
            operations.append(gemmi.Op(plain))
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"its symmetry operation {number} is {text!r}; expected one as 'x,y,z' with translations of 24ths"
            ) from error
    unique = _unique(operations)
    if len(unique) < len(operations):
        notes.append(f"{len(operations) - len(unique)} symmetry operations are listed twice")
    group = _generate(unique)
    if group is None:
        raise InputError(
            f"its {len(unique)} symmetry operations generate more than {_LARGEST} operations; expected a space group; "
            "give the list of its source"
        )
    if len(group) > len(unique):
        notes.append(f"{len(unique)} symmetry operations generate a group of {len(group)}, which is used")
    return _as_symmetry(group, _LISTED)


def _named(block: Block, angles: Sequence[float], notes: list[str]) -> list[Symmetry]:
    """Return what Hall symbol, name and number say; both origins where the file does not say which."""
    found: list[Symmetry] = []
    hall = block.text(*_HALL)
    if hall is not None:
        try:
            operations = gemmi.symops_from_hall(hall.replace("_", " "))
        except (RuntimeError, ValueError):
            notes.append(f"the Hall symbol {hall!r} is not known")
        else:
            found.append(_as_symmetry(list(operations), f"Hall symbol {hall!r}"))
    unknown = []
    for tag in _NAMES:
        name = block.text(tag)
        if name is None:
            continue
        groups = _groups_of_name(_normalise(name, block.text(*_CODE)), angles)
        if not groups:
            unknown.append(name)
        elif not any(symmetry.number == groups[0].number for symmetry in found):
            found += [_as_symmetry(list(group.operations()), f"space group name {name!r}") for group in groups]
    number = block.number(*_NUMBER)
    if number is not None and not any(symmetry.number == number.value for symmetry in found):
        marks = [
            match[1] for name in unknown if (match := re.search(r":([12])$", _normalise(name, block.text(*_CODE))))
        ]
        groups = [
            group
            for group in _groups_of_number(number.value, angles)
            if group.ext not in ("1", "2") or not marks or group.ext == marks[0]
        ]
        if not groups and not found:
            raise InputError(f"its space group number is {number.value:g}; expected one of 1 to 230")
        found += [_as_symmetry(list(group.operations()), f"space group number {number.value:g}") for group in groups]
    if unknown and not found and block.column(*_OPERATIONS) is None:
        raise InputError(
            f"its space group {unknown[0]!r} is not known and it lists no symmetry operations; expected a name as "
            "'P n -3 m :2', a number or operations; add _symmetry_equiv_pos_as_xyz"
        )
    if not found:
        notes += [f"the space group name {name!r} is not known" for name in unknown]
    return found


def _normalise(name: str, code: str | None) -> str:
    """Return a symbol as gemmi knows it: bars, screw axes and marks of origin or axes as people write them."""
    words = name.lower()
    for phrase, mark in _PHRASES.items():
        if phrase in words:
            code = mark
    text = re.sub(r"\(.*\)|[.;]$", "", name.strip().strip("'\"")).replace("_", "").strip()
    match = re.fullmatch(r"(.*?[^\s:])\s*:?\s*([12HRSZhrsz])", text)
    if match and (match[2] in "SZsz" or ":" in text or match[2] in "HRhr"):
        mark = {"s": "1", "z": "2"}.get(match[2].lower(), match[2].upper())
        text = f"{match[1].strip()}:{mark}"
    elif code is not None and ":" not in text and re.fullmatch(r"[12hr]", code.strip(), re.IGNORECASE):
        text = f"{text}:{code.strip().upper()}"
    return text


def _groups_of_name(name: str, angles: Sequence[float]) -> list[Any]:
    group = gemmi.find_spacegroup_by_name(name, angles[0], angles[2])
    if group is None and ":" in name:
        # A mark of axes or origin on a group that has one setting.
        group = gemmi.find_spacegroup_by_name(name.partition(":")[0], angles[0], angles[2])
    if group is None:
        return []
    if ":" in name or group.ext not in ("1", "2"):
        return [group]
    return _both_origins(group)


def _groups_of_number(number: float, angles: Sequence[float]) -> list[Any]:
    group = gemmi.find_spacegroup_by_number(int(number)) if number in range(1, 231) else None
    if group is None:
        return []
    if group.ext in ("1", "2"):
        return _both_origins(group)
    return _groups_of_name(group.hm, angles)


def _has_settings(number: int | None) -> bool:
    """Tell whether a group has several axes, cells or unique axes to choose from; origins are tried one by one."""
    return len({group.hm for group in gemmi.spacegroup_table() if group.number == number}) > 1


def _both_origins(group: Any) -> list[Any]:
    found = [gemmi.find_spacegroup_by_name(f"{group.hm}:{origin}") for origin in ("1", "2")]
    return [other for other in found if other is not None]


def _as_symmetry(operations: Iterable[Any], source: str) -> Symmetry:
    group = gemmi.GroupOps(list(operations))
    found = gemmi.find_spacegroup_by_ops(group)
    return Symmetry(group, "" if found is None else found.xhm(), None if found is None else found.number, source)


def _same(first: Symmetry, second: Symmetry) -> bool:
    return _keys(first.operations) == _keys(second.operations)


def _keys(operations: Iterable[Any]) -> set[str]:
    return {operation.wrap().triplet() for operation in operations}


def _unique(operations: Iterable[Any]) -> list[Any]:
    return list({operation.wrap().triplet(): operation.wrap() for operation in operations}.values())


def _generate(operations: Sequence[Any]) -> list[Any] | None:
    """Return the group that operations generate, ``None`` if it is larger than any space group."""
    rotations = np.array([[*np.ravel(one.rot), *one.tran] for one in operations], int)
    identity = np.array([[*np.ravel(gemmi.Op().rot), 0, 0, 0]], int)
    known = {tuple(row) for row in np.vstack([identity, rotations])}
    while True:
        rows = np.array(sorted(known))
        turns, shifts = rows[:, :9].reshape(-1, 3, 3) // gemmi.Op.DEN, rows[:, 9:]
        products = np.einsum("aij,bjk->abik", turns, turns).reshape(-1, 9) * gemmi.Op.DEN
        moved = (np.einsum("aij,bj->abi", turns, shifts) + shifts[:, None]).reshape(-1, 3) % gemmi.Op.DEN
        grown = known | {tuple(row) for row in np.unique(np.hstack([products, moved]), axis=0)}
        if len(grown) > _LARGEST or np.abs(products).max() > 2 * gemmi.Op.DEN:
            return None
        if len(grown) == len(known):
            break
        known = grown
    return [_operation(row) for row in sorted(known)]


def _operation(row: Sequence[int]) -> Any:
    operation = gemmi.Op()
    operation.rot = [[int(value) for value in row[3 * line : 3 * line + 3]] for line in range(3)]
    operation.tran = [int(value) for value in row[9:]]
    return operation

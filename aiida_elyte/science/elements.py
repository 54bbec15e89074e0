"""Elements of atoms from what files call them: labels in any case, names of force fields, and masses.

A mass alone does not tell: where hydrogens are made heavier (3.024 amu), the nitrogen of an amine weighs what carbon
weighs; a united CH2 (14.027 amu) weighs what nitrogen does. So names come first, and masses decide between what a name
may mean.
"""

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols

from aiida_elyte.errors import InputError

__all__ = [
    "are_elements",
    "element_of_mass",
    "elements_in_residues",
    "elements_of_labels",
    "elements_of_names",
    "is_heavy_hydrogen",
    "masses_of_elements",
    "read_label",
]

_MASS_TOLERANCE = 0.1
"""Largest difference between a mass and that of its element [amu]: isotopes of lithium pass."""

_TIGHT_TOLERANCE = 0.015
"""The same for carbon, nitrogen and oxygen, near which united atoms and hydrides with heavy hydrogens lie [amu]."""

_TIGHT = frozenset({"C", "N", "O"})

_NAMED_TOLERANCE = 0.06
"""Largest difference between a mass and what a name makes of it, united with hydrogens or relieved of some [amu]."""

_HEAVIEST = atomic_numbers["U"]
"""Elements beyond are read from their symbol alone: ``CF1`` is carbon, not californium."""

_HYDROGEN = 1.008
"""Mass of hydrogen [amu]."""

_HEAVY_HYDROGEN = (1.5, 5.9)
"""Masses of no element but helium [amu]: deuterium, and hydrogens made heavier for long time steps."""

_IONS = {
    "SOD": "Na", "POT": "K", "CLA": "Cl", "CES": "Cs", "CAL": "Ca", "LIT": "Li", "RUB": "Rb", "BAR": "Ba", "CAD": "Cd",
    "IOD": "I", "BRO": "Br", "FLU": "F", "IB": "I",
}  # fmt: skip
"""Names of ions in CHARMM and AMBER; ``CAD`` and ``CAL`` are carbons too."""

_MOLECULAR = frozenset({"Cl", "Br", "Si"})
"""Elements of two letters that molecules have and whose names nobody gives to an atom of the first letter's element."""

_Kind = tuple[str, object | None, float | None]
"""Name, kind of residue and mass of an atom."""

_LABEL = re.compile(r"\d*([A-Za-z]+)")

_UNITED = re.compile(r"CH\d?(?![a-z])", re.IGNORECASE)
"""A carbon united with its hydrogens."""


def are_elements(symbols: Iterable[str]) -> bool:
    """Tell whether all names are chemical symbols."""
    return all(atomic_numbers.get(symbol, 0) > 0 for symbol in set(symbols))


def masses_of_elements(symbols: Sequence[str]) -> np.ndarray:
    """Return the standard mass of each atom [amu], shape ``(n_atoms,)``.

    Raises
    ------
    InputError
        If a name is not a chemical symbol; the caller puts the file in front.
    """
    if not are_elements(symbols):
        others = sorted({symbol for symbol in symbols if not are_elements([symbol])})
        raise InputError(
            f"names atoms {', '.join(others[:5])}; expected chemical symbols; give a topology that tells the elements "
            "(--topology)"
        )
    return atomic_masses[[atomic_numbers[symbol] for symbol in symbols]]


def read_label(label: str) -> tuple[str, ...]:
    """Return the elements that a label may stand for, those of more letters first; none where it stands for none.

    Digits, charges and what follows the letters say nothing: ``LI1+`` is Li. ``Ca`` is calcium, ``CA`` may be an alpha
    carbon too; ``D`` is hydrogen, and so is ``HE2``.
    """
    if label in atomic_numbers and label != "X":
        return (label,)
    found = _LABEL.match(label)
    if found is None:
        return ()
    letters = found.group(1)
    if letters in ("D", "T") or letters.upper() == "HE":  # helium is written He, which is a symbol
        return ("H",)
    two, one = letters[:2].capitalize(), letters[0].upper()
    ion = _IONS.get(letters, "X")
    candidates = tuple(symbol for symbol in (ion, two, one) if 0 < atomic_numbers.get(symbol, 0) <= _HEAVIEST)
    is_written_out = len(letters) >= 2 and letters[0].isupper() and letters[1].islower()
    return candidates[:1] if is_written_out and candidates[:1] == (two,) else tuple(dict.fromkeys(candidates))


def is_heavy_hydrogen(mass: float) -> bool:
    """Tell whether only hydrogen made heavier, or deuterium, has a mass [amu]; helium is not expected."""
    return _HEAVY_HYDROGEN[0] < mass < _HEAVY_HYDROGEN[1]


def element_of_mass(mass: float) -> str | None:
    """Return the element whose standard mass is nearest, where it is near enough to be no other's."""
    if not mass > 0 or is_heavy_hydrogen(mass):
        return None
    number = int(np.abs(atomic_masses[1:] - mass).argmin()) + 1
    symbol = chemical_symbols[number]
    tolerance = _TIGHT_TOLERANCE if symbol in _TIGHT else _MASS_TOLERANCE
    return symbol if abs(atomic_masses[number] - mass) <= tolerance else None


def elements_of_labels(labels: Sequence[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the element of each label of a column that is meant for elements, or the label where it names none.

    Parameters
    ----------
    labels
        As ``Li``, ``LI``, ``Cl1``, ``NA+``; or names of atoms.
    given
        Label → element, before all else.
    """
    given = given or {}
    rest = sorted({label for label in labels if label not in given})
    if are_elements(rest):
        return {**given, **{label: label for label in rest}}
    bare = {label: found.group(1).capitalize() for label in rest if (found := _LABEL.match(label))}
    if len(bare) == len(rest) and are_elements(bare.values()):
        return {**given, **bare}
    known, _, unclear = elements_of_names(rest, [None] * len(rest), [None] * len(rest))
    return {**given, **{label: label if label in unclear else known[label, None, None] for label in rest}}


def elements_of_names(
    names: Sequence[str], residues: Sequence[object | None], masses: Sequence[float | None]
) -> tuple[dict[_Kind, str], set[_Kind], set[str]]:
    """Return the elements of named atoms, each kind of residue by itself.

    A name is read with the mass where there is one. Without, ``CA`` is calcium where it is alone in its residue, and
    carbon, to be noted, where the residue has other carbons beside it; else it is unclear.

    Parameters
    ----------
    names
        Name of each atom.
    residues
        Kind of each atom's residue, and whether the atom is alone in it, as ``("LI", True)``; ``None`` where unknown.
    masses
        Mass of each atom [amu]; ``None`` where unknown.

    Returns
    -------
    tuple
        Name, kind of residue and mass → element; those of them whose name was read as the shorter element though the
        longer is one too; names that are unclear.
    """
    kinds = dict.fromkeys(zip(names, residues, masses, strict=True))
    heavy = {mass - _HYDROGEN for _, _, mass in kinds if mass and is_heavy_hydrogen(mass)}
    organic = {
        residue
        for residue in {residue for _, residue, _ in kinds}
        if ("C",) in {read_label(name) for name, other, _ in kinds if other == residue}
    }
    found: dict[_Kind, str] = {}
    noted: set[_Kind] = set()
    unclear: set[str] = set()
    for name, residue, mass in kinds:
        candidates = read_label(name)
        if mass:
            named = _element_of_both(name, mass, heavy)
            if named is None:
                unclear.add(name)
                continue
            element = named
        elif not candidates:
            unclear.add(name)
            continue
        else:
            is_alone = isinstance(residue, tuple) and bool(residue[1])
            element = candidates[0]
            if len(candidates) > 1 and not is_alone and element not in _MOLECULAR:
                if residue not in organic:
                    unclear.add(name)
                    continue
                element = candidates[-1]
                noted.add((name, residue, mass))
        found[name, residue, mass] = element
    return found, noted, unclear


def elements_in_residues(
    names: Sequence[str], residues: Sequence[tuple[object, str]], masses: Sequence[float | None] | None = None
) -> tuple[tuple[str, ...] | None, str]:
    """Return the elements of atoms that stand in residues, and a sentence on what was guessed or is unclear.

    Parameters
    ----------
    names
        Name of each atom.
    residues
        Number and name of each atom's residue; atoms of one stand together.
    masses
        Mass of each atom [amu].

    Returns
    -------
    tuple
        Chemical symbol of each atom, ``None`` where a name is unclear; and the sentence, which may be empty.
    """
    sizes = [(kind, len(list(group))) for kind, group in itertools.groupby(residues)]
    kinds = [(name, size == 1) for (_, name), size in sizes for _ in range(size)]
    weights = [None] * len(names) if masses is None else masses
    found, noted, unclear = elements_of_names(names, kinds, weights)
    if unclear:
        return None, f"atom names {', '.join(sorted(unclear)[:5])} do not tell their elements"
    symbols = tuple(found[kind] for kind in zip(names, kinds, weights, strict=True))
    readings = sorted({f"{kind[0]} as {found[kind]}" for kind in noted})
    return symbols, f"read {', '.join(readings[:5])}" if readings else ""


def _element_of_both(name: str, mass: float, heavier: Iterable[float]) -> str | None:
    """Return the element of a name and a mass: what the name may mean and the mass is, alone or with its hydrogens.

    Parameters
    ----------
    name
        The name, which may be a word of no use.
    mass
        Mass [amu].
    heavier
        By how much hydrogens were made heavier, which their neighbours lost [amu].
    """
    candidates = read_label(name)
    own = {symbol: float(atomic_masses[atomic_numbers[symbol]]) for symbol in candidates}
    for symbol in candidates:
        if abs(mass - own[symbol]) <= _MASS_TOLERANCE or (symbol == "H" and is_heavy_hydrogen(mass)):
            return symbol
    united = min(abs(mass - own["C"] - n * _HYDROGEN) for n in range(1, 5)) if "C" in own else math.inf
    if heavier:  # masses alone tell nothing there
        relieved = [symbol for symbol in candidates if _is_relieved(own[symbol], mass, heavier)]
        return next(iter(relieved), "C" if united <= _NAMED_TOLERANCE else None)
    by_mass = element_of_mass(mass)
    if united <= _NAMED_TOLERANCE:
        distance = math.inf if by_mass is None else abs(mass - float(atomic_masses[atomic_numbers[by_mass]]))
        return "C" if _UNITED.match(name) or united < distance else by_mass
    return by_mass


def _is_relieved(own: float, mass: float, heavier: Iterable[float]) -> bool:
    """Tell whether a mass is that of an element less what one to four hydrogens took."""
    return any(abs(own - n * excess - mass) <= _NAMED_TOLERANCE for n in (1, 2, 3, 4) for excess in heavier)

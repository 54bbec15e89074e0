"""Chemical elements of the names that files give to sites, in any case."""

import re
from collections.abc import Collection

from ase.data import chemical_symbols

__all__ = ["element_of_symbol", "elements_of_label", "is_vacancy", "is_water"]

_ELEMENTS = frozenset(chemical_symbols[1:99])
"""Up to californium: in crystals, ``NO``, ``CN`` and ``NH4`` are groups of atoms, not nobelium and its neighbours."""
_HEAVY_HYDROGEN = ("D", "T")
_CHARGE = re.compile(r"[\d.]*[+-]?[\d.]*")
_WATER = re.compile(r"wat|h2o|hoh|tip|sol(?![a-z])", re.IGNORECASE)
_VACANCY = re.compile(r"(va|vac|vacancy|□)\d*", re.IGNORECASE)


def is_water(text: str) -> bool:
    """Tell whether a name stands for a molecule of water rather than an atom."""
    return _WATER.match(text) is not None


def is_vacancy(text: str) -> bool:
    """Tell whether a name stands for nothing."""
    return _VACANCY.fullmatch(text) is not None


def element_of_symbol(text: str) -> str | None:
    """Return the element of an ``_atom_site_type_symbol`` such as ``Li``, ``LI1+``, ``Cl1-``, ``S-2``, ``D``.

    Returns
    -------
    str or None
        ``None`` if the letters are not one element.
    """
    letters = re.match(r"[A-Za-z]*", text)[0]  # type: ignore[index]  # matches the empty text too
    if not _CHARGE.fullmatch(text[len(letters) :].strip()):
        # More than a charge follows, as in Li1A: the symbol is a label.
        return None
    return _as_element(letters)


def elements_of_label(label: str, known: Collection[str] | None) -> tuple[str, ...]:
    """Return the elements that a label such as ``CL1``, ``NA2``, ``O1W``, ``Ow`` can mean, the likeliest first.

    Parameters
    ----------
    label
        Label of a site.
    known
        Elements of the formula; ``None`` if there is none.

    Returns
    -------
    tuple of str
        Empty if there is none. Without a formula, one alone where letter case decides: ``Co1`` is cobalt, ``CO1`` is
        cobalt or carbon.
    """
    letters = re.match(r"[A-Za-z]*", label)[0]  # type: ignore[index]  # matches the empty text too
    choices = [element for size in (2, 1) if len(letters) >= size and (element := _as_element(letters[:size]))]
    choices = list(dict.fromkeys(choices))
    if known is not None:
        return tuple(choice for choice in choices if choice in known)
    if len(choices) > 1 and re.fullmatch(r"[A-Z][a-z]", re.match(r"[A-Z]?[a-z]*", letters)[0]):  # type: ignore[index]
        return (choices[0],)
    return tuple(choices)


def _as_element(letters: str) -> str | None:
    symbol = letters.capitalize()
    if symbol in _HEAVY_HYDROGEN:
        return "H"
    return symbol if symbol in _ELEMENTS else None

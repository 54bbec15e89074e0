"""The sites a CIF lists: element, place, occupancy; what it leaves out is named."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.crystal_files.document import UNKNOWN, Block, Number, parse_number
from aiida_elyte.science.crystal_files.elements import (
    element_of_symbol,
    elements_of_label,
    is_vacancy,
    is_water,
)

__all__ = ["OCCUPANCY_TOLERANCE", "Site", "read_sites"]

OCCUPANCY_TOLERANCE = 1e-3
"""A site is full when its occupancy differs from 1 by less."""
_AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Site:
    """One row of the loop of sites."""

    label: str
    """Its name."""
    elements: tuple[str, ...]
    """What it can be, the likeliest first."""
    point: np.ndarray
    """Fractional coordinates, ``(3,)``."""
    decimals: int
    """Digits after the point of the coordinate with most."""
    occupancy: float
    """Part of the site that is filled [1]."""
    occupancy_text: str
    """Occupancy as the file writes it, without its uncertainty."""

    @property
    def is_partial(self) -> bool:
        """Whether the site is not full."""
        return abs(self.occupancy - 1.0) > OCCUPANCY_TOLERANCE


def read_sites(block: Block, known: Collection[str] | None) -> tuple[list[Site], list[str]]:
    """Return the sites of a block, and notes on what of it is left out.

    Parameters
    ----------
    block
        Block of the structure.
    known
        Elements of its formula; ``None`` if it states none.

    Raises
    ------
    InputError
        If a site has no element, no place or an occupancy beyond 0 to 1, stands for a group of atoms, or is one of
        several alternatives without occupancies.
    """
    columns = {
        name: block.column(f"_atom_site_{name}")
        for name in (
            "label",
            "type_symbol",
            "occupancy",
            "calc_flag",
            "attached_hydrogens",
            "disorder_group",
            "disorder_assembly",
        )
    }
    places = [block.column(f"_atom_site_fract_{axis}") for axis in _AXES]
    n_rows = len(places[0] or ())
    sites, notes, left_out = [], [], []
    for row in range(n_rows):
        own = {name: column[row] if column is not None else "" for name, column in columns.items()}
        label = own["label"] or own["type_symbol"] or f"in row {row + 1}"
        if own["calc_flag"].lower() == "dum" or is_vacancy(own["type_symbol"] or re.sub(r"\d.*", "", own["label"])):
            left_out.append(f"{label} (dummy)")
            continue
        occupancy = _occupancy(label, own["occupancy"])
        if occupancy.value == 0:
            left_out.append(f"{label} (occupancy 0)")
            continue
        hydrogens = parse_number(own["attached_hydrogens"])
        if hydrogens is not None and hydrogens.value > 0:
            raise InputError(
                f"its site {label} has {hydrogens.value:g} attached hydrogens without positions; expected the position "
                "of every atom; add those of H"
            )
        point = [
            _coordinate(label, axis, None if column is None else column[row])
            for axis, column in zip(_AXES, places, strict=True)
        ]
        sites.append(
            Site(
                label,
                _elements(label, own["type_symbol"], own["label"], known),
                np.array([number.value for number in point]),
                max(number.decimals for number in point),
                occupancy.value,
                own["occupancy"].partition("(")[0],
            )
        )
    if left_out:
        notes.append(f"left out: {', '.join(left_out)}")
    if not sites:
        raise InputError("it holds no structure: it lists no atom; expected a loop of sites")
    _reject_alternatives(columns["disorder_assembly"], columns["disorder_group"], sites)
    return sites, notes


def _occupancy(label: str, text: str) -> Number:
    """Return the occupancy of a site; one that is not stated means a full site."""
    if text in UNKNOWN:
        return Number(1.0, 0)
    number = parse_number(text)
    if number is None or not 0 <= number.value <= 1 + OCCUPANCY_TOLERANCE:
        raise InputError(f"its site {label} has occupancy {text!r}; expected a number from 0 to 1")
    return number


def _coordinate(label: str, axis: str, text: str | None) -> Number:
    number = parse_number(text) if text is not None else None
    if number is None:
        raise InputError(
            f"its site {label} has _atom_site_fract_{axis} {text or '?'!r}; expected a number; give the position of "
            "every atom"
        )
    return number


def _elements(label: str, symbol: str, own_label: str, known: Collection[str] | None) -> tuple[str, ...]:
    """Return what a site can be: by its type symbol where it has one, else by its label."""
    has_symbol = symbol not in UNKNOWN
    text = symbol if has_symbol else own_label
    if has_symbol:
        # Labels such as Li1A stand for symbols at times; OH, NH4 or Wat are groups, of which the loop gives one place.
        label_like = re.fullmatch(r"([A-Za-z]{1,2})\d+[A-Ea-e]", symbol)
        element = element_of_symbol(label_like[1] if label_like else symbol)
        if element is not None:
            return (element,)
        choices: tuple[str, ...] = ()
    else:
        choices = () if is_water(text) and "W" not in (known or ()) else elements_of_label(text, known)
        if choices and (known is not None or len(choices) == 1):
            return choices
    tag = "_atom_site_type_symbol" if has_symbol else "_atom_site_label"
    if len(choices) > 1:
        raise InputError(
            f"its site {label} is {' or '.join(choices)}: {tag} {text!r} does not say which; expected an element; add "
            "_atom_site_type_symbol, or _chemical_formula_sum"
        )
    of_formula = f" of the formula ({', '.join(sorted(known))})" if known else ""
    raise InputError(
        f"its site {label} has {tag} {text!r}; expected an element{of_formula}; give one site for each atom, with its "
        "element as _atom_site_type_symbol"
    )


def _reject_alternatives(assemblies: tuple[str, ...] | None, groups: tuple[str, ...] | None, sites: list[Site]) -> None:
    """Reject alternatives of disorder that are all written as full."""
    if groups is None or any(site.is_partial for site in sites):
        return
    named: dict[str, set[str]] = {}
    for row, group in enumerate(groups):
        if group not in (*UNKNOWN, "0"):
            named.setdefault("" if assemblies is None else assemblies[row], set()).add(group)
    if any(len(alternatives) > 1 for alternatives in named.values()):
        raise InputError(
            "it lists alternatives of disorder (_atom_site_disorder_group) without their occupancies; expected an "
            "ordered structure; keep one group of each"
        )

"""The orders in which the atoms of a row can be read, and what each makes of its parameters."""

from itertools import permutations

import numpy as np

from aiida_elyte.science.forcefield.model import COLUMNS

__all__ = ["READINGS", "turn"]


def _columns(kind: str, exchanges: dict[str, str]) -> tuple[int, ...]:
    """Return the column that takes the place of each when named parameters are exchanged."""
    names = [each.name for each in COLUMNS[kind]]
    return tuple(names.index(exchanges.get(name, name)) for name in names)


def _both_ways(**exchanges: str) -> dict[str, str]:
    return {**exchanges, **{second: first for first, second in exchanges.items()}}


def _impropers() -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """Every order of the three outer atoms: M belongs to the atom two angles share, θ to the two atoms of its ends."""
    shared = {0: "M2", 2: "M1", 3: "M3"}
    between = {frozenset({0, 2}): "theta1", frozenset({0, 3}): "theta2", frozenset({2, 3}): "theta3"}
    readings = []
    for outer in permutations((0, 2, 3)):
        source = dict(zip((0, 2, 3), outer, strict=True))
        exchanges = {shared[place]: shared[old] for place, old in source.items()}
        exchanges |= {name: between[frozenset(source[place] for place in ends)] for ends, name in between.items()}
        readings.append(((source[0], 1, source[2], source[3]), _columns("impropers", exchanges)))
    return tuple(readings)


READINGS: dict[str, tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]] = {
    "atoms": (((0,), _columns("atoms", {})),),
    "bonds": tuple((places, _columns("bonds", {})) for places in ((0, 1), (1, 0))),
    "angles": (
        ((0, 1, 2), _columns("angles", {})),
        ((2, 1, 0), _columns("angles", _both_ways(N1="N2", r1="r2"))),
    ),
    "dihedrals": (
        ((0, 1, 2, 3), _columns("dihedrals", {})),
        (
            (3, 2, 1, 0),
            _columns(
                "dihedrals",
                _both_ways(
                    **{f"{first}{n}": f"{second}{n}" for first, second in ("BC", "DE") for n in (1, 2, 3)},
                    r1="r3",
                    theta1="theta2",
                ),
            ),
        ),
    ),
    "impropers": _impropers(),
}
"""Of each kind, pairs of places and columns: a row with ``parameters`` is as well the row ``row[places]`` with
``parameters[columns]``. Of impropers that holds where χ0 is zero, for χ has a sign."""


def turn(kind: str, parameters: np.ndarray, rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the parameters of rows as they are when the rows are read in another order.

    Parameters
    ----------
    kind
        Kind of the rows.
    parameters
        Parameters of each row, ``shape=(R, P)``.
    rows
        Atoms of each row, as the parameters are meant, ``shape=(R, width)``.
    wanted
        The same atoms in the order wanted, ``shape=(R, width)``.
    """
    turned = parameters.copy()
    for places, columns in READINGS[kind]:
        is_read = (rows[:, places] == wanted).all(axis=1)
        turned[is_read] = parameters[is_read][:, columns]
    return turned

"""Text dumps of LAMMPS."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.elements import element_of_mass, is_heavy_hydrogen
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.science.trajectory.text_formats import ElementColumn, TextFormat, read_table
from aiida_elyte.science.trajectory.text_stream import TextStream

__all__ = ["LAMMPS_TIMES_FS", "LammpsDump"]

LAMMPS_TIMES_FS = {"real": 1.0, "metal": 1000.0}
"""Unit of time of a LAMMPS unit style [fs]; both have lengths in Å."""

_POSITIONS = (("xu", "yu", "zu"), ("xsu", "ysu", "zsu"), ("x", "y", "z"), ("xs", "ys", "zs"))
_VELOCITIES = ("vx", "vy", "vz")
_IMAGES = ("ix", "iy", "iz")
_NAMES = ("element", "typelabel", "type")
"""Columns that name atoms, that which says most first."""


class LammpsDump(TextFormat):
    """LAMMPS dump: rows in any order are sorted by ``id``; lengths in Å, so ``real`` or ``metal`` units.

    Positions count from the origin of the box; columns ``xu`` or ``xsu`` are taken before ``x`` or ``xs``, to which
    image flags ``ix iy iz`` are added where there are some.

    Parameters
    ----------
    notes
        Takes what was guessed.
    lammps_units
        ``real`` or ``metal``.
    elements
        Type → element, before what the dump says.
    """

    name = "a frame of a LAMMPS dump"

    def __init__(
        self, notes: list[str], *, lammps_units: str = "real", elements: Mapping[str, str] | None = None
    ) -> None:
        self._notes = notes
        self._unit_fs = LAMMPS_TIMES_FS[lammps_units]
        self._units = lammps_units
        self._elements = dict(elements or {})
        self._column = ElementColumn(elements)
        self._items: dict[str, str] = {}
        self._columns: list[str] = []
        self._first: list[np.ndarray] | None = None
        self._first_images = np.zeros((0, 3), int)
        self._have_changed = False
        self._scaled = np.zeros((0, 3))

    def head(self, text: TextStream) -> int:
        """Read the items ahead of the rows."""
        self._items = {}
        while True:
            line = text.take(1).split()
            if line[:1] != ["ITEM:"] or len(line) < 2:
                raise ValueError(f"{' '.join(line)[:40]!r} where an ITEM is expected")
            if line[1] == "ATOMS":
                self._columns = line[2:]
                missing = {"TIMESTEP", "NUMBER", "BOX"} - set(self._items)
                if missing:
                    raise ValueError(f"no ITEM: {', '.join(sorted(missing))}")
                return int(self._items["NUMBER"])
            self._items[line[1]] = text.take(3 if line[1] == "BOX" else 1)

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame, its rows sorted by id."""
        self._require_units()
        columns = self._columns
        positions = next((names for names in _POSITIONS if set(names) <= set(columns)), None)
        if positions is None or "id" not in columns:
            raise InputError(f"has columns {' '.join(columns)}; expected id and x y z (or xs, xu, xsu); dump them")
        wanted: list[tuple[str, Any, list[int]]] = [("id", np.int64, [columns.index("id")])]
        wanted.append(("positions", float, [columns.index(name) for name in positions]))
        has_velocities = set(_VELOCITIES) <= set(columns)
        if has_velocities:
            wanted.append(("velocities", float, [columns.index(name) for name in _VELOCITIES]))
        has_images = set(_IMAGES) <= set(columns) and not positions[0].endswith("u")
        if has_images:
            wanted.append(("images", int, [columns.index(name) for name in _IMAGES]))
        wanted += [(name, "U16", [columns.index(name)]) for name in _NAMES if name in columns]
        if "mass" in columns:
            wanted.append(("mass", float, [columns.index("mass")]))
        table = read_table(rows, wanted, int(self._items["NUMBER"]), len(columns))
        ids = table["id"]
        if not (ids[1:] > ids[:-1]).all():
            table = table[np.argsort(ids, kind="stable")]
        is_first = self._first is None
        self._compare(table)
        cell, origin = _cell_and_origin(np.array(self._items["BOX"].split(), float).reshape(3, -1))
        is_scaled = positions[0].startswith("xs")
        places = table["positions"] @ cell if is_scaled else table["positions"] - origin
        is_unwrapped = positions[0].endswith("u")
        if has_images:
            images = table["images"]
            scaled = table["positions"] if is_scaled else places @ np.linalg.inv(cell)
            is_unwrapped = self._follow_images(images, scaled)
            places = places + images @ cell
        time = self._items.get("TIME")
        return Snapshot(
            positions_A=places,
            cell_A=cell,
            velocities_A_fs=table["velocities"] / self._unit_fs if has_velocities else None,
            symbols=self._symbols(table, is_first),
            types=table["type"].copy() if is_first and "type" in columns else None,
            masses=table["mass"].copy() if "mass" in columns else None,
            time_fs=None if time is None else float(time) * self._unit_fs,
            step=int(self._items["TIMESTEP"]),
            is_unwrapped=is_unwrapped,
            time_source="" if time is None else f"ITEM: TIME in {self._units} units",
        )

    def _require_units(self) -> None:
        told = self._items.get("UNITS", self._units).strip()
        if told == self._units:
            return
        remedy = f"give --lammps-units {told}" if told in LAMMPS_TIMES_FS else "convert it to real or metal units"
        raise InputError(f"is in units {told}; expected {self._units}; {remedy}")

    def _symbols(self, table: np.ndarray, is_first: bool) -> np.ndarray | None:
        """Return the elements from what is given for the types, from names, or from masses."""
        names = [name for name in _NAMES if name in self._columns]
        by_type = next((name for name in ("type", "typelabel") if name in names), None)
        if self._elements and by_type is not None:
            missing = sorted(set(np.unique(table[by_type]).tolist()) - set(self._elements))
            if missing:
                raise InputError(
                    f"has atoms of type {', '.join(missing[:5])}; expected an element for each; "
                    "name all types with --elements"
                )
            return self._column(table[by_type])
        if "element" in names:
            labels = table["element"]
            # without dump_modify element LAMMPS writes C for each type: https://docs.lammps.org/dump_modify.html
            if (labels == "C").all() and (by_type is None or len(np.unique(table[by_type])) > 1):
                if is_first:
                    self._notes.append(
                        "column element is C for every atom, which LAMMPS writes where dump_modify element is left "
                        "out; it is not taken"
                    )
                return None
            return self._column(labels)
        if "typelabel" in names:
            return self._column(table["typelabel"])
        if "mass" in self._columns:
            masses = table["mass"].tolist()
            known = {mass: element_of_mass(mass) for mass in set(masses)}
            if not any(map(is_heavy_hydrogen, known)) and None not in known.values():
                return np.array([known[mass] for mass in masses])
        return None

    def _follow_images(self, images: np.ndarray, scaled: np.ndarray) -> bool:
        """Return whether image flags may be trusted to count crossings: all zero at first may mean never counted.

        Raises
        ------
        InputError
            If atoms cross the cell and no flag has ever changed.
        """
        if not len(self._first_images):
            self._first_images, self._scaled = images.copy(), scaled
            return bool(images.any())
        is_counted = bool(self._first_images.any())
        # flags that have changed once are counted, also where an atom that went out is back
        self._have_changed = self._have_changed or not np.array_equal(images, self._first_images)
        if is_counted and not self._have_changed and (np.abs(scaled - self._scaled) > 0.5).any():
            raise InputError(
                "has image flags ix iy iz that are those of the first frame though atoms cross the cell; expected "
                "flags that count the crossings; dump xu yu zu, or leave ix iy iz out"
            )
        self._scaled = scaled
        return is_counted

    def _compare(self, table: np.ndarray) -> None:
        """Reject atoms or types other than those of the first frame."""
        kept = [table[name].copy() for name in ("id", "type") if name in (table.dtype.names or ())]
        if self._first is None:
            if not (np.diff(table["id"]) > 0).all():
                raise InputError("gives an atom id twice; expected one row an atom; write the dump anew")
            self._first = kept
        elif not all(map(np.array_equal, kept, self._first)):
            raise InputError(
                "has other atom ids or types than the first frame; expected the same atoms; dump one group of atoms"
            )


def _cell_and_origin(bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return cell and origin from the three lines of BOX BOUNDS: orthogonal, restricted triclinic, or general."""
    if bounds.shape[1] == 2:
        return np.diag(bounds[:, 1] - bounds[:, 0]), bounds[:, 0]
    if bounds.shape[1] == 4:
        return bounds[:, :3], bounds[:, 3]
    low, high, (xy, xz, yz) = bounds.T
    # the bounds enclose the tilted box: https://docs.lammps.org/Howto_triclinic.html
    low = low - [min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0]
    high = high - [max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0]
    sides = high - low
    return np.array([[sides[0], 0.0, 0.0], [xy, sides[1], 0.0], [xz, yz, sides[2]]]), low

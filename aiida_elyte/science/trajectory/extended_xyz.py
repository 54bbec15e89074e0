"""Extended XYZ, as ASE, QUIP, GPUMD, CP2K and LAMMPS write it."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from ase import units
from ase.data import chemical_symbols
from ase.io.extxyz import key_val_str_to_dict

from aiida_elyte.errors import InputError
from aiida_elyte.science.elements import masses_of_elements
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.science.trajectory.text_formats import ElementColumn, TextFormat, read_table
from aiida_elyte.science.trajectory.text_stream import TextStream

__all__ = ["ExtendedXyz"]

_ROLES = {
    "species": ("species", "element", "elements", "symbol", "symbols"),
    "z": ("z", "numbers", "atomic_numbers"),
    "pos": ("pos", "positions", "position"),
    "unwrapped": ("unwrapped_position", "unwrapped_positions", "unwrapped_pos"),
    "masses": ("masses", "mass"),
    "momenta": ("momenta",),
    "velocities": ("velo", "vel", "velocities", "velocity"),
}
"""What a column is → its names, in lower case."""

_KINDS: dict[str, Any] = {"species": "U16", "z": int}


_VECTORS = ("pos", "unwrapped", "momenta", "velocities")


class ExtendedXyz(TextFormat):
    """Extended XYZ: ``Lattice`` in each frame, columns as ``Properties`` names them, both in any case.

    ``momenta`` are in ASE's units; ``velo``, ``vel`` or ``velocities`` in Å/fs, as QUIP and GPUMD write them, or in
    those of LAMMPS where it wrote the file (``Timestep=``). Times are read from ``time_fs`` or ``time_ps``, and from
    ``Time`` as GPUMD and CP2K (fs) or LAMMPS (its own unit) write it; ``step``, whatever it counts, must grow evenly.
    ``unwrapped_position`` of GPUMD is taken before ``pos``.

    Parameters
    ----------
    notes
        Takes what was left out.
    lammps_time_fs
        Unit of time of LAMMPS [fs].
    elements
        Label → element, before what the label says.
    """

    name = "a frame of extended XYZ"

    def __init__(
        self, notes: list[str], *, lammps_time_fs: float = 1.0, elements: Mapping[str, str] | None = None
    ) -> None:
        self._notes = notes
        self._unit_fs = lammps_time_fs
        self._column = ElementColumn(elements)
        self._n_rows = 0
        self._info: dict[str, Any] = {}
        self._has_plain_time = False

    def head(self, text: TextStream) -> int:
        """Read the number of atoms and the comment line."""
        self._n_rows = int(text.take(1))
        comment = re.sub(r"=\s+(?=\S)", "=", text.take(1).strip())  # CP2K pads numbers: Time=    0.500
        told = key_val_str_to_dict(comment)
        self._has_plain_time = "time" in told
        self._info = {key.lower(): value for key, value in told.items()}
        return self._n_rows

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame."""
        columns, n_columns = self._columns()
        is_unwrapped = "unwrapped" in columns
        positions = "unwrapped" if is_unwrapped else "pos"
        motion = next((name for name in ("momenta", "velocities") if name in columns), None)
        used = [name for name in (*_KINDS, positions, "masses", motion) if name in columns]
        wanted = [(str(name), _KINDS.get(str(name), float), columns[str(name)]) for name in used]
        table = read_table(rows, wanted, self._n_rows, n_columns)
        symbols = self._column(table["species"]) if "species" in columns else np.array(chemical_symbols)[table["z"]]
        masses = table["masses"].copy() if "masses" in columns else None
        velocities = None if motion is None else table[motion]
        if velocities is not None and motion == "momenta":
            carried = masses_of_elements(symbols.tolist()) if masses is None else masses
            velocities = velocities / carried[:, None] * units.fs
        elif velocities is not None and "timestep" in self._info:
            velocities = velocities / self._unit_fs
        time_fs, source = self._time()
        step, counter = self._info.get("timestep"), self._info.get("step")
        return Snapshot(
            positions_A=table[positions].copy(),
            cell_A=self._cell(),
            velocities_A_fs=velocities,
            symbols=symbols,
            masses=masses,
            time_fs=time_fs,
            step=None if step is None else int(step),
            counter=None if counter is None else int(counter),
            is_unwrapped=is_unwrapped,
            time_source=source,
        )

    def _columns(self) -> tuple[dict[str, list[int]], int]:
        """Return the role of each column that has one → its places, and how many columns there are."""
        words = str(self._info.get("properties", "species:S:1:pos:R:3")).split(":")
        roles = {name: role for role, names in _ROLES.items() for name in names}
        columns: dict[str, list[int]] = {}
        place = 0
        for name, width in zip(words[::3], map(int, words[2::3]), strict=True):
            if name.lower() in roles:
                columns.setdefault(roles[name.lower()], list(range(place, place + width)))
            place += width
        has_needed = {"pos", "unwrapped"} & set(columns) and {"species", "z"} & set(columns)
        if not has_needed or any(len(columns.get(name, "xyz")) != 3 for name in _VECTORS):
            raise InputError(f"has columns {' '.join(words[::3])}; expected species and pos; write the file with them")
        return columns, place

    def _cell(self) -> np.ndarray | None:
        lattice = self._info.get("lattice")
        if lattice is None:
            return None
        values = np.asarray(lattice, float)
        if values.size == 3:
            return np.diag(values.ravel())
        if values.size != 9:
            raise InputError(f"has a lattice of {values.size} numbers; expected 9; write the file anew")
        # ASE gives the nine numbers as columns
        cell = values.T.copy() if values.ndim == 2 else values.reshape(3, 3)
        return cell if cell.any(axis=1).all() else None  # a slab has two vectors

    def _time(self) -> tuple[float | None, str]:
        """Return the time [fs] and what it is called in the file."""
        for key, unit in (("time_fs", 1.0), ("time_ps", 1000.0)):
            if key in self._info:
                return float(self._info[key]) * unit, key
        if "time" not in self._info:
            return None, ""
        if "timestep" in self._info:
            return float(self._info["time"]) * self._unit_fs, "Time of LAMMPS"
        if not self._has_plain_time:
            return float(self._info["time"]), "Time in fs, as GPUMD and CP2K write it"
        note = "time= tells no unit and is not taken; name it time_fs or time_ps to have it taken"
        if note not in self._notes:
            self._notes.append(note)
        return None, ""

"""Restart files of LAMMPS in a folder: which are whole, which is the newest, which may go."""

import os
from pathlib import Path

from aiida_elyte.science.lammps.run import Point, read_point

__all__ = ["newest_restart", "prune_restarts"]

_MAGIC = b"LammpS RestartT\0"
"""First and last bytes of a whole restart file."""

_N_RESTARTS = 2
"""Restart files kept: the newest, and one more should the newest be damaged."""


def newest_restart(folder: Path) -> Point | None:
    """Return the point of the newest whole restart file in a folder; ``None`` if there is none."""
    return max((point for point in _restarts(folder) if _is_whole(folder / point.restart_name)), default=None)


def _restarts(folder: Path) -> list[Point]:
    return [point for path in folder.glob("restart.*") if (point := read_point(path.name)) is not None]


def _is_whole(path: Path) -> bool:
    """Tell whether a restart file was written to its end."""
    try:
        with path.open("rb") as handle:
            if handle.read(len(_MAGIC)) != _MAGIC or path.stat().st_size < 2 * len(_MAGIC):
                return False
            handle.seek(-len(_MAGIC), os.SEEK_END)
            return handle.read() == _MAGIC
    except FileNotFoundError:
        return False


def prune_restarts(folder: Path) -> None:
    """Remove the restart files of a folder that are older than the newest whole ones."""
    whole = sorted(point for point in _restarts(folder) if _is_whole(folder / point.restart_name))
    for point in _restarts(folder):
        if len(whole) > _N_RESTARTS and point < whole[-_N_RESTARTS]:
            (folder / point.restart_name).unlink(missing_ok=True)

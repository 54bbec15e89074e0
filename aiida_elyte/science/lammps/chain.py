"""A chain of jobs that run LAMMPS one after the other: parts of one trajectory, records in which no step is twice."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.program import write_atomically
from aiida_elyte.science.arrays import write_arrays
from aiida_elyte.science.lammps.log import Loop, join_records, read_log
from aiida_elyte.science.lammps.run import Point, RunSettings
from aiida_elyte.science.trajectory.parts import PARTS, part_name

__all__ = ["Chain", "log_name"]

_CHAIN = "chain.json"
_RECORDS = "records.npz"


def log_name(number: int) -> str:
    """Return the name of the log of a part."""
    return f"log_{number:03d}.lammps"


class Chain:
    """What all jobs of a run share, on disk: its identity, its parts and the records of those that ended.

    Parameters
    ----------
    folder
        The job's folder.
    data
        Name of the data file.
    settings
        What makes the run.

    Raises
    ------
    InputError
        If the data file is not there, or the folder holds a run of another identity.
    """

    def __init__(self, folder: Path, data: str, settings: RunSettings) -> None:
        self._folder, self._stride = folder, settings.thermo_stride
        if not (folder / data).exists():
            raise InputError(f"{data} is not there; expected the data file of the box; give it")
        identity = json.loads(json.dumps({**settings.identity, "data": _digest(folder / data)}))
        self.parts: dict[str, dict[str, Any]] = {}
        """First step, size and hash of each part, by the name of its file."""
        self._records, _, _ = read_log(())
        self._identity = identity
        if (folder / _CHAIN).exists():
            told = json.loads((folder / _CHAIN).read_text())
            for name, value in identity.items():
                if told["identity"].get(name) != value:
                    raise InputError(
                        f"{name} is not what the restart files were made with; expected {told['identity'].get(name)}; "
                        "only flags, restart_stride and n_steps of the last stage may change; undo it, or start anew"
                    )
            self.parts = told["parts"]
            _shorten_links(folder)
            self._take_records()
            self.seal()

    def begin(self, start: Point | None) -> int:
        """Note that a part begins at a point; return its number."""
        number = len(self.parts)
        self.parts[part_name(number)] = {"first_step": 0 if start is None else start.step}
        self._save()
        return number

    def collect(self) -> tuple[dict[str, np.ndarray], list[Loop], str | None]:
        """Return the records of all parts, and loops and failure of the last."""
        path = self._folder / log_name(len(self.parts) - 1)
        with path.open() if path.exists() else io.StringIO() as lines:
            records, loops, failure = read_log(lines)
        first_step = list(self.parts.values())[-1]["first_step"]
        return join_records(self._records, records, first_step, self._stride), loops, failure

    def seal(self) -> None:
        """Note size and hash of every part that has none: whatever it is now, it stays."""
        for name, part in self.parts.items():
            path = self._folder / name
            if "sha256" not in part and path.exists():
                part |= {"bytes": path.stat().st_size, "sha256": _digest(path)}
        self._save()

    def _take_records(self) -> None:
        """Take the records of the parts that ended from their logs, once."""
        path = self._folder / _RECORDS
        n_taken = 0
        if path.exists():
            with np.load(path, allow_pickle=False) as arrays:
                self._records = {name: arrays[name] for name in self._records}
                n_taken = int(arrays["n_parts"])
        if n_taken == len(self.parts):
            return
        for number in range(n_taken, len(self.parts)):
            log = self._folder / log_name(number)
            with log.open() if log.exists() else io.StringIO() as lines:  # killed before lmp began
                records, _, _ = read_log(lines)
            first_step = self.parts[part_name(number)]["first_step"]
            self._records = join_records(self._records, records, first_step, self._stride)
        write_atomically(path, write_arrays({**self._records, "n_parts": np.array(len(self.parts))}))
        for number in range(len(self.parts)):
            (self._folder / log_name(number)).unlink(missing_ok=True)

    def _save(self) -> None:
        write_atomically(self._folder / _CHAIN, json.dumps({"identity": self._identity, "parts": self.parts}))


def _shorten_links(folder: Path) -> None:
    """Let each link lead to the file itself: a chain of links as long as one of jobs cannot be followed."""
    for path in folder.glob(PARTS):
        if path.is_symlink():
            target = path.resolve()
            path.unlink()
            path.symlink_to(target)


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()

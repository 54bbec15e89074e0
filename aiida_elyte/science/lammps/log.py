"""What a log of LAMMPS tells: records of the dynamics, their speed, and why it stopped."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aiida_elyte.science.lammps.run import DYNAMICS
from aiida_elyte.science.lammps.stages import Stage, last_steps
from aiida_elyte.units import ATM_BAR, EV_KCAL_MOL

__all__ = [
    "LOG_COLUMNS",
    "Loop",
    "join_records",
    "last_row",
    "missing_packages",
    "name_failure",
    "read_log",
    "simulated_ns",
    "speed_ns_day",
]

LOG_COLUMNS = {
    "Step": ("step", 1.0),
    "Temp": ("temperature_K", 1.0),
    "Press": ("pressure_bar", ATM_BAR),
    "Density": ("density_g_cm3", 1.0),
    "Volume": ("volume_A3", 1.0),
    "PotEng": ("potential_eV", 1.0 / EV_KCAL_MOL),
    "KinEng": ("kinetic_eV", 1.0 / EV_KCAL_MOL),
    "TotEng": ("total_eV", 1.0 / EV_KCAL_MOL),
}
"""Column of the log → name of the record, and what its numbers are multiplied with."""

_PACKAGES = ("CLASS2", "KSPACE", "MOLECULE")
"""What LAMMPS has to be built with."""

_LOOP = re.compile(r"Loop time of (\S+) on .* for (\d+) steps")

_FAILURES = {
    "ATOMS_LOST": ("Lost atoms", "Out of range atoms", "Atom count is inconsistent"),
    "BOND_MISSING": ("missing on proc", "missing at step", "atom missing", "atoms missing"),
    "NOT_FINITE": ("Non-numeric", "not finite"),
}
"""Kind of failure → what LAMMPS says of it."""


@dataclass(frozen=True)
class Loop:
    """Dynamics that ran to an end within one job."""

    stage: int
    """Number of the stage."""
    n_steps: int
    """Steps."""
    seconds: float
    """Time it took [s]."""


def read_log(lines: Iterable[str]) -> tuple[dict[str, np.ndarray], list[Loop], str | None]:
    """Read a log, cut short or not.

    Parameters
    ----------
    lines
        Lines of the log.

    Returns
    -------
    tuple
        Records by name, each step once; the loops that came to their end; the line with which LAMMPS refused to go on,
        ``None`` where it did not.
    """
    rows: dict[int, list[float]] = {}
    loops = []
    stage: int | None = None
    is_table, failure = False, None
    for line in lines:
        words = line.split()
        if line.startswith(DYNAMICS) and words[-1].isdigit():
            stage, is_table = int(words[-1]), False
        elif words == list(LOG_COLUMNS):
            is_table = stage is not None
        elif found := _LOOP.match(line):
            if stage is not None:
                loops.append(Loop(stage, int(found[2]), float(found[1])))
            stage, is_table = None, False
        elif line.startswith("ERROR"):
            failure = failure or line.strip()
        elif is_table and line.endswith("\n") and (row := _row(words)) is not None:
            rows.setdefault(int(row[0]), row)
    table = np.array(list(rows.values()), float).reshape(-1, len(LOG_COLUMNS))
    records = {name: table[:, place] * factor for place, (name, factor) in enumerate(LOG_COLUMNS.values())}
    return {**records, "step": records["step"].astype(int)}, loops, failure


def _row(words: list[str]) -> list[float] | None:
    if len(words) != len(LOG_COLUMNS) or not words[0].isdigit():
        return None
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def last_row(tail: str) -> list[float] | None:
    """Return the numbers of the last whole row of a table in the end of a log, ``None`` where there is none."""
    for line in reversed(tail.split("\n")[:-1]):
        if (row := _row(line.split())) is not None:
            return row
    return None


def join_records(
    before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], first_step: int, stride: int
) -> dict[str, np.ndarray]:
    """Join the records of a part to those before it: what was run again counts once, in the later part.

    Parameters
    ----------
    before, after
        Records by name, as ``read_log`` gives them.
    first_step
        Step at which the later part began.
    stride
        Steps between records; others, written where a job stopped, are left out.
    """
    earlier = np.asarray(before["step"]) < first_step
    later = np.asarray(after["step"]) % stride == 0
    return {name: np.concatenate([before[name][earlier], after[name][later]]) for name in after}


def missing_packages(told: str) -> list[str] | None:
    """Return the packages that class 2 needs and ``lmp -h`` does not list; ``None`` where it lists none at all.

    Parameters
    ----------
    told
        What ``lmp -h`` printed.
    """
    _, found, after = told.partition("Installed packages:")
    if not found:
        return None
    packages = after.partition("\n\n")[2].partition("\n\n")[0].split() or after.split()
    return [name for name in _PACKAGES if name not in packages]


def name_failure(line: str) -> str:
    """Return the kind of failure that an error of LAMMPS is."""
    for kind, phrases in _FAILURES.items():
        if any(phrase in line for phrase in phrases):
            return kind
    return "LAMMPS_FAILED"


def simulated_ns(stages: Sequence[Stage], step: int) -> float:
    """Return the time simulated up to a step, counted over all stages [ns]."""
    total = 0.0
    for stage, (begin, end) in zip(stages, pairwise((0, *last_steps(stages))), strict=True):
        total += max(0, min(step, end) - begin) * stage.timestep_fs
    return total * 1e-6


def speed_ns_day(stages: Sequence[Stage], loops: Sequence[Loop]) -> float | None:
    """Return the speed of the dynamics in some loops [ns/day]; ``None`` if none came to an end."""
    seconds = sum(loop.seconds for loop in loops)
    simulated_fs = sum(loop.n_steps * stages[loop.stage].timestep_fs for loop in loops)
    return simulated_fs * 1e-6 * 86400 / seconds if seconds > 0 else None

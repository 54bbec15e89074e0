"""Long molecular dynamics of a box by LAMMPS: stages, ramps, restarts, a trajectory in parts that stay where they are.

In:  ``settings.json`` (see ``RunSettings`` in ``science/lammps/run.py``), ``system.data`` (class 2),
     ``engine.sh`` (starts ``lmp`` with the arguments it is given).
Out: ``part_NNN.lammpstrj`` (one for each time ``lmp`` was started; stay where they were made), ``final.data`` (last
     positions and velocities; masses and coefficients are those of ``system.data``, to the last digit), ``thermo.npz``
     (records of all parts, no step twice), ``log_NNN.lammps``, ``results.json``.

Files to carry into the folder of a continued run: ``restart.*``, ``chain.json``, ``records.npz``, ``log_*.lammps``, and
links to ``part_*.lammpstrj``. Earlier parts are never written to. A finished run goes on when ``n_steps`` of its last
stage is larger. It goes on from the newest restart file that is whole: what ``lmp`` did after it is done again, in a
part of its own, and counts once. At constant volume a run taken up equals an unbroken one to rounding.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
from bisect import bisect_left
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import Job, execute, guarded, write_atomically
from aiida_elyte.science.arrays import write_arrays
from aiida_elyte.science.lammps.log import (
    Loop,
    join_records,
    last_row,
    missing_packages,
    name_failure,
    read_log,
)
from aiida_elyte.science.lammps.run import (
    WRITTEN,
    Point,
    RunSettings,
    kinds_of_data,
    read_point,
    read_run_settings,
    run_input,
)
from aiida_elyte.science.lammps.stages import last_steps
from aiida_elyte.science.lammps.system import restore_parameters
from aiida_elyte.science.trajectory.parts import PARTS, part_name

__all__ = ["main"]

DATA = "system.data"
FINAL = "final.data"
CHAIN = "chain.json"
RECORDS = "records.npz"
THERMO = "thermo.npz"
ENGINE = ("bash", "engine.sh")
SCREEN = "lmp.txt"

_MAGIC = b"LammpS RestartT\0"
"""First and last bytes of a whole restart file."""

_POLL_SECONDS = 0.5
_REPORT_SECONDS = 5.0
_TAIL_BYTES = 4096
_N_RESTARTS = 2
"""Restart files kept: the newest, and one more should the newest be damaged."""


def run(job: Job) -> dict[str, Any]:
    """Run the stages of a job."""
    settings = read_run_settings(job.settings)
    version = _ask_engine(job.folder)
    chain = _Chain(job.folder, settings)
    for name in (FINAL, WRITTEN):
        (job.folder / name).unlink(missing_ok=True)
    start = _newest_restart(job.folder)
    number = chain.begin(start)
    first_step = 0 if start is None else start.step
    ends = last_steps(settings.stages)
    with (job.folder / DATA).open() as lines:
        present = kinds_of_data(lines)
    seconds = None if job.max_seconds is None else 0.95 * job.max_seconds - job.seconds
    text = run_input(settings, DATA, present, start=start, part=number, seconds=seconds)
    (job.folder / _input_name(number)).write_text(text)

    status, stopped = _drive(job, settings, number, ends)
    records, loops, failure = chain.collect()
    done = _newest_restart(job.folder)
    step = 0 if done is None else done.step
    results = {
        "n_steps": ends[-1],
        "step": step,
        "resumed_from_step": None if start is None else first_step,
        "steps_run_in_this_job": step - first_step,
        "simulated_ns": _nanoseconds(settings, records["step"][-1:].tolist()),
        "ns_per_day": _speed(settings, loops),
        "lammps": version,
        "flags": list(settings.flags),
    }
    if stopped is None and failure is not None:
        stopped = (name_failure(failure), f"{failure.removeprefix('ERROR:').strip()}; see {_log_name(number)}")
    if stopped is not None:
        kind, message = stopped
        write_atomically(job.folder / THERMO, write_arrays(records))
        raise ProgramFailure(kind, f"{message} (after step {step} of {ends[-1]})", **results)
    if status != 0:
        raise ProgramFailure(
            "LAMMPS_KILLED", f"lmp was killed (exit status {status}) after step {step} of {ends[-1]}", **results
        )
    if not (job.folder / WRITTEN).exists():
        raise ProgramFailure("OUT_OF_WALLTIME", f"wall time reached at step {step} of {ends[-1]}", **results)
    chain.seal()
    _finish(job.folder)
    write_atomically(job.folder / THERMO, write_arrays(records))
    return {
        **results,
        "stages": {stage.name: end for stage, end in zip(settings.stages, ends, strict=True)},
        "trajectory": [name for name in chain.parts if (job.folder / name).exists()],
        "parts": chain.parts,
    }


def _ask_engine(folder: Path) -> str:
    """Return the version of LAMMPS, after asking it for the packages that are needed.

    Raises
    ------
    ProgramFailure
        ``LAMMPS_MISSING`` when it gives no answer, ``CLASS2_MISSING`` when it lacks a package.
    """
    asked = subprocess.run(
        [*ENGINE, "-h"], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    lacking = missing_packages(asked.stdout)
    if lacking is None:
        said = (asked.stderr.strip() or asked.stdout.strip() or "no word").splitlines()[-1]
        raise ProgramFailure(
            "LAMMPS_MISSING", f"`lmp -h` ended with exit status {asked.returncode} and told no packages: {said}"
        )
    if lacking:
        raise ProgramFailure("CLASS2_MISSING", f"lmp was built without {', '.join(lacking)}")
    return next((line.split(" - ", 1)[1] for line in asked.stdout.splitlines() if " - " in line), "unknown")


class _Chain:
    """What all jobs of a run share: its identity, its parts and the records of those that ended."""

    def __init__(self, folder: Path, settings: RunSettings) -> None:
        self._folder, self._stride = folder, settings.thermo_stride
        if not (folder / DATA).exists():
            raise InputError(f"{DATA} is not there; expected the data file of the box; give it")
        identity = json.loads(json.dumps({**settings.identity, "data": _digest(folder / DATA)}))
        self.parts: dict[str, dict[str, Any]] = {}
        self._records, _, _ = read_log(())
        self._identity = identity
        if (folder / CHAIN).exists():
            told = json.loads((folder / CHAIN).read_text())
            for name, value in identity.items():
                if told["identity"].get(name) != value:
                    raise InputError(
                        f"{name} is not what the restart files were made with; expected {told['identity'].get(name)}; "
                        "only flags, restart_stride and n_steps of the last stage may change; correct it, or start anew"
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
        path = self._folder / _log_name(len(self.parts) - 1)
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
        path = self._folder / RECORDS
        n_taken = 0
        if path.exists():
            with np.load(path, allow_pickle=False) as arrays:
                self._records = {name: arrays[name] for name in self._records}
                n_taken = int(arrays["n_parts"])
        if n_taken == len(self.parts):
            return
        for number in range(n_taken, len(self.parts)):
            log = self._folder / _log_name(number)
            with log.open() if log.exists() else io.StringIO() as lines:  # killed before lmp began
                records, _, _ = read_log(lines)
            first_step = self.parts[part_name(number)]["first_step"]
            self._records = join_records(self._records, records, first_step, self._stride)
        write_atomically(path, write_arrays({**self._records, "n_parts": np.array(len(self.parts))}))
        for number in range(len(self.parts)):
            (self._folder / _log_name(number)).unlink(missing_ok=True)

    def _save(self) -> None:
        write_atomically(self._folder / CHAIN, json.dumps({"identity": self._identity, "parts": self.parts}))


def _shorten_links(folder: Path) -> None:
    """Let each link lead to the file itself: a chain of links as long as one of jobs cannot be followed."""
    for path in folder.glob(PARTS):
        if path.is_symlink():
            target = path.resolve()
            path.unlink()
            path.symlink_to(target)


def _newest_restart(folder: Path) -> Point | None:
    """Return the point of the newest whole restart file."""
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


def _prune_restarts(folder: Path) -> None:
    """Remove restart files older than the newest whole ones."""
    whole = sorted(point for point in _restarts(folder) if _is_whole(folder / point.restart_name))
    for point in _restarts(folder):
        if len(whole) > _N_RESTARTS and point < whole[-_N_RESTARTS]:
            (folder / point.restart_name).unlink(missing_ok=True)


def _drive(job: Job, settings: RunSettings, number: int, ends: tuple[int, ...]) -> tuple[int, tuple[str, str] | None]:
    """Run ``lmp`` and watch it; return its exit status, and kind and message where it had to be stopped."""
    command = [*ENGINE, *settings.flags, "-nocite", "-screen", "none", "-log", _log_name(number)]
    with guarded([*command, "-in", _input_name(number)], job.folder, job.folder / SCREEN) as engine:
        stopped = _watch(job, engine, number, ends)
    _prune_restarts(job.folder)
    return engine.returncode, stopped


def _watch(job: Job, engine: subprocess.Popen, number: int, ends: tuple[int, ...]) -> tuple[str, str] | None:
    """Wait for ``lmp``: report, remove old restart files, end it where its numbers are none or it passes the wall."""
    reported = -_REPORT_SECONDS
    log = job.folder / _log_name(number)
    while True:
        with suppress(subprocess.TimeoutExpired):
            engine.wait(_POLL_SECONDS)
        row = last_row(_tail(log))
        if row is not None and not np.isfinite(row).all():
            return "NOT_FINITE", f"temperature, pressure or energy is not finite at step {row[0]:.0f}"
        if engine.returncode is not None:
            return None
        _prune_restarts(job.folder)
        if job.max_seconds is not None and job.seconds > 0.99 * job.max_seconds:
            return "OUT_OF_WALLTIME", "lmp did not stop by itself before the wall time"
        if row is not None and job.seconds - reported > _REPORT_SECONDS:
            stage = min(bisect_left(ends, row[0]), len(ends) - 1)
            job.report(step=int(row[0]), n_steps=ends[-1], stage=stage)
            reported = job.seconds


def _tail(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return handle.read().decode(errors="replace")


def _finish(folder: Path) -> None:
    """Make the last data file of what LAMMPS wrote, with all digits of the force field."""
    with (folder / WRITTEN).open() as written, (folder / DATA).open() as original:
        write_atomically(folder / FINAL, "".join(restore_parameters(written, original)))
    (folder / WRITTEN).unlink()


def _nanoseconds(settings: RunSettings, steps: list[int]) -> float:
    """Return the time simulated up to a step [ns]."""
    total = 0.0
    for stage, (begin, end) in zip(settings.stages, pairwise((0, *last_steps(settings.stages))), strict=True):
        total += sum(max(0, min(step, end) - begin) for step in steps) * stage.timestep_fs
    return total * 1e-6


def _speed(settings: RunSettings, loops: list[Loop]) -> float | None:
    """Return the speed of the dynamics of this job [ns/day], ``None`` where none came to an end."""
    seconds = sum(loop.seconds for loop in loops)
    simulated_fs = sum(loop.n_steps * settings.stages[loop.stage].timestep_fs for loop in loops)
    return simulated_fs * 1e-6 * 86400 / seconds if seconds > 0 else None


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _input_name(number: int) -> str:
    return f"in_{number:03d}.lammps"


def _log_name(number: int) -> str:
    return f"log_{number:03d}.lammps"


def main(path: str | Path) -> int:
    """Run the program on ``settings.json``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

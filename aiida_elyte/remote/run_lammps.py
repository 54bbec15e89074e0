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

import subprocess
import sys
from bisect import bisect_left
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import ProgramFailure
from aiida_elyte.program import Job, execute, guarded, write_atomically
from aiida_elyte.science.arrays import write_arrays
from aiida_elyte.science.lammps.chain import Chain, log_name
from aiida_elyte.science.lammps.log import last_row, missing_packages, name_failure, simulated_ns, speed_ns_day
from aiida_elyte.science.lammps.restarts import newest_restart, prune_restarts
from aiida_elyte.science.lammps.run import WRITTEN, RunSettings, kinds_of_data, read_run_settings, run_input
from aiida_elyte.science.lammps.stages import last_steps
from aiida_elyte.science.lammps.system import restore_parameters

__all__ = ["main"]

DATA = "system.data"
FINAL = "final.data"
THERMO = "thermo.npz"
ENGINE = ("bash", "engine.sh")
SCREEN = "lmp.txt"

_POLL_SECONDS = 0.5
_REPORT_SECONDS = 5.0
_TAIL_BYTES = 4096


def run(job: Job) -> dict[str, Any]:
    """Run the stages of a job."""
    settings = read_run_settings(job.settings)
    version = _ask_engine(job.folder)
    chain = Chain(job.folder, DATA, settings)
    for name in (FINAL, WRITTEN):
        (job.folder / name).unlink(missing_ok=True)
    start = newest_restart(job.folder)
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
    done = newest_restart(job.folder)
    step = 0 if done is None else done.step
    results = {
        "n_steps": ends[-1],
        "step": step,
        "resumed_from_step": None if start is None else first_step,
        "steps_run_in_this_job": step - first_step,
        "simulated_ns": simulated_ns(settings.stages, int(records["step"][-1]) if len(records["step"]) else 0),
        "ns_per_day": speed_ns_day(settings.stages, loops),
        "lammps": version,
        "flags": list(settings.flags),
    }
    if stopped is None and failure is not None:
        stopped = (name_failure(failure), f"{failure.removeprefix('ERROR:').strip()}; see {log_name(number)}")
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


def _drive(job: Job, settings: RunSettings, number: int, ends: tuple[int, ...]) -> tuple[int, tuple[str, str] | None]:
    """Run ``lmp`` and watch it; return its exit status, and kind and message where it had to be stopped."""
    command = [*ENGINE, *settings.flags, "-nocite", "-screen", "none", "-log", log_name(number)]
    with guarded([*command, "-in", _input_name(number)], job.folder, job.folder / SCREEN) as engine:
        stopped = _watch(job, engine, number, ends)
    prune_restarts(job.folder)
    return engine.returncode, stopped


def _watch(job: Job, engine: subprocess.Popen, number: int, ends: tuple[int, ...]) -> tuple[str, str] | None:
    """Wait for ``lmp``: report, remove old restart files, end it where numbers are not finite or it passes the wall."""
    reported = -_REPORT_SECONDS
    log = job.folder / log_name(number)
    while True:
        with suppress(subprocess.TimeoutExpired):
            engine.wait(_POLL_SECONDS)
        row = last_row(_tail(log))
        if row is not None and not np.isfinite(row).all():
            return "NOT_FINITE", f"temperature, pressure or energy is not finite at step {row[0]:.0f}"
        if engine.returncode is not None:
            return None
        prune_restarts(job.folder)
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


def _input_name(number: int) -> str:
    return f"in_{number:03d}.lammps"


def main(path: str | Path) -> int:
    """Run the program on ``settings.json``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

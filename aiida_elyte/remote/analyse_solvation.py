"""Tell who surrounds the ions of a box, how many of them, and for how long, from a trajectory where it lies.

In:  ``settings.json``, the trajectory, its topology. Out: ``curves.npz`` (``r_A``; ``g_SITE``, ``n_SITE`` and their
``_error`` for each site), ``results.json``.
Settings:

``trajectories``
    One label → the name of the file, or names of its parts in order of time, as those of a chain of LAMMPS jobs.
``topology``
    Name of the file that tells elements, bonds, and what the selections ask for.
``centre``
    Chemical symbol of the ions.
``sites``
    Name → selection of MDAnalysis, as ``{"O of TFSI": "type 9"}``.
``anion``
    The site whose molecules are the anions: their share of contact pairs and aggregates is told. None unless told.
``timestep_fs``, ``stride``
    As in ``open_trajectory``.
``max_distance_A``, ``shell_A``
    Largest distance of the radial distribution functions, half the narrowest width of the cell at most, and the width
    of their shells [Å].
``allowed_absence_fs``
    A molecule that is back after this time has not left [fs].
``checkpoint_seconds``
    Time between checkpoints [s], 300 unless told.

The trajectory is read twice: the first shells of the second pass end at the first minima of the first one. File to
carry into the folder of a continued run: ``checkpoint.pickle``.
"""

import json
import math
import pickle
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import Job, execute, write_atomically
from aiida_elyte.science.arrays import write_arrays
from aiida_elyte.science.molecules.graph import find_molecules
from aiida_elyte.science.settings import read_record
from aiida_elyte.science.structure.pairing import PAIRINGS
from aiida_elyte.science.structure.rdf import RadialDistribution
from aiida_elyte.science.structure.shells import ShellFinder, ShellRecorder, name_atoms, refuse_shell
from aiida_elyte.science.trajectory.readers import Trajectory, open_trajectory
from aiida_elyte.science.trajectory.settings import ShellSettings
from aiida_elyte.science.trajectory.topology import AtomTable, read_topology, select_atoms

__all__ = ["main"]

CHECKPOINT = "checkpoint.pickle"
CURVES = "curves.npz"

_REPORT_SECONDS = 5.0


@dataclass
class _State:
    """How far a job is: what a checkpoint holds."""

    identity: str
    """Settings and sizes of files that a run taken up must have in common with the one before."""
    work: ShellFinder | ShellRecorder
    """What takes in the frames of the pass."""
    n_frames: int = 0
    """Frames taken in by this pass."""
    functions: dict[str, RadialDistribution] = field(default_factory=dict)
    """Radial distribution functions, once the first pass is over."""


def run(job: Job) -> dict[str, Any]:
    """Analyse the trajectory of a job."""
    settings = _read_settings(job.settings)
    topology = read_topology(job.folder / settings["topology"])
    trajectory = _open(job.folder, topology, settings)
    chosen = {site: select_atoms(topology, site, selection) for site, selection in settings["sites"].items()}
    names = name_atoms(topology.symbols, chosen)
    reach_A = min(settings["max_distance_A"], 0.999 * _half_width(trajectory))
    finder = ShellFinder(names, settings["centre"], list(settings["sites"]), reach_A, settings["shell_A"])
    state = _resume(job.folder / CHECKPOINT, _State(_identity(job.folder, settings), finder))
    resumed_from = state.n_frames
    if isinstance(state.work, ShellFinder):
        _pass(job, trajectory, state, settings)
        state.functions = state.work.finish()
    cutoffs_A = {site: one.first_minimum_A for site, one in state.functions.items() if one.first_minimum_A is not None}
    found: dict[str, Any] = {"sites": {}, "total": None, "shells": [], "pairing": None}
    if cutoffs_A:
        if isinstance(state.work, ShellFinder):
            molecules = _molecules_of(topology)
            state.work = ShellRecorder(names, settings["centre"], cutoffs_A, molecules, trajectory.interval_fs)
            state.n_frames = 0
        _pass(job, trajectory, state, settings)
        found = state.work.finish(settings["anion"], settings["allowed_absence_fs"])
    if settings["anion"] is not None and found["pairing"] is None:
        reason = refuse_shell(settings["anion"], state.functions[settings["anion"]])
        found["pairing"] = dict.fromkeys(PAIRINGS, reason.as_dict() if reason else None)
    write_atomically(job.folder / CURVES, _pack(state.functions))
    return {
        **found,
        "sites": {site: _describe(site, one, found["sites"]) for site, one in state.functions.items()},
        "centre": settings["centre"],
        "anion": settings["anion"],
        "n_frames": state.n_frames,
        "interval_fs": trajectory.interval_fs,
        "max_distance_A": reach_A,
        "notes": list(trajectory.notes),
        "resumed_from_frame": resumed_from,
    }


def _read_settings(given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings, those not given at their defaults."""
    settings = vars(read_record(ShellSettings, given, "settings"))
    lacking = [name for name in ("trajectories", "topology", "centre", "sites") if settings[name] is None]
    if lacking:
        raise InputError(f"settings lacks {', '.join(lacking)}; expected a value for each")
    if len(settings["trajectories"]) != 1:
        raise InputError(
            f"trajectories has {len(settings['trajectories'])} entries; expected one; analyse one at a time"
        )
    return settings


def _open(folder: Path, topology: AtomTable, settings: dict[str, Any]) -> Trajectory:
    (name,) = settings["trajectories"].values()
    files = folder / name if isinstance(name, str) else [folder / part for part in name]
    given = {"timestep_fs": settings["timestep_fs"], "stride": settings["stride"]}
    trajectory = open_trajectory(files, topology=topology, **given)
    if math.isnan(trajectory.interval_fs):
        raise InputError(
            f"{trajectory.path} holds one whole frame at stride {trajectory.stride}; expected two or more; "
            "give a longer trajectory"
        )
    return trajectory


def _molecules_of(topology: AtomTable) -> np.ndarray:
    """Return the number of each atom's molecule."""
    numbers = np.empty(len(topology.symbols), dtype=int)
    for number, atoms in enumerate(find_molecules(len(topology.symbols), topology.bonds)):
        numbers[atoms] = number
    return numbers


def _half_width(trajectory: Trajectory) -> float:
    """Return half the narrowest width of the first cell [Å]."""
    cell = next(iter(trajectory)).cell_A
    return float(0.5 / np.linalg.norm(np.linalg.inv(cell), axis=0).max())


def _identity(folder: Path, settings: dict[str, Any]) -> str:
    """Return what a checkpoint must have in common with the run that takes it up: settings and sizes of files."""
    (name,) = settings["trajectories"].values()
    names = [*([name] if isinstance(name, str) else name), settings["topology"]]
    sizes = {name: (folder / name).stat().st_size for name in names}
    kept = {key: value for key, value in settings.items() if key != "checkpoint_seconds"}
    return json.dumps([kept, sizes], sort_keys=True)


def _resume(path: Path, state: _State) -> _State:
    """Return the state that an earlier job of this run has left, or the given one."""
    if not path.exists():
        return state
    found: _State = pickle.loads(path.read_bytes())
    if found.identity != state.identity:
        raise InputError(f"{path.name} belongs to other settings or files; expected one of the same; remove it")
    return found


def _pass(job: Job, trajectory: Trajectory, state: _State, settings: dict[str, Any]) -> None:
    """Take in the frames of a pass from where it is; leave a checkpoint now and then, and before the wall time."""
    passed = 1 if isinstance(state.work, ShellFinder) else 2
    saved_s = reported_s = job.seconds
    save_s = 0.0
    for frame in trajectory.frames(state.n_frames):
        state.work.add(frame.positions_A, frame.cell_A)
        state.n_frames += 1
        should_stop = job.should_stop(reserve_s=2.0 * save_s)
        if should_stop or job.seconds - saved_s > settings["checkpoint_seconds"]:
            started = time.monotonic()
            write_atomically(job.folder / CHECKPOINT, pickle.dumps(state))
            save_s, saved_s = time.monotonic() - started, job.seconds
        if should_stop:
            raise ProgramFailure(
                "OUT_OF_WALLTIME", f"{state.n_frames} frames of pass {passed} of 2 read in {job.seconds:.0f} s"
            )
        if job.seconds - reported_s > _REPORT_SECONDS:
            job.report(**{"pass": passed, "of": 2, "frames": state.n_frames})
            reported_s = job.seconds


def _describe(site: str, function: RadialDistribution, found: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a site: its shell, who is in it, or why nothing is."""
    shell: dict[str, Any] = {
        "array": _array_name(site),
        "first_peak_A": function.first_peak_A,
        "first_minimum_A": function.first_minimum_A,
    }
    refusal = refuse_shell(site, function)
    if refusal is None:
        return {**shell, **found[site]}
    return {**shell, **dict.fromkeys(("coordination", "molecules", "stay", "memory"), refusal.as_dict())}


def _pack(functions: dict[str, RadialDistribution]) -> bytes:
    """Return the curves in numpy's npz format."""
    arrays: dict[str, Any] = {"r_A": next(iter(functions.values())).r_A}
    for site, one in functions.items():
        name = _array_name(site)
        arrays |= {f"g_{name}": one.g, f"g_{name}_error": one.g_error}
        arrays |= {f"n_{name}": one.coordination, f"n_{name}_error": one.coordination_error}
    return write_arrays(arrays)


def _array_name(site: str) -> str:
    """Return the name of a site as arrays have it: letters, digits and underscores."""
    return re.sub("[^0-9A-Za-z]+", "_", site)


def main(path: str | Path) -> int:
    """Run the program on ``settings.json``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

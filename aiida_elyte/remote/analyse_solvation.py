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
    The site whose molecules are the anions: their share of contact pairs and aggregates is reported. None by default.
``timestep_fs``, ``stride``
    As in ``open_trajectory``.
``max_distance_A``, ``shell_A``
    Largest distance of the radial distribution functions, half the narrowest width of the cell at most, and the width
    of their shells [Å].
``allowed_absence_fs``
    A molecule that is back after this time has not left [fs].
``checkpoint_seconds``
    Time between checkpoints [s], 300 by default.

The trajectory is read twice: the first shells of the second pass end at the first minima of the first one. File to
carry into the folder of a continued run: ``checkpoint.npz``.
"""

import math
import re
import sys
from pathlib import Path
from typing import Any

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import CHECKPOINT, Checkpoint, Job, Pace, execute, write_atomically
from aiida_elyte.science.arrays import arrays_above, arrays_under, write_arrays
from aiida_elyte.science.molecules.graph import molecule_of_atoms
from aiida_elyte.science.settings import read_record
from aiida_elyte.science.structure.pair_finder import half_width
from aiida_elyte.science.structure.pairing import PAIRINGS
from aiida_elyte.science.structure.rdf import RadialDistribution
from aiida_elyte.science.structure.shells import ShellFinder, ShellRecorder, name_atoms, refuse_shell
from aiida_elyte.science.trajectory.passes import Trajectory
from aiida_elyte.science.trajectory.readers import open_trajectory
from aiida_elyte.science.trajectory.settings import ShellSettings
from aiida_elyte.science.trajectory.topology import AtomTable, read_topology, select_atoms

__all__ = ["main"]

CURVES = "curves.npz"


def run(job: Job) -> dict[str, Any]:
    """Analyse the trajectory of a job."""
    settings = _read_settings(job.settings)
    topology = read_topology(job.folder / settings["topology"])
    trajectory = _open(job.folder, topology, settings)
    chosen = {site: select_atoms(topology, site, selection) for site, selection in settings["sites"].items()}
    names = name_atoms(topology.symbols, chosen)
    reach_A = min(settings["max_distance_A"], 0.999 * half_width(next(iter(trajectory)).cell_A))
    finder = ShellFinder(names, settings["centre"], list(settings["sites"]), reach_A, settings["shell_A"])
    passes = _Passes(job, trajectory, settings)
    n_frames = passes.take("1", finder)
    functions = finder.finish()
    cutoffs_A = {site: one.first_minimum_A for site, one in functions.items() if one.first_minimum_A is not None}
    found: dict[str, Any] = {"sites": {}, "total": None, "shells": [], "pairing": None}
    if cutoffs_A:
        molecules = molecule_of_atoms(len(topology.symbols), topology.bonds)
        recorder = ShellRecorder(names, settings["centre"], cutoffs_A, molecules, trajectory.interval_fs)
        n_frames = passes.take("2", recorder)
        found = recorder.finish(settings["anion"], settings["allowed_absence_fs"])
    if settings["anion"] is not None and found["pairing"] is None:
        reason = refuse_shell(settings["anion"], functions[settings["anion"]])
        found["pairing"] = dict.fromkeys(PAIRINGS, reason.as_dict() if reason else None)
    write_atomically(job.folder / CURVES, _pack(functions))
    return {
        **found,
        "sites": {site: _describe(site, one, found["sites"]) for site, one in functions.items()},
        "centre": settings["centre"],
        "anion": settings["anion"],
        "n_frames": n_frames,
        "interval_fs": trajectory.interval_fs,
        "max_distance_A": reach_A,
        "notes": list(trajectory.notes),
        "resumed_from_frame": passes.resumed_from,
    }


class _Passes:
    """The passes over a trajectory, with one checkpoint: frames taken in by each, and what each makes of them."""

    def __init__(self, job: Job, trajectory: Trajectory, settings: dict[str, Any]) -> None:
        self._job, self._trajectory, self._every_s = job, trajectory, settings["checkpoint_seconds"]
        self._checkpoint = Checkpoint(job.folder / CHECKPOINT, _identity(job, settings))
        saved = self._checkpoint.load()
        self._before: dict[str, int] = saved.state if saved is not None else {}
        self._arrays = saved.arrays if saved is not None else {}
        self._n_frames: dict[str, int] = {}
        self._works: dict[str, ShellFinder | ShellRecorder] = {}
        self.resumed_from = list(self._before.values())[-1] if self._before else 0
        """Frames that the pass in work had taken in before this job."""

    def take(self, number: str, work: ShellFinder | ShellRecorder) -> int:
        """Let a pass take in the frames that it lacks; return how many it has."""
        self._works[number] = work
        self._n_frames[number] = self._before.get(number, 0)
        if number in self._before:
            work.load_state_dict(arrays_under(f"{number}/", self._arrays))
        if number in list(self._before)[:-1]:
            return self._n_frames[number]
        pace = Pace(self._job, self._save, self._every_s)
        for frame in self._trajectory.frames(self._n_frames[number]):
            work.add(frame.positions_A, frame.cell_A)
            self._n_frames[number] += 1
            if pace.lap(**{"pass": int(number), "of": 2, "frames": self._n_frames[number]}):
                told = f"{self._n_frames[number]} frames of pass {number} of 2 read in {self._job.seconds:.0f} s"
                raise ProgramFailure("OUT_OF_WALLTIME", told)
        return self._n_frames[number]

    def _save(self) -> None:
        arrays: dict[str, Any] = {}
        for number, work in self._works.items():
            arrays |= arrays_above(f"{number}/", work.state_dict())
        self._checkpoint.save(self._n_frames, arrays)


def _identity(job: Job, settings: dict[str, Any]) -> dict[str, Any]:
    """Return what a run that goes on must have in common with this one: settings and sizes of files."""
    kept = {key: value for key, value in settings.items() if key != "checkpoint_seconds"}
    return {**kept, "bytes of files": job.sizes([*settings["trajectories"].values(), settings["topology"]])}


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

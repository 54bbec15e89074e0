"""Reduce trajectories to what transport needs of them, where they lie.

In:  ``settings.json``, the trajectories, their topology. Out: ``series.npz`` (one Series a replica), ``results.json``.
Settings:

``trajectories``
    Label of each replica → name of its file: LAMMPS dump, XDATCAR, extxyz, DCD, XTC, TRR, ASE traj, HDF5 of torch-sim;
    or the names of its parts in order of time, as those of a chain of LAMMPS jobs.
``topology``
    Name of the file that tells elements, masses, bonds, where the trajectories do not.
``timestep_fs``, ``cell_A``, ``elements``, ``lammps_units``, ``stride``
    As in ``open_trajectory``.
``molecules``
    Name → selection of MDAnalysis, as ``{"TFSI": "resname TFSI"}``; needs a topology.
``tracked``
    Species whose particles are followed one by one; all by default.
``members``
    Label of the replica → the potential that drove it, where there are several.
``max_megabytes``
    Bound on the displacements kept of each replica, 64 by default: every checkpoint holds them all.
``checkpoint_seconds``
    Time between checkpoints [s], 300 by default; the only setting that may change when a run is continued.

File to carry into the folder of a continued run: ``checkpoint.npz``. It gives bit by bit what an unbroken one gives.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import CHECKPOINT, Checkpoint, Job, Pace, execute, write_atomically
from aiida_elyte.science.arrays import arrays_above, arrays_under, write_arrays
from aiida_elyte.science.settings import read_record
from aiida_elyte.science.trajectory.longest_bond import LongestBond
from aiida_elyte.science.trajectory.passes import Trajectory
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.reduction import Reducer, Series, pack_series, unpack_series
from aiida_elyte.science.trajectory.settings import ReductionSettings
from aiida_elyte.science.trajectory.topology import AtomTable, read_topology, select_molecules

__all__ = ["main"]

SERIES = "series.npz"

_FACTS = ("n_frames", "interval_fs", "notes", "species", "bonds")


def run(job: Job) -> dict[str, Any]:
    """Reduce the trajectories of a job."""
    settings = _read_settings(job.settings)
    trajectories: dict[str, str | list[str]] = settings["trajectories"]
    topology = None if settings["topology"] is None else read_topology(job.folder / settings["topology"])
    molecules = select_molecules(topology, settings["molecules"]) if topology is not None else {}
    progress = _Progress(job, settings)
    resumed_from = None if progress.state is None else int(progress.state["n_frames"])
    for replica, name in list(trajectories.items())[len(progress.finished) :]:
        files = job.folder / name if isinstance(name, str) else [job.folder / part for part in name]
        trajectory = _open(files, topology, settings)
        longest = LongestBond(trajectory.symbols, np.empty((0, 2)) if topology is None else topology.bonds)
        progress.begin(replica, trajectory, longest)
        series, notes = reduce_trajectory(
            trajectory,
            molecules=molecules,
            tracked=settings["tracked"],
            max_megabytes=settings["max_megabytes"],
            replica=replica,
            member=settings["members"].get(replica, ""),
            state=progress.state,
            on_frame=progress.note,
            longest_bond=longest,
        )
        progress.finish(series, [*notes, *trajectory.warnings])
    write_atomically(job.folder / SERIES, write_arrays(pack_series(progress.finished)))
    facts = {key: {replica: fact[key] for replica, fact in progress.facts.items()} for key in _FACTS}
    return {**facts, "resumed_from_frame": resumed_from, "frames_read_in_this_job": progress.n_read}


class _Progress:
    """What is done of a job, with its checkpoint: finished series, and the state of the replica in work."""

    def __init__(self, job: Job, settings: dict[str, Any]) -> None:
        self._job, self._every_s = job, settings["checkpoint_seconds"]
        kept = {key: value for key, value in settings.items() if key != "checkpoint_seconds"}
        files = [*settings["trajectories"].values(), *filter(None, [settings["topology"]])]
        self._checkpoint = Checkpoint(job.folder / CHECKPOINT, {**kept, "bytes of files": job.sizes(files)})
        self.finished: list[Series] = []
        self.facts: dict[str, dict[str, Any]] = {}
        self.state: Mapping[str, np.ndarray] | None = None
        """What the reducer of the replica in work, and the reader of its trajectory, go on from."""
        self.n_read = 0
        saved = self._checkpoint.load()
        if saved is not None:
            self.facts = saved.state
            self.finished = unpack_series(arrays_under("done/", saved.arrays))
            self.state = arrays_under("state/", saved.arrays) or None

    def begin(self, replica: str, trajectory: Trajectory, longest: LongestBond) -> None:
        """Note which replica is in work."""
        self._replica, self._trajectory, self._longest = replica, trajectory, longest
        self._n_frames = 0 if self.state is None else int(self.state["n_frames"])
        self._pace = Pace(self._job, self._save, self._every_s)

    def note(self, reducer: Reducer) -> None:
        """Note that a frame is taken in; raise ``ProgramFailure`` when there is no time for another."""
        self._reducer, self._n_frames = reducer, reducer.n_frames
        self.n_read += 1
        if self._pace.lap(replica=self._replica, frames=self._n_frames):
            raise ProgramFailure(
                "OUT_OF_WALLTIME",
                f"{self._n_frames} frames of replica {self._replica} read in {self._job.seconds:.0f} s; resume to read "
                "the others",
                n_frames={name: fact["n_frames"] for name, fact in self.facts.items()}
                | {self._replica: self._n_frames},
            )

    def finish(self, series: Series, notes: list[str]) -> None:
        """Note that a replica is done."""
        self.state = None
        self.finished.append(series)
        self.facts[self._replica] = {
            "n_frames": self._n_frames,
            "interval_fs": self._trajectory.interval_fs,
            "notes": notes,
            "species": dict(zip(series.species, series.counts.tolist(), strict=True)),
            "bonds": self._longest.finish(),
        }
        self._write({})

    def _save(self) -> None:
        states = (self._reducer.state_dict(), self._trajectory.state_dict(), self._longest.state_dict())
        self._write({name: array for state in states for name, array in state.items()})

    def _write(self, state: Mapping[str, np.ndarray]) -> None:
        done = arrays_above("done/", pack_series(self.finished))
        self._checkpoint.save(self.facts, {**done, **arrays_above("state/", state)})


def _read_settings(given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings, those not given at their defaults."""
    settings = vars(read_record(ReductionSettings, given, "settings"))
    trajectories = settings["trajectories"]
    if not isinstance(trajectories, dict) or not trajectories:
        raise InputError(f'trajectories is {trajectories!r}; expected replica → file name, as {{"r0": "run.xtc"}}')
    if settings["molecules"] and settings["topology"] is None:
        raise InputError("molecules are selected without a topology; expected one with bonds or residues; give it")
    strangers = sorted(set(settings["members"]) - set(trajectories))
    if strangers:
        raise InputError(f"members name {', '.join(strangers)}; expected replicas among {', '.join(trajectories)}")
    return settings


def _open(path: Path | list[Path], topology: AtomTable | None, settings: dict[str, Any]) -> Trajectory:
    cell = settings["cell_A"]
    return open_trajectory(
        path,
        topology=topology,
        timestep_fs=settings["timestep_fs"],
        cell_A=None if cell is None else np.asarray(cell, float),
        stride=settings["stride"],
        elements=settings["elements"],
        lammps_units=settings["lammps_units"],
    )


def main(path: str | Path) -> int:
    """Run the program on ``settings.json``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

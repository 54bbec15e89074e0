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
    Species whose particles are followed one by one; all unless told.
``members``
    Label of the replica → the potential that drove it, where there are several.
``max_megabytes``
    Bound on the displacements kept of each replica, 64 unless told: every checkpoint holds them all.
``checkpoint_seconds``
    Time between checkpoints [s], 300 unless told; the only setting that may change when a run is continued.

File to carry into the folder of a continued run: ``checkpoint.npz``. It gives bit by bit what an unbroken one gives.
"""

import json
import sys
import time
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import Job, execute, write_atomically
from aiida_elyte.science.arrays import write_arrays
from aiida_elyte.science.settings import read_record
from aiida_elyte.science.trajectory.readers import Trajectory, open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.reduction import Reducer, Series, pack_series, unpack_series
from aiida_elyte.science.trajectory.settings import ReductionSettings
from aiida_elyte.science.trajectory.topology import AtomTable, read_topology, select_molecules

__all__ = ["main"]

CHECKPOINT = "checkpoint.npz"
SERIES = "series.npz"

_REPORT_SECONDS = 5.0


class _Checkpoint:
    """What is done of a job, on disk: finished series, and the state of the replica in work."""

    def __init__(self, folder: Path, identity: str) -> None:
        self._path = folder / CHECKPOINT
        self._identity = identity
        self.finished: list[Series] = []
        self.facts: dict[str, dict[str, Any]] = {}
        self.state: dict[str, np.ndarray] | None = None
        self.seconds = 0.0
        if self._path.exists():
            self._load()

    def save(self, state: dict[str, np.ndarray] | None) -> None:
        """Write the checkpoint."""
        started = time.monotonic()
        arrays = {f"done/{key}": array for key, array in pack_series(self.finished).items()}
        arrays |= {f"state/{key}": array for key, array in (state or {}).items()}
        texts = {"identity": np.array(self._identity), "facts": np.array(json.dumps(self.facts))}
        write_atomically(self._path, write_arrays({**arrays, **texts}))
        self.seconds = time.monotonic() - started

    def _load(self) -> None:
        with np.load(self._path, allow_pickle=False) as arrays:
            if str(arrays["identity"]) != self._identity:
                raise InputError(
                    f"{CHECKPOINT} belongs to other settings or files; expected one of the same; remove it"
                )
            self.facts = json.loads(str(arrays["facts"]))
            self.finished = unpack_series(_under("done/", arrays))
            self.state = _under("state/", arrays) or None


def _under(prefix: str, arrays: Any) -> dict[str, np.ndarray]:
    return {key.removeprefix(prefix): arrays[key] for key in arrays if key.startswith(prefix)}


def run(job: Job) -> dict[str, Any]:
    """Reduce the trajectories of a job."""
    settings = _read_settings(job.settings)
    trajectories: dict[str, str | list[str]] = settings["trajectories"]
    topology = None if settings["topology"] is None else read_topology(job.folder / settings["topology"])
    molecules = select_molecules(topology, settings["molecules"]) if topology is not None else {}
    checkpoint = _Checkpoint(job.folder, _identity(job.folder, settings))
    resumed_from = None if checkpoint.state is None else int(checkpoint.state["n_frames"])
    n_read = 0
    for replica, name in list(trajectories.items())[len(checkpoint.finished) :]:
        files = job.folder / name if isinstance(name, str) else [job.folder / part for part in name]
        trajectory = _open(files, topology, settings)
        watch = _Watch(job, checkpoint, trajectory, replica, settings["checkpoint_seconds"])
        series, notes = reduce_trajectory(
            trajectory,
            molecules=molecules,
            tracked=settings["tracked"],
            max_megabytes=settings["max_megabytes"],
            replica=replica,
            member=settings["members"].get(replica, ""),
            state=checkpoint.state,
            on_frame=watch,
        )
        n_read += watch.n_read
        checkpoint.state = None
        checkpoint.finished.append(series)
        checkpoint.facts[replica] = {
            "n_frames": watch.n_frames,
            "interval_fs": trajectory.interval_fs,
            "notes": [*notes, *trajectory.warnings],
            "species": dict(zip(series.species, series.counts.tolist(), strict=True)),
        }
        checkpoint.save(None)
    write_atomically(job.folder / SERIES, write_arrays(pack_series(checkpoint.finished)))
    facts = {key: {name: fact[key] for name, fact in checkpoint.facts.items()} for key in _FACTS}
    return {**facts, "resumed_from_frame": resumed_from, "frames_read_in_this_job": n_read}


_FACTS = ("n_frames", "interval_fs", "notes", "species")


class _Watch:
    """Looks at the clock after each frame: reports, writes checkpoints, and stops before the wall time."""

    def __init__(self, job: Job, checkpoint: _Checkpoint, trajectory: Trajectory, replica: str, every_s: float) -> None:
        self._job, self._checkpoint, self._replica, self._every_s = job, checkpoint, replica, every_s
        self._trajectory = trajectory
        self._saved_s = self._reported_s = job.seconds
        self.n_frames = 0 if checkpoint.state is None else int(checkpoint.state["n_frames"])
        self.n_read = 0

    def __call__(self, reducer: Reducer) -> None:
        self.n_frames = reducer.n_frames
        self.n_read += 1
        now = self._job.seconds
        should_stop = self._job.should_stop(reserve_s=2.0 * self._checkpoint.seconds)
        if should_stop or now - self._saved_s > self._every_s:
            self._checkpoint.save({**reducer.state_dict(), **self._trajectory.state_dict()})
            self._saved_s = self._job.seconds
        if should_stop:
            raise ProgramFailure(
                "OUT_OF_WALLTIME",
                f"{self.n_frames} frames of replica {self._replica} read in {now:.0f} s; resume to read the others",
                n_frames={**{name: fact["n_frames"] for name, fact in self._checkpoint.facts.items()}}
                | {self._replica: self.n_frames},
            )
        if now - self._reported_s > _REPORT_SECONDS:
            self._job.report(replica=self._replica, frames=self.n_frames)
            self._reported_s = now


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


def _identity(folder: Path, settings: dict[str, Any]) -> str:
    """Return what a checkpoint must have in common with the run that takes it up: settings and sizes of files."""
    told = [[name] if isinstance(name, str) else name for name in settings["trajectories"].values()]
    names = [*chain.from_iterable(told), *([settings["topology"]] if settings["topology"] else [])]
    sizes = {name: (folder / name).stat().st_size for name in names if (folder / name).is_file()}
    kept = {key: value for key, value in settings.items() if key != "checkpoint_seconds"}
    return json.dumps([kept, sizes], sort_keys=True)


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

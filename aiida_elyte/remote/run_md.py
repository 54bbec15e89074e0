"""Molecular dynamics of replicas with an ensemble of potentials, their transport series reduced beside it.

In:  ``settings.json`` (see ``science/dynamics/settings.py``; ``families`` names the family of each member, see
     ``Family.reference``), ``start.extxyz`` (one frame, or one for each replica), one potential a member (``m00.pt``,
     ``m01.pt`` …): a replica is driven by its own, the committee is all of them.
Out: ``sampled.extxyz`` (frames at ``sample_stride`` and those at which replicas stopped), ``series.npz`` (one Series
     a replica), ``trajectory_r<k>.xyz`` (stays where it was made), ``results.json``.

Files to carry into the folder of a continued run: ``checkpoint.npz``, ``sampled.extxyz``, ``trajectory_r*.xyz``; a
finished run goes on when ``n_steps`` is larger. On one machine, a run that was killed and continued gives bit by bit
what an unbroken one gives: neighbour lists are made afresh every block, checkpoints fall between blocks, and what was
written after the last checkpoint is cut off. (CUDA adds in any order: there, only to rounding.)

Steps count from the start of production; those of ramp and hold are negative and in no output but a stop's frame.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import CHECKPOINT, Checkpoint, Job, Pace, execute, write_atomically
from aiida_elyte.science.arrays import write_arrays
from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.members import forces_of_members
from aiida_elyte.science.dynamics.settings import MdSettings, read_md_settings
from aiida_elyte.science.dynamics.simulation import Simulation
from aiida_elyte.science.dynamics.starts import read_starts
from aiida_elyte.science.dynamics.summary import summarise_run
from aiida_elyte.science.frames import read_frames
from aiida_elyte.science.potentials.device import choose_device
from aiida_elyte.science.potentials.family import Family, resolve_family
from aiida_elyte.science.potentials.memory import keep_freed_memory
from aiida_elyte.science.tensors import join_tensors, split_tensors
from aiida_elyte.science.trajectory.reduction import pack_series


def run(job: Job) -> dict[str, Any]:
    """Run the program."""
    keep_freed_memory()
    given = dict(job.settings)
    families = {name: resolve_family(reference) for name, reference in given.pop("families", {}).items()}
    settings = read_md_settings(given)
    members = load_forces(job.folder, settings, families)
    engines = {family.name: family.versions() for family in families.values()}
    return {**simulate(job, settings, members), "families": engines}


def load_forces(folder: Path, settings: MdSettings, families: Mapping[str, Family]) -> dict[str, Callable[[], Forces]]:
    """Load the potentials that lie in the folder, each by its family."""
    unnamed = sorted({path.stem for path in folder.glob("*.pt")} - set(families))
    if unnamed:
        raise InputError(f"families lacks {unnamed}; expected the family of each potential, as package.module:Class")
    device = choose_device(settings.device)
    dtype = getattr(torch, settings.dtype) if settings.dtype is not None else None
    potentials = {
        name: family.load((folder / f"{name}.pt").read_bytes(), device, dtype)
        for name, family in sorted(families.items())
    }
    numbers = np.unique(np.concatenate([frame.numbers for frame in read_frames(folder / "start.extxyz")]))
    return forces_of_members(potentials, settings, numbers)


def simulate(job: Job, settings: MdSettings, members: Mapping[str, Callable[[], Forces]]) -> dict[str, Any]:
    """Run or continue a simulation; ``members`` builds the forces of each potential by name.

    Raises
    ------
    ProgramFailure
        ``OUT_OF_WALLTIME`` with a checkpoint left, or the kind of the first stop if every replica has stopped.
    """
    simulation = Simulation(settings, read_starts(job.folder / "start.extxyz", settings), members, job.folder)
    checkpoint = Checkpoint(job.folder / CHECKPOINT, settings.identity)
    saved = checkpoint.load()
    if saved is None:
        simulation.begin()
    else:
        simulation.load_state_dict(join_tensors(*saved))
    first, begun = simulation.step, job.seconds

    def save() -> None:
        checkpoint.save(*split_tensors(simulation.state_dict()))

    def results() -> dict[str, Any]:
        series = {label: record.reducer.finish() for label, record in simulation.records.items()}
        write_atomically(job.folder / "series.npz", write_arrays(pack_series(series.values())))
        seconds = job.seconds - begun
        return {
            **summarise_run(simulation, series),
            "steps_run_in_this_job": simulation.step - first,
            "resumed_from_step": None if saved is None else first,
            "atom_steps_per_second": round(simulation.atom_steps / seconds, 1) if simulation.atom_steps else None,
        }

    pace = Pace(job, save, settings.checkpoint_seconds)
    while not simulation.is_finished:
        if pace.lap(step=simulation.step, n_steps=settings.n_steps):
            raise ProgramFailure(
                "OUT_OF_WALLTIME", f"wall time reached at step {simulation.step} of {settings.n_steps}", **results()
            )
        simulation.run_block()
    save()
    stops = [(record.stop, label) for label, record in simulation.records.items() if record.stop]
    if len(stops) < len(simulation.records):
        return results()
    earliest, label = min(stops, key=lambda item: item[0].step)
    raise ProgramFailure(
        earliest.kind,
        f"every replica stopped, {label} first, at step {earliest.step}: {earliest.message}",
        **results(),
    )


def main(path: str | Path) -> int:
    """Run the program on ``settings.json``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""Thermal frames of clusters and of small boxes from LAMMPS with a committee of force fields.

In:  ``settings.json``, ``start.extxyz`` (clusters, not periodic, with their total ``charge``), one force field a member
     (``m00.json``, ``m01.json`` …), ``engine.sh`` (starts ``lmp`` with the arguments it is given).
Out: ``sampled.extxyz`` (clusters with the committee's spread), ``results.json``.

Settings:

``replicas``
    A list of ``{"seed": …, "member": …}``, seeds of a round in a thousand of their own. Clusters take turns to be
    started from, from round to round too; its member drives a replica, the committee is all members.
``temperature_K``, ``n_steps``, ``sample_stride``, ``timestep_fs``
    Of every run.
``boxes``
    The last ``count`` of the replicas run a box of the ``recipe`` with about ``n_atoms`` and chains of ``n_units``,
    more where one molecule of each kind asks for it, compressed from ``density_g_cm3`` (by default that of
    ``loose_density``) at ``pressure_bar`` in ``compress_steps``; ``n_cuts`` clusters are cut out of every frame, of
    molecules within ``radius_A`` of a cation and of at most ``max_atoms``, or of ``room_for_shell`` where that is more;
    those of one molecule are dropped. None where ``count`` is 0.

Files to carry into the folder of a continued run: ``sampled.extxyz``, ``checkpoint.npz``; finished replicas are kept.
"""

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import CHECKPOINT, Checkpoint, Job, Pace, execute, guarded, write_atomically
from aiida_elyte.science.electrolyte.sampling import BoxSampler, ClusterSampler, Committee, ReplicaSampler
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.frames import name_of, read_frames, write_frames
from aiida_elyte.science.lammps.sampling import read_samples
from aiida_elyte.science.lammps.sampling_settings import Boxes, Sampling
from aiida_elyte.science.settings import read_record
from aiida_elyte.science.trajectory.parts import part_name

__all__ = ["main"]

START, SAMPLED = "start.extxyz", "sampled.extxyz"
_DATA, _INPUT = "system.data", "in.lammps"
_LOG, _SCREEN = "log.lammps", "lmp.txt"


@dataclass(frozen=True)
class _Replica:
    """One run."""

    number: int
    """Its place among the replicas."""
    seed: int
    """Seed of its velocities and collisions."""
    member: str
    """Name of the force field that drives it."""
    start: Atoms | None
    """The cluster it starts from; ``None`` of a box."""


class _TooLongError(Exception):
    """A run did not end within the wall time."""


def run(job: Job) -> dict[str, Any]:
    """Sample every replica that is not done yet."""
    paths = sorted(job.folder.glob("m[0-9]*.json"))
    members = {path.stem: ForceField.from_json(path.read_text()) for path in paths}
    sampling = read_record(Sampling, job.settings, "settings")
    sampling.require_all()
    boxes = read_record(Boxes, sampling.boxes, "boxes")
    replicas = _replicas(job, boxes, members)
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (*paths, job.folder / START)}
    kept = {key: value for key, value in job.settings.items() if key != "replicas"}
    checkpoint = Checkpoint(job.folder / CHECKPOINT, {**kept, **files})
    stops, frames = _resume(job.folder, checkpoint)
    pace, n_before = Pace(job, reserve=1.5), len(stops)

    def out_of_time() -> ProgramFailure:
        return ProgramFailure("OUT_OF_WALLTIME", f"{len(stops)} of {len(replicas)} runs done in {job.seconds:.0f} s")

    for replica in replicas[len(stops) :]:
        if pace.lap():
            raise out_of_time()
        try:
            sampled, stop = _sample(job, replica, sampling, boxes, members)
        except InputError as error:
            sampled, stop = [], str(error)
        except _TooLongError as error:
            if len(stops) > n_before:
                raise out_of_time() from error
            sampled, stop = [], str(error)
        frames += sampled
        stops.append(stop)
        write_atomically(job.folder / SAMPLED, write_frames(frames))
        checkpoint.save({"stops": stops, "n_frames": len(frames)})
        job.report(done=len(stops), of=len(replicas), frames=len(frames))
    if not frames:
        raise ProgramFailure("NO_FRAME", f"none of {len(replicas)} runs gave a frame; the first: {stops[0]}")
    return {
        "n_frames": len(frames),
        "n_runs": len(replicas),
        "stops": {f"r{number}": stop for number, stop in enumerate(stops) if stop is not None},
    }


def _replicas(job: Job, boxes: Boxes, members: Mapping[str, ForceField]) -> list[_Replica]:
    starts = read_frames(job.folder / START)
    given = job.settings["replicas"]
    replicas, n_clusters = [], len(given) - boxes.count
    for number, one in enumerate(given):
        if one["member"] not in members:
            raise InputError(f"replica {number} names member {one['member']!r}; expected one of {', '.join(members)}")
        start = starts[(number + one["seed"] // 1000 * n_clusters) % len(starts)] if number < n_clusters else None
        if start is not None and start.pbc.any():
            raise InputError(
                f"start {name_of(start)} is periodic; expected an isolated cluster; cut clusters out of it"
            )
        replicas.append(_Replica(number, one["seed"], one["member"], start))
    return replicas


def _resume(folder: Path, checkpoint: Checkpoint) -> tuple[list[str | None], list[Atoms]]:
    """Return what earlier jobs have done: why each run stopped, and the frames."""
    saved = checkpoint.load()
    if saved is None:
        return [], []
    n_frames = saved.state["n_frames"]
    return saved.state["stops"], read_frames(folder / SAMPLED)[:n_frames] if n_frames else []


def _sample(
    job: Job, replica: _Replica, sampling: Sampling, boxes: Boxes, members: Mapping[str, ForceField]
) -> tuple[list[Atoms], str | None]:
    """Run one replica in a folder of its own; return its frames and why it stopped early, if it did."""
    folder = job.folder / f"r{replica.number}"
    folder.mkdir(exist_ok=True)
    for left in folder.iterdir():
        left.unlink()
    committee = Committee(members, replica.member)
    sampler: ReplicaSampler = (
        BoxSampler(boxes, committee, sampling, replica.seed)
        if replica.start is None
        else ClusterSampler(replica.start, committee, sampling, replica.seed)
    )
    dump = part_name(0)
    data, commands = sampler.write(_DATA, dump)
    (folder / _DATA).write_text(data)
    (folder / _INPUT).write_text(commands)
    stop = _run_lammps(job, folder)
    n_steps, stride = job.settings["n_steps"], job.settings["sample_stride"]
    frames, torn = sampler.frames(read_samples(folder / dump, n_steps, stride, sampler.begin))
    stop = torn or stop
    return frames, stop if frames else stop or sampler.nothing


def _run_lammps(job: Job, folder: Path) -> str | None:
    """Run LAMMPS in a folder, as long as the job may; return its own words when it failed."""
    command = ["bash", str(job.folder / "engine.sh"), "-in", _INPUT, "-log", _LOG, "-screen", "none"]
    seconds = None if job.max_seconds is None else max(0.0, 0.95 * job.max_seconds - job.seconds)
    with guarded(command, folder, folder / _SCREEN) as engine:
        try:
            status = engine.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise _TooLongError(
                f"the run did not end within {seconds:.0f} s, a whole job; lower n_steps or raise the wall time"
            ) from error
    if status == 0:
        return None
    if not (folder / _LOG).exists():
        said = ((folder / _SCREEN).read_text(errors="replace").strip() or "no word").splitlines()[-1]
        raise ProgramFailure("LAMMPS_MISSING", f"`lmp` ended with exit status {status}: {said}")
    errors = [line for line in (folder / _LOG).read_text().splitlines() if line.startswith("ERROR")]
    if any("class2" in line and "nknown" in line for line in errors):
        raise ProgramFailure("CLASS2_MISSING", errors[-1])
    return errors[-1] if errors else f"lmp ended with exit status {status}"


def main(path: str) -> int:
    """Run the program on the settings at ``path``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

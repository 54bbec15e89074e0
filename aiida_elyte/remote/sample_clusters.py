"""Thermal frames of clusters from LAMMPS with a committee of force fields.

In:  ``settings.json``, ``start.extxyz`` (clusters, not periodic, with their total ``charge``), one force field a member
     (``m00.json``, ``m01.json`` …): a replica is driven by its own, the committee is all of them.
Out: ``sampled.extxyz`` (frames with the committee's spread), ``results.json``.

Settings: ``replicas`` (a list of ``{"seed": …, "member": …}``), ``temperature_K``, ``n_steps``, ``sample_stride``,
``timestep_fs``; ``engine.sh`` starts ``lmp`` with the arguments it is given. Replica r starts from a cluster that its seed chooses: seeds that
follow each other choose clusters that follow each other.

Files to carry into the folder of a continued run: ``sampled.extxyz``, ``checkpoint.json``; finished replicas are kept.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import Job, execute, write_atomically
from aiida_elyte.science.forcefield.dataset import name_of
from aiida_elyte.science.forcefield.export import as_lammps_system
from aiida_elyte.science.forcefield.lammps import data_file, input_file
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.forcefield.sampling import cluster_commands, committee_spreads, find_broken_bond
from aiida_elyte.science.forcefield.topology import topology_from_frame
from aiida_elyte.science.forcefield.typing import assign_types
from aiida_elyte.science.frames import block_of, read_frames, round_frame, write_frames
from aiida_elyte.science.trajectory.readers import open_trajectory

SAMPLED = "sampled.extxyz"
CHECKPOINT = "checkpoint.json"
ENGINE = "engine.sh"
_DATA, _INPUT, _DUMP = "system.data", "in.lammps", "frames.lammpstrj"


@dataclass(frozen=True)
class Replica:
    """One run of one cluster."""

    number: int
    """Its place among the replicas."""
    seed: int
    """Seed of its velocities and collisions."""
    member: str
    """Name of the force field that drives it."""
    start: Atoms
    """Where it starts."""


def run(job: Job) -> dict[str, Any]:
    """Sample every replica that is not done yet."""
    members = {path.stem: ForceField.from_json(path.read_text()) for path in sorted(job.folder.glob("m[0-9]*.json"))}
    replicas = _replicas(job, members)
    done, frames = _resume(job.folder)
    slowest = 0.0
    for replica in replicas[len(done) :]:
        if job.should_stop(reserve_s=1.5 * slowest):
            raise ProgramFailure(
                "OUT_OF_WALLTIME", f"{len(done)} of {len(replicas)} clusters done in {job.seconds:.0f} s"
            )
        started = job.seconds
        sampled, stop = _sample(job, replica, members)
        slowest = max(slowest, job.seconds - started)
        frames += sampled
        done.append(stop)
        write_atomically(job.folder / SAMPLED, write_frames(frames))
        write_atomically(job.folder / CHECKPOINT, json.dumps({"stops": done, "n_frames": len(frames)}))
        job.report(done=len(done), of=len(replicas), frames=len(frames))
    if not frames:
        raise ProgramFailure("NO_FRAME", f"none of {len(replicas)} clusters gave a frame; the first: {done[0]}")
    return {
        "n_frames": len(frames),
        "n_replicas": len(replicas),
        "stops": {f"r{number}": stop for number, stop in enumerate(done) if stop is not None},
        "simulated_ps": len(replicas) * job.settings["n_steps"] * job.settings["timestep_fs"] / 1000,
    }


def _replicas(job: Job, members: dict[str, ForceField]) -> list[Replica]:
    starts = read_frames(job.folder / "start.extxyz")
    replicas = []
    for number, given in enumerate(job.settings["replicas"]):
        if given["member"] not in members:
            raise InputError(f"replica {number} names member {given['member']!r}; expected one of {', '.join(members)}")
        start = starts[given["seed"] % len(starts)]
        if start.pbc.any():
            raise InputError(
                f"start {name_of(start)} is periodic; expected an isolated cluster; cut clusters out of it"
            )
        replicas.append(Replica(number, given["seed"], given["member"], start))
    return replicas


def _resume(folder: Path) -> tuple[list[str | None], list[Atoms]]:
    """Return what earlier jobs have done: why each replica stopped, and the frames."""
    if not (folder / CHECKPOINT).exists():
        return [], []
    state = json.loads((folder / CHECKPOINT).read_text())
    return state["stops"], read_frames(folder / SAMPLED)[: state["n_frames"]] if state["n_frames"] else []


def _sample(job: Job, replica: Replica, members: dict[str, ForceField]) -> tuple[list[Atoms], str | None]:
    """Run one cluster; return its frames and why it stopped early, if it did."""
    settings, start = job.settings, replica.start
    topology = topology_from_frame(start, int(start.info.get("charge", start.info.get("total_charge", 0))))
    force_field = members[replica.member]
    system = as_lammps_system(force_field, topology, assign_types(topology, force_field.depth), start.positions)
    commands = cluster_commands(
        start.positions,
        temperature_K=settings["temperature_K"],
        n_steps=settings["n_steps"],
        stride=settings["sample_stride"],
        timestep_fs=settings["timestep_fs"],
        seed=replica.seed,
        dump=_DUMP,
    )
    folder = job.folder / f"r{replica.number}"
    folder.mkdir(exist_ok=True)
    (folder / _DATA).write_text(data_file(system))
    (folder / _INPUT).write_text(input_file(system, _DATA) + commands)
    stop = _run_lammps(job.folder / ENGINE, folder)
    positions, torn = [], None
    if (folder / _DUMP).exists() and (folder / _DUMP).stat().st_size:
        trajectory = open_trajectory(
            folder / _DUMP, timestep_fs=settings["timestep_fs"], symbols=start.get_chemical_symbols()
        )
        for frame in trajectory.frames(1):
            torn = find_broken_bond(frame.positions_A, topology) if np.isfinite(frame.positions_A).all() else "NaN"
            if torn:
                break
            positions.append(frame.positions_A)
        (folder / _DUMP).unlink()
    frames = []
    if positions:
        spreads = committee_spreads(list(members.values()), topology, np.array(positions)) if len(members) > 1 else []
        for number, place in enumerate(positions, start=1):
            frame = Atoms(start.symbols, place)
            step = number * settings["sample_stride"]
            frame.info = {
                **{
                    key: start.info[key]
                    for key in ("charge", "total_charge", "system", "stoichiometry", "kind")
                    if key in start.info
                },
                "origin": f"sample-{block_of(start)}-s{replica.seed}#{step}",
                "member": replica.member,
                "temperature_K": float(settings["temperature_K"]),
            }
            if spreads:
                frame.info |= {
                    "spread_max_eV_A": spreads[number - 1].maximum,
                    "spread_mean_eV_A": spreads[number - 1].mean,
                }
            frames.append(round_frame(frame))
    return frames, torn or stop


def _run_lammps(engine: Path, folder: Path) -> str | None:
    """Run LAMMPS in a folder; return its own words when it failed."""
    command = ["bash", str(engine), "-in", _INPUT, "-log", "log.lammps", "-screen", "none"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode == 0:
        return None
    log = folder / "log.lammps"
    if not log.exists():
        raise ProgramFailure(
            "LAMMPS_MISSING", f"`lmp` did not start: {(done.stderr.strip() or 'no word').splitlines()[-1]}"
        )
    errors = [line for line in log.read_text().splitlines() if line.startswith("ERROR")]
    return errors[-1] if errors else f"lmp ended with exit status {done.returncode}"


def main(path: str) -> int:
    """Run the program on the settings at ``path``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

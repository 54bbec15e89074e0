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
    more where one molecule of each kind asks for it, compressed from ``density_g_cm3`` (unless told otherwise that of
    ``loose_density``) at ``pressure_bar`` in ``compress_steps``; ``n_cuts`` clusters are cut out of every frame, of
    molecules within ``radius_A`` of a cation and of at most ``max_atoms``, or of ``room_for_shell`` where that is more;
    those of one molecule are dropped. None where ``count`` is 0.

Files to carry into the folder of a continued run: ``sampled.extxyz``, ``checkpoint.json``; finished replicas are kept.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import Job, execute, guarded, write_atomically
from aiida_elyte.science.electrolyte.boxes import box_recipe, count_molecules, loose_density, pack_box
from aiida_elyte.science.electrolyte.cutouts import cut_shells
from aiida_elyte.science.electrolyte.recipe import read_recipe
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.frames import (
    block_of,
    labels_of,
    name_of,
    read_frames,
    round_frame,
    total_charge_of,
    write_frames,
)
from aiida_elyte.science.lammps.export import as_lammps_system
from aiida_elyte.science.lammps.run import kinds_of_data, run_input
from aiida_elyte.science.lammps.sampling import (
    box_run,
    cluster_commands,
    committee_spreads,
    sampled_steps,
)
from aiida_elyte.science.lammps.sampling_settings import Boxes, Sampling
from aiida_elyte.science.lammps.stages import last_steps
from aiida_elyte.science.lammps.system import data_file, input_file
from aiida_elyte.science.molecules.broken_bonds import find_broken_bond
from aiida_elyte.science.molecules.connectivity import topology_from_text
from aiida_elyte.science.molecules.perception import topology_from_frame
from aiida_elyte.science.molecules.topology import Topology
from aiida_elyte.science.molecules.typing import assign_types
from aiida_elyte.science.settings import read_record
from aiida_elyte.science.statistics.spread import ForceSpread
from aiida_elyte.science.trajectory.parts import part_name
from aiida_elyte.science.trajectory.readers import open_trajectory

__all__ = ["main"]

SAMPLED = "sampled.extxyz"
CHECKPOINT = "checkpoint.json"
_DATA, _INPUT = "system.data", "in.lammps"
_LOG, _SCREEN = "log.lammps", "lmp.txt"


@dataclass(frozen=True)
class Replica:
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
    members = {path.stem: ForceField.from_json(path.read_text()) for path in sorted(job.folder.glob("m[0-9]*.json"))}
    sampling = read_record(Sampling, job.settings, "settings")
    sampling.require_all()
    job.settings["boxes"] = vars(read_record(Boxes, sampling.boxes, "boxes"))
    replicas = _replicas(job, members)
    stops, frames = _resume(job.folder)
    slowest, n_before = 0.0, len(stops)
    for replica in replicas[len(stops) :]:
        if job.should_stop(reserve_s=1.5 * slowest):
            raise ProgramFailure("OUT_OF_WALLTIME", f"{len(stops)} of {len(replicas)} runs done in {job.seconds:.0f} s")
        started = job.seconds
        folder = job.folder / f"r{replica.number}"
        folder.mkdir(exist_ok=True)
        for left in folder.iterdir():
            left.unlink()
        sample = _sample_box if replica.start is None else _sample_cluster
        try:
            sampled, stop = sample(job, replica, members, folder)
        except InputError as error:
            sampled, stop = [], str(error)
        except _TooLongError as error:
            if len(stops) > n_before:
                raise ProgramFailure(
                    "OUT_OF_WALLTIME", f"{len(stops)} of {len(replicas)} runs done in {job.seconds:.0f} s"
                ) from error
            sampled, stop = [], str(error)
        slowest = max(slowest, job.seconds - started)
        frames += sampled
        stops.append(stop)
        write_atomically(job.folder / SAMPLED, write_frames(frames))
        write_atomically(job.folder / CHECKPOINT, json.dumps({"stops": stops, "n_frames": len(frames)}))
        job.report(done=len(stops), of=len(replicas), frames=len(frames))
    if not frames:
        raise ProgramFailure("NO_FRAME", f"none of {len(replicas)} runs gave a frame; the first: {stops[0]}")
    return {
        "n_frames": len(frames),
        "n_runs": len(replicas),
        "stops": {f"r{number}": stop for number, stop in enumerate(stops) if stop is not None},
    }


def _replicas(job: Job, members: Mapping[str, ForceField]) -> list[Replica]:
    starts = read_frames(job.folder / "start.extxyz")
    given = job.settings["replicas"]
    replicas, n_clusters = [], len(given) - job.settings["boxes"]["count"]
    for number, one in enumerate(given):
        if one["member"] not in members:
            raise InputError(f"replica {number} names member {one['member']!r}; expected one of {', '.join(members)}")
        start = starts[(number + one["seed"] // 1000 * n_clusters) % len(starts)] if number < n_clusters else None
        if start is not None and start.pbc.any():
            raise InputError(
                f"start {name_of(start)} is periodic; expected an isolated cluster; cut clusters out of it"
            )
        replicas.append(Replica(number, one["seed"], one["member"], start))
    return replicas


def _resume(folder: Path) -> tuple[list[str | None], list[Atoms]]:
    """Return what earlier jobs have done: why each run stopped, and the frames."""
    if not (folder / CHECKPOINT).exists():
        return [], []
    state = json.loads((folder / CHECKPOINT).read_text())
    return state["stops"], read_frames(folder / SAMPLED)[: state["n_frames"]] if state["n_frames"] else []


def _sample_cluster(
    job: Job, replica: Replica, members: Mapping[str, ForceField], folder: Path
) -> tuple[list[Atoms], str | None]:
    """Run one cluster; return its frames and why it stopped early, if it did."""
    settings, start = job.settings, replica.start or Atoms()
    topology = _topology(start)
    force_field = members[replica.member]
    system = as_lammps_system(force_field, topology, assign_types(topology, force_field.depth), start.positions)
    commands = cluster_commands(
        start.positions,
        temperature_K=settings["temperature_K"],
        n_steps=settings["n_steps"],
        stride=settings["sample_stride"],
        timestep_fs=settings["timestep_fs"],
        seed=replica.seed,
        dump=part_name(0),
    )
    (folder / _DATA).write_text(data_file(system))
    (folder / _INPUT).write_text(input_file(system, _DATA) + commands)
    stop = _run_lammps(job, folder)
    steps, positions = [], []
    for step, place, _ in _frames(folder, settings, start.get_chemical_symbols()):
        torn = find_broken_bond(place, topology)
        if torn is not None:
            stop = torn
            break
        steps.append(step)
        positions.append(place)
    if not positions:
        return [], stop or "the run left no frame"
    spreads = committee_spreads(list(members.values()), topology, np.array(positions)) if len(members) > 1 else []
    kept = {key: start.info[key] for key in ("charge", "system", "stoichiometry", "kind", "bonds") if key in start.info}
    frames = []
    for number, (step, place) in enumerate(zip(steps, positions, strict=True)):
        frame = Atoms(start.symbols, place, info={**kept, "charge": _charge(start)})
        _note(frame, replica, settings, f"{block_of(start)}-s{replica.seed}#{step}")
        if spreads:
            _note_spread(frame, spreads[number])
        frames.append(round_frame(frame))
    return frames, stop


def _sample_box(
    job: Job, replica: Replica, members: Mapping[str, ForceField], folder: Path
) -> tuple[list[Atoms], str | None]:
    """Run a small box and cut clusters out of it."""
    settings, choices = job.settings, job.settings["boxes"]
    recipe = box_recipe(read_recipe(choices["recipe"]), choices["n_atoms"], choices["n_units"], replica.seed)
    box = pack_box(recipe, count_molecules(recipe), choices.get("density_g_cm3") or loose_density(recipe))
    topology, force_field = box.topology, members[replica.member]
    types = assign_types(topology, force_field.depth)
    system = as_lammps_system(force_field, topology, types, box.positions, box.cell)
    run_settings = box_run(
        temperature_K=settings["temperature_K"],
        pressure_bar=choices["pressure_bar"],
        compress_steps=choices["compress_steps"],
        n_steps=settings["n_steps"],
        stride=settings["sample_stride"],
        timestep_fs=settings["timestep_fs"],
        cutoff_A=choices["cutoff_A"],
        seed=replica.seed + 1,
    )
    (folder / _DATA).write_text(data_file(system))
    with (folder / _DATA).open() as lines:
        present = kinds_of_data(lines)
    (folder / _INPUT).write_text(run_input(run_settings, _DATA, present))
    stop = _run_lammps(job, folder)
    rng = np.random.default_rng(replica.seed)
    begin = last_steps(run_settings.stages)[-2]
    frames = []
    for step, place, cell in _frames(folder, settings, topology.elements, begin):
        torn = find_broken_bond(place, topology)
        if torn is not None:
            stop = torn
            break
        cuts = cut_shells(
            place,
            cell,
            topology,
            n_cuts=choices["n_cuts"],
            radius_A=choices["radius_A"],
            max_atoms=choices["max_atoms"],
            rng=rng,
        )
        for number, frame in enumerate(cuts):
            _note(frame, replica, settings, f"box-s{replica.seed}-{number}#{step}")
            if len(members) > 1:
                _note_spread(frame, *committee_spreads(list(members.values()), _topology(frame), frame.positions[None]))
            frames.append(round_frame(frame))
    return frames, stop if frames else stop or "the run left no frame with more than one molecule around a centre"


def _topology(frame: Atoms) -> Topology:
    """Return the topology a cluster tells, or that which its geometry has."""
    if "bonds" in frame.info:
        return topology_from_text(frame.get_chemical_symbols(), str(frame.info["bonds"]))
    return topology_from_frame(frame, _charge(frame))


def _charge(frame: Atoms) -> int:
    """Return the total charge of a cluster [e], as told or as its labels sum up to."""
    total = total_charge_of(frame)
    if total is None and "charges" in labels_of(frame):
        total = round(float(labels_of(frame)["charges"].sum()))
    if total is None:
        raise InputError(f"start {name_of(frame)} tells no charge; expected its total charge in info; add it")
    return total


def _note(frame: Atoms, replica: Replica, settings: Mapping[str, Any], origin: str) -> None:
    frame.info |= {"origin": origin, "member": replica.member, "temperature_K": float(settings["temperature_K"])}


def _note_spread(frame: Atoms, spread: ForceSpread) -> None:
    frame.info |= {"spread_max_eV_A": spread.maximum, "spread_mean_eV_A": spread.mean}


def _frames(
    folder: Path, settings: Mapping[str, Any], symbols: Sequence[str], begin: int = 0
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield step after ``begin``, positions [Å] and cell of the frames of a dump, up to one that is no number."""
    dump = folder / part_name(0)
    if not dump.exists() or not dump.stat().st_size:
        return
    trajectory = open_trajectory(dump, timestep_fs=settings["timestep_fs"], symbols=list(symbols))
    steps = sampled_steps(begin, settings["n_steps"], settings["sample_stride"])
    for step, frame in zip(steps, trajectory.frames(), strict=False):
        if not np.isfinite(frame.positions_A).all():
            return
        if step:
            yield step, np.asarray(frame.positions_A, float), frame.cell_A


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

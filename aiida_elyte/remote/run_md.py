"""Molecular dynamics of replicas with an ensemble of potentials, their transport series reduced beside it.

In:  ``settings.json`` (see ``science/dynamics/settings.py``), ``start.extxyz`` (one frame, or one for each replica),
     one potential a member (``m00.pt``, ``m01.pt`` …): a replica is driven by its own, the committee is all of them.
Out: ``sampled.extxyz`` (frames at ``sample_stride`` and those at which replicas stopped), ``series.npz`` (one Series
     a replica), ``trajectory_r<k>.xyz`` (stays where it was made), ``results.json``.

Files to carry into the folder of a continued run: ``checkpoint.pt``, ``sampled.extxyz``, ``trajectory_r*.xyz``; a
finished run goes on when ``n_steps`` is larger. On one machine, a run that was killed and continued gives bit by bit
what an unbroken one gives: neighbour lists are made afresh every ``BLOCK`` steps, checkpoints fall between blocks,
and what was written after the last checkpoint is cut off. (CUDA adds in any order: there, only to rounding.)

Steps count from the start of production; those of ramp and hold are negative and in no output but a stop's frame.
"""

import hashlib
import io
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms, units

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import Job, execute, write_atomically
from aiida_elyte.science.arrays import write_arrays
from aiida_elyte.science.dynamics.ensembles import describe_thermostat
from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.group import Group
from aiida_elyte.science.dynamics.record import ReplicaRecord
from aiida_elyte.science.dynamics.replicas import Replicas
from aiida_elyte.science.dynamics.settings import MdSettings, read_settings
from aiida_elyte.science.dynamics.stops import Stop
from aiida_elyte.science.frames import read_frames, write_frames
from aiida_elyte.science.potentials.memory import keep_freed_memory
from aiida_elyte.science.trajectory.reduction import pack_series

CHECKPOINT = "checkpoint.pt"
SAMPLED = "sampled.extxyz"
BLOCK = 20
"""Steps between two points at which a run can be taken up again; part of what makes a run, so not a setting."""


class GrowingFile:
    """A text file that grows, and is cut back to the length a checkpoint remembers."""

    def __init__(self, path: Path, length: int) -> None:
        present = path.stat().st_size if path.exists() else 0
        if present < length:
            raise InputError(
                f"{path.name} has {present} bytes, the checkpoint remembers {length}; "
                f"expected both from one run; copy {path.name} along with {CHECKPOINT}"
            )
        self._handle = path.open("ab")
        self._handle.truncate(length)
        self.path = path

    def write(self, text: str) -> None:
        """Append text."""
        self._handle.write(text.encode())

    def save(self) -> int:
        """Bring everything to disk; return the length of the file."""
        self._handle.flush()
        os.fsync(self._handle.fileno())
        return self.path.stat().st_size

    def digest(self) -> str:
        """Return the SHA-256 of the whole file."""
        with self.path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()


class Simulation:
    """Replicas, what is recorded of them, and the files.

    Parameters
    ----------
    job
        The job.
    settings
        Its settings, checked.
    members
        For each potential by name, what builds an evaluation of its forces.
    """

    def __init__(self, job: Job, settings: MdSettings, members: dict[str, Callable[[], Forces]]) -> None:
        self.job, self.settings = job, settings
        starts = read_starts(job.folder / "start.extxyz", settings)
        labels = [f"r{index}" for index in range(len(starts))]
        drivers = [replica.member for replica in settings.replicas]
        for index, member in enumerate(drivers):
            if member not in members:
                raise InputError(
                    f"replicas[{index}].member is {member!r}; expected one of the potentials given, {sorted(members)}"
                )
        self.records = {
            label: ReplicaRecord(label, member, start, settings)
            for label, member, start in zip(labels, drivers, starts, strict=True)
        }
        self.groups = []
        for member in sorted(set(drivers)):
            places = [place for place, driver in enumerate(drivers) if driver == member]
            forces = members[member]()
            replicas = Replicas.from_atoms(
                [starts[place] for place in places],
                [settings.replicas[place].seed for place in places],
                forces.model.device,
            )
            others = [build() for name, build in sorted(members.items()) if name != member]
            self.groups.append(Group(member, [labels[place] for place in places], replicas, forces, others))
        self.has_committee = len(members) > 1
        self.step = -(settings.ramp.ramp_steps + settings.ramp.hold_steps)
        self.resumed_from: int | None = None
        self.atom_steps = 0

    def prepare(self) -> None:
        """Take up the checkpoint, or begin."""
        names = [SAMPLED, *self._trajectories()]
        lengths = dict.fromkeys(names, 0)
        path = self.job.folder / CHECKPOINT
        found = torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None
        if found is not None:
            self._require_same(json.loads(found["identity"]))
            lengths = found["lengths"]
        self.files = {name: GrowingFile(self.job.folder / name, lengths[name]) for name in names}
        if found is None:
            for group in self.groups:
                group.begin(self.settings)
                if self.step == 0:
                    self._observe(group, 0)
        else:
            self.step = self.resumed_from = found["step"]
            for group, state in zip(self.groups, found["groups"], strict=True):
                group.load_state_dict(state, self.settings)
            for label, state in found["records"].items():
                self.records[label].load_state_dict(state)

    def _trajectories(self) -> list[str]:
        return [f"trajectory_{label}.xyz" for label in self.records] if self.settings.trajectory_stride else []

    def _require_same(self, identity: dict[str, Any]) -> None:
        """Refuse a checkpoint made with other settings."""
        asked = json.loads(json.dumps(self.settings.identity))
        for name, value in asked.items():
            if identity.get(name) != value:
                raise InputError(
                    f"{name} is {value}, the checkpoint was made with {identity.get(name)}; "
                    f"only n_steps, checkpoint_seconds and device may change; remove {CHECKPOINT} to start anew"
                )

    def advance(self) -> None:
        """Run to the end, to the wall time, or until every replica has stopped.

        Raises
        ------
        ProgramFailure
            ``OUT_OF_WALLTIME``, with a checkpoint left.
        """
        first, begun = self.step, time.monotonic()
        saved = reported = begun
        longest = 0.0
        while self.step < self.settings.n_steps and any(group.labels for group in self.groups):
            if self.job.should_stop(2.0 * longest):
                self.save()
                raise ProgramFailure(
                    "OUT_OF_WALLTIME",
                    f"wall time reached at step {self.step} of {self.settings.n_steps}",
                    **self.results(first, begun),
                )
            last = min(self.step - self.step % BLOCK + BLOCK, self.settings.n_steps)
            block_begun = time.monotonic()
            for group in self.groups:
                self._run_block(group, last)
            self.step = last
            now = time.monotonic()
            longest = max(longest, now - block_begun)
            if now - saved > self.settings.checkpoint_seconds:
                self.save()
                longest = max(longest, time.monotonic() - now)
                saved = time.monotonic()
            if now - reported > 5.0:
                self.job.report(step=self.step, n_steps=self.settings.n_steps)
                reported = now
        self.save()

    def _run_block(self, group: Group, last: int) -> None:
        if group.labels:
            group.reset()
        for step in range(self.step, last):
            if not group.labels:
                return
            group.step(self.settings, step)
            self.atom_steps += len(group.replicas.positions)
            self._observe(group, step + 1)

    def _observe(self, group: Group, step: int) -> None:
        """Record what is due at a step, and drop the replicas that must stop."""
        settings = self.settings
        is_production = step >= 0

        def due(stride: int | None) -> bool:
            return is_production and stride is not None and step % stride == 0

        samples = due(settings.sample_stride) and step > 0
        spreads = self.has_committee and (samples or due(settings.spread_stride))
        looks = bool(group.forces.exploded) or step % settings.stops.stride == 0 or step == settings.n_steps
        series, trajectory = due(settings.series_stride), due(settings.trajectory_stride)
        if not (samples or spreads or looks or series or trajectory):
            return
        temperatures = group.replicas.temperature_K.tolist()
        conserved = group.integrator.conserved(group.replicas).tolist()
        found = group.spread() if spreads else [None] * len(group.labels)
        stopped = []
        for place, label in enumerate(group.labels):
            record, spread, temperature_K = self.records[label], found[place], temperatures[place]
            frame = group.replicas.to_atoms(place)
            record.step = step
            if place in group.forces.exploded or not math.isfinite(temperature_K):
                record.stop = Stop("EXPLODED", "an atom moved more than 1 Å in one step, or to no number", step)
            elif looks or spreads:
                record.stop = record.judge(frame, step, temperature_K, spread)
            if record.stop is None and spread is not None:
                record.note_spread(spread, step)
            if record.stop is None and is_production:
                record.conserved[0 if step == 0 else 1] = conserved[place]
                if series:
                    velocities = frame.get_velocities() * units.fs
                    record.reducer.add(frame.positions, frame.cell.array, temperature_K, velocities_A_fs=velocities)
                if trajectory:
                    self.files[f"trajectory_{label}.xyz"].write(record.write_xyz(frame, step))
            if samples or record.stop is not None:
                frame.info = record.describe(step, temperature_K, float(group.replicas.energy[place]), spread)
                self.files[SAMPLED].write(write_frames([frame]))
            if record.stop is not None:
                stopped.append(place)
        if stopped:
            group.drop(stopped)

    def save(self) -> None:
        """Bring the outputs to disk, then write the checkpoint that remembers their lengths."""
        buffer = io.BytesIO()
        torch.save(
            {
                "identity": json.dumps(self.settings.identity),
                "step": self.step,
                "groups": [group.state_dict() for group in self.groups],
                "records": {label: record.state_dict() for label, record in self.records.items()},
                "lengths": {name: file.save() for name, file in self.files.items()},
            },
            buffer,
        )
        write_atomically(self.job.folder / CHECKPOINT, buffer.getvalue())

    def results(self, first: int, begun: float) -> dict[str, Any]:
        """Write ``series.npz`` and return what goes into ``results.json``."""
        series = {label: record.reducer.finish() for label, record in self.records.items()}
        write_atomically(self.job.folder / "series.npz", write_arrays(pack_series(series.values())))
        for file in self.files.values():
            file.save()
        seconds = time.monotonic() - begun
        records = self.records.items()
        return {
            "n_steps_done": {
                label: max(record.step, 0) if record.stop else max(self.step, 0) for label, record in records
            },
            "steps_run_in_this_job": self.step - first,
            "resumed_from_step": self.resumed_from,
            "stops": {label: asdict(record.stop) for label, record in records if record.stop},
            "temperature_K": {label: _mean(one.temperature_K) for label, one in series.items()},
            "volume_A3": {label: _mean(one.volume_A3) for label, one in series.items()},
            "energy_drift_eV_atom_ps": {label: record.drift_eV_atom_ps for label, record in records},
            "spread_eV_A": {label: record.mean_spread for label, record in records if record.mean_spread},
            "thermostat": describe_thermostat(self.settings),
            "members": {label: record.member for label, record in records},
            "n_atoms": {label: len(record.start) for label, record in records},
            "atom_steps_per_second": round(self.atom_steps / seconds, 1) if self.atom_steps else None,
            "device": str(self.groups[0].replicas.positions.device),
            "trajectories": {name: self.files[name].digest() for name in self._trajectories()},
        }


def read_starts(path: Path, settings: MdSettings) -> list[Atoms]:
    """Read the start frames, one for each replica, repeated to the supercell."""
    frames = read_frames(path)
    n_replicas = len(settings.replicas)
    if len(frames) not in (1, n_replicas):
        raise InputError(
            f"start.extxyz holds {len(frames)} frames for {n_replicas} replicas; expected one frame, or one a replica"
        )
    if len(frames) == 1:
        frames = frames * n_replicas
    twins: dict[tuple[int, str, bytes], int] = {}
    for index, (replica, frame) in enumerate(zip(settings.replicas, frames, strict=True)):
        twin = twins.setdefault((replica.seed, replica.member, frame.positions.tobytes()), index)
        if twin != index:
            raise InputError(
                f"replicas {twin} and {index} have the same seed {replica.seed}, member and start; "
                "expected different ones; change a seed"
            )
    return [frame.repeat(settings.supercell) for frame in frames]


def _mean(values: np.ndarray) -> dict[str, float | int] | None:
    """Return the mean of a correlated series and its standard error from ten blocks."""
    n_blocks = 10
    if len(values) == 0:
        return None
    mean: dict[str, float | int] = {"mean": float(values.mean()), "n_samples": len(values)}
    if len(values) >= 2 * n_blocks:
        blocks = np.array([block.mean() for block in np.array_split(values, n_blocks)])
        mean["std_err"] = float(blocks.std(ddof=1) / np.sqrt(n_blocks))
    return mean


def simulate(job: Job, settings: MdSettings, members: dict[str, Callable[[], Forces]]) -> dict[str, Any]:
    """Run or continue a simulation; ``members`` builds the forces of each potential by name.

    Raises
    ------
    ProgramFailure
        ``OUT_OF_WALLTIME``, or the kind of the first stop when every replica has stopped.
    """
    simulation = Simulation(job, settings, members)
    simulation.prepare()
    first, begun = simulation.step, time.monotonic()
    simulation.advance()
    results = simulation.results(first, begun)
    stops = [(record.stop, label) for label, record in simulation.records.items() if record.stop]
    if len(stops) == len(simulation.records):
        earliest, label = min(stops, key=lambda item: item[0].step)
        raise ProgramFailure(
            earliest.kind,
            f"every replica stopped, {label} first, at step {earliest.step}: {earliest.message}",
            **results,
        )
    return results


def load_members(folder: Path, settings: MdSettings) -> dict[str, Callable[[], Forces]]:
    """Load the potentials that lie in the folder."""
    from aiida_elyte.science.potentials.neighbours import VerletList
    from aiida_elyte.science.potentials.painn.storage import load_potential
    from aiida_elyte.science.potentials.painn.torchsim import TorchSimModel

    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device is {device!r}, but torch finds no CUDA here; expected auto, cpu or a node with a GPU")
    numbers = np.unique(np.concatenate([frame.numbers for frame in read_frames(folder / "start.extxyz")]))
    stress = settings.ensemble == "npt_nose_hoover"

    def build(potential: Any) -> Forces:
        model = TorchSimModel(potential, compute_stress=stress)

        def renew() -> None:
            model.verlet_list = VerletList(potential.cutoff_A, model.verlet_list.skin_A)

        return Forces(model, torch.float64, renew)

    members: dict[str, Callable[[], Forces]] = {}
    for path in sorted(folder.glob("*.pt")):
        if path.name != CHECKPOINT:
            potential = load_potential(path, device)
            potential.require_elements(numbers)
            if settings.dtype is not None:
                potential.set_precision(getattr(torch, settings.dtype))
            members[path.stem] = partial(build, potential)
    if not members:
        raise InputError("the job's folder holds no potential; expected one file a member, as m00.pt")
    return members


def run(job: Job) -> dict[str, Any]:
    """Run the program."""
    keep_freed_memory()
    settings = read_settings(job.settings)
    return simulate(job, settings, load_members(job.folder, settings))


def main(path: str | Path) -> int:
    """Run the program on ``settings.json``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

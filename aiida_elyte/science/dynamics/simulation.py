"""Replicas moved block by block, with what is recorded of them and the files that grow."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ase import Atoms, units

from aiida_elyte.errors import InputError
from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.group import Group
from aiida_elyte.science.dynamics.growing_file import GrowingFile
from aiida_elyte.science.dynamics.record import ReplicaRecord
from aiida_elyte.science.dynamics.replicas import Replicas
from aiida_elyte.science.dynamics.settings import MdSettings
from aiida_elyte.science.dynamics.stops import Stop
from aiida_elyte.science.frames import attach_committee, write_frames

__all__ = ["BLOCK", "SAMPLED", "Simulation"]

SAMPLED = "sampled.extxyz"
BLOCK = 20
"""Steps between two points at which a run can be taken up again; part of what makes a run, so not a setting."""


class Simulation:
    """Replicas, what is recorded of them, and the files.

    Steps count from the start of production; those of ramp and hold are negative. Neighbour lists are made afresh at
    every block, so that a run that goes on from a checkpoint gives bit by bit what an unbroken one gives.

    Parameters
    ----------
    settings
        Settings of the run.
    starts
        Start of each replica.
    members
        For each potential by name, what builds an evaluation of its forces.
    folder
        Where files grow: ``sampled.extxyz`` and, if asked for, ``trajectory_r<k>.xyz``.

    Raises
    ------
    InputError
        If a replica is to be driven by a potential that is not given.
    """

    def __init__(
        self,
        settings: MdSettings,
        starts: Sequence[Atoms],
        members: Mapping[str, Callable[[], Forces]],
        folder: Path,
    ) -> None:
        self.settings, self._folder = settings, folder
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
        self._has_committee = len(members) > 1
        self.step = -(settings.ramp.ramp_steps + settings.ramp.hold_steps)
        """Step that has been reached."""
        self.atom_steps = 0
        """Steps taken by this object, times the atoms that took them."""
        self.files: dict[str, GrowingFile] = {}
        """The files by name."""

    @property
    def trajectories(self) -> list[str]:
        """Names of the trajectories."""
        return [f"trajectory_{label}.xyz" for label in self.records] if self.settings.trajectory_stride else []

    @property
    def is_finished(self) -> bool:
        """Whether the last step is done, or every replica has stopped."""
        return self.step >= self.settings.n_steps or not any(group.labels for group in self.groups)

    def begin(self) -> None:
        """Start from the start frames, with empty files."""
        self._open({})
        for group in self.groups:
            group.begin(self.settings)
            if self.step == 0:
                self._observe(group, 0)

    def _open(self, lengths: Mapping[str, int]) -> None:
        names = [SAMPLED, *self.trajectories]
        self.files = {name: GrowingFile(self._folder / name, lengths.get(name, 0)) for name in names}

    def run_block(self) -> None:
        """Run to the next point at which the run can be taken up again, or to the end."""
        last = min(self.step - self.step % BLOCK + BLOCK, self.settings.n_steps)
        for group in self.groups:
            self._run_group(group, last)
        self.step = last

    def _run_group(self, group: Group, last: int) -> None:
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
        spreads = self._has_committee and (samples or due(settings.spread_stride))
        looks = bool(group.forces.exploded) or step % settings.stops.stride == 0 or step == settings.n_steps
        series, trajectory = due(settings.series_stride), due(settings.trajectory_stride)
        if not (samples or spreads or looks or series or trajectory):
            return
        temperatures = group.replicas.temperature_K.tolist()
        conserved = group.integrator.conserved(group.replicas).tolist()
        found = group.spread() if spreads else None
        stopped = []
        for place, label in enumerate(group.labels):
            record, temperature_K = self.records[label], temperatures[place]
            spread = found[place] if found is not None else None
            frame = group.replicas.to_atoms(place)
            record.step = step
            if place in group.forces.exploded or not math.isfinite(temperature_K):
                record.stop = Stop("EXPLODED", "an atom moved more than 1 Å in one step, or to no number", step)
            elif looks or spreads:
                record.stop = record.judge(frame, step, temperature_K, spread)
                if is_production and (record.stop is not None or step % settings.stops.stride == 0):
                    record.observations.look(frame, step, temperature_K, conserved[place])
            if record.stop is None and spread is not None:
                record.note_spread(spread, step)
            if record.stop is None and is_production:
                record.conserved[0 if step == 0 else 1] = conserved[place]
                if series:
                    velocities = frame.get_velocities() * units.fs
                    record.reducer.add(frame.positions, frame.cell.array, temperature_K, velocities_A_fs=velocities)
                if trajectory:
                    self.files[f"trajectory_{label}.xyz"].write(record.write_xyz(frame, step))
            if record.stop is not None and spread is None and self._has_committee:
                found = found or group.spread()
                spread = found[place]
            if samples or record.stop is not None:
                frame.info = record.describe(step, temperature_K, float(group.replicas.energy[place]), spread)
                if spread is not None:
                    attach_committee(frame, spread.mean_forces, spread.per_atom)
                self.files[SAMPLED].write(write_frames([frame]))
            if record.stop is not None:
                stopped.append(place)
        if stopped:
            group.drop(stopped)

    def state_dict(self) -> dict[str, Any]:
        """Bring the files to disk; return plain values and tensors, the lengths of the files among them."""
        return {
            "step": self.step,
            "groups": [group.state_dict() for group in self.groups],
            "records": {label: record.state_dict() for label, record in self.records.items()},
            "lengths": {name: file.save() for name, file in self.files.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken, what the files hold beyond it cut off.

        Raises
        ------
        InputError
            If a file is shorter than it was.
        """
        self._open(state["lengths"])
        self.step = state["step"]
        for group, saved in zip(self.groups, state["groups"], strict=True):
            group.load_state_dict(saved, self.settings)
        for label, saved in state["records"].items():
            self.records[label].load_state_dict(saved)

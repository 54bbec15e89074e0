"""What is kept of one replica beside its dynamics: its series, the committee's spread, whether and why it stopped."""

import io
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.arrays import write_arrays
from aiida_elyte.science.dynamics.observations import Observations
from aiida_elyte.science.dynamics.settings import MdSettings
from aiida_elyte.science.dynamics.stops import Stop, find_collision
from aiida_elyte.science.frames import compose_frame
from aiida_elyte.science.statistics.spread import ForceSpread
from aiida_elyte.science.structure.lindemann import Framework
from aiida_elyte.science.trajectory.reduction import Reducer

__all__ = ["ReplicaRecord"]


class ReplicaRecord:
    """What is kept of one replica.

    Parameters
    ----------
    label
        Name of the replica.
    member
        Name of the potential that drives it.
    start
        Its first frame.
    settings
        Settings of the run.

    Raises
    ------
    InputError
        If the start frame lacks a species of the framework.
    """

    def __init__(self, label: str, member: str, start: Atoms, settings: MdSettings) -> None:
        self.label = label
        self.member = member
        self.start = start
        self.settings = settings
        self.symbols = start.get_chemical_symbols()
        absent = sorted(set(settings.stops.framework) - set(self.symbols))
        if absent:
            raise InputError(
                f"stops.framework names {absent}, which the start frame lacks; expected species among "
                f"{sorted(set(self.symbols))}"
            )
        framework = Framework(start, settings.stops.framework) if settings.stops.framework else None
        self.observations = Observations(settings, framework)
        """What its verdict needs."""
        self.reducer = Reducer(
            self.symbols,
            start.get_masses(),
            settings.series_stride * settings.timestep_fs,
            replica=label,
            member=member,
            is_unwrapped=True,
            max_megabytes=64.0,  # of each replica: every checkpoint holds them all
        )
        self.stop: Stop | None = None
        self.step = 0
        """Last step seen."""
        self.conserved = [0.0, 0.0]
        """Conserved quantity at the first and the last step of production [eV]."""
        self.spread = {"n": 0, "sum": 0.0, "max": 0.0, "step_of_max": 0}

    def note_spread(self, spread: ForceSpread, step: int) -> None:
        """Take in the committee's spread on one frame."""
        self.spread["n"] += 1
        self.spread["sum"] += spread.mean
        if spread.maximum > self.spread["max"]:
            self.spread |= {"max": spread.maximum, "step_of_max": step}
        if step >= 0:
            self.observations.note_spread(spread, step)

    def judge(self, frame: Atoms, step: int, temperature_K: float, spread: ForceSpread | None) -> Stop | None:
        """Tell whether the replica must stop, and why."""
        limits = self.settings.stops
        if limits.min_distance_factor is not None:
            collision = find_collision(frame.numbers, frame.positions, frame.cell.array, limits.min_distance_factor)
            if collision:
                return Stop("COLLIDED", collision, step)
        if temperature_K > self.settings.max_temperature_K:
            limit = self.settings.max_temperature_K
            return Stop("EXPLODED", f"temperature is {temperature_K:.0f} K; the limit is {limit:.0f} K", step)
        if limits.max_framework_rmsd_A is not None:
            moved, limit = self.observations.moved(frame), limits.max_framework_rmsd_A
            if moved is not None and moved.rmsd_A > limit:
                names, rmsd = "-".join(limits.framework), moved.rmsd_A
                return Stop("MOLTEN", f"the {names} framework moved {rmsd:.2f} Å; the limit is {limit:.2f} Å", step)
        if spread is not None and limits.max_spread_eV_A is not None and spread.maximum > limits.max_spread_eV_A:
            limit = limits.max_spread_eV_A
            return Stop(
                "UNCERTAIN", f"members spread by {spread.maximum:.2f} eV/Å; the limit is {limit:.2f} eV/Å", step
            )
        return None

    def describe(self, step: int, temperature_K: float, energy_eV: float, spread: ForceSpread | None) -> dict[str, Any]:
        """Return the ``info`` of a sampled frame, without what is not finite in the last one of an exploded replica."""
        info: dict[str, Any] = {
            "origin": f"{self.label}#{step}",
            "replica": self.label,
            "member": self.member,
            "step": step,
            "temperature_K": temperature_K,
            "potential_energy_eV": energy_eV,
        }
        if spread is not None:
            info |= {"spread_max_eV_A": spread.maximum, "spread_mean_eV_A": spread.mean}
        if self.stop is not None:
            info["stop"] = self.stop.kind
        return {key: value for key, value in info.items() if not isinstance(value, float) or math.isfinite(value)}

    def write_xyz(self, frame: Atoms, step: int) -> str:
        """Return one frame of a trajectory as text; positions are not wrapped."""
        fields = [f"step={step}", f"time_fs={step * self.settings.timestep_fs:.12g}"]
        return compose_frame(frame, {"pos": frame.positions}, fields, decimals=6)

    @property
    def mean_spread(self) -> dict[str, float | int] | None:
        """Mean and maximum of the committee's spread [eV/Å]; ``None`` where none was noted."""
        if not self.spread["n"]:
            return None
        return {
            "mean": self.spread["sum"] / self.spread["n"],
            "max": self.spread["max"],
            "step_of_max": self.spread["step_of_max"],
            "n_frames": self.spread["n"],
        }

    @property
    def drift_eV_atom_ps(self) -> float | None:
        """Drift of the conserved quantity over production [eV/atom/ps]; none of a replica that stopped."""
        picoseconds = 1e-3 * self.step * self.settings.timestep_fs
        if picoseconds <= 0.0 or self.stop is not None:
            return None
        return (self.conserved[1] - self.conserved[0]) / len(self.start) / picoseconds

    def state_dict(self) -> dict[str, Any]:
        """Return plain values and tensors."""
        return {
            "reducer": torch.frombuffer(bytearray(write_arrays(self.reducer.state_dict())), dtype=torch.uint8),
            "stop": asdict(self.stop) if self.stop else None,
            "step": self.step,
            "conserved": list(self.conserved),
            "spread": dict(self.spread),
            "observations": self.observations.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken."""
        with np.load(io.BytesIO(state["reducer"].numpy().tobytes())) as arrays:
            self.reducer.load_state_dict(arrays)
        self.stop = Stop(**state["stop"]) if state["stop"] else None
        self.step, self.conserved, self.spread = state["step"], state["conserved"], state["spread"]
        self.observations.load_state_dict(state["observations"])

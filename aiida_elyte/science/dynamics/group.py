"""Replicas that share a potential: they are heated and integrated together, and the other members look on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from aiida_elyte.science.dynamics.ensembles import build_integrator
from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.integrator import Integrator
from aiida_elyte.science.dynamics.langevin import Langevin
from aiida_elyte.science.dynamics.replicas import Replicas
from aiida_elyte.science.dynamics.settings import MdSettings
from aiida_elyte.science.statistics.spread import ForceSpread, force_spread

__all__ = ["Group"]


@dataclass(eq=False)
class Group:
    """The replicas that one member drives, as one batch."""

    member: str
    """Name of the member."""
    labels: list[str]
    """Names of the replicas."""
    replicas: Replicas
    """The replicas; at rest until they begin."""
    forces: Forces
    """Forces of the member."""
    others: Sequence[Forces]
    """Forces of the others of the committee."""
    ramp: Langevin | None = field(default=None, init=False)
    """Thermostat of the start, while it lasts."""
    integrator: Integrator = field(init=False)
    """What advances the replicas; there once they have begun."""

    def begin(self, settings: MdSettings) -> None:
        """Draw the first velocities and evaluate the first forces."""
        ramp = settings.ramp
        self.replicas.draw_velocities(ramp.start_K if ramp.ramp_steps else settings.temperature_K)
        self.reset()
        self.forces(self.replicas)
        if ramp.ramp_steps:
            self.start_ramp(settings)
        else:
            self.end_ramp(settings)

    def start_ramp(self, settings: MdSettings) -> None:
        """Start the thermostat of the ramp."""
        ramp = settings.ramp
        self.ramp = Langevin(self.replicas, settings.timestep_fs, ramp.start_K, ramp.friction_per_ps)
        self.integrator = self.ramp

    def end_ramp(self, settings: MdSettings) -> None:
        """Start the integrator of the ensemble asked for."""
        self.ramp = None
        self.integrator = build_integrator(settings, self.replicas)

    def reset(self) -> None:
        """Make neighbour lists afresh."""
        for forces in (self.forces, *self.others):
            forces.reset(self.replicas)

    def step(self, settings: MdSettings, step: int) -> None:
        """Advance from ``step`` to the next one."""
        ramp = settings.ramp
        if self.ramp is not None and step == -ramp.hold_steps:
            self.end_ramp(settings)
        if self.ramp is not None:
            done = (step + 1 + ramp.hold_steps + ramp.ramp_steps) / ramp.ramp_steps
            self.ramp.temperature_K = ramp.start_K + done * (settings.temperature_K - ramp.start_K)
        self.integrator.step(self.replicas, self.forces)

    def spread(self) -> list[ForceSpread]:
        """Return the committee's spread on each replica."""
        others = [forces.evaluate(self.replicas)["forces"].double() for forces in self.others]
        parts = torch.stack([self.replicas.forces, *others]).cpu().split(self.replicas.counts, dim=1)
        return [force_spread(part.numpy()) for part in parts]

    def drop(self, stopped: Iterable[int]) -> None:
        """Go on without some replicas, given by their place in the batch."""
        places = [place for place in range(len(self.labels)) if place not in set(stopped)]
        self.labels = [self.labels[place] for place in places]
        if places:
            kept = torch.tensor(places, device=self.replicas.positions.device)
            self.replicas = self.replicas.keep(kept)
            self.integrator.keep(kept)
            self.reset()

    def state_dict(self) -> dict[str, Any]:
        """Return plain values and tensors."""
        return {
            "labels": list(self.labels),
            "is_ramp": self.ramp is not None,
            "replicas": self.replicas.state_dict(),
            "integrator": self.integrator.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any], settings: MdSettings) -> None:
        """Go on from where ``state_dict`` was taken."""
        self.labels = list(state["labels"])
        self.replicas = Replicas.from_state_dict(state["replicas"], self.replicas.positions.device)
        if state["is_ramp"]:
            self.start_ramp(settings)
        else:
            self.end_ramp(settings)
        self.integrator.load_state_dict(state["integrator"])

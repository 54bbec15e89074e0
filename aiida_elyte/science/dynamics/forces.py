"""Forces on replicas from any torch-sim model; replicas that fly apart are parked instead of breaking the batch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch_sim import SimState
from torch_sim.models.interface import ModelInterface

from aiida_elyte.science.dynamics.replicas import Replicas

__all__ = ["Forces"]

MAX_STEP_A = 1.0
"""No atom of a sound simulation moves this far in one step [Å]; hydrogen at 3000 K moves 0.1 Å in 1 fs."""


class Forces:
    """Evaluates a torch-sim model on replicas.

    The net force of each replica, zero but for rounding in a translation-invariant model, is taken away by masses, so
    that centres of mass stay at rest. A replica whose atoms moved more than ``MAX_STEP_A`` since the last evaluation,
    or to no number at all, is put back there, stopped and named in ``exploded``.

    Parameters
    ----------
    model
        A ``torch_sim.models.interface.ModelInterface``.
    dtype
        Precision of the positions handed to the model, that of the model by default.
    renew
        Returns the model to go on with at a reset, without memory of earlier calls; one that has none needs none.
    """

    def __init__(
        self,
        model: ModelInterface,
        dtype: torch.dtype | None = None,
        renew: Callable[[], ModelInterface] | None = None,
    ) -> None:
        self.model = model
        self.exploded: set[int] = set()
        """Indices of the replicas parked since the last ``reset``."""
        self._dtype = dtype or model.dtype
        self._renew = renew
        self._state: Any = None
        self._positions = self._cells = torch.empty(0)

    def reset(self, replicas: Replicas) -> None:
        """Start afresh from some replicas: what follows depends on their positions and cells alone."""
        if self._renew is not None:
            self.model = self._renew()
        self.exploded = set()
        self._positions, self._cells = replicas.positions.clone(), replicas.cells.clone()
        self._state = None

    def __call__(self, replicas: Replicas) -> None:
        """Set forces, energy and, where the model gives it, stress of the replicas."""
        if not bool((replicas.positions - self._positions).abs().amax() < MAX_STEP_A):
            self._park(replicas)
        self._positions.copy_(replicas.positions)
        self._cells.copy_(replicas.cells)
        found = self.evaluate(replicas)
        replicas.forces = replicas.remove_net(found["forces"].detach().to(torch.float64))
        replicas.energy = found["energy"].detach().to(torch.float64)
        if "stress" in found:
            replicas.stress = found["stress"].detach().to(torch.float64)

    def evaluate(self, replicas: Replicas) -> dict[str, Tensor]:
        """Return what the model says of the replicas as they are."""
        positions, cells = replicas.positions.to(self._dtype), replicas.cells.mT.to(self._dtype)
        if self._state is None:
            self._state = SimState(
                positions=positions,
                masses=replicas.masses.to(self._dtype),
                cell=cells,
                pbc=True,
                atomic_numbers=replicas.numbers,
                system_idx=replicas.index,
            )
        self._state.positions, self._state.cell = positions, cells
        return self.model(self._state)

    def _park(self, replicas: Replicas) -> None:
        """Put back the replicas whose atoms moved too far, the motion of the cell left out."""
        breath = torch.linalg.solve(self._cells, replicas.cells)
        expected = torch.einsum("na,nab->nb", self._positions, breath[replicas.index])
        moved = (replicas.positions - expected).abs().amax(dim=1)
        for replica, steps in enumerate(moved.split(replicas.counts)):
            if not bool(steps.amax() < MAX_STEP_A):
                atoms = replicas.index == replica
                replicas.positions[atoms] = self._positions[atoms]
                replicas.velocities[atoms] = 0.0
                replicas.cells[replica] = self._cells[replica]
                self.exploded.add(replica)

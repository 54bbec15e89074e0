"""Potentials of neighbours behind torch-sim's model interface."""

from typing import Any, Protocol

import torch
from torch import Tensor
from torch_sim.models.interface import ModelInterface
from torch_sim.state import SimState

from aiida_elyte.science.potentials.neighbours import Batch, VerletList
from aiida_elyte.science.potentials.potential import Prediction

__all__ = ["TorchSimModel"]


class _Weights(Protocol):
    """What the model needs of the weights it computes with."""

    @property
    def cutoff_A(self) -> float: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def dtype(self) -> torch.dtype: ...

    def energy_forces_stress(self, batch: Batch, *, stress: bool) -> Prediction: ...


class TorchSimModel(ModelInterface):
    """Batched systems for torch-sim's integrators, with a Verlet list for each.

    Parameters
    ----------
    potential
        The weights.
    compute_stress
        Whether the output holds ``stress`` [eV/Å³].
    skin_A
        Width of the Verlet skin [Å]; 0 searches neighbours at every call.
    """

    def __init__(self, potential: _Weights, compute_stress: bool = False, skin_A: float = 0.5) -> None:
        super().__init__()
        self.potential = potential
        self.verlet_list = VerletList(potential.cutoff_A, skin_A)
        self._device = potential.device
        self._dtype = potential.dtype
        self._compute_stress = compute_stress
        self._compute_forces = True

    def forward(self, state: SimState | dict[str, Any], **_: Any) -> dict[str, Tensor]:
        """Compute ``energy`` (n_systems,), ``forces`` (n_atoms, 3) and, when wanted, ``stress`` (n_systems, 3, 3)."""
        state = state if isinstance(state, SimState) else SimState(**state)
        periodic = torch.as_tensor(state.pbc, device=state.positions.device).expand(3)
        batch = self.verlet_list.batch(
            state.atomic_numbers, state.positions, state.row_vector_cell, periodic, state.system_idx, dtype=self._dtype
        )
        found = self.potential.energy_forces_stress(batch, stress=self._compute_stress)
        results = {"energy": found.energy, "forces": found.forces}
        if found.stress is not None:
            results["stress"] = found.stress
        return {key: value.detach() for key, value in results.items()}

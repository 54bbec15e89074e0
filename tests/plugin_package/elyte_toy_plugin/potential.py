"""The toy family's potential, loaded."""

from typing import Any

import numpy as np
import torch
from ase import Atoms
from torch_sim.models.interface import ModelInterface
from torch_sim.state import SimState

from aiida_elyte.science.potentials.family import Description
from aiida_elyte.science.potentials.potential import Potential
from elyte_toy_plugin.soft import soft_spheres

__all__ = ["SoftPotential"]


class SoftPotential(Potential):
    """Soft spheres on a device."""

    def __init__(self, description: Description, device: torch.device, dtype: torch.dtype) -> None:
        self.description, self._device, self._dtype = description, device, dtype

    @property
    def elements(self) -> list[str]:
        """Elements of the training set."""
        return self.description.elements

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the forces."""
        return self._dtype

    @property
    def device(self) -> torch.device:
        """Where the results are."""
        return self._device

    def model(self, *, stress: bool = False) -> ModelInterface:
        """Return a torch-sim model."""
        return _SoftModel(self, stress)


class _SoftModel(ModelInterface):
    def __init__(self, potential: SoftPotential, compute_stress: bool) -> None:
        super().__init__()
        self.potential = potential
        self._device, self._dtype = potential.device, potential.dtype
        self._compute_stress, self._compute_forces = compute_stress, True

    def forward(self, state: SimState | dict[str, Any], **_: Any) -> dict[str, torch.Tensor]:
        state = state if isinstance(state, SimState) else SimState(**state)
        strength = float(self.potential.description.architecture["strength_eV"])
        systems, numbers = state.system_idx.cpu().numpy(), state.atomic_numbers.cpu().numpy()
        positions, cells = state.positions.detach().cpu().numpy(), state.row_vector_cell.detach().cpu().numpy()
        pbc = np.broadcast_to(torch.as_tensor(state.pbc).cpu().numpy(), 3)
        found = [
            soft_spheres(
                Atoms(numbers[systems == index], positions[systems == index], cell=cell, pbc=pbc),
                self.potential.description.cutoff_A,
            )
            for index, cell in enumerate(cells)
        ]
        energies, forces, stresses = zip(*found, strict=True)
        results = {
            "energy": strength * torch.as_tensor(np.array(energies), device=self._device),
            "forces": (strength * torch.as_tensor(np.concatenate(forces), device=self._device)).to(self._dtype),
        }
        if self._compute_stress:
            results["stress"] = (strength * torch.as_tensor(np.array(stresses), device=self._device)).to(self._dtype)
        return results

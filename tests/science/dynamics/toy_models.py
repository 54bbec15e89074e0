"""Toy models with analytic answers behind torch-sim's interface."""

import torch
from torch_sim.models.interface import ModelInterface


class Toy(ModelInterface):
    def __init__(self, dtype=torch.float64):
        super().__init__()
        self._device, self._dtype = torch.device("cpu"), dtype
        self._compute_stress = self._compute_forces = True


class IdealGas(Toy):
    def forward(self, state, **kwargs):
        n_systems = state.cell.shape[0]
        return {
            "energy": torch.zeros(n_systems, dtype=self.dtype),
            "forces": torch.zeros_like(state.positions),
            "stress": torch.zeros(n_systems, 3, 3, dtype=self.dtype),
        }


class BreathingCrystal(Toy):
    """Atoms on sites that follow the cell, bound by their displacements d from the sites, their mean left out.

    U = Σ k/2 d_i² + Σ q/4 (d_i - d_i+1)⁴ + B/2 (V - V₀)²/V₀: with q the modes exchange energy, and whatever k and q
    volumes are distributed as exp(-[B/2 (V - V₀)²/V₀ + P V]/kT).
    """

    def __init__(self, atoms, stiffness=2.0, quartic=0.0, bulk_modulus=0.3):
        super().__init__()
        self.fractions = torch.as_tensor(atoms.get_scaled_positions())
        self.volume = atoms.cell.volume
        self.stiffness, self.quartic, self.bulk_modulus = stiffness, quartic, bulk_modulus

    def forward(self, state, **kwargs):
        n_systems, n_atoms = state.cell.shape[0], len(self.fractions)
        cells = state.cell.mT
        away = state.positions.reshape(n_systems, n_atoms, 3) - self.fractions @ cells
        away = away - away.mean(dim=1, keepdim=True)
        apart = away - away.roll(1, dims=1)
        square = (apart**2).sum(dim=2, keepdim=True)
        pull = self.quartic * square * apart
        forces = -self.stiffness * away - pull + pull.roll(-1, dims=1)
        volume = torch.linalg.det(cells)
        squeeze = self.bulk_modulus * (volume - self.volume) / self.volume
        bound = 0.5 * self.stiffness * (away**2).sum(dim=(1, 2)) + 0.25 * self.quartic * (square**2).sum(dim=(1, 2))
        eye = torch.eye(3, dtype=cells.dtype)
        return {
            "energy": bound + 0.5 * squeeze * (volume - self.volume),
            "forces": forces.reshape(-1, 3),
            "stress": -(forces.mT @ away) / volume[:, None, None] + squeeze[:, None, None] * eye,
        }


class SoftSpheres(Toy):
    """Repulsive pairs ε (1 - r/σ)² by nearest images: chaotic."""

    def __init__(self, epsilon=1.0, sigma=3.0, dtype=torch.float64):
        super().__init__(dtype)
        self.epsilon, self.sigma = epsilon, sigma

    def forward(self, state, **kwargs):
        energies, forces, stresses = [], [], []
        for system, cell in enumerate(state.cell.mT):
            positions = state.positions[state.system_idx == system]
            i, j = torch.triu_indices(len(positions), len(positions), 1)
            vectors = positions[j] - positions[i]
            vectors = vectors - torch.round(vectors @ torch.linalg.inv(cell)) @ cell
            distances = vectors.norm(dim=1)
            overlap = (1 - distances / self.sigma).clamp(min=0)
            pulls = (2 * self.epsilon / self.sigma * overlap / distances)[:, None] * vectors
            force = torch.zeros_like(positions).index_add_(0, j, pulls).index_add_(0, i, -pulls)
            energies.append(self.epsilon * (overlap**2).sum())
            forces.append(force)
            stresses.append(-(pulls[:, :, None] * vectors[:, None, :]).sum(dim=0) / torch.linalg.det(cell))
        return {"energy": torch.stack(energies), "forces": torch.cat(forces), "stress": torch.stack(stresses)}

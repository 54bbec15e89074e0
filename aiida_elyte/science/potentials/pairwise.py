"""Potentials of the vectors between neighbours: forces, stress and further derivatives from ∂E/∂r."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from ase import Atoms
from torch import Tensor

from aiida_elyte.science.potentials.neighbours import Batch
from aiida_elyte.science.potentials.potential import Potential, Prediction
from aiida_elyte.science.potentials.zbl import Repulsion

if TYPE_CHECKING:
    from aiida_elyte.science.potentials.torchsim import TorchSimModel

__all__ = ["PairwisePotential"]


class PairwisePotential(Potential):
    """A potential whose energy is a sum over atoms, a function of the vectors between neighbours."""

    scale: float = 1.0
    """Energy of one unit of what the weights give [eV]."""

    @property
    @abstractmethod
    def cutoff_A(self) -> float:
        """Distance up to which atoms are neighbours [Å]."""

    @abstractmethod
    def energies_of_atoms(self, batch: Batch, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the energy of each atom.

        Parameters
        ----------
        batch
            Neighbours within the cut-off.
        vectors
            Those of the batch, with a graph to them [Å], shape (n_pairs, 3).

        Returns
        -------
        tuple
            What depends on the vectors, in the precision of the weights and in units of ``scale``, and what depends on
            the elements alone, in float64 [eV]; both of shape (n_atoms,).
        """

    def repulsion(self, batch: Batch, vectors: Tensor) -> Repulsion | None:
        """Compute what an analytic baseline adds; ``None`` without one. Parameters are those of the atoms' energies."""
        return None

    def model(self, *, stress: bool = False) -> "TorchSimModel":
        """Return a torch-sim model of these weights with Verlet lists of its own."""
        from aiida_elyte.science.potentials.torchsim import TorchSimModel

        return TorchSimModel(self, compute_stress=stress)

    def predict(self, frames: Sequence[Atoms], *, stress: bool = False) -> Prediction:
        """Compute energy, forces and stress of frames of any size, cell and periodicity, side by side."""
        return self.energy_forces_stress(
            Batch.from_frames(frames, self.cutoff_A, self.dtype, self.device), stress=stress
        )

    def predict_displaced(self, frames: Sequence[Atoms], displacements: Tensor) -> Prediction:
        """Compute energies and forces of frames whose atoms are displaced, in a graph back to the displacements."""
        batch = Batch.from_frames(frames, self.cutoff_A, self.dtype, self.device).displaced(displacements)
        return self.energy_forces_stress(batch, create_graph=True)

    def energy_forces_stress(self, batch: Batch, *, stress: bool = False, create_graph: bool = False) -> Prediction:
        """Compute energy, forces and stress.

        With r the vector from the first to the second end of a pair and g = ∂E/∂r, the forces on them are g and −g, and
        σ = Σ r ⊗ g / V.

        Parameters
        ----------
        batch
            Neighbours within the cut-off.
        stress
            Whether the stress is wanted.
        create_graph
            Keep the graph of the derivatives, back to the weights and to what the vectors were made of.
        """
        follows = create_graph and batch.vectors.requires_grad
        vectors = batch.vectors if follows else batch.vectors.detach().requires_grad_()
        with torch.enable_grad():
            atomic, constant = self.energies_of_atoms(batch, vectors)
            total = atomic.sum() * self.scale
        (slope,) = torch.autograd.grad(total, vectors, create_graph=create_graph)
        if not create_graph:
            atomic = atomic.detach()
        per_atom = self.scale * atomic.double() + constant
        energy = per_atom.new_zeros(batch.n_systems).index_add(0, batch.system, per_atom)
        repulsion = self.repulsion(batch, vectors if create_graph else batch.vectors.detach())
        if repulsion is not None:
            energy = energy + repulsion.energy
            slope = slope.index_add(0, repulsion.near, repulsion.slope.to(slope.dtype))
        forces = slope.new_zeros(len(batch.numbers), 3)
        forces = forces.index_add(0, batch.first, slope).index_add(0, batch.second, slope, alpha=-1)
        return Prediction(energy, forces, _stress(batch, slope) if stress else None)


def _stress(batch: Batch, slope: Tensor) -> Tensor:
    """Compute σ = Σ r ⊗ g / V of each system, made symmetric beyond rounding."""
    products = batch.vectors.unsqueeze(2) * slope.unsqueeze(1)
    products = 0.5 * (products + products.transpose(1, 2))
    owner = batch.system.index_select(0, batch.first)
    virial = products.new_zeros(batch.n_systems, 3, 3).index_add(0, owner, products)
    is_open = batch.volumes.isnan()  # set aside before the division: a NaN there would spoil every gradient
    stress = virial / batch.volumes.masked_fill(is_open, 1.0).view(-1, 1, 1)
    return stress.masked_fill(is_open.view(-1, 1, 1), torch.nan)

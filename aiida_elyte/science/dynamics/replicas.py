"""Replicas integrated side by side as one batch of tensors, each with a random stream of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import torch
from ase import Atoms, units
from torch import Tensor

from aiida_elyte.errors import InputError
from aiida_elyte.units import BOLTZMANN_EV_K, KINETIC

__all__ = ["PerReplica", "Replicas"]


class PerReplica:
    """What carries one row a replica: rows are kept, saved and loaded together.

    ``rows`` names the attributes: tensors whose first axis is the replica, or other ``PerReplica`` objects.
    """

    rows: ClassVar[tuple[str, ...]] = ()

    def keep(self, replicas: Tensor) -> None:
        """Keep the rows of some replicas, given by index, shape ``(n_kept,)``."""
        for name in self.rows:
            value = getattr(self, name)
            if isinstance(value, PerReplica):
                value.keep(replicas)
            else:
                setattr(self, name, value[replicas.to(value.device)])

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on later, as tensors."""
        values = {name: getattr(self, name) for name in self.rows}
        return {
            name: value.state_dict() if isinstance(value, PerReplica) else value.clone()
            for name, value in values.items()
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken."""
        for name in self.rows:
            value = getattr(self, name)
            if isinstance(value, PerReplica):
                value.load_state_dict(state[name])
            else:
                setattr(self, name, state[name].to(value))


@dataclass
class Replicas:
    """``S`` replicas with ``N`` atoms in all, in double precision; momenta of the centres of mass are zero.

    Replicas need not have the same atoms. Sums over the atoms of one replica do not touch another's, so that a
    replica's numbers do not depend on its neighbours in the batch.
    """

    positions: Tensor
    """Positions, never wrapped [Å], shape ``(N, 3)``."""
    velocities: Tensor
    """Velocities [Å/fs], shape ``(N, 3)``."""
    cells: Tensor
    """Rows are the cell vectors [Å], shape ``(S, 3, 3)``."""
    numbers: Tensor
    """Atomic numbers, shape ``(N,)``."""
    masses: Tensor
    """Masses [amu], shape ``(N,)``."""
    counts: tuple[int, ...]
    """Atoms of each replica."""
    generators: tuple[torch.Generator, ...]
    """Random stream of each replica, on the CPU: the same numbers whatever the device."""

    def __post_init__(self) -> None:
        device = self.positions.device
        n_replicas = len(self.counts)
        self.index = torch.repeat_interleave(torch.arange(n_replicas), torch.tensor(self.counts)).to(device)
        """Replica of each atom, shape ``(N,)``."""
        self._equal_count = self.counts[0] if len(set(self.counts)) == 1 else None
        self.inertia = (self.masses * KINETIC)[:, None]
        """Masses in eV fs²/Å², so that forces in eV/Å accelerate in Å/fs², shape ``(N, 1)``."""
        self.inverse_inertia = 1.0 / self.inertia
        self.softness = self.inverse_inertia.sqrt()
        """Times √kT, the width of the Maxwell–Boltzmann distribution [eV^-½ Å/fs], shape ``(N, 1)``."""
        self._mass_fractions = (self.masses / self.of_atoms(self.sum_over_atoms(self.masses)))[:, None]
        self.n_dof = 3.0 * (torch.tensor(self.counts, dtype=torch.float64, device=device) - 1.0)
        """Degrees of freedom of each replica, the centre of mass left out, shape ``(S,)``."""
        self.forces = torch.zeros_like(self.positions)
        """Forces [eV/Å], shape ``(N, 3)``."""
        self.energy = torch.zeros_like(self.n_dof)
        """Potential energy [eV], shape ``(S,)``."""
        self.stress = torch.zeros_like(self.cells)
        """Stress without its kinetic part, positive under tension [eV/Å³], shape ``(S, 3, 3)``."""

    @classmethod
    def from_atoms(cls, structures: Sequence[Atoms], seeds: Sequence[int], device: torch.device | str = "cpu") -> Self:
        """Return replicas at rest.

        Parameters
        ----------
        structures
            One structure a replica, periodic in all directions.
        seeds
            Seed of each replica's random stream.
        device
            Where the tensors live.

        Raises
        ------
        InputError
            If a structure has fewer than two atoms or is not periodic in all directions.
        """
        for atoms in structures:
            if len(atoms) < 2 or not atoms.pbc.all() or abs(atoms.cell.volume) < 1e-6:
                raise InputError(
                    f"start structure {atoms.get_chemical_formula()!r} has {len(atoms)} atom(s) and pbc "
                    f"{atoms.pbc.tolist()}; expected two or more atoms in a cell periodic in all directions"
                )

        def tensor(values: Any, dtype: torch.dtype = torch.float64) -> Tensor:
            return torch.as_tensor(values, dtype=dtype).to(device)

        positions = torch.cat([tensor(atoms.positions) for atoms in structures])
        return cls(
            positions=positions,
            velocities=torch.zeros_like(positions),
            cells=torch.stack([tensor(atoms.cell.array) for atoms in structures]),
            numbers=torch.cat([tensor(atoms.numbers, torch.int64) for atoms in structures]),
            masses=torch.cat([tensor(atoms.get_masses()) for atoms in structures]),
            counts=tuple(len(atoms) for atoms in structures),
            generators=tuple(torch.Generator().manual_seed(seed) for seed in seeds),
        )

    @property
    def n_replicas(self) -> int:
        """Number of replicas, ``S``."""
        return len(self.counts)

    @property
    def volume(self) -> Tensor:
        """Volumes of the cells [Å³], shape ``(S,)``."""
        return torch.linalg.det(self.cells).abs()

    @property
    def twice_kinetic(self) -> Tensor:
        """Twice the kinetic energy, Σ m v² [eV], shape ``(S,)``."""
        return self.sum_over_atoms(self.inertia * self.velocities * self.velocities).sum(dim=1)

    @property
    def temperature_K(self) -> Tensor:
        """Kinetic temperature, Σ m v² / ((3 n − 3) k) [K], shape ``(S,)``."""
        return self.twice_kinetic / (self.n_dof * BOLTZMANN_EV_K)

    def sum_over_atoms(self, values: Tensor) -> Tensor:
        """Return the sums over each replica's atoms, shape ``(S, …)``, of values of shape ``(N, …)``."""
        if self._equal_count is not None:
            return values.reshape(self.n_replicas, self._equal_count, *values.shape[1:]).sum(dim=1)
        return torch.stack([part.sum(dim=0) for part in values.split(self.counts)])

    def of_atoms(self, values: Tensor) -> Tensor:
        """Spread one value a replica, shape ``(S, …)``, over its atoms, shape ``(N, …)``."""
        return values if self.n_replicas == 1 else values[self.index]

    def remove_drift(self) -> None:
        """Take the velocity of each centre of mass away."""
        self.velocities -= self.of_atoms(self.sum_over_atoms(self._mass_fractions * self.velocities))

    def remove_net(self, forces: Tensor) -> Tensor:
        """Return forces, shape ``(N, 3)``, without the acceleration of each centre of mass."""
        return forces - self._mass_fractions * self.of_atoms(self.sum_over_atoms(forces))

    def draw_normal(self) -> Tensor:
        """Return standard normal numbers from each replica's own stream, shape ``(N, 3)``."""
        parts = [
            torch.randn(count, 3, generator=generator, dtype=torch.float64)
            for count, generator in zip(self.counts, self.generators, strict=True)
        ]
        return (parts[0] if len(parts) == 1 else torch.cat(parts)).to(self.positions.device)

    def draw_velocities(self, temperature_K: float) -> None:
        """Draw Maxwell–Boltzmann velocities, centre of mass at rest, scaled to exactly one temperature [K]."""
        self.velocities = self.draw_normal() * self.softness
        self.remove_drift()
        scale = (temperature_K / self.temperature_K).sqrt()
        self.velocities *= self.of_atoms(scale[:, None])

    def keep(self, replicas: Tensor) -> "Replicas":
        """Return the replicas of some indices, shape ``(n_kept,)``, their streams going on."""
        kept = replicas.tolist()
        atoms = torch.isin(self.index, replicas)
        chosen = Replicas(
            positions=self.positions[atoms],
            velocities=self.velocities[atoms],
            cells=self.cells[replicas],
            numbers=self.numbers[atoms],
            masses=self.masses[atoms],
            counts=tuple(self.counts[replica] for replica in kept),
            generators=tuple(self.generators[replica] for replica in kept),
        )
        chosen.forces, chosen.energy, chosen.stress = self.forces[atoms], self.energy[replicas], self.stress[replicas]
        return chosen

    def to_atoms(self, replica: int) -> Atoms:
        """Return one replica with its velocities."""
        atoms = slice(sum(self.counts[:replica]), sum(self.counts[: replica + 1]))
        frame = Atoms(
            numbers=self.numbers[atoms].cpu().numpy(),
            positions=self.positions[atoms].cpu().numpy(),
            cell=self.cells[replica].cpu().numpy(),
            pbc=True,
        )
        frame.set_masses(self.masses[atoms].cpu().numpy())
        frame.set_velocities(self.velocities[atoms].cpu().numpy() / units.fs)
        return frame

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on later bit by bit, as tensors and numbers."""
        tensors = [field.name for field in fields(self) if field.name not in ("counts", "generators")]
        return {
            **{name: getattr(self, name).clone() for name in (*tensors, "forces", "energy", "stress")},
            "counts": list(self.counts),
            "generators": [generator.get_state() for generator in self.generators],
        }

    @classmethod
    def from_state_dict(cls, state: dict[str, Any], device: torch.device | str = "cpu") -> Self:
        """Return the replicas from which ``state_dict`` was taken."""
        generators = tuple(torch.Generator() for _ in state["generators"])
        for generator, stream in zip(generators, state["generators"], strict=True):
            generator.set_state(stream.cpu())
        tensors = {name: value.to(device) for name, value in state.items() if isinstance(value, Tensor)}
        late = {name: tensors.pop(name) for name in ("forces", "energy", "stress")}
        replicas = cls(**tensors, counts=tuple(state["counts"]), generators=generators)
        for name, value in late.items():
            setattr(replicas, name, value)
        return replicas

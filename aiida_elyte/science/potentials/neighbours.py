"""Pairs of atoms within the cut-off, for many systems at once, and the Verlet list that makes them cheap in MD."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from ase import Atoms
from torch import Tensor
from vesin import NeighborList

__all__ = ["Batch", "VerletList", "find_pairs"]


@dataclass(frozen=True)
class Batch:
    """Systems side by side, as a potential sees them: atoms, and the vectors between neighbours."""

    numbers: Tensor
    """Atomic numbers, shape (n_atoms,)."""
    system: Tensor
    """Index of each atom's system, ascending, shape (n_atoms,)."""
    n_systems: int
    """Number of systems."""
    first: Tensor
    """One end of each pair, shape (n_pairs,); every pair comes once."""
    second: Tensor
    """The other end, shape (n_pairs,)."""
    vectors: Tensor
    """From the first to the second [Å], shape (n_pairs, 3)."""
    volumes: Tensor
    """Volume of each cell [Å³], NaN where the system is not periodic in three directions, shape (n_systems,)."""

    @classmethod
    def from_frames(
        cls,
        frames: Sequence[Atoms],
        cutoff_A: float,
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
    ) -> "Batch":
        """Build a batch from frames of any size, cell and periodicity."""
        pairs = [find_pairs(frame.positions, frame.cell.array, frame.pbc, cutoff_A) for frame in frames]
        counts = [len(frame) for frame in frames]
        starts = np.cumsum([0, *counts[:-1]])
        first, second = (
            np.concatenate([pair[end] + start for pair, start in zip(pairs, starts, strict=True)]) for end in (0, 1)
        )
        vectors = [
            frame.positions[j] - frame.positions[i] + shifts @ frame.cell.array
            for frame, (i, j, shifts) in zip(frames, pairs, strict=True)
        ]
        return cls(
            numbers=torch.as_tensor(np.concatenate([frame.numbers for frame in frames]), device=device),
            system=torch.as_tensor(np.repeat(np.arange(len(frames)), counts), device=device),
            n_systems=len(frames),
            first=torch.as_tensor(first, device=device),
            second=torch.as_tensor(second, device=device),
            vectors=torch.as_tensor(np.concatenate(vectors), dtype=dtype, device=device),
            volumes=torch.as_tensor(
                [frame.cell.volume if frame.pbc.all() else np.nan for frame in frames], dtype=dtype, device=device
            ),
        )

    def displaced(self, displacements: Tensor) -> "Batch":
        """Return the batch with its atoms displaced [Å], shape (n_atoms, 3); the pairs stay those that they were."""
        moved = displacements.index_select(0, self.second) - displacements.index_select(0, self.first)
        return replace(self, vectors=self.vectors + moved.to(self.vectors.dtype))

    @classmethod
    def join(cls, batches: Sequence["Batch"]) -> "Batch":
        """Put batches side by side into one."""
        if len(batches) == 1:
            return batches[0]
        atoms = np.cumsum([0, *(len(batch.numbers) for batch in batches)]).tolist()
        systems = np.cumsum([0, *(batch.n_systems for batch in batches)]).tolist()
        return cls(
            numbers=torch.cat([batch.numbers for batch in batches]),
            system=torch.cat([batch.system + start for batch, start in zip(batches, systems, strict=False)]),
            n_systems=systems[-1],
            first=torch.cat([batch.first + start for batch, start in zip(batches, atoms, strict=False)]),
            second=torch.cat([batch.second + start for batch, start in zip(batches, atoms, strict=False)]),
            vectors=torch.cat([batch.vectors for batch in batches]),
            volumes=torch.cat([batch.volumes for batch in batches]),
        )


def find_pairs(
    positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, cutoff_A: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find every pair of atoms nearer than the cut-off, each once, images of one atom included.

    Parameters
    ----------
    positions
        [Å], shape (n_atoms, 3); atoms need not be inside the cell.
    cell
        Rows are the cell vectors [Å], shape (3, 3).
    periodic
        Shape (3,).
    cutoff_A
        [Å].

    Returns
    -------
    tuple
        First ends i and second ends j, shape (n_pairs,), and cell shifts S, shape (n_pairs, 3); the vector between them
        is r_j − r_i + S · cell.
    """
    finder = NeighborList(cutoff=cutoff_A, full_list=False, n_threads=1)
    points, box = np.ascontiguousarray(positions, float), np.ascontiguousarray(cell, float)
    i, j, shifts = finder.compute(points, box, np.asarray(periodic, bool), quantities="ijS")
    return i.astype(np.int64), j.astype(np.int64), shifts.astype(np.int64)


class VerletList:
    """Neighbour lists of several moving systems, kept until an atom may have come within the cut-off unseen.

    A system's list holds the pairs within cut-off + skin and is valid while 2 max|u| + ‖F − 1‖ (cut-off + skin) < skin,
    with u the displacement since the list was made beyond the cell's deformation F; each system renews its own.

    Parameters
    ----------
    cutoff_A
        [Å].
    skin_A
        [Å]; 0 renews at every step.
    """

    def __init__(self, cutoff_A: float, skin_A: float = 0.6) -> None:
        self.cutoff_A = cutoff_A
        self.skin_A = skin_A
        self.n_renewals = 0
        self._pairs: list[tuple[Tensor, Tensor, Tensor]] = []
        self._counts: list[int] = []
        self._positions = torch.empty(0)
        self._cells = torch.empty(0)
        self._system = torch.empty(0)
        self._joined: tuple[Tensor, Tensor, Tensor, Tensor]

    def batch(
        self,
        numbers: Tensor,
        positions: Tensor,
        cells: Tensor,
        periodic: Tensor,
        system: Tensor,
        dtype: torch.dtype | None = None,
    ) -> Batch:
        """Return the batch of the present positions.

        Parameters
        ----------
        numbers
            Atomic numbers, shape (n_atoms,).
        positions
            [Å], not wrapped between calls (a jump renews the list), shape (n_atoms, 3).
        cells
            Rows are the cell vectors [Å], shape (n_systems, 3, 3).
        periodic
            Shape (3,), the same for all systems, or (n_systems, 3).
        system
            Index of each atom's system, ascending, shape (n_atoms,).
        dtype
            Of the vectors; that of the positions by default.
        """
        positions, cells = positions.detach(), cells.detach()
        periodic = periodic.expand(len(cells), 3)
        self._renew(positions, cells, periodic, system)
        first, second, shifts, owner = self._joined
        vectors = positions.index_select(0, second) - positions.index_select(0, first)
        if len(cells) == 1:
            vectors = vectors + shifts @ cells[0]
        else:
            vectors = vectors + torch.einsum("pa,pab->pb", shifts, cells.index_select(0, owner))
        if self.skin_A > 0:
            near = ((vectors * vectors).sum(1) < self.cutoff_A**2).nonzero().squeeze(1)
            first, second = first.index_select(0, near), second.index_select(0, near)
            vectors = vectors.index_select(0, near)
        volumes = torch.linalg.det(cells).abs().masked_fill(~periodic.all(1), torch.nan)
        return Batch(numbers, system, len(cells), first, second, vectors.to(dtype), volumes.to(dtype))

    def _renew(self, positions: Tensor, cells: Tensor, periodic: Tensor, system: Tensor) -> None:
        """Make new lists for the systems whose list has expired."""
        if self._cells.shape != cells.shape or not torch.equal(self._system, system):
            self._system = system.clone()
            self._counts = torch.bincount(system, minlength=len(cells)).tolist()
            self._pairs = [(torch.empty(0), torch.empty(0), torch.empty(0))] * len(cells)
            self._positions, self._cells = positions.clone(), cells.clone()
            expired = list(range(len(cells)))
        else:
            expired = self._expired(positions, cells, system)
        if not expired:
            return
        self.n_renewals += 1
        starts = np.cumsum([0, *self._counts])
        for index in expired:
            part = slice(starts[index], starts[index + 1])
            box, open_or_not = cells[index].cpu().numpy(), periodic[index].cpu().numpy()
            found = find_pairs(positions[part].cpu().numpy(), box, open_or_not, self.cutoff_A + self.skin_A)
            i, j, shifts = (torch.as_tensor(array, device=positions.device) for array in found)
            self._pairs[index] = (i + part.start, j + part.start, shifts.to(positions.dtype))
            self._positions[part] = positions[part]
            self._cells[index] = cells[index]
        first, second, shifts = (torch.cat([pairs[k] for pairs in self._pairs]) for k in range(3))
        self._joined = (first, second, shifts, system.index_select(0, first))

    def _expired(self, positions: Tensor, cells: Tensor, system: Tensor) -> list[int]:
        """Return the systems whose list no longer surely holds every pair within the cut-off."""
        if torch.equal(cells, self._cells):
            moved, slack = positions - self._positions, torch.full_like(cells[:, 0, 0], self.skin_A)
        else:
            deformation = torch.linalg.solve(self._cells, cells)
            moved = positions - torch.einsum("na,nab->nb", self._positions, deformation.index_select(0, system))
            strain = torch.linalg.matrix_norm(deformation - torch.eye(3, dtype=cells.dtype, device=cells.device))
            slack = self.skin_A - strain * (self.cutoff_A + self.skin_A)
        squared = (moved * moved).sum(1)
        furthest = torch.zeros_like(slack).scatter_reduce(0, system, squared, "amax").sqrt()
        return (2 * furthest >= slack).nonzero().squeeze(1).tolist()

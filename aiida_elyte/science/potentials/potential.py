"""A loaded potential of any family: what MD, calculators and evaluation use."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from torch import Tensor

from aiida_elyte.errors import EngineMissingError, InputError

if TYPE_CHECKING:
    from torch_sim.models.interface import ModelInterface
    from torch_sim.state import SimState

__all__ = ["Potential", "Prediction", "state_of"]


@dataclass(frozen=True)
class Prediction:
    """What a potential predicts of some systems."""

    energy: Tensor
    """[eV], float64, shape (n_systems,)."""
    forces: Tensor
    """[eV/Å], shape (n_atoms, 3)."""
    stress: Tensor | None
    """[eV/Å³], positive under tension (ASE's sign), shape (n_systems, 3, 3); NaN where a system is not periodic."""


class Potential(ABC):
    """Weights on a device, from ``Family.load``; a family gives elements, precision, device and ``model``."""

    @property
    @abstractmethod
    def elements(self) -> list[str]:
        """Elements the potential was trained for, sorted."""

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """Precision of weights and forces; energies are always float64."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the weights are."""

    @abstractmethod
    def model(self, *, stress: bool = False) -> "ModelInterface":
        """Return a torch-sim model of these weights, without memory of what another one has computed.

        What a model keeps between calls, as neighbour lists, is its own; the weights are shared.

        Parameters
        ----------
        stress
            Whether it computes the stress, too.
        """

    def require_elements(self, numbers: Iterable[int]) -> None:
        """Reject atoms of elements the potential was not trained for.

        Raises
        ------
        InputError
            If there are any; names them.
        """
        unknown = sorted({chemical_symbols[int(number)] for number in numbers} - set(self.elements))
        if unknown:
            raise InputError(f"frame holds {unknown}; expected {self.elements}; train on frames with {unknown}")

    def predict(self, frames: Sequence[Atoms], *, stress: bool = False) -> Prediction:
        """Compute energy, forces and stress of frames of any size, cell and periodicity, one after the other.

        A family that can compute them side by side does so in a method of its own.

        Parameters
        ----------
        frames
            At least one.
        stress
            Whether the stress is wanted.
        """
        model = self.model(stress=stress)
        found = [model(state_of(frame, self.device)) for frame in frames]
        return Prediction(
            torch.cat([one["energy"].double() for one in found]),
            torch.cat([one["forces"] for one in found]),
            torch.cat([one["stress"] for one in found]) if stress else None,
        )

    def predict_displaced(self, frames: Sequence[Atoms], displacements: Tensor) -> Prediction:
        """Compute energies and forces of frames whose atoms are displaced, in a graph back to the displacements.

        What follows the forces uphill, as an adversarial attack, differentiates them once more. A family whose engine
        keeps that graph does so in a method of its own.

        Parameters
        ----------
        frames
            At least one.
        displacements
            Of their atoms, one frame after the other [Å], shape (n_atoms, 3); small against the cut-off, for neighbours
            are those of the frames as they are.

        Raises
        ------
        InputError
            If the family keeps no such graph.
        """
        raise InputError(
            f"{type(self).__name__} does not differentiate its forces; expected a family with `predict_displaced`; "
            "sample with another one"
        )


def state_of(frame: Atoms, device: torch.device | str = "cpu") -> "SimState":
    """Return a frame as torch-sim's state, in double precision.

    Raises
    ------
    EngineMissingError
        If torch-sim is not installed.
    """
    try:
        from torch_sim.state import SimState
    except ImportError as error:
        raise EngineMissingError(
            "torch-sim is not installed; potentials need it; pip install 'aiida-elyte[md]'"
        ) from error

    # torch-sim knows one periodicity for all directions; our own models take three.
    periodic = torch.as_tensor(frame.pbc, device=device) if len(set(frame.pbc.tolist())) > 1 else bool(frame.pbc[0])
    return SimState(
        positions=torch.as_tensor(frame.positions, device=device),
        masses=torch.as_tensor(frame.get_masses(), device=device),
        cell=torch.as_tensor(frame.cell.array, device=device).unsqueeze(0).mT,
        pbc=periodic,
        atomic_numbers=torch.as_tensor(np.asarray(frame.numbers), device=device),
        system_idx=torch.zeros(len(frame), dtype=torch.int64, device=device),
    )

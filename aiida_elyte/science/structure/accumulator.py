"""What is computed of a trajectory frame by frame, in bounded memory, and over several jobs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

__all__ = ["Accumulator"]


class Accumulator(ABC):
    """Takes in frame after frame; one made alike goes on from its state as if there had been no break."""

    @abstractmethod
    def add(self, positions: np.ndarray, cell: np.ndarray) -> None:
        """Take in the next frame.

        Parameters
        ----------
        positions, cell
            As in ``PairFinder.find``.

        Raises
        ------
        InputError
            If positions or cell cannot be used, or a distance exceeds half the narrowest width of the cell.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on later, as arrays."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where ``state_dict`` was taken of one of the same arguments."""

"""What a family of terms is."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from torch import Tensor

__all__ = ["Parameter", "Term"]


class Parameter(NamedTuple):
    """One parameter of a type."""

    name: str
    """Its symbol in the formula."""
    unit: str
    """Its unit, of kcal/mol, Å, rad and e."""


class Term(ABC):
    """A family of terms of one functional form, in kcal/mol, Å, rad and e.

    A subclass names its parameters, and gives the energy and its derivatives by formula. It holds no numbers: those of
    each type come as a tensor, so that their gradients flow.
    """

    rows: ClassVar[str]
    """Kind of the rows: a key of ``COORDINATES``."""
    parameters: ClassVar[tuple[Parameter, ...]]
    """Parameters of a type, in order."""
    types_per_row: ClassVar[int] = 1
    """Types of a row: two where every atom of a pair brings its own parameters."""

    @abstractmethod
    def energy(self, coordinates: Tensor, parameters: Tensor) -> Tensor:
        """Compute the energy of each row [kcal/mol], shape ``(F, n)``.

        Parameters
        ----------
        coordinates
            Those of the rows, as named in ``COORDINATES``, shape ``(Q, F, n)``.
        parameters
            Those of each row's type, or of its types one after another, shape ``(P, n)``.
        """

    @abstractmethod
    def slopes(self, coordinates: Tensor, parameters: Tensor) -> Tensor:
        """Compute the derivatives of the energy by the coordinates [kcal/mol/Å or /rad], shape ``(Q, F, n)``."""

    def gather(self, parameters: Tensor, types: Tensor) -> Tensor:
        """Return the parameters of each row, shape ``(P, n)`` or, of two types a row, ``(2 P, n)``.

        Parameters
        ----------
        parameters
            Parameters of each type, shape ``(T, P)``.
        types
            Types of each row, shape ``(n,)`` or ``(n, 2)``.
        """
        return parameters[types].reshape(len(types), self.types_per_row * len(self.parameters)).T

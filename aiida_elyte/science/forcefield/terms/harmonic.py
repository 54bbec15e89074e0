"""Harmonic bonds and angles of class-1 force fields, for comparison: quartic ones without the rest."""

from torch import Tensor
from torch.nn.functional import pad

from aiida_elyte.science.forcefield.terms.angle import Angle
from aiida_elyte.science.forcefield.terms.bond import Bond

__all__ = ["HarmonicAngle", "HarmonicBond"]


class HarmonicBond(Bond):
    """E = k2 (r − r0)²."""

    parameters = Bond.parameters[:2]

    def energy(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        return super().energy(coordinates, self.as_class2(parameters.T).T)

    def slopes(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        return super().slopes(coordinates, self.as_class2(parameters.T).T)

    def as_class2(self, parameters: Tensor) -> Tensor:
        """Return the parameters of ``Bond`` that give the same energy, shape ``(T, 4)``."""
        return pad(parameters, (0, len(Bond.parameters) - len(self.parameters)))


class HarmonicAngle(Angle):
    """E = k2 (θ − θ0)²."""

    parameters = Angle.parameters[:2]

    def energy(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        return super().energy(coordinates, self.as_class2(parameters.T).T)

    def slopes(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        return super().slopes(coordinates, self.as_class2(parameters.T).T)

    def as_class2(self, parameters: Tensor) -> Tensor:
        """Return the parameters of ``Angle`` that give the same energy, shape ``(T, 9)``."""
        return pad(parameters, (0, len(Angle.parameters) - len(self.parameters)))

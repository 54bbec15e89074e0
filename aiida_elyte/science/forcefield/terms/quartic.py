"""The quartic in a deviation from its reference that bonds and angles share."""

from torch import Tensor

from aiida_elyte.science.forcefield.terms.term import Parameter

__all__ = ["quartic", "quartic_parameters", "quartic_slope"]


def quartic_parameters(reference: str, unit: str) -> tuple[Parameter, Parameter, Parameter, Parameter]:
    """Return the reference, of a name and unit, and the constants k2, k3 and k4."""
    return (
        Parameter(reference, unit),
        Parameter("k2", f"kcal/mol/{unit}²"),
        Parameter("k3", f"kcal/mol/{unit}³"),
        Parameter("k4", f"kcal/mol/{unit}⁴"),
    )


def quartic(x: Tensor, k2: Tensor, k3: Tensor, k4: Tensor) -> Tensor:
    """Compute k2 x² + k3 x³ + k4 x⁴."""
    return x**2 * (k2 + x * (k3 + x * k4))


def quartic_slope(x: Tensor, k2: Tensor, k3: Tensor, k4: Tensor) -> Tensor:
    """Compute the derivative of ``quartic`` by x."""
    return x * (2 * k2 + x * (3 * k3 + x * 4 * k4))

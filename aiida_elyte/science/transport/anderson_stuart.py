"""The barrier of Anderson and Stuart for an ion that leaves its counter-ion: a cross-check of activation energies."""

import math
from dataclasses import dataclass

from aiida_elyte.errors import InputError
from aiida_elyte.units import COULOMB_EV_A

__all__ = ["AndersonStuartBarrier", "anderson_stuart_barrier", "displacement_factor"]


@dataclass(frozen=True)
class AndersonStuartBarrier:
    """Barrier of a jump in two parts; a model without error bar, good to some tenths of an eV."""

    binding_eV: float
    """Work against the Coulomb attraction of the counter-ion [eV]."""
    strain_eV: float
    """Work to widen the doorway between two sites [eV]."""

    @property
    def total_eV(self) -> float:
        """Height of the barrier [eV]."""
        return self.binding_eV + self.strain_eV


def displacement_factor(site_distance_A: float, radius_A: float, counter_radius_A: float) -> float:
    r"""Compute the part of the binding energy that an ion must find to reach the middle between two sites.

    .. math:: \beta = 1 - \frac{r + r_0}{r + r_0 + \lambda / 2}

    In its site the ion touches its counter-ion at r + r₀; half-way to the next site, λ/2 further, the attraction is
    weaker by β. This is the finite-displacement factor β of Anderson and Stuart for point charges and a jump straight
    away from the counter-ion; they took β as a parameter of the glass, other work fits it.

    Parameters
    ----------
    site_distance_A
        Mean distance of cation sites λ [Å]: the first peak of the cations' RDF.
    radius_A, counter_radius_A
        Effective radii r of the ion and r₀ of its counter-ion [Å].

    Raises
    ------
    InputError
        If a length is not positive.
    """
    _require_positive(site_distance_A=site_distance_A, radius_A=radius_A, counter_radius_A=counter_radius_A)
    contact_A = radius_A + counter_radius_A
    return 1 - contact_A / (contact_A + site_distance_A / 2)


def anderson_stuart_barrier(
    radius_A: float,
    counter_radius_A: float,
    permittivity: float,
    *,
    charge: float = 1.0,
    counter_charge: float = 1.0,
    factor: float | None = None,
    site_distance_A: float | None = None,
    shear_modulus_eV_A3: float = 0.0,
    doorway_radius_A: float | None = None,
) -> AndersonStuartBarrier:
    r"""Compute the barrier of Anderson and Stuart.

    .. math:: E = \beta \frac{z z_0 e^2}{4 \pi \epsilon_0 \epsilon_r (r + r_0)} + 4 \pi G r_D (r - r_D)^2

    with the charges z and z₀ of ion and counter-ion, their radii r and r₀, the relative permittivity ε_r, the factor β,
    the shear modulus G and the radius r_D of the doorway between two sites. A doorway wider than the ion costs nothing.

    Parameters
    ----------
    radius_A, counter_radius_A
        Effective radii r of the ion and r₀ of its counter-ion [Å].
    permittivity
        Relative permittivity ε_r, that of the fast response: electronic, or electronic and ionic, without the mobile
        ions' own.
    charge, counter_charge
        Numbers z and z₀ of elementary charges, without sign.
    factor
        β. Give either it or the distance of sites.
    site_distance_A
        Mean distance of cation sites λ [Å], the first peak of the cations' RDF, from which ``displacement_factor``
        makes β: the electrostatic barrier between two sites.
    shear_modulus_eV_A3
        G [eV/Å³]; zero leaves the strain out.
    doorway_radius_A
        r_D [Å], needed with a shear modulus.

    Returns
    -------
    AndersonStuartBarrier
        Binding and strain parts [eV].

    Raises
    ------
    InputError
        If a number is not positive, or β and the distance of sites are both given or both missing.

    References
    ----------
    Anderson, Stuart, J. Am. Ceram. Soc. 37, 573 (1954); tested on 205 glasses by Nascimento et al., Cerâmica 52, 22
    (2006), DOI 10.1590/S0366-69132006000100004.
    """
    if site_distance_A is not None and factor is None:
        factor = displacement_factor(site_distance_A, radius_A, counter_radius_A)
    elif site_distance_A is not None or factor is None:
        raise InputError(
            f"factor is {factor} and site_distance_A is {site_distance_A}; expected exactly one of them; "
            "give the distance of sites, or the factor where it is known"
        )
    _require_positive(
        radius_A=radius_A,
        counter_radius_A=counter_radius_A,
        permittivity=permittivity,
        charge=charge,
        counter_charge=counter_charge,
        factor=factor,
    )
    binding = factor * COULOMB_EV_A * charge * counter_charge / (permittivity * (radius_A + counter_radius_A))
    if shear_modulus_eV_A3 == 0:
        return AndersonStuartBarrier(binding, 0.0)
    if doorway_radius_A is None:
        raise InputError("doorway_radius_A is missing; expected it with a shear modulus; give it, or leave both out")
    _require_positive(shear_modulus_eV_A3=shear_modulus_eV_A3, doorway_radius_A=doorway_radius_A)
    widening_A = max(0.0, radius_A - doorway_radius_A)
    return AndersonStuartBarrier(binding, 4 * math.pi * shear_modulus_eV_A3 * doorway_radius_A * widening_A**2)


def _require_positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name} is {value}; expected a positive number")

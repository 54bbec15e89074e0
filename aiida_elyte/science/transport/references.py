"""The frame of reference in which ions move: the laboratory, or one in which a part of the system rests.

The conductivity of a cell that is neutral, its background included, is the same in every frame; diffusion coefficients
and transference numbers are not.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Series

__all__ = ["Reference", "parse_reference", "reference_of"]


@dataclass(frozen=True)
class Reference:
    """What is at rest: the mean of some species' positions, weighted by mass or charge."""

    name: str
    """How it is called in results."""
    weights: tuple[tuple[str, float], ...]
    """Weight of one particle of each species that rests; none in the laboratory frame."""

    @property
    def rests_on(self) -> tuple[str, ...]:
        """Species whose mean rests."""
        return tuple(name for name, _ in self.weights)

    def drift_of(self, series: Series) -> np.ndarray:
        """Return the displacement of what is taken to rest [Å], shape ``(T, 3)``."""
        return self._mean(series, series.collective_A)

    def velocity_of(self, series: Series) -> np.ndarray:
        """Return the velocity of what is taken to rest [Å/fs], shape ``(T, 3)``."""
        return self._mean(series, series.currents_A_fs)

    def _mean(self, series: Series, sums: np.ndarray) -> np.ndarray:
        total, norm = np.zeros((len(sums), 3)), 0.0
        for species, weight in self.weights:
            index = series.species.index(species)
            total += weight * sums[:, index]
            norm += weight * float(series.counts[index])
        return total / norm if self.weights else total


def reference_of(series: Series, mobile: Collection[str]) -> Reference:
    """Return the frame in which the centre of mass of all species but the mobile ones rests; of all, if all are."""
    framework = tuple(name for name in series.species if name not in mobile)
    if not framework:
        return _by_mass(series, series.species, "centre of mass of all atoms at rest")
    return _by_mass(series, framework, f"centre of mass of the framework ({', '.join(framework)}) at rest")


def parse_reference(text: str, series: Series, charges: Mapping[str, float]) -> Reference:
    """Return the frame that a word names.

    Parameters
    ----------
    text
        ``lab``; ``com``, the centre of mass of all; ``framework:P,S`` or ``solvent:G4``, the centre of mass of some
        species; ``charge:P,S``, their centre of charge.
    series
        Tells the species and their masses.
    charges
        Charge of each species [e], for the centre of charge.

    Raises
    ------
    InputError
        If the word is unknown, names unknown species, or their charges are missing or sum to zero.
    """
    kind, _, listed = text.partition(":")
    names = tuple(dict.fromkeys(name.strip() for name in listed.split(",") if name.strip()))
    if kind == "lab" and not names:
        return Reference("laboratory frame", ())
    if kind == "com" and not names:
        return _by_mass(series, series.species, "centre of mass of all atoms at rest")
    if kind not in ("framework", "solvent", "charge") or not names:
        raise InputError(
            f"frame is {text!r}; expected lab, com, framework:A,B, solvent:A or charge:A,B with species of the system"
        )
    unknown = [name for name in names if name not in series.species]
    if unknown:
        raise InputError(f"frame names {', '.join(unknown)}; expected species among {', '.join(series.species)}")
    if kind != "charge":
        return _by_mass(series, names, f"centre of mass of the {kind} ({', '.join(names)}) at rest")
    absent = [name for name in names if name not in charges]
    net = sum(charges.get(name, 0.0) * float(series.counts[series.species.index(name)]) for name in names)
    if absent or abs(net) < 1e-9:
        raise InputError(
            f"frame {text!r} needs a centre of charge, but {', '.join(absent) or 'the sum'} has no charge; "
            "give the charges, or use framework: for the centre of mass"
        )
    weights = tuple((name, charges[name]) for name in names)
    return Reference(f"centre of charge of {', '.join(names)} at rest", weights)


def _by_mass(series: Series, names: tuple[str, ...], text: str) -> Reference:
    return Reference(text, tuple((name, float(series.masses[series.species.index(name)])) for name in names))

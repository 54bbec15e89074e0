"""Set frames aside that no label could make useful, each with its reason."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.geometry import find_mic

from aiida_elyte.doors import naming
from aiida_elyte.errors import InputError
from aiida_elyte.science.contact import closest_contact
from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.molecules.connectivity import topology_from_text
from aiida_elyte.science.molecules.perception import perceive_bonds
from aiida_elyte.science.settings import check_positive
from aiida_elyte.science.structure.rmsd import framework_rmsd

__all__ = [
    "COLLISION",
    "KINDS",
    "MOLTEN",
    "NOT_FINITE",
    "NO_SPREAD",
    "RUNAWAY",
    "TORN",
    "Collision",
    "Filter",
    "Molten",
    "Runaway",
    "Torn",
    "filter_frames",
    "is_finite",
    "kind_of",
]

COLLISION = "collision"
MOLTEN = "molten"
RUNAWAY = "runaway"
TORN = "torn"
NOT_FINITE = "not finite"
NO_SPREAD = "no committee spread"
KINDS = (COLLISION, MOLTEN, RUNAWAY, TORN, NOT_FINITE, NO_SPREAD)
"""Kinds of reasons: each reason of ours begins with its kind."""


def kind_of(reason: str) -> str:
    """Return the kind of the reason for which a frame was set aside.

    Parameters
    ----------
    reason
        What a filter said: one of ``KINDS`` and more, or that of another filter, as ``early: step 5, below 100``.

    Returns
    -------
    str
        One of ``KINDS``; of another filter, what stands before the first colon; ``other`` if nothing does.
    """
    known = next((kind for kind in KINDS if reason.startswith(kind)), None)
    if known is not None:
        return known
    before, colon, _ = reason.partition(":")
    return before if colon and len(before) <= _LONGEST_KIND else "other"


_LONGEST_KIND = 30
"""A sentence that has a colon further on is one without a kind."""


class Filter(ABC):
    """A test that frames pass before labels are paid for; a frozen dataclass whose fields are its settings."""

    @abstractmethod
    def reason(self, frame: Atoms, reference: Atoms) -> str | None:
        """Return why a frame is set aside, ``None`` if it is not.

        Parameters
        ----------
        frame
            Sampled frame of finite numbers; ``info`` may hold ``temperature_K`` and ``potential_energy_eV``.
        reference
            What the frame was sampled from, or a cell it is a supercell of.

        Raises
        ------
        InputError
            If the settings do not fit the reference, or the frame lacks the numbers that the test needs.
        """


@dataclass(frozen=True)
class Collision(Filter):
    """No two atoms nearer than a part of the sum of their covalent radii.

    Raises
    ------
    InputError
        If a setting is invalid.
    """

    min_distance_factor: float | None = 0.5
    """That part [1]; ``None``: no test."""

    def __post_init__(self) -> None:
        _check_limit("min_distance_factor", self.min_distance_factor)

    def reason(self, frame: Atoms, reference: Atoms) -> str | None:
        """Return the two atoms that collide, if there are any."""
        if self.min_distance_factor is None:
            return None
        contact = closest_contact(frame, self.min_distance_factor)
        return None if contact is None else f"{COLLISION}: {contact}, below {self.min_distance_factor:g}"


@dataclass(frozen=True)
class Molten(Filter):
    """The framework of the crystal is where it was.

    Raises
    ------
    InputError
        If a setting is invalid.
    """

    framework: Sequence[str] = ()
    """Species of the framework; empty: no test."""
    max_framework_rmsd_A: float | None = 1.5
    """Largest root mean square displacement of the framework [Å]; ``None``: no test."""

    def __post_init__(self) -> None:
        if isinstance(self.framework, str) or not isinstance(self.framework, Sequence):
            raise InputError(f"framework is {self.framework!r}; expected a list of species, as [P, S]")
        _check_limit("max_framework_rmsd_A", self.max_framework_rmsd_A)

    def reason(self, frame: Atoms, reference: Atoms) -> str | None:
        """Return how far the framework is from the crystal's, if it is too far."""
        species = sorted(set(reference.get_chemical_symbols()))
        for name in self.framework:
            if name not in species:
                raise InputError(f"framework names {name!r}; expected species of the crystal ({', '.join(species)})")
        if not self.framework or self.max_framework_rmsd_A is None:
            return None
        rmsd = framework_rmsd(frame, reference, self.framework)
        if rmsd <= self.max_framework_rmsd_A:
            return None
        return f"{MOLTEN}: framework {rmsd:.2f} Å from the crystal, above {self.max_framework_rmsd_A:g} Å"


@dataclass(frozen=True)
class Runaway(Filter):
    """Temperature and energy are within limits.

    Raises
    ------
    InputError
        If a setting is invalid.
    """

    max_temperature_K: float | None = None
    """Largest instantaneous temperature [K]; ``None``: no test."""
    max_energy_change_eV_atom: float | None = None
    """Largest distance of the potential energy from that of the reference [eV/atom]; ``None``: no test."""

    def __post_init__(self) -> None:
        _check_limit("max_temperature_K", self.max_temperature_K)
        _check_limit("max_energy_change_eV_atom", self.max_energy_change_eV_atom)

    def reason(self, frame: Atoms, reference: Atoms) -> str | None:
        """Return by how much temperature or energy are beyond their limits, if they are."""
        if self.max_temperature_K is not None:
            temperature = frame.info.get("temperature_K")
            if temperature is None:
                raise InputError(
                    "the frame has no temperature_K; expected it in info; give it, or set max_temperature_K to null"
                )
            if temperature > self.max_temperature_K:
                return f"{RUNAWAY} temperature: {temperature:.0f} K, above {self.max_temperature_K:g} K"
        if self.max_energy_change_eV_atom is not None:
            change = _energy_per_atom(frame, "the frame") - _energy_per_atom(reference, "the reference")
            if abs(change) > self.max_energy_change_eV_atom:
                return f"{RUNAWAY} energy: {change:+.3f} eV/atom, beyond {self.max_energy_change_eV_atom:g} eV/atom"
        return None


@dataclass(frozen=True)
class Torn(Filter):
    """The molecules, and ions of several atoms, of the reference are whole.

    Bonds are those that a frame carries in ``info["bonds"]``; else those of the reference between some elements, by
    ``perceive_bonds``.

    Raises
    ------
    InputError
        If a setting is invalid.
    """

    molecules: Sequence[str] = ()
    """Elements whose atoms are bonded to each other, as ``[P, S]``; empty: only frames that carry their bonds are
    tested."""
    max_stretch: float = 1.4
    """Bonds longer than this many sums of covalent radii are broken [1]: thermal ones at 400 K reach 1.2."""

    def __post_init__(self) -> None:
        if isinstance(self.molecules, str) or not isinstance(self.molecules, Sequence):
            raise InputError(f"molecules is {self.molecules!r}; expected a list of elements, as [P, S]")
        check_positive("max_stretch", self.max_stretch)

    def reason(self, frame: Atoms, reference: Atoms) -> str | None:
        """Return the bond that is stretched most, if it is broken."""
        bonds = self._bonds(frame, reference)
        if not len(bonds):
            return None
        lengths = find_mic(frame.positions[bonds[:, 1]] - frame.positions[bonds[:, 0]], frame.cell, frame.pbc)[1]
        stretch = lengths / covalent_radii[frame.numbers[bonds]].sum(axis=1)
        worst = int(np.argmax(stretch))
        if stretch[worst] <= self.max_stretch:
            return None
        ends = "–".join(f"{frame.symbols[atom]}{atom}" for atom in bonds[worst].tolist())
        return (
            f"{TORN}: bond {ends} is {lengths[worst]:.2f} Å long, {stretch[worst]:.2f} of its covalent radii, above "
            f"{self.max_stretch:g}"
        )

    def _bonds(self, frame: Atoms, reference: Atoms) -> np.ndarray:
        if "bonds" in frame.info:
            return topology_from_text(frame.get_chemical_symbols(), str(frame.info["bonds"])).bonds
        species = sorted(set(reference.get_chemical_symbols()))
        for name in self.molecules:
            if name not in species:
                raise InputError(f"molecules names {name!r}; expected elements of the reference ({', '.join(species)})")
        if not self.molecules:
            return np.zeros((0, 2), int)
        if len(frame) != len(reference):
            repeats = np.round(frame.cell.lengths() / np.maximum(reference.cell.lengths(), 1e-9)).astype(int)
            reference = reference.repeat(np.maximum(1, repeats))
        if not np.array_equal(frame.numbers, reference.numbers):
            raise InputError(
                f"a frame of {frame.get_chemical_formula()} is compared with {reference.get_chemical_formula()}; "
                "expected the atoms of the reference, or of a supercell of it, in the same order"
            )
        chosen = np.flatnonzero(np.isin(reference.get_chemical_symbols(), list(self.molecules)))
        return chosen[perceive_bonds(reference[chosen])]


def filter_frames(
    frames: Sequence[Atoms], reference: Atoms, filters: Mapping[str, Filter]
) -> tuple[list[int], dict[int, str]]:
    """Return which frames pass all filters, and why the others do not.

    A frame whose numbers are not finite passes none. Filters are asked in the order given; the first that a frame fails
    gives the reason.

    Parameters
    ----------
    frames
        Sampled frames.
    reference
        What they were sampled from, or a cell they are a supercell of.
    filters
        Filters by name.

    Returns
    -------
    kept : list of int
        Indices of the frames that passed, in order.
    refused : dict
        Index → reason.

    Raises
    ------
    InputError
        If a filter does not fit the reference, misses numbers that it needs, fails, or gives anything but a sentence,
        naming filter and frame.
    """
    kept, refused = [], {}
    for index, frame in enumerate(frames):
        reason = None if is_finite(frame) else f"{NOT_FINITE}: positions, cell or a measured value"
        for name, test in filters.items():
            if reason is not None:
                break
            reason = _reason(name, test, index, frame, reference)
        if reason is None:
            kept.append(index)
        else:
            refused[index] = reason
    return kept, refused


def _reason(name: str, test: Filter, index: int, frame: Atoms, reference: Atoms) -> str | None:
    """Return what a filter says of a frame."""
    with naming(f"filter {name!r} failed on frame {index}"):
        try:
            reason = test.reason(frame, reference)
        except InputError as error:
            raise InputError(f"filters.{name}, frame {index}: {error}") from error
    if reason is None or (isinstance(reason, str) and reason.strip() and len(reason.splitlines()) == 1):
        return reason
    raise InputError(
        f"filter {name!r} gave {reason!r} for frame {index}; expected None, or a sentence of one line; "
        "correct the plug-in, or leave it out"
    )


def is_finite(frame: Atoms) -> bool:
    """Return whether positions, cell and all measured values in ``info`` are finite numbers."""
    measured = [value for value in frame.info.values() if isinstance(value, float)]
    return all(bool(np.isfinite(each).all()) for each in (frame.positions, frame.cell.array, measured))


def _check_limit(name: str, value: float | None) -> None:
    if value is not None:
        check_positive(name, value)


def _energy_per_atom(frame: Atoms, name: str) -> float:
    energy = labels_of(frame).get("energy", frame.info.get("potential_energy_eV"))
    if energy is None:
        raise InputError(
            f"{name} has no energy; expected potential_energy_eV in info; give it, or set max_energy_change_eV_atom to "
            "null"
        )
    return float(energy) / len(frame)

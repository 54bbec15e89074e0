"""Refuse frames that no label could make useful, each with its reason."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.crystal import closest_contact, suggest
from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.structure.rmsd import framework_rmsd

__all__ = ["DEFAULTS", "filter_frames"]

DEFAULTS: dict[str, Any] = {
    "min_distance_factor": 0.5,
    "framework": [],
    "max_framework_rmsd_A": 1.5,
    "max_temperature_K": None,
    "max_energy_change_eV_atom": None,
}
"""Settings of ``filter_frames``: what is not given comes from here; ``None`` switches a test off."""


def filter_frames(
    frames: Sequence[Atoms], reference: Atoms, settings: Mapping[str, Any]
) -> tuple[list[int], dict[int, str]]:
    """Tell which frames are physical and why the others are not.

    The tests, in order: finite numbers, collision, molten framework, runaway of temperature, runaway of energy. The
    first that fails gives the reason.

    Parameters
    ----------
    frames
        Sampled frames; ``info`` may tell ``temperature_K`` and ``potential_energy_eV``.
    reference
        The crystal they were sampled from, or a cell they are a supercell of.
    settings
        See ``DEFAULTS``.

        ``min_distance_factor``
            No two atoms nearer than this part of the sum of their covalent radii [1].
        ``framework``
            Species of the framework; empty: no test of melting.
        ``max_framework_rmsd_A``
            Largest root mean square displacement of the framework [Å].
        ``max_temperature_K``
            Largest instantaneous temperature [K].
        ``max_energy_change_eV_atom``
            Largest distance of the potential energy from that of the reference [eV/atom].

    Returns
    -------
    kept : list of int
        Indices of the frames that passed, in order.
    refused : dict
        Index → reason.

    Raises
    ------
    InputError
        For unknown settings, or when a test is asked for that the frames do not carry the numbers for.
    """
    for key in settings:
        if key not in DEFAULTS:
            raise InputError(
                f"filters have no {key!r}; expected some of {', '.join(DEFAULTS)}{suggest(key, [*DEFAULTS])}"
            )
    choices = {**DEFAULTS, **settings}
    species = sorted(set(reference.get_chemical_symbols()))
    for name in choices["framework"]:
        if name not in species:
            raise InputError(
                f"filters.framework names {name!r}; expected species of the crystal ({', '.join(species)})"
            )
    kept, refused = [], {}
    for index, frame in enumerate(frames):
        reason = _reason(frame, reference, choices, f"frame {index}")
        if reason is None:
            kept.append(index)
        else:
            refused[index] = reason
    return kept, refused


def _reason(frame: Atoms, reference: Atoms, choices: Mapping[str, Any], name: str) -> str | None:
    """Return why a frame is refused, ``None`` when it is not."""
    measured = [value for value in frame.info.values() if isinstance(value, float)]
    if not (np.isfinite(frame.positions).all() and np.isfinite(frame.cell.array).all() and np.isfinite(measured).all()):
        return "not finite: positions, cell or a measured value"
    contact = closest_contact(frame, choices["min_distance_factor"])
    if contact is not None:
        return f"collision: {contact}, below {choices['min_distance_factor']:g}"
    if choices["framework"] and choices["max_framework_rmsd_A"] is not None:
        rmsd = framework_rmsd(frame, reference, choices["framework"])
        if rmsd > choices["max_framework_rmsd_A"]:
            return f"molten: framework {rmsd:.2f} Å from the crystal, above {choices['max_framework_rmsd_A']:g} Å"
    if choices["max_temperature_K"] is not None:
        if "temperature_K" not in frame.info:
            raise InputError(f"{name} tells no temperature_K; expected it in info; or set max_temperature_K to null")
        if frame.info["temperature_K"] > choices["max_temperature_K"]:
            return f"runaway temperature: {frame.info['temperature_K']:.0f} K, above {choices['max_temperature_K']:g} K"
    if choices["max_energy_change_eV_atom"] is not None:
        change = _energy_per_atom(frame, name) - _energy_per_atom(reference, "the reference")
        if abs(change) > choices["max_energy_change_eV_atom"]:
            return f"runaway energy: {change:+.3f} eV/atom, beyond {choices['max_energy_change_eV_atom']:g} eV/atom"
    return None


def _energy_per_atom(frame: Atoms, name: str) -> float:
    energy = labels_of(frame).get("energy", frame.info.get("potential_energy_eV"))
    if energy is None:
        raise InputError(
            f"{name} tells no energy; expected potential_energy_eV in info; or set max_energy_change_eV_atom to null"
        )
    return float(energy) / len(frame)

"""Families of the potentials that a job is given."""

from collections.abc import Mapping

from aiida_elyte.data.potential import PotentialData
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load
from aiida_elyte.science.potentials.family import Family

__all__ = ["families_of", "family_modules", "family_references", "validate_families"]


def families_of(members: Mapping[str, PotentialData]) -> dict[str, type[Family]]:
    """Return the family of each member.

    Raises
    ------
    InputError
        If one is not installed.
    """
    return {name: load("families", node.family) for name, node in members.items()}


def family_modules(members: Mapping[str, PotentialData]) -> list[str]:
    """Return the modules that travel with a job for its members."""
    return sorted({family.__module__ for family in families_of(members).values()})


def family_references(members: Mapping[str, PotentialData]) -> dict[str, str]:
    """Return where a program finds the family of each member."""
    return {name: family.reference() for name, family in families_of(members).items()}


def validate_families(members: Mapping[str, PotentialData], _: object) -> str | None:
    """Return a sentence if a family is not installed."""
    try:
        families_of(members)
    except InputError as error:
        return f"potentials: {error}"
    return None

"""Who is paired with whom: ions in contact with none, one or several, and neighbours counted by molecule."""

from dataclasses import replace

import numpy as np

from aiida_elyte.science.statistics.estimate import Estimate, Refusal
from aiida_elyte.science.structure.contacts import Contacts
from aiida_elyte.science.structure.records import estimate_mean

__all__ = ["PAIRINGS", "count_ligands", "pairing_of", "within_one"]

PAIRINGS = ("separated", "contact", "aggregate")
"""A ligand in contact with no ion (free, or with solvent between), with one, with two or more."""


def pairing_of(contacts: Contacts) -> dict[str, Estimate | Refusal]:
    """Estimate the share of ligands, in time, that touch no ion, one, and several.

    Parameters
    ----------
    contacts
        Contacts of all ions with the ligands, as the anions of a salt, each one ligand.

    Returns
    -------
    dict
        Share [1] by the names of ``PAIRINGS``; refused where it is correlated over too much of the run.
    """
    n_ligands = contacts.n_possible // contacts.n_ions
    # +1 where a run of contact begins, -1 after its end: their running sum is the number of ions at each ligand.
    change = np.zeros((contacts.n_frames + 1, n_ligands), dtype=np.int32)
    np.add.at(change, (contacts.start, contacts.ligand), 1)
    np.add.at(change, (contacts.end, contacts.ligand), -1)
    touching = np.cumsum(change[:-1], axis=0)
    kinds = (touching == 0, touching == 1, touching > 1)
    return {
        name: within_one(estimate_mean(kind.mean(axis=1), "1", f"share of {contacts.pair[1]} ({name})"))
        for name, kind in zip(PAIRINGS, kinds, strict=True)
    }


def count_ligands(contacts: Contacts) -> Estimate | Refusal:
    """Estimate the number of ligands in contact with an ion, mean over ions and time."""
    change = np.bincount(contacts.start, minlength=contacts.n_frames + 1) - np.bincount(
        contacts.end, minlength=contacts.n_frames + 1
    )
    number = np.cumsum(change)[:-1] / contacts.n_ions
    return estimate_mean(number, "1", f"number of molecules with {contacts.pair[1]} at {contacts.pair[0]}")


def within_one(found: Estimate | Refusal) -> Estimate | Refusal:
    """Return a share with its interval cut at 0 and 1."""
    if isinstance(found, Refusal):
        return found
    low, high = found.ci95
    return replace(found, ci95=(max(0.0, low), min(1.0, high)))

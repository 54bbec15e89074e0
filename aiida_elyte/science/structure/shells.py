"""The first shells of ions in two passes: where they end, then who is in them and for how long."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.arrays import arrays_above, arrays_under
from aiida_elyte.science.statistics.estimate import Refusal
from aiida_elyte.science.structure.accumulator import Accumulator
from aiida_elyte.science.structure.contacts import ContactRecorder
from aiida_elyte.science.structure.coordination import CoordinationCounter
from aiida_elyte.science.structure.pairing import count_ligands, pairing_of
from aiida_elyte.science.structure.rdf import RadialDistribution, RdfAccumulator
from aiida_elyte.science.structure.residence import residence_times

__all__ = ["ShellFinder", "ShellRecorder", "name_atoms", "refuse_shell"]

_MAX_SHELLS = 12
"""Compositions of the first shell that are reported, the most frequent ones."""


def name_atoms(symbols: Sequence[str], sites: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the name of each atom: that of its site, or its element where it is in none.

    Parameters
    ----------
    symbols
        Chemical symbol of each atom, shape ``(n_atoms,)``.
    sites
        Name → its atoms.

    Raises
    ------
    InputError
        If an atom is in two sites.
    """
    names = np.array(symbols, dtype=object)
    taken = np.zeros(len(names), dtype=bool)
    for name, atoms in sites.items():
        if taken[atoms].any():
            other = names[atoms[taken[atoms]][0]]
            raise InputError(
                f"atom {atoms[taken[atoms]][0]} is in the sites {other} and {name}; expected one; narrow them"
            )
        names[atoms], taken[atoms] = name, True
    return names


class ShellFinder(Accumulator):
    """First pass: the radial distribution function of each site about the ions.

    Parameters
    ----------
    names
        Name of each atom, as of ``name_atoms``.
    centre
        Name of the ions.
    sites
        Names of what coordinates them.
    max_distance_A, shell_A
        Largest distance, and width of a shell of the function [Å].
    """

    def __init__(
        self, names: np.ndarray, centre: str, sites: Sequence[str], max_distance_A: float, shell_A: float
    ) -> None:
        self._centre = centre
        n_shells = max(2, round(max_distance_A / shell_A))
        self._rdf = RdfAccumulator(names.tolist(), [(centre, site) for site in sites], max_distance_A, n_shells)

    def add(self, positions: np.ndarray, cell: np.ndarray) -> None:  # noqa: D102 - as in Accumulator
        self._rdf.add(positions, cell)

    def state_dict(self) -> dict[str, np.ndarray]:  # noqa: D102 - as in Accumulator
        return self._rdf.state_dict()

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:  # noqa: D102 - as in Accumulator
        self._rdf.load_state_dict(state)

    def finish(self) -> dict[str, RadialDistribution]:
        """Return the function of each site."""
        return {site: function for (_, site), function in self._rdf.finish().items()}


class ShellRecorder(Accumulator):
    """Second pass: neighbours of the ions within the first minima, and how long their molecules stay.

    Parameters
    ----------
    names
        Name of each atom.
    centre
        Name of the ions.
    cutoffs_A
        Distance at which the first shell of each site ends [Å].
    molecules
        Molecule of each atom, shape ``(n_atoms,)``.
    interval_fs
        Time between two frames [fs].
    """

    def __init__(
        self,
        names: np.ndarray,
        centre: str,
        cutoffs_A: Mapping[str, float],
        molecules: np.ndarray,
        interval_fs: float,
    ) -> None:
        given = names.tolist()
        self._counter = CoordinationCounter(given, centre, cutoffs_A, interval_fs)
        self._contacts = {
            site: ContactRecorder(given, centre, site, cutoff, interval_fs, ligand_of=molecules.tolist())
            for site, cutoff in cutoffs_A.items()
        }

    def add(self, positions: np.ndarray, cell: np.ndarray) -> None:  # noqa: D102 - as in Accumulator
        self._counter.add(positions, cell)
        for recorder in self._contacts.values():
            recorder.add(positions, cell)

    def state_dict(self) -> dict[str, np.ndarray]:  # noqa: D102 - as in Accumulator
        state = arrays_above("counter/", self._counter.state_dict())
        for site, recorder in self._contacts.items():
            state |= arrays_above(f"contacts/{site}/", recorder.state_dict())
        return state

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:  # noqa: D102 - as in Accumulator
        self._counter.load_state_dict(arrays_under("counter/", state))
        for site, recorder in self._contacts.items():
            recorder.load_state_dict(arrays_under(f"contacts/{site}/", state))

    def finish(self, anion: str | None, allowed_absence_fs: float) -> dict[str, Any]:
        """Return what the shells hold, as plain values.

        Parameters
        ----------
        anion
            Site of the anion, whose share of pairs and aggregates is reported; ``None`` if not wanted.
        allowed_absence_fs
            A molecule that is back after this time has not left [fs].

        Returns
        -------
        dict
            ``sites``: for each ``coordination``, neighbouring atoms; ``molecules`` they belong to; ``stay``, the mean
            time until a molecule leaves; ``memory``, the time after which it is forgotten who was in contact;
            ``n_departures``. ``total``, neighbours of all these sites; ``shells``, the most frequent compositions;
            ``pairing`` of the anion. Estimates and refusals by their fields.
        """
        coordination = self._counter.finish()
        contacts = {site: recorder.finish() for site, recorder in self._contacts.items()}
        sites = {}
        for site, found in contacts.items():
            residence = residence_times(found, allowed_absence_fs)
            sites[site] = {
                "coordination": coordination.mean[site].as_dict(),
                "molecules": count_ligands(found).as_dict(),
                "stay": residence.continuous_time.as_dict(),
                "memory": residence.intermittent_time.as_dict(),
                "n_departures": residence.n_departures,
            }
        shells = [
            {"numbers": dict(zip(contacts, numbers, strict=True)), "share": share.as_dict()}
            for numbers, share in list(coordination.shells.items())[:_MAX_SHELLS]
        ]
        return {
            "sites": sites,
            "total": coordination.mean["total"].as_dict(),
            "shells": shells,
            "pairing": {name: one.as_dict() for name, one in pairing_of(contacts[anion]).items()}
            if anion in contacts
            else None,
        }


def refuse_shell(site: str, function: RadialDistribution) -> Refusal | None:
    """Say why a site has no first shell to count in; ``None`` when it has one."""
    if function.first_minimum_A is not None:
        return None
    peak, reach = function.first_peak_A, function.r_A[-1]
    what = "no peak" if peak is None else f"a peak at {peak:.3g} Å and no minimum behind it"
    return Refusal(
        f"g(r) of {site} has {what} up to {reach:.3g} Å that stands out of the noise of {function.n_frames} frames; "
        "run longer"
    )

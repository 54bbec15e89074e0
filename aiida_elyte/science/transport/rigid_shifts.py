"""Shifts of all atoms at once, as of a program that centres a trajectory: no motion, yet displacements in the lab."""

from collections.abc import Sequence

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Series

__all__ = ["rigid_shift_in", "validate_laboratory"]

_UNUSUAL = 8.0
"""Step over the median step from which on it is a shift: of 10⁵ steps of a random walk the longest is 3.6 times it."""

_LEAST_A = 0.05
"""Shift below which it changes no diffusion coefficient, and may be rounding [Å]."""

_MIN_PARTICLES = 8
"""Particles that must move alike: fewer may hop together."""

_MOST_CANDIDATES = 100
"""Longest steps of the centre of mass that are looked at."""


def rigid_shift_in(series: Series) -> str | None:
    """Return where all particles moved by the same vector at once, if anywhere.

    Candidates are steps of the centre of mass far longer than its usual ones. Few ions that hop make such steps too; so
    the median over the particles, which hops of less than half of them leave where it is, must move as far.

    Parameters
    ----------
    series
        One replica.

    Returns
    -------
    str or None
        The samples and the length of the longest shift; ``None`` if there is none.
    """
    every = series.tracked_every
    lengths = np.linalg.norm(np.diff(series.centre_of_mass_A[::every], axis=0), axis=1)
    if series.displacements_A.shape[1] < _MIN_PARTICLES or len(lengths) < 2:
        return None
    limit = max(_LEAST_A, _UNUSUAL * float(np.median(lengths)))
    longest = np.argsort(lengths)[::-1][:_MOST_CANDIDATES]
    for place in longest[lengths[longest] > limit].tolist():
        steps = series.displacements_A[place + 1] - series.displacements_A[place]
        shift = float(np.linalg.norm(np.median(steps, axis=0)))
        if shift > max(limit, 0.5 * float(lengths[place])):
            return (
                f"all atoms are shifted by {shift:.3g} Å from sample {place * every} to {(place + 1) * every}; their "
                f"centre of mass moves by {float(np.median(lengths)):.2g} Å from sample to sample elsewhere"
            )
    return None


def validate_laboratory(series: Sequence[Series]) -> None:
    """Check that displacements in the laboratory frame are those of the atoms.

    Raises
    ------
    InputError
        If all atoms of a replica are shifted at once.
    """
    for one in series:
        if shift := rigid_shift_in(one):
            raise InputError(
                f"in replica {one.replica} {shift}; expected no shift in the laboratory frame, where it counts as "
                "motion; give the trajectory as it was before it was centred or wrapped, or, if it holds all atoms, "
                "--frame com (frame='com' in Python)"
            )

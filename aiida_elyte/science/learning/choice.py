"""From sampled frames to the frames that are labelled: filter, then select."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.learning.filters import Filter, filter_frames
from aiida_elyte.science.learning.selection import Candidates, Selector

__all__ = ["Choice", "choose_frames"]


@dataclass(frozen=True)
class Choice:
    """What became of the sampled frames."""

    refused: dict[int, str]
    """Index of each frame that was set aside → reason."""
    spreads_eV_A: np.ndarray
    """Committee spread of each other frame, in order [eV/Å]."""
    n_uncertain: int
    """How many of these are uncertain."""
    selected: list[int]
    """Indices of the frames to label, the most worthwhile first."""


def choose_frames(
    frames: Sequence[Atoms],
    known: Sequence[Atoms],
    start: Atoms,
    filters: Mapping[str, Filter],
    selector: Selector,
    n_select: int,
    rng: np.random.Generator,
) -> Choice:
    """Filter sampled frames and select those to label.

    Parameters
    ----------
    frames
        Sampled frames, with ``spread_max_eV_A`` in ``info``; one without is set aside.
    known
        Labelled frames.
    start
        What the frames were sampled from: the reference of the filters. Its own energy is unknown; the mean of the
        labelled frames stands for it.
    filters, selector
        What decides.
    n_select
        Frames wanted at most.
    rng
        Source of randomness of the selector.

    Raises
    ------
    InputError
        If a filter or the selector cannot use the frames.
    """
    mean = np.mean([labels_of(frame)["energy"] / len(frame) for frame in known])
    reference = start.copy()
    reference.info["potential_energy_eV"] = float(mean * len(start))
    kept, refused = filter_frames(frames, reference, filters)
    refused |= {
        index: f"no committee spread: {frames[index].info.get('stop', 'one member')}"
        for index in kept
        if "spread_max_eV_A" not in frames[index].info
    }
    kept = [index for index in kept if index not in refused]
    spreads = np.array([frames[index].info["spread_max_eV_A"] for index in kept])
    candidates = Candidates([frames[index] for index in kept], spreads, known)
    chosen = selector.select(candidates, n_select, rng)
    return Choice(refused, spreads, int(selector.are_uncertain(candidates).sum()), [int(kept[one]) for one in chosen])

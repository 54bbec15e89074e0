"""What the labels of a round say of the committee that sampled it: spread, distance and true error of each atom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import committee_of, labels_of
from aiida_elyte.science.learning.novelty import measure_distances

__all__ = ["Features", "Observations", "features_of", "match_labels", "observe"]

_SAME_A = 1e-3
"""Atoms of a labelled frame are this near to those of the sampled one [Å]; heat and relaxation move them farther."""


@dataclass(frozen=True, eq=False)
class Features:
    """What is known of atoms before they are labelled.

    Raises
    ------
    InputError
        If the arrays differ in length, or hold values that are not finite.
    """

    numbers: np.ndarray
    """Atomic number of each atom, ``shape=(n_atoms,)``."""
    spreads_eV_A: np.ndarray
    """Committee spread of the force on it, ``shape=(n_atoms,)`` [eV/Å]."""
    distances: np.ndarray
    """Distance to the training data, of ``measure_distances``, ``shape=(n_atoms,)`` [1]."""
    frames: np.ndarray
    """Number of its frame, counted from 0, ``shape=(n_atoms,)``."""

    def __post_init__(self) -> None:
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        for name, values in arrays.items():
            if values.shape != (len(self.numbers),):
                raise InputError(f"{name} has shape {values.shape} for {len(self.numbers)} atoms; expected one each")
            if not np.isfinite(values).all():
                raise InputError(f"{name} holds values that are not finite; expected numbers; filter the frames first")

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(self.frames.max()) + 1 if len(self.frames) else 0

    def mean_over_frames(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over the atoms of each frame, ``shape=(n_frames,)``."""
        counts = np.bincount(self.frames, minlength=self.n_frames)
        return np.bincount(self.frames, values, minlength=self.n_frames) / np.maximum(counts, 1)


@dataclass(frozen=True, eq=False)
class Observations(Features):
    """Atoms that have been labelled, with the error that the committee made before it was trained on them."""

    errors_eV_A: np.ndarray
    """Length of the difference between label and mean force of the committee, ``shape=(n_atoms,)`` [eV/Å]."""
    rounds: np.ndarray
    """Number of the round, the newest is the highest, ``shape=(n_atoms,)``."""

    @classmethod
    def none(cls) -> "Observations":
        """Return no observation."""
        none, nothing = np.zeros(0, int), np.zeros(0)
        return cls(none, nothing, nothing, none, nothing, none)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Observations":
        """Return the observations that ``to_arrays`` wrote."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, in the precision that they have."""
        kinds = {"i": np.int32, "f": np.float32}
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        return {name: values.astype(kinds[values.dtype.kind]) for name, values in arrays.items()}

    def take(self, chosen: np.ndarray) -> "Observations":
        """Return the atoms of some frames, numbered anew in their order.

        Parameters
        ----------
        chosen
            Whether each frame is among them, ``shape=(n_frames,)``.
        """
        atoms, numbers = chosen[self.frames], np.cumsum(chosen) - 1
        kept = {field.name: getattr(self, field.name)[atoms] for field in fields(self)}
        return replace(self, **{**kept, "frames": numbers[self.frames[atoms]]})

    def pooled(self, newer: "Observations", n_rounds: int) -> "Observations":
        """Return these with those of a newer round, as far as they belong to the newest ``n_rounds`` rounds."""
        number = int(self.rounds.max()) + 1 if len(self.rounds) else 1
        newer = replace(
            newer,
            rounds=np.full(len(newer.rounds), number),
            frames=newer.frames + (self.n_frames if len(self.rounds) else 0),
        )
        both = Observations(
            *(np.concatenate([getattr(one, field.name) for one in (self, newer)]) for field in fields(Observations))
        )
        if not len(both.rounds):
            return both
        first = both.rounds.max() - n_rounds
        return both.take(both.mean_over_frames(both.rounds) > first)


def features_of(frames: Sequence[Atoms], distances: Sequence[np.ndarray]) -> Features:
    """Return what is known of the atoms of sampled frames.

    Parameters
    ----------
    frames
        Frames with ``forces_spread_eV_A``.
    distances
        Distance of the atoms of each frame to the training data, of ``measure_distances``.

    Raises
    ------
    InputError
        If a frame has no committee spread of its atoms.
    """
    spreads = []
    for index, frame in enumerate(frames):
        said = committee_of(frame)
        if said is None:
            raise InputError(
                f"frame {index} has no forces_spread_eV_A; expected the committee spread of each atom; sample with two "
                "members or more"
            )
        spreads.append(said[1])
    return Features(
        np.concatenate([np.zeros(0, int), *(frame.numbers for frame in frames)]),
        np.concatenate([np.zeros(0), *spreads]),
        np.concatenate([np.zeros(0), *distances]),
        np.repeat(np.arange(len(frames)), [len(frame) for frame in frames]),
    )


def observe(
    labelled: Sequence[Atoms], sampled: Sequence[Atoms], known: Sequence[Atoms], cutoff_A: float = 5.0
) -> Observations:
    """Compare new labels with what the committee said of the same geometries before it was trained on them.

    A labelled frame belongs to the sampled one of the same ``origin`` if its atoms are where they were: a labeller may
    have lost all else of it, relaxed it, or added heated copies, which are left out.

    Parameters
    ----------
    labelled
        Frames with new labels.
    sampled
        The frames that were sent to the labeller, or all that were sampled.
    known
        Frames that the committee was trained on, without the new labels.
    cutoff_A
        Cutoff of the descriptor [Å].

    Returns
    -------
    Observations
        As of one round; none where no frame has both.
    """
    said = [(frame, one[0]) for frame in sampled if (one := committee_of(frame)) is not None]
    found, errors = [], []
    for place, index in match_labels(labelled, [frame for frame, _ in said]):
        forces = labels_of(labelled[place]).get("forces")
        if forces is not None:
            found.append(said[index][0])
            errors.append(np.linalg.norm(forces - said[index][1], axis=1))
    if not found:
        return Observations.none()
    features = features_of(found, measure_distances(found, known, cutoff_A))
    return Observations(
        features.numbers,
        features.spreads_eV_A,
        features.distances,
        features.frames,
        np.concatenate(errors),
        np.ones(len(features.numbers), int),
    )


def match_labels(labelled: Sequence[Atoms], sampled: Sequence[Atoms]) -> list[tuple[int, int]]:
    """Return the indices of each labelled frame and of the sampled one that it belongs to, as in ``observe``."""
    by_origin: dict[str, list[int]] = {}
    for index, frame in enumerate(sampled):
        by_origin.setdefault(str(frame.info.get("origin")), []).append(index)
    pairs = []
    for place, frame in enumerate(labelled):
        alike = by_origin.get(str(frame.info.get("origin")), [])
        same = next((index for index in alike if _is_same(frame, sampled[index])), None)
        if same is not None:
            pairs.append((place, same))
    return pairs


def _is_same(first: Atoms, second: Atoms) -> bool:
    """Return whether two frames have the same atoms at the same places, but for the image."""
    if (
        not np.array_equal(first.numbers, second.numbers)
        or np.abs(first.cell.array - second.cell.array).max() > _SAME_A
    ):
        return False
    _, lengths = find_mic(first.positions - second.positions, first.cell, first.pbc)
    return bool(lengths.max() < _SAME_A)

"""Tests that say where a potential is not to be trusted."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from aiida_elyte.doors import naming
from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.filters import is_finite
from aiida_elyte.science.settings import check_positive

__all__ = ["Evidence", "Qualification", "ShortestDistance", "Verdict", "judge"]


@dataclass(frozen=True)
class Evidence:
    """What a test judges a potential by."""

    sampled: Sequence[Atoms]
    """Frames of dynamics with the potential, with what ``info`` says of each: ``spread_max_eV_A``,
    ``potential_energy_eV`` where they are known."""
    labelled: Sequence[Atoms]
    """Frames that the potential was trained on."""


@dataclass(frozen=True)
class Verdict:
    """What a test found."""

    value: float | None
    """What was measured; ``None`` if there was nothing to measure."""
    unit: str
    """Its unit."""
    threshold: float
    """Limit of the value."""
    source: str
    """Where the limit comes from."""
    passed: bool | None
    """Whether the value is within its limit; ``None`` if there was nothing to measure."""
    offending: Mapping[int, str]
    """Index of each sampled frame that is beyond the limit → what is wrong with it."""

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON takes it."""
        return {**asdict(self), "offending": {str(index): reason for index, reason in self.offending.items()}}


class Qualification(ABC):
    """A test of a potential; a frozen dataclass whose fields are its settings."""

    @abstractmethod
    def judge(self, evidence: Evidence) -> Verdict:
        """Return the verdict on a potential, with a threshold and its source."""


def judge(name: str, test: Qualification, evidence: Evidence) -> dict[str, Any]:
    """Return the verdict of a test as JSON takes it; that of a test that fails is not known.

    Parameters
    ----------
    name
        What to call the test.
    test
        The test.
    evidence
        What it judges by.

    Returns
    -------
    dict
        Fields of ``Verdict``; or ``value`` and ``passed``, which are ``None``, and ``failed``: why.
    """
    try:
        with naming(f"qualification {name!r} failed"):
            verdict = test.judge(evidence)
            if not isinstance(verdict, Verdict):
                raise InputError(f"qualification {name!r} gave {verdict!r}; expected a Verdict; correct the plug-in")
            content: dict[str, Any] = json.loads(json.dumps(verdict.as_dict(), allow_nan=False, default=_plain))
    except InputError as error:
        return {"value": None, "passed": None, "failed": str(error)}
    return content


def _plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} is no JSON; expected numbers and text")


@dataclass(frozen=True)
class ShortestDistance(Qualification):
    """No two atoms of a pair of elements come nearer than any such pair in the training set.

    The value is the smallest ratio, over sampled frames and pairs of elements, of the shortest distance in the frame to
    the shortest in the training set. A pair that the training set does not hold within the cutoff counts as if its
    shortest distance were the cutoff.

    Raises
    ------
    InputError
        If a setting is invalid.
    """

    min_ratio: float = 1.0
    """Smallest ratio that passes [1]; at 1 no repulsion is extrapolated."""
    cutoff_A: float = 4.0
    """Pairs farther apart are not looked at [Å]."""

    def __post_init__(self) -> None:
        check_positive("min_ratio", self.min_ratio)
        check_positive("cutoff_A", self.cutoff_A)

    def judge(self, evidence: Evidence) -> Verdict:
        """Return the smallest ratio, and the frames below the limit with the pair that is too near."""
        known: dict[tuple[str, str], float] = {}
        for frame in evidence.labelled:
            for pair, distance in _shortest(frame, self.cutoff_A).items():
                known[pair] = min(distance, known.get(pair, self.cutoff_A))
        smallest, offending = np.inf, {}
        for index, frame in enumerate(evidence.sampled):
            if not is_finite(frame):
                offending[index] = "not finite: positions, cell or a measured value"
                continue
            ratios = {
                pair: distance / known.get(pair, self.cutoff_A)
                for pair, distance in _shortest(frame, self.cutoff_A).items()
            }
            if not ratios:
                continue
            pair = min(ratios, key=ratios.__getitem__)
            smallest = min(smallest, ratios[pair])
            if ratios[pair] < self.min_ratio:
                offending[index] = (
                    f"{'-'.join(pair)} at {ratios[pair]:.3f} of the shortest distance in the training set"
                )
        measured = bool(np.isfinite(smallest))
        return Verdict(
            value=float(smallest) if measured else None,
            unit="1",
            threshold=self.min_ratio,
            source="the training set: below its shortest distance the repulsion is extrapolated",
            passed=not offending if measured or offending else None,
            offending=offending,
        )


def _shortest(frame: Atoms, cutoff_A: float) -> dict[tuple[str, str], float]:
    """Return the shortest distance of each pair of elements within the cutoff [Å]."""
    first, second, distances = neighbor_list("ijd", frame, cutoff_A)
    symbols = np.array(frame.get_chemical_symbols())
    shortest: dict[tuple[str, str], float] = {}
    for element, other in {(one, two) for one in set(symbols) for two in set(symbols) if one <= two}:
        found = distances[(symbols[first] == element) & (symbols[second] == other)]
        if len(found):
            shortest[str(element), str(other)] = float(found.min())
    return shortest

"""What the verdict on a run needs of one replica, gathered as the run goes on."""

import math
from typing import Any

from ase import Atoms
from vesin import NeighborList

from aiida_elyte.science.contact import CONTACT_CUTOFF_A, shortest_of
from aiida_elyte.science.dynamics.bounded import BoundedRecord
from aiida_elyte.science.dynamics.settings import MdSettings
from aiida_elyte.science.statistics.spread import ForceSpread
from aiida_elyte.science.structure.lindemann import Framework, Moved

__all__ = ["Observations"]


class Observations:
    """What is seen of one replica at the stride of its stops: contacts, framework, temperature, conserved quantity.

    Parameters
    ----------
    settings
        Settings of the run.
    framework
        Its framework; ``None`` where none is named.
    """

    def __init__(self, settings: MdSettings, framework: Framework | None) -> None:
        self.framework = framework
        self._finder = NeighborList(cutoff=CONTACT_CUTOFF_A, full_list=False)
        self._shortest: dict[str, list[float]] = {}
        self._highest: dict[str, list[float]] = {}
        self._last: dict[str, float] = {}
        self._first_conserved_eV: float | None = None
        self._history = BoundedRecord(
            ["temperature_K", "conserved_change_eV_atom", "framework_rmsd_A", "lindemann"], settings.stops.stride
        )
        strides = [stride for stride in (settings.spread_stride, settings.sample_stride) if stride]
        self._spreads = BoundedRecord(["spread_max_eV_A", "spread_mean_eV_A"], math.gcd(*strides) or 1)

    def look(self, frame: Atoms, step: int, temperature_K: float, conserved_eV: float) -> None:
        """Take in one frame of production."""
        contacts = self._finder.compute(frame.positions, frame.cell.array, True, quantities="ijd")
        for pair, distance in shortest_of(frame.numbers, *contacts).items():
            if pair not in self._shortest or distance < self._shortest[pair][0]:
                self._shortest[pair] = [distance, step]
        moved = self.moved(frame)
        seen = {"temperature_K": temperature_K}
        if moved is not None:
            seen |= {"framework_rmsd_A": moved.rmsd_A, "lindemann": moved.lindemann}
        for name, value in seen.items():
            self._last[name] = value
            if name not in self._highest or value > self._highest[name][0]:
                self._highest[name] = [value, step]
        if self._first_conserved_eV is None:
            self._first_conserved_eV = conserved_eV
        change = (conserved_eV - self._first_conserved_eV) / len(frame)
        self._history.add(step, temperature_K, change, seen.get("framework_rmsd_A"), seen.get("lindemann"))

    def note_spread(self, spread: ForceSpread, step: int) -> None:
        """Take in the committee's spread on one frame of production."""
        self._spreads.add(step, spread.maximum, spread.mean)

    def moved(self, frame: Atoms) -> Moved | None:
        """Return how far the framework has moved, if there is one."""
        return None if self.framework is None else self.framework.moved(frame.positions, frame.cell.array)

    @property
    def shortest_A(self) -> dict[str, dict[str, float]]:
        """Shortest distance of each pair of elements that came within ``CONTACT_CUTOFF_A``, and its step."""
        return {pair: {"distance": distance, "step": step} for pair, (distance, step) in sorted(self._shortest.items())}

    def extremes(self, name: str) -> dict[str, float] | None:
        """Return last and highest value of ``temperature_K``, ``framework_rmsd_A`` or ``lindemann``, and its step."""
        if name not in self._highest:
            return None
        highest, step = self._highest[name]
        return {"last": self._last[name], "max": highest, "step": step}

    @property
    def history(self) -> dict[str, Any]:
        """Columns along the run; those of ``spread`` have steps of their own."""
        return {**self._history.as_dict(), "spread": self._spreads.as_dict()}

    def state_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "shortest": {pair: list(found) for pair, found in self._shortest.items()},
            "highest": {name: list(found) for name, found in self._highest.items()},
            "last": dict(self._last),
            "first_conserved_eV": self._first_conserved_eV,
            "history": self._history.state_dict(),
            "spreads": self._spreads.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken."""
        self._shortest, self._highest, self._last = state["shortest"], state["highest"], state["last"]
        self._first_conserved_eV = state["first_conserved_eV"]
        self._history.load_state_dict(state["history"])
        self._spreads.load_state_dict(state["spreads"])

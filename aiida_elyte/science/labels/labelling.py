"""What is done with each frame that is to be labelled: relaxed, displaced by heat, and labelled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.science.frames import attach_labels, drop_committee, fingerprint, round_frame
from aiida_elyte.science.labels.engines import build_calculator, charge_method_of
from aiida_elyte.science.labels.geometries import Heat, Relaxation, displace, relax
from aiida_elyte.science.labels.single_points import compute_labels, find_torn_bond, properties_of, wanted_labels
from aiida_elyte.science.labels.state import StatefulCalculator
from aiida_elyte.science.settings import read_record

__all__ = ["FrameCallbacks", "Labeller"]


@dataclass(frozen=True)
class FrameCallbacks:
    """Called at each step of a frame in work."""

    on_step: Callable[[], None] = lambda: None
    """Called after each step of an engine; may raise ``ProgramFailure``."""
    on_relaxed: Callable[[int, np.ndarray], None] = lambda n_steps, positions: None
    """Called with steps and positions [Å] after each step of a relaxation."""
    relaxed: tuple[int, np.ndarray] | None = None
    """Steps and positions from which a relaxation goes on."""


class Labeller:
    """Relaxes, heats and labels frames as settings say.

    Parameters
    ----------
    settings
        ``calculator``, ``parameters``, ``level_of_theory``, ``properties``, ``charge_method``, ``relax``, ``heat``: as
        of the program ``label_ase``.

    Raises
    ------
    InputError
        If one is invalid.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        name, parameters = settings.get("calculator"), settings.get("parameters") or {}
        self._engine = StatefulCalculator(build_calculator(name, parameters), str(name))
        level = settings.get("level_of_theory")
        if not isinstance(level, str) or not level:
            raise InputError(f'level_of_theory is {level!r}; expected what to call the labels, e.g. "GFN1-xTB"')
        self.level: str = level
        """Level of theory of the labels."""
        self._wanted = wanted_labels(settings.get("properties", ["energy", "forces", "stress"]))
        self._charge_method = settings.get("charge_method") or charge_method_of(str(name), self._engine.calculator)
        relaxation = settings.get("relax")
        self._relaxation = None if relaxation is None else read_record(Relaxation, relaxation, "relax")
        heat = dict(settings.get("heat") or {})
        self._heater, self._heater_name = self._engine, level
        if "calculator" in heat:
            self._heater_name = str(heat.pop("calculator"))
            heater = build_calculator(self._heater_name, heat.pop("parameters", None) or {})
            self._heater = StatefulCalculator(heater, self._heater_name)
        self._heat = None if settings.get("heat") is None else read_record(Heat, heat, "heat")

    @property
    def unavailable(self) -> list[str]:
        """Labels that are wanted and that the calculator does not have."""
        return sorted(set(self._wanted) - properties_of(self._engine.calculator))

    @property
    def charge_method(self) -> str | None:
        """What the charges are; ``None`` if there are none."""
        has_charges = "charges" in self._wanted and "charges" not in self.unavailable
        return self._charge_method if has_charges else None

    def geometries(self, frame: Atoms, watch: FrameCallbacks) -> list[Atoms] | str:
        """Return the frame, relaxed if asked for, and those that heat makes of it; or why there are none.

        Parameters
        ----------
        frame
            The frame given.
        watch
            Called at each step; what is raised there ends the work.
        """
        try:
            start = frame if self._relaxation is None else self._relax(frame, watch, self._relaxation)
            if isinstance(start, str) or self._heat is None or find_torn_bond(start) is not None:
                return start if isinstance(start, str) else [start]
            return [start, *self._displaced(frame, start, watch, self._heat)]
        except ProgramFailure:
            raise
        except Exception as error:  # noqa: BLE001 - an engine may fail in any way; the frame is set aside
            return f"{type(error).__name__}: {error}"

    def label(self, frame: Atoms) -> Atoms | str:
        """Return a copy of a frame with its labels and what made them, or the reason why it has none."""
        labels = compute_labels(frame, self._engine, self._wanted)
        if isinstance(labels, str):
            return labels
        copy = drop_committee(frame.copy())
        copy.info["level_of_theory"] = self.level
        for key in ("labelled_by", "charge_method"):
            copy.info.pop(key, None)
        if "charges" in labels:
            copy.info["charge_method"] = self._charge_method
        return attach_labels(copy, **labels)

    def _displaced(self, frame: Atoms, start: Atoms, watch: FrameCallbacks, heat: Heat) -> list[Atoms]:
        """Return the geometries that heat makes of a frame."""
        # The frame itself seeds its noise: it gets the same wherever it stands in whatever batch.
        rng = np.random.default_rng([heat.seed, int(fingerprint([frame])[:16], 16)])
        heated = []
        for place, positions in enumerate(displace(self._heater.attach(start), heat, rng, watch.on_step), start=1):
            copy = _moved(frame, positions)
            copy.info["origin"] = f"{frame.info.get('origin', 'unstated#0')}.{place}"
            copy.info["geometry"] = f"heated: Langevin at {heat.temperature_K:g} K with {self._heater_name}"
            heated.append(copy)
        return heated

    def _relax(self, frame: Atoms, watch: FrameCallbacks, settings: Relaxation) -> Atoms | str:
        """Return the frame relaxed, from the step where an earlier job was; or why it is not."""
        n_before, positions = watch.relaxed or (0, frame.positions)
        atoms = self._engine.attach(_moved(frame, positions))

        def note(n_steps: int) -> None:
            if n_steps > n_before:
                watch.on_relaxed(n_steps, atoms.get_positions())
            watch.on_step()

        found = relax(atoms, settings, n_before, note)
        if not found.is_converged and settings.unconverged == "refuse":
            return f"relaxation not converged: {found}; expected {settings.fmax_eV_A:g} eV/Å"
        relaxed = _moved(frame, atoms.get_positions())
        how = "relaxed" if found.is_converged else "relaxed, not converged"
        relaxed.info["geometry"] = f"{how}: {settings.optimizer}, {found}"
        return relaxed


def _moved(frame: Atoms, positions: np.ndarray) -> Atoms:
    """Return an unlabelled copy of a frame with other positions, rounded as frames are kept."""
    copy = frame.copy()
    copy.set_positions(positions)
    return round_frame(copy)

"""Label frames with any ASE calculator, many frames a job.

In: ``settings.json``, ``frames.extxyz``. Out: ``labelled.extxyz``, the frames in the order given, the refused left out.
Settings:

``calculator``
    Name of a calculator of ASE (``emt``, ``lj``, …), ``tblite``, ``pyscf`` (DFT of molecules), or ``module:Class``.
``parameters``
    Keywords of the calculator; ``tblite`` has ``method`` GFN1-xTB unless told otherwise. It knows no k-points: every
    frame is computed at Γ, and energies of different cells do not compare (β-Li3PS4, GFN1-xTB: a cell doubled along b
    is 68 meV/atom lower, doubled along c its forces differ by 0.22 eV/Å). Keep to one cell in a set,
    strained as you like.
``level_of_theory``
    What to call the labels.
``properties``
    Labels wanted: ``energy`` and ``forces`` always, ``stress`` where the cell is periodic and the calculator has it,
    ``charges`` where the calculator has them.
``charge_method``
    What to call the charges; ``tblite`` and ``pyscf`` know theirs.
``relax``
    Relax each frame first: ``Relaxation`` of ``science.labels.geometries``. The relaxed one takes the place and the
    ``origin`` of the one given.
``heat``
    Label geometries displaced by heat too: ``Heat`` of ``science.labels.geometries``; with ``calculator`` and
    ``parameters`` another, cheaper one runs the dynamics. They follow their frame, ``origin`` ending in ``.1`` …

``info["charge"]`` and ``info["multiplicity"]`` of a frame reach the calculator; ``info["geometry"]`` tells what was
done. A frame that fails, or in which a bond of its ``info["bonds"]`` is torn, loses only itself. Each finished frame is
on disk before the next begins, and so is each step of a relaxation: a job killed at any moment goes on where it was.
"""

import hashlib
import importlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import (
    Calculator,
    FileIOCalculator,
    PropertyNotImplementedError,
    get_calculator_class,
)
from ase.calculators.genericfileio import GenericFileIOCalculator
from ase.calculators.names import names as ase_names

from aiida_elyte.errors import EngineMissingError, InputError, ProgramFailure
from aiida_elyte.program import Job, execute, write_atomically
from aiida_elyte.science.frames import LABELS, attach_labels, fingerprint, read_frames, round_frame, write_frames
from aiida_elyte.science.labels.dft import PySCF
from aiida_elyte.science.labels.geometries import Heat, Relaxation, displace, relax
from aiida_elyte.science.labels.state import StatefulCalculator
from aiida_elyte.science.molecules.broken_bonds import find_broken_bond
from aiida_elyte.science.molecules.connectivity import topology_from_text

__all__ = ["main"]

FRAMES = "frames.extxyz"
LABELLED = "labelled.extxyz"
CHECKPOINT = "checkpoint.json"

_EMBEDDED: dict[str, tuple[str | type[Calculator], dict[str, Any]]] = {
    # Without cache_api no wave function travels from frame to frame: a label does not depend on the frame before.
    "tblite": ("tblite.ase:TBLite", {"method": "GFN1-xTB", "verbosity": 0, "cache_api": False}),
    "pyscf": (PySCF, {}),
}
"""Calculators beyond ASE's own: where they are and what they are given unless told otherwise."""

_DEATHS = 3
"""A frame on which the job has ended this often without a trace is refused: it crashes the engine or needs too long."""


def run(job: Job) -> dict[str, Any]:
    """Label the frames of a job."""
    labeller = _Labeller(job)
    frames = read_frames(job.folder / FRAMES)
    ledger = _Ledger(job.folder)
    first = ledger.n_done
    labeller.on_step = _Watch(job, ledger, len(frames)).check
    for index in range(first, len(frames)):
        labeller.on_step()
        if ledger.begin() > _DEATHS:
            ledger.refuse(
                f"the job ended {_DEATHS} times while it was computed: engine crashed, or wall time too short"
            )
        else:
            labeller.label(frames[index], ledger)
        job.report(done=ledger.n_done, of=len(frames), refused=len(ledger.refused))
    if not ledger.n_labelled:
        raise ProgramFailure(
            "ALL_LABELS_FAILED",
            f"none of {len(frames)} frames could be labelled; frame 0: {ledger.refused['0']}",
            **ledger.as_results(),
        )
    return {
        **ledger.as_results(),
        "level_of_theory": labeller.level,
        "labels_unavailable": sorted(set(labeller.wanted) - _provided(labeller.engine.calculator)),
        "charge_method": labeller.charge_method if labeller.has_charges else None,
        "resumed_from_frame": first,
        "frames_run_in_this_job": len(frames) - first,
        "seconds_per_frame": job.seconds / max(1, len(frames) - first),
    }


class _NotRelaxed(Exception):  # noqa: N818 - ends the work on one frame
    """A relaxation did not converge."""


class _Watch:
    """Ends a job in time, by the slowest step so far."""

    def __init__(self, job: Job, ledger: "_Ledger", n_frames: int) -> None:
        self._job, self._ledger, self._n_frames = job, ledger, n_frames
        self._last, self._slowest = time.monotonic(), 0.0

    def check(self) -> None:
        """Note that a step is done; raise ``ProgramFailure`` when there is no time for another."""
        now = time.monotonic()
        self._last, self._slowest = now, max(self._slowest, now - self._last)
        if self._job.should_stop(reserve_s=1.5 * self._slowest):
            raise ProgramFailure(
                "OUT_OF_WALLTIME",
                f"{self._ledger.n_done} of {self._n_frames} frames done in {self._job.seconds:.0f} s; resume to label "
                "the others",
                **self._ledger.as_results(),
            )


class _Labeller:
    """What a job does with each frame: relax, heat, label."""

    def __init__(self, job: Job) -> None:
        settings = job.settings
        name, parameters = settings.get("calculator"), settings.get("parameters") or {}
        self.engine = StatefulCalculator(_calculator(name, parameters), str(name))
        self.level = settings.get("level_of_theory")
        if not isinstance(self.level, str) or not self.level:
            raise InputError(f'level_of_theory is {self.level!r}; expected what to call the labels, e.g. "GFN1-xTB"')
        self.wanted = _wanted(settings.get("properties", ["energy", "forces", "stress"]))
        self.charge_method = settings.get("charge_method") or _charge_method(str(name), self.engine.calculator)
        self.has_charges = "charges" in self.wanted and "charges" in _provided(self.engine.calculator)
        self.relaxation = _read("relax", Relaxation, settings.get("relax"))
        heat = dict(settings.get("heat") or {})
        self.heater, self.heater_name = self.engine, self.level
        if "calculator" in heat:
            self.heater_name = str(heat.pop("calculator"))
            heater = _calculator(self.heater_name, heat.pop("parameters", None) or {})
            self.heater = StatefulCalculator(heater, self.heater_name)
        self.heat = _read("heat", Heat, None if settings.get("heat") is None else heat)
        self.on_step: Callable[[], None] = lambda: None

    def label(self, frame: Atoms, ledger: "_Ledger") -> None:
        """Label a frame, and those that heat makes of it; what fails is refused with its reason."""
        geometries = ledger.geometries
        if geometries is None:
            try:
                geometries = self._geometries(frame, ledger)
            except ProgramFailure:
                raise
            except _NotRelaxed as error:
                ledger.refuse(str(error))
                return
            except Exception as error:  # noqa: BLE001 - an engine may fail in any way; the frame is set aside
                ledger.refuse(_tell(error))
                return
            ledger.note_geometries(geometries)
        for place in range(ledger.n_of_frame, len(geometries)):
            if place:
                self.on_step()
            outcome = _label(geometries[place], self.engine, self.wanted)
            if isinstance(outcome, str):
                ledger.refuse(outcome, place, len(geometries))
            else:
                ledger.keep(self._labelled(geometries[place], outcome), len(geometries))

    def _geometries(self, frame: Atoms, ledger: "_Ledger") -> list[Atoms]:
        """Return the frame, relaxed if asked for, and those that heat makes of it."""
        start = frame if self.relaxation is None else self._relax(frame, ledger, self.relaxation)
        if self.heat is None or _torn_bond(start) is not None:
            return [start]
        # The frame itself seeds its noise: it gets the same wherever it stands in whatever batch.
        rng = np.random.default_rng([self.heat.seed, int(fingerprint([frame])[:16], 16)])
        heated = []
        for place, positions in enumerate(displace(self.heater.attach(start), self.heat, rng, self.on_step), start=1):
            copy = _moved(frame, positions)
            copy.info["origin"] = f"{frame.info.get('origin', 'unstated#0')}.{place}"
            copy.info["geometry"] = f"heated: Langevin at {self.heat.temperature_K:g} K with {self.heater_name}"
            heated.append(copy)
        return [start, *heated]

    def _relax(self, frame: Atoms, ledger: "_Ledger", settings: Relaxation) -> Atoms:
        """Return the frame relaxed, from the step where an earlier job was."""
        n_before, positions = ledger.relaxation or (0, frame.positions)
        atoms = self.engine.attach(_moved(frame, positions))

        def note(n_steps: int) -> None:
            if n_steps > n_before:
                ledger.note_relaxation(n_steps, atoms.get_positions())
            self.on_step()

        found = relax(atoms, settings, n_before, note)
        if found.is_converged:
            relaxed = _moved(frame, atoms.get_positions())
            relaxed.info["geometry"] = f"relaxed: {settings.optimizer}, {found}"
            return relaxed
        if settings.unconverged == "refuse":
            raise _NotRelaxed(f"relaxation not converged: {found}; expected {settings.fmax_eV_A:g} eV/Å")
        kept = _moved(frame, atoms.get_positions())
        kept.info["geometry"] = f"relaxed, not converged: {settings.optimizer}, {found}"
        return kept

    def _labelled(self, frame: Atoms, labels: Mapping[str, Any]) -> Atoms:
        """Return a copy of a frame with its new labels and what made them."""
        copy = frame.copy()
        copy.info["level_of_theory"] = self.level
        for key in ("labelled_by", "charge_method"):
            copy.info.pop(key, None)
        if "charges" in labels:
            copy.info["charge_method"] = self.charge_method
        return attach_labels(copy, **labels)


class _Ledger:
    """What is done of a job, on disk: labelled frames, refusals, and how far the frame in work is.

    Frames are worked in order. ``labelled.extxyz`` is written first and the checkpoint after it, which tells how many
    of its bytes count: what a kill left behind them is cut.
    """

    def __init__(self, folder: Path) -> None:
        self._labelled = folder / LABELLED
        self._checkpoint = folder / CHECKPOINT
        self._state: dict[str, Any] = {
            "frames_sha256": hashlib.sha256((folder / FRAMES).read_bytes()).hexdigest(),
            "n_done": 0,
            "n_labelled": 0,
            "n_bytes": 0,
            "refused": {},
            "times": 0,
            "n_of_frame": 0,
            "relaxation": None,
            "geometries": None,
        }
        if self._checkpoint.exists():
            state = json.loads(self._checkpoint.read_text())
            if state["frames_sha256"] != self._state["frames_sha256"]:
                raise InputError(f"{CHECKPOINT} belongs to other frames; expected one of the same {FRAMES}; remove it")
            self._state = state
        elif self._labelled.exists():
            raise InputError(f"{LABELLED} is there without its {CHECKPOINT}; expected both or none; remove it")
        if self._labelled.exists():
            os.truncate(self._labelled, self._state["n_bytes"])

    @property
    def n_done(self) -> int:
        """Frames given that are labelled or refused."""
        return int(self._state["n_done"])

    @property
    def n_labelled(self) -> int:
        """Frames labelled, those made by heat among them."""
        return int(self._state["n_labelled"])

    @property
    def n_of_frame(self) -> int:
        """Geometries of the frame in work that are labelled or refused."""
        return int(self._state["n_of_frame"])

    @property
    def refused(self) -> dict[str, str]:
        """Reason by frame, ``"7"``, and by geometry that heat made of it, ``"7-2"``."""
        return dict(self._state["refused"])

    @property
    def relaxation(self) -> tuple[int, np.ndarray] | None:
        """Steps and positions of the relaxation in work."""
        found = self._state["relaxation"]
        return found and (found[0], np.array(found[1]))

    @property
    def geometries(self) -> list[Atoms] | None:
        """Geometries of the frame in work, once they are made."""
        found = self._state["geometries"]
        return found and read_frames(io.StringIO(found))

    def begin(self) -> int:
        """Note that a frame is in work; return how often it has been begun without getting further."""
        self._state["times"] += 1
        self._write()
        return int(self._state["times"])

    def note_relaxation(self, n_steps: int, positions: np.ndarray) -> None:
        """Note how far a relaxation is."""
        self._state |= {"relaxation": [n_steps, positions.tolist()], "times": 0}
        self._write()

    def note_geometries(self, geometries: Sequence[Atoms]) -> None:
        """Note which geometries are to be labelled; a frame labelled as it is needs no note."""
        if self._state["relaxation"] is not None or len(geometries) > 1:
            self._state |= {"geometries": write_frames(geometries), "times": 0}
            self._write()

    def keep(self, frame: Atoms, n_geometries: int) -> None:
        """Append a labelled frame, one of so many of the frame in work, and flush it to disk."""
        with self._labelled.open("ab") as handle:
            handle.write(write_frames([frame]).encode())
            handle.flush()
            os.fsync(handle.fileno())
            self._state["n_bytes"] = handle.tell()
        self._state["n_labelled"] += 1
        self._advance(n_geometries)

    def refuse(self, reason: str, place: int = 0, n_geometries: int = 1) -> None:
        """Note why a frame, or a geometry that heat made of it, has no labels."""
        self._state["refused"][f"{self.n_done}-{place}" if place else str(self.n_done)] = reason
        self._advance(n_geometries)

    def as_results(self) -> dict[str, Any]:
        """Return what goes into the results."""
        return {"n_labelled": self.n_labelled, "refused": self.refused}

    def _advance(self, n_geometries: int) -> None:
        self._state["n_of_frame"] += 1
        self._state["times"] = 0
        if self.n_of_frame >= n_geometries:
            self._state |= {"n_done": self.n_done + 1, "n_of_frame": 0, "relaxation": None, "geometries": None}
        self._write()

    def _write(self) -> None:
        write_atomically(self._checkpoint, json.dumps(self._state))


def _read(name: str, kind: Any, content: Mapping[str, Any] | None) -> Any:
    """Return a dataclass from settings, ``None`` from none."""
    if content is None:
        return None
    try:
        return kind(**content)
    except TypeError as error:
        known = ", ".join(each.name for each in fields(kind))
        raise InputError(f"{name} is {dict(content)}; expected some of {known}; correct it") from error


def _charge_method(name: str, calculator: Calculator) -> str:
    """Return what the charges of a calculator are."""
    if name == "tblite":
        return f"Mulliken ({calculator.parameters['method']})"
    return str(getattr(calculator, "charge_method", f"as {name} has them"))


def _moved(frame: Atoms, positions: np.ndarray) -> Atoms:
    """Return an unlabelled copy of a frame with other positions, rounded as frames are kept."""
    copy = frame.copy()
    copy.set_positions(positions)
    return round_frame(copy)


def _tell(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _calculator(name: Any, parameters: Mapping[str, Any]) -> Calculator:
    """Build the calculator a name stands for."""
    if not isinstance(name, str) or not name:
        raise InputError(f'calculator is {name!r}; expected a name such as "tblite", "emt", or "module:Class"')
    place, defaults = _EMBEDDED.get(name, (name, {}))
    if not isinstance(place, str):
        found = place
    elif ":" in place:
        module, _, attribute = place.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise EngineMissingError(
                f"calculator {name!r} cannot be imported ({error}); install it where this program runs"
            ) from error
    elif place in ase_names:
        found = get_calculator_class(place)
    else:
        close = get_close_matches(name, [*ase_names, *_EMBEDDED])
        hint = f"did you mean {' or '.join(close)}?" if close else 'others are given as "module:Class"'
        raise InputError(
            f"calculator {name!r} is unknown; expected tblite, pyscf, a calculator of ASE, or module:Class; {hint}"
        )
    try:
        calculator = found(**{**defaults, **parameters})
    except ImportError as error:
        raise EngineMissingError(
            f"calculator {name!r} cannot be imported ({error}); install it where this program runs"
        ) from error
    except Exception as error:  # calculators refuse their parameters in every way
        raise InputError(
            f"calculator {name!r} does not take {dict(parameters)} ({error}); change parameters"
        ) from error
    _refuse_ignored(calculator, name)
    return calculator


def _refuse_ignored(calculator: Calculator, name: str) -> None:
    """Refuse parameters that a calculator of ASE took without knowing them: it would go on with its defaults."""
    known = getattr(calculator, "default_parameters", {})
    if not known or isinstance(calculator, FileIOCalculator | GenericFileIOCalculator):
        return
    for key in calculator.parameters:
        if key not in known:
            raise InputError(f"calculator {name!r} has no parameter {key!r}; expected some of {', '.join(known)}")


def _wanted(properties: Any) -> list[str]:
    """Return the labels to make; energy and forces always."""
    unknown = [name for name in properties if name not in LABELS]
    if unknown:
        raise InputError(f"properties hold {unknown}; expected some of {', '.join(LABELS)}")
    return [name for name in LABELS if name in {"energy", "forces", *properties}]


def _provided(calculator: Calculator) -> set[str]:
    return set(calculator.implemented_properties)


def _label(frame: Atoms, engine: StatefulCalculator, wanted: list[str]) -> dict[str, Any] | str:
    """Return the labels of a frame, or the reason why it has none."""
    try:
        torn = _torn_bond(frame)
        if torn is not None:
            return f"{torn}; it is torn"
        labels = _compute(engine.attach(frame), wanted)
    except Exception as error:  # noqa: BLE001 - an engine may fail in any way; the frame is set aside with the reason
        return _tell(error)
    if getattr(engine.calculator, "converged", None) is False:
        return "not converged"
    for name, value in labels.items():
        if not np.isfinite(value).all():
            return f"{name} not finite"
    return labels


def _torn_bond(frame: Atoms) -> str | None:
    """Name a bond that a cluster tells of and its geometry has torn."""
    if "bonds" not in frame.info or frame.pbc.any():
        return None
    return find_broken_bond(frame.positions, topology_from_text(frame.get_chemical_symbols(), str(frame.info["bonds"])))


def _compute(atoms: Atoms, wanted: list[str]) -> dict[str, Any]:
    """Compute the labels; forces are derivatives of the free energy where the calculator tells it from the energy."""
    labels: dict[str, Any] = {"forces": atoms.get_forces(apply_constraint=False)}
    try:
        labels["energy"] = atoms.get_potential_energy(force_consistent=True)
    except PropertyNotImplementedError:
        labels["energy"] = atoms.get_potential_energy()
    provided = _provided(atoms.calc)
    if "stress" in wanted and "stress" in provided and atoms.pbc.all() and atoms.cell.rank == 3:
        labels["stress"] = atoms.get_stress()
    if "charges" in wanted and "charges" in provided:
        labels["charges"] = atoms.get_charges()
    return labels


def main(path: str) -> int:
    """Run the program on the settings at ``path``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""Label frames with any ASE calculator, many frames a job.

In: ``settings.json``, ``frames.extxyz``. Out: ``labelled.extxyz``, the frames in the order given, the refused left out.
Settings:

``calculator``
    Name of a calculator of ASE (``emt``, ``lj``, …), ``tblite``, or ``module:Class``.
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

A frame that fails loses only itself. Each finished frame is on disk before the next begins: a job killed at any moment
goes on where it was, and computes no frame twice.
"""

import hashlib
import importlib
import json
import os
import sys
import time
from collections.abc import Mapping
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

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import Job, execute, write_atomically
from aiida_elyte.science.frames import LABELS, attach_labels, read_frames, write_frames

__all__ = ["main"]

FRAMES = "frames.extxyz"
LABELLED = "labelled.extxyz"
CHECKPOINT = "checkpoint.json"

_EMBEDDED: dict[str, tuple[str, dict[str, Any]]] = {
    # Without cache_api no wave function travels from frame to frame: a label does not depend on the frame before.
    "tblite": ("tblite.ase:TBLite", {"method": "GFN1-xTB", "verbosity": 0, "cache_api": False}),
}
"""Calculators beyond ASE's own: where they are and what they are given unless told otherwise."""

_DEATHS = 3
"""A frame on which the job has ended this often without a trace is refused: it crashes the engine or needs too long."""


def run(job: Job) -> dict[str, Any]:
    """Label the frames of a job."""
    calculator = _calculator(job.settings.get("calculator"), job.settings.get("parameters") or {})
    level = job.settings.get("level_of_theory")
    if not isinstance(level, str) or not level:
        raise InputError(f'level_of_theory is {level!r}; expected what to call the labels, e.g. "GFN1-xTB"')
    wanted = _wanted(job.settings.get("properties", ["energy", "forces", "stress"]))
    frames = read_frames(job.folder / FRAMES)
    ledger = _Ledger(job.folder)
    first = ledger.n_done
    slowest = 0.0
    for index in range(first, len(frames)):
        if job.should_stop(reserve_s=1.5 * slowest):
            raise ProgramFailure(
                "OUT_OF_WALLTIME",
                f"{ledger.n_done} of {len(frames)} frames done in {job.seconds:.0f} s; resume to label the others",
                **ledger.as_results(),
            )
        started = time.monotonic()
        if ledger.begin(index) > _DEATHS:
            ledger.refuse(
                index, f"the job ended {_DEATHS} times while it was computed: engine crashed, or wall time too short"
            )
            continue
        outcome = _label(frames[index], calculator, wanted)
        if isinstance(outcome, str):
            ledger.refuse(index, outcome)
        else:
            ledger.keep(_labelled(frames[index], outcome, level))
        slowest = max(slowest, time.monotonic() - started)
        job.report(done=ledger.n_done, of=len(frames), refused=len(ledger.refused))
    if not ledger.n_labelled:
        raise ProgramFailure(
            "ALL_LABELS_FAILED",
            f"none of {len(frames)} frames could be labelled; frame 0: {ledger.refused['0']}",
            **ledger.as_results(),
        )
    return {
        **ledger.as_results(),
        "level_of_theory": level,
        "labels_unavailable": sorted(set(wanted) - _provided(calculator)),
        "resumed_from_frame": first,
        "frames_run_in_this_job": len(frames) - first,
        "seconds_per_frame": job.seconds / max(1, len(frames) - first),
    }


class _Ledger:
    """What is done of a job, on disk: finished frames, refusals, and the frame in work.

    Frames are worked in order, so the number of finished and refused ones tells which is next.
    """

    def __init__(self, folder: Path) -> None:
        self._labelled = folder / LABELLED
        self._checkpoint = folder / CHECKPOINT
        self._digest = hashlib.sha256((folder / FRAMES).read_bytes()).hexdigest()
        self.refused: dict[str, str] = {}
        self._begun, self._times = -1, 0
        if self._checkpoint.exists():
            state = json.loads(self._checkpoint.read_text())
            if state["frames_sha256"] != self._digest:
                raise InputError(f"{CHECKPOINT} belongs to other frames; expected one of the same {FRAMES}; remove it")
            self.refused = state["refused"]
            self._begun, self._times = state["begun"], state["times"]
        elif self._labelled.exists():
            raise InputError(f"{LABELLED} is there without its {CHECKPOINT}; expected both or none; remove it")
        self.n_labelled = _cut_torn_tail(self._labelled)

    @property
    def n_done(self) -> int:
        """Frames labelled or refused."""
        return self.n_labelled + len(self.refused)

    def begin(self, index: int) -> int:
        """Note that a frame is in work; return how often it has been begun."""
        self._times = self._times + 1 if self._begun == index else 1
        self._begun = index
        self._write()
        return self._times

    def keep(self, frame: Atoms) -> None:
        """Append a labelled frame and flush it to disk."""
        with self._labelled.open("a") as handle:
            handle.write(write_frames([frame]))
            handle.flush()
            os.fsync(handle.fileno())
        self.n_labelled += 1

    def refuse(self, index: int, reason: str) -> None:
        """Note why a frame has no labels."""
        self.refused[str(index)] = reason
        self._write()

    def as_results(self) -> dict[str, Any]:
        """Return what goes into the results."""
        return {"n_labelled": self.n_labelled, "refused": self.refused}

    def _write(self) -> None:
        state = {"frames_sha256": self._digest, "refused": self.refused, "begun": self._begun, "times": self._times}
        write_atomically(self._checkpoint, json.dumps(state))


def _cut_torn_tail(path: Path) -> int:
    """Cut a half-written frame off the end of an extxyz file; return how many whole ones it holds."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    n_whole = end = 0
    while True:
        lines = _take_lines(content, end, 1)
        if lines is None or not content[end:lines].strip().isdigit():
            break
        frame_end = _take_lines(content, end, int(content[end:lines]) + 2)
        if frame_end is None:
            break
        n_whole, end = n_whole + 1, frame_end
    if end < len(content):
        with path.open("r+b") as handle:
            handle.truncate(end)
    return n_whole


def _take_lines(content: bytes, start: int, count: int) -> int | None:
    """Return the offset behind ``count`` whole lines, ``None`` when there are fewer."""
    for _ in range(count):
        start = content.find(b"\n", start) + 1
        if not start:
            return None
    return start


def _calculator(name: Any, parameters: Mapping[str, Any]) -> Calculator:
    """Build the calculator a name stands for."""
    if not isinstance(name, str) or not name:
        raise InputError(f'calculator is {name!r}; expected a name such as "tblite", "emt", or "module:Class"')
    place, defaults = _EMBEDDED.get(name, (name, {}))
    if ":" in place:
        module, _, attribute = place.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"calculator {name!r} cannot be imported ({error}); install it where this program runs"
            ) from error
    elif place in ase_names:
        found = get_calculator_class(place)
    else:
        close = get_close_matches(name, [*ase_names, *_EMBEDDED])
        hint = f"did you mean {' or '.join(close)}?" if close else 'others are given as "module:Class"'
        raise InputError(
            f"calculator {name!r} is unknown; expected tblite, a calculator of ASE, or module:Class; {hint}"
        )
    try:
        calculator = found(**{**defaults, **parameters})
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


def _label(frame: Atoms, calculator: Calculator, wanted: list[str]) -> dict[str, Any] | str:
    """Return the labels of a frame, or the reason why it has none."""
    bare = Atoms(numbers=frame.numbers, positions=frame.positions, cell=frame.cell, pbc=frame.pbc)
    try:
        if hasattr(calculator, "reset"):
            calculator.reset()
        bare.calc = calculator
        labels = _compute(bare, wanted)
    except Exception as error:  # noqa: BLE001 - an engine may fail in any way; the frame is set aside with the reason
        return f"{type(error).__name__}: {error}"
    if getattr(calculator, "converged", None) is False:
        return "not converged"
    for name, value in labels.items():
        if not np.isfinite(value).all():
            return f"{name} not finite"
    return labels


def _compute(atoms: Atoms, wanted: list[str]) -> dict[str, Any]:
    """Compute the labels; forces are derivatives of the free energy where the calculator tells it from the energy."""
    labels: dict[str, Any] = {"forces": atoms.get_forces()}
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


def _labelled(frame: Atoms, labels: Mapping[str, Any], level: str) -> Atoms:
    """Return a copy of a frame with its new labels and their level of theory."""
    copy = frame.copy()
    copy.info["level_of_theory"] = level
    copy.info.pop("labelled_by", None)
    return attach_labels(copy, **labels)


def main(path: str) -> int:
    """Run the program on the settings at ``path``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

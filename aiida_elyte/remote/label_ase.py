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
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import CHECKPOINT, Checkpoint, Job, Pace, execute
from aiida_elyte.science.frames import read_frames, write_frames
from aiida_elyte.science.labels.labelling import Labeller, Watch

__all__ = ["main"]

FRAMES = "frames.extxyz"
LABELLED = "labelled.extxyz"

_DEATHS = 3
"""A frame on which the job has ended this often without a trace is refused: it crashes the engine or needs too long."""


def run(job: Job) -> dict[str, Any]:
    """Label the frames of a job."""
    labeller = Labeller(job.settings)
    frames = read_frames(job.folder / FRAMES)
    ledger = _Ledger(job)
    state, first = ledger.state, ledger.state.n_done
    pace = Pace(job, reserve=1.5)

    def step() -> None:
        if pace.lap():
            raise ProgramFailure(
                "OUT_OF_WALLTIME",
                f"{state.n_done} of {len(frames)} frames done in {job.seconds:.0f} s; resume to label the others",
                **ledger.as_results(),
            )

    for frame in frames[first:]:
        step()
        if ledger.begin() > _DEATHS:
            ledger.refuse(
                f"the job ended {_DEATHS} times while it was computed: engine crashed, or wall time too short"
            )
        else:
            _label(frame, labeller, ledger, Watch(step, ledger.note_relaxation, ledger.relaxation))
        job.report(done=state.n_done, of=len(frames), refused=len(state.refused))
    if not state.n_labelled:
        raise ProgramFailure(
            "ALL_LABELS_FAILED",
            f"none of {len(frames)} frames could be labelled; frame 0: {state.refused['0']}",
            **ledger.as_results(),
        )
    return {
        **ledger.as_results(),
        "level_of_theory": labeller.level,
        "labels_unavailable": labeller.unavailable,
        "charge_method": labeller.charge_method,
        "resumed_from_frame": first,
        "frames_run_in_this_job": len(frames) - first,
        "seconds_per_frame": job.seconds / max(1, len(frames) - first),
    }


def _label(frame: Atoms, labeller: Labeller, ledger: "_Ledger", watch: Watch) -> None:
    """Label a frame, and those that heat makes of it; what fails is refused with its reason."""
    noted = ledger.state.geometries
    geometries = labeller.geometries(frame, watch) if noted is None else read_frames(io.StringIO(noted))
    if isinstance(geometries, str):
        ledger.refuse(geometries)
        return
    if noted is None:
        ledger.note_geometries(geometries)
    for place in range(ledger.state.n_of_frame, len(geometries)):
        if place:
            watch.on_step()
        outcome = labeller.label(geometries[place])
        if isinstance(outcome, str):
            ledger.refuse(outcome, place, len(geometries))
        else:
            ledger.keep(outcome, len(geometries))


@dataclass
class _State:
    """How far a job is: what its checkpoint holds, with the positions of a relaxation in work."""

    n_done: int = 0
    """Frames given that are labelled or refused."""
    n_labelled: int = 0
    """Frames labelled, those made by heat among them."""
    n_bytes: int = 0
    """Bytes of ``labelled.extxyz`` that count."""
    refused: dict[str, str] = field(default_factory=dict)
    """Reason by frame, ``"7"``, and by geometry that heat made of it, ``"7-2"``."""
    times: int = 0
    """Times the frame in work has been begun without getting further."""
    n_of_frame: int = 0
    """Geometries of the frame in work that are labelled or refused."""
    n_steps: int = 0
    """Steps of its relaxation."""
    geometries: str | None = None
    """Its geometries as extended XYZ, once they are made."""


class _Ledger:
    """What is done of a job, on disk.

    Frames are worked in order. ``labelled.extxyz`` is written first and the checkpoint after it: what a kill left
    between the two is cut.
    """

    def __init__(self, job: Job) -> None:
        self._labelled = job.folder / LABELLED
        frames_sha256 = hashlib.sha256((job.folder / FRAMES).read_bytes()).hexdigest()
        self._checkpoint = Checkpoint(job.folder / CHECKPOINT, {FRAMES: frames_sha256, **job.settings})
        self.state = _State()
        self._positions: np.ndarray | None = None
        saved = self._checkpoint.load()
        if saved is not None:
            self.state, self._positions = _State(**saved.state), saved.arrays.get("positions")
        elif self._labelled.exists():
            raise InputError(f"{LABELLED} is there without its {CHECKPOINT}; expected both or none; remove it")
        if self._labelled.exists():
            os.truncate(self._labelled, self.state.n_bytes)

    @property
    def relaxation(self) -> tuple[int, np.ndarray] | None:
        """Steps and positions of the relaxation in work."""
        return None if self._positions is None else (self.state.n_steps, self._positions)

    def begin(self) -> int:
        """Note that a frame is in work; return how often it has been begun without getting further."""
        self.state.times += 1
        self._write()
        return self.state.times

    def note_relaxation(self, n_steps: int, positions: np.ndarray) -> None:
        """Note how far a relaxation is."""
        self.state.n_steps, self.state.times, self._positions = n_steps, 0, positions
        self._write()

    def note_geometries(self, geometries: Sequence[Atoms]) -> None:
        """Note which geometries are to be labelled; a frame labelled as it is needs no note."""
        if self._positions is not None or len(geometries) > 1:
            self.state.geometries, self.state.times = write_frames(geometries), 0
            self._write()

    def keep(self, frame: Atoms, n_geometries: int) -> None:
        """Append a labelled frame, of so many that the frame in work has, and flush it to disk."""
        with self._labelled.open("ab") as handle:
            handle.write(write_frames([frame]).encode())
            handle.flush()
            os.fsync(handle.fileno())
            self.state.n_bytes = handle.tell()
        self.state.n_labelled += 1
        self._advance(n_geometries)

    def refuse(self, reason: str, place: int = 0, n_geometries: int = 1) -> None:
        """Note why a frame, or a geometry that heat made of it, has no labels."""
        name = str(self.state.n_done)
        self.state.refused[f"{name}-{place}" if place else name] = reason
        self._advance(n_geometries)

    def as_results(self) -> dict[str, Any]:
        """Return what goes into the results."""
        return {"n_labelled": self.state.n_labelled, "refused": self.state.refused}

    def _advance(self, n_geometries: int) -> None:
        self.state.n_of_frame += 1
        self.state.times = 0
        if self.state.n_of_frame >= n_geometries:
            self.state.n_done += 1
            self.state.n_of_frame, self.state.n_steps, self.state.geometries, self._positions = 0, 0, None, None
        self._write()

    def _write(self) -> None:
        self._checkpoint.save(vars(self.state), {} if self._positions is None else {"positions": self._positions})


def main(path: str) -> int:
    """Run the program on the settings at ``path``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""Label frames with any ASE calculator, many frames a job.

In: ``settings.json``, ``frames.extxyz``. Out: ``labelled.extxyz``, the frames in the order given, the refused left out.
Settings:

``calculator``
    Name of a calculator of ASE (``emt``, ``lj``, …), ``tblite``, ``pyscf`` (DFT of molecules), or ``module:Class``.
``parameters``
    Keywords of the calculator; ``tblite`` has ``method`` GFN1-xTB by default. It knows no k-points: every
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

import io
import sys
from typing import Any

from ase import Atoms

from aiida_elyte.errors import ProgramFailure
from aiida_elyte.program import Job, Pace, execute
from aiida_elyte.science.frames import read_frames
from aiida_elyte.science.labels.labelling import FrameCallbacks, Labeller
from aiida_elyte.science.labels.ledger import Ledger

__all__ = ["main"]

FRAMES = "frames.extxyz"
LABELLED = "labelled.extxyz"

_DEATHS = 3
"""A frame on which the job has ended this often without a trace is refused: it crashes the engine or needs too long."""


def run(job: Job) -> dict[str, Any]:
    """Label the frames of a job."""
    labeller = Labeller(job.settings)
    frames = read_frames(job.folder / FRAMES)
    ledger = Ledger(job.folder, FRAMES, LABELLED, job.settings)
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
            _label(frame, labeller, ledger, FrameCallbacks(step, ledger.note_relaxation, ledger.relaxation))
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


def _label(frame: Atoms, labeller: Labeller, ledger: Ledger, watch: FrameCallbacks) -> None:
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


def main(path: str) -> int:
    """Run the program on the settings at ``path``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

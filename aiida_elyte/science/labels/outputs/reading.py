"""Labelled frames from outputs of programs of electronic structure: formats told apart, one set of checks for all."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.archives import open_bytes
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.labels.outputs.aims import read_aims
from aiida_elyte.science.labels.outputs.castep import read_castep
from aiida_elyte.science.labels.outputs.cp2k import read_cp2k
from aiida_elyte.science.labels.outputs.outcar import read_outcar
from aiida_elyte.science.labels.outputs.pw import read_pw
from aiida_elyte.science.labels.outputs.pw_xml import read_pw_schema
from aiida_elyte.science.labels.outputs.step import IonicStep, Lines, Output
from aiida_elyte.science.labels.outputs.vasprun import read_vasprun
from aiida_elyte.science.labels.raw import LeftOut, count_frames, sentences

__all__ = ["OutputFrames", "is_output", "read_output"]

_READERS: dict[str, tuple[str, Callable[[Path], Output]]] = {
    "vasprun.xml of VASP": (r"<modeling>", read_vasprun),
    "output of pw.x": (r"Program PWSCF", read_pw),
    "data-file-schema.xml of pw.x": (r"<qes:espresso", read_pw_schema),
    "output of CP2K": (r"^ CP2K\| version string", read_cp2k),
    "output of FHI-aims": (r"Invoking FHI-aims", read_aims),
    ".castep of CASTEP": (r"Welcome to .*CASTEP|^ CASTEP version", read_castep),
    "OUTCAR of VASP": (r"\A\s*vasp\.\d|^ +POTCAR: +PAW|^ +VRHFIN =", read_outcar),
}
"""What a file is → what its first lines hold, and its reader; the first that fits counts."""

_HEAD_LINES = 400
"""Programs greet within these; warnings of MPI may stand before."""


@dataclass(frozen=True)
class OutputFrames:
    """The frames of an output, and what is to be said of them."""

    frames: list[Atoms]
    """Frames with their labels."""
    numbers: list[int]
    """Number of each frame in the file, from 0."""
    left_out: list[LeftOut]
    """The other frames of the file."""
    notes: list[str]
    """Sentences on the file, of which nothing is wrong with the frames that are kept."""


def is_output(path: str | Path) -> bool:
    """Tell whether a file is an output that can be read, by its first lines."""
    return _format_of(Path(path)) is not None


@np.errstate(all="ignore")  # what is not finite is left out below, in words
def read_output(path: str | Path) -> OutputFrames:
    """Read every frame of an output, plain or compressed.

    Energies are those of which the forces are the derivative: with smearing, the free energy. The level of theory is
    that of ``science.labels.theory``, so that frames of different settings are told apart.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        If the file is of another kind, is broken, or holds no frame that is a label.
    """
    path = Path(path)
    name = _format_of(path)
    if name is None:
        raise InputError(f"{path} is not an output that can be read; expected one of {', '.join(_READERS)}")
    try:
        output = _READERS[name][1](path)
        # These files are all called alike: the folder tells them apart.
        found = _sort(output, "/".join(path.parts[-2:]))
    except InputError:
        raise
    except Exception as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            f"{path} cannot be read as {name} ({words}); expected the whole output of a finished run"
        ) from error
    if not found.frames:
        reasons = "; ".join(sentences(found.left_out)) or "it has no ionic step"
        raise InputError(
            f"{path} holds no converged frame with energy and forces ({reasons}); expected at least one; "
            "give the output of a finished calculation of forces"
        )
    if output.is_cut and not any("ends within" in one.reason for one in found.left_out):
        found.notes.append(f"the run was cut short or is not finished; its {len(found.frames)} whole frames are taken")
    bare = [index for index in found.numbers if output.steps[index].stress is None]
    if 0 < len(bare) < len(found.frames):
        found.notes.append(f"{count_frames(bare)} taken without stress, which the others have")
    found.notes.extend(output.notes)
    return found


def _sort(output: Output, block: str) -> OutputFrames:
    """Return the steps that are labels as frames, and the others with their reason."""
    found = OutputFrames([], [], [], [])
    known: dict[tuple[float | None, bytes], tuple[int, IonicStep]] = {}
    for index, step in enumerate(output.steps):
        fault = _fault_of(step)
        if fault is None:
            fault = _lost_stress(output, index)
        if fault is None and step.forces is not None and step.forces.any():
            before, first = known.setdefault((step.energy, step.forces.tobytes()), (index, step))
            if not _is_same(step, first):
                fault = f"its energy and forces are those of frame {before}, at another geometry: lines are repeated"
        if fault is None:
            found.frames.append(_frame(step, f"{block}#{index}"))
            found.numbers.append(index)
        else:
            found.left_out.append(LeftOut(index, fault))
    return found


def _format_of(path: Path) -> str | None:
    if not path.is_file():
        return None
    head = []
    try:
        with open_bytes(path) as handle:
            for line in Lines(handle):
                head.append(line[:400])
                if len(head) == _HEAD_LINES:
                    break
    except OSError:
        return None
    text = "".join(head)
    return next((name for name, (sign, _) in _READERS.items() if re.search(sign, text, re.MULTILINE)), None)


def _fault_of(step: IonicStep) -> str | None:
    """Return why a step is not a label, ``None`` if it is one."""
    if step.fault is not None:
        return step.fault
    if step.energy is None or step.forces is None:
        return f"it has no {'energy' if step.energy is None else 'forces'}"
    if step.positions is None:
        return "it has no positions"
    count = len(step.symbols)
    if step.positions.shape != (count, 3) or step.forces.shape != (count, 3):
        return f"it has {len(step.positions)} positions and {len(step.forces)} forces for {count} atoms"
    if "X" in step.symbols:
        return "it has atoms of unknown element"
    if step.stress is not None and step.stress.shape != (6,):
        return "its stress is incomplete"
    for name, verb in (
        ("energy", "holds"),
        ("forces", "hold"),
        ("stress", "holds"),
        ("cell", "holds"),
        ("positions", "hold"),
    ):
        values = getattr(step, name)
        if values is not None and not np.isfinite(values).all():
            return f"its {name} {verb} stars, NaN or infinity in place of a number"
    if step.cell is not None and (step.cell.shape != (3, 3) or not abs(np.linalg.det(step.cell)) > 1e-3):
        return "its cell has no volume"
    return None


def _is_same(one: IonicStep, other: IonicStep) -> bool:
    """Tell whether two steps of one energy and one set of forces are the same in geometry and stress."""
    pairs = ((one.positions, other.positions), (one.cell, other.cell), (one.stress, other.stress))
    return all(np.array_equal(first, second) for first, second in pairs if first is not None and second is not None)


def _lost_stress(output: Output, index: int) -> str | None:
    """Return that the last step of a cut file lacks the stress which those before have: it was cut before it."""
    is_last = index == len(output.steps) - 1 and output.is_cut
    if is_last and output.steps[index].stress is None and any(step.stress is not None for step in output.steps):
        return "the file ends within it"
    return None


def _frame(step: IonicStep, origin: str) -> Atoms:
    frame = Atoms(list(step.symbols), step.positions, cell=step.cell, pbc=step.cell is not None)
    frame.info = {"origin": origin} | ({"level_of_theory": step.level} if step.level else {})
    stress = {} if step.stress is None else {"stress": step.stress}
    return attach_labels(frame, energy=step.energy, forces=step.forces, **stress)

"""calcfunctions between frames and pw.x."""

from dataclasses import replace
from typing import Any

from aiida import orm
from ase import Atoms

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.labels.outputs.pw_result import read_pw_xml
from aiida_elyte.science.labels.theory import LevelOfTheory

__all__ = ["collect_pw_labels", "frame_name", "frame_structures"]


def frame_name(index: int) -> str:
    """Return the name under which the nodes of one frame travel."""
    return f"frame_{index:06d}"


@uncached_calcfunction
def frame_structures(frames: FramesData, indices: orm.List) -> dict[str, Any]:
    """Return some frames as structures, one kind of atom an element."""
    given = frames.get_frames()
    structures = {}
    for index in indices:
        frame = given[index]
        bare = Atoms(frame.symbols, frame.positions, cell=frame.cell, pbc=True)
        structures[frame_name(index)] = orm.StructureData(ase=bare)
    return structures


@uncached_calcfunction
def collect_pw_labels(frames: FramesData, level: orm.Str, **retrieved: orm.FolderData) -> FramesData:
    """Return the frames that pw.x labelled, each naming its calculation.

    Of the level of theory, the spacing of k-points, the pseudopotentials and the rest are given; pw.x tells the others.
    """
    given, wanted = frames.get_frames(), LevelOfTheory.parse(level.value)
    labelled = []
    for name, folder in sorted(retrieved.items()):
        found = read_pw_xml(folder.base.repository.get_object_content("data-file-schema.xml"))
        frame = given[int(name.removeprefix("frame_"))]
        known = {"kpoints": wanted.kpoints, "potentials": wanted.potentials, "extras": wanted.extras}
        frame.info |= {
            "level_of_theory": str(replace(found.level, **known)),
            "labelled_by": folder.creator.uuid,
        }
        labelled.append(attach_labels(frame, energy=found.energy, forces=found.forces, stress=found.stress))
    return FramesData(labelled)

"""calcfunctions from what pw.x wrote to frames."""

from dataclasses import replace
from typing import Any

from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.frames import FramesData
from aiida_elyte.provenance.names import frame_index
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.labels.outputs.pw_result import read_pw_xml
from aiida_elyte.science.labels.theory import LevelOfTheory

__all__ = ["collect_pw_labels"]


@uncached_calcfunction
def collect_pw_labels(frames: FramesData, level: orm.Str, **retrieved: orm.FolderData) -> FramesData:
    """Return the frames that pw.x labelled, each naming its calculation.

    Of the level of theory, k-points, pseudopotentials and ``extras`` are given; pw.x reports the rest.
    """
    given, wanted = frames.get_frames(), LevelOfTheory.parse(level.value)
    known: dict[str, Any] = {"kpoints": wanted.kpoints, "potentials": wanted.potentials, "extras": wanted.extras}
    labelled = []
    for name, folder in sorted(retrieved.items()):
        found = read_pw_xml(folder.base.repository.get_object_content("data-file-schema.xml", mode="r"))
        frame = given[frame_index(name)]
        frame.info |= {
            "level_of_theory": str(replace(found.level, **known)),
            "labelled_by": folder.creator.uuid,
        }
        labelled.append(attach_labels(frame, energy=found.energy, forces=found.forces, stress=found.stress))
    return FramesData(labelled)

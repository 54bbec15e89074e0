"""calcfunctions from frames to AiiDA's structures."""

from typing import Any

from aiida import orm
from ase import Atoms

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.frames import FramesData
from aiida_elyte.provenance.names import frame_call

__all__ = ["frame_structures"]


@uncached_calcfunction
def frame_structures(frames: FramesData, indices: orm.List) -> dict[str, Any]:
    """Return some frames as structures, one kind of atom an element, under the names of their calls."""
    given = frames.get_frames()
    structures = {}
    for index in indices:
        frame = given[index]
        bare = Atoms(frame.symbols, frame.positions, cell=frame.cell, pbc=True)
        structures[frame_call(index)] = orm.StructureData(ase=bare)
    return structures

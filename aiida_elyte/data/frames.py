"""A set of frames as a node."""

import io
from collections.abc import Sequence
from typing import Any

from aiida import orm
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science import frames as science

__all__ = ["FramesData"]


class FramesData(orm.SinglefileData):
    """Frames, labelled or not, in one extxyz file.

    Queryable attributes: ``count``, ``elements``, ``formulas``, ``atom_counts``, ``labels`` (carried by every frame),
    ``label_counts``, ``levels_of_theory``, ``charge_methods``, ``blocks`` (frames of each), ``content_hash`` (the same
    for the same frames, whatever the file was called).

    Parameters
    ----------
    frames
        The frames; coordinates are rounded to 1e-8 Å so that equal geometries have equal hashes, labels are exact.
    """

    FILENAME = "frames.extxyz"

    def __init__(self, frames: Sequence[Atoms], **kwargs: Any) -> None:
        if not frames:
            raise InputError("a FramesData needs at least one frame; none was given")
        frames = [science.round_frame(frame) for frame in frames]
        content = io.BytesIO(science.write_frames(frames).encode())
        super().__init__(file=content, filename=self.FILENAME, **kwargs)
        self.base.attributes.set_many({**science.describe(frames), "content_hash": science.content_hash(frames)})

    def find_stored(self) -> "FramesData | None":
        """Return the first stored node of the same content, None if there is none."""
        same = {"attributes.content_hash": self.base.attributes.get("content_hash")}
        query = orm.QueryBuilder().append(FramesData, filters=same, tag="node").order_by({"node": {"id": "asc"}})
        return query.first(flat=True)

    def get_frames(self) -> list[Atoms]:
        """Return the frames with their labels."""
        return science.read_frames(io.StringIO(self.get_content(mode="r")))

    def __len__(self) -> int:
        return int(self.base.attributes.get("count"))

    @property
    def is_labelled(self) -> bool:
        """Tell whether every frame has an energy and forces."""
        return {"energy", "forces"} <= set(self.base.attributes.get("labels"))

"""Nodes named by PK, UUID or the file that they are made of, and frames as nodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiida import orm
from ase import Atoms

from aiida_elyte.api.identifiers import names_file
from aiida_elyte.api.labels import FrameSource, LabelNames, read_importable, read_labelled_frames
from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.provenance.nodes import load_any, require_profile
from aiida_elyte.science.labels.reading import Dataset
from aiida_elyte.science.labels.summary import summarise_frames

__all__ = ["ImportedFrames", "as_node", "find_frames", "import_frames"]


@dataclass(frozen=True)
class ImportedFrames:
    """Frames in the database."""

    node: FramesData
    """Their node, stored."""
    is_new: bool
    """Whether it was stored now, and not before."""
    datasets: tuple[Dataset, ...]
    """What each file gave, and what is to be said of it."""

    def describe(self) -> dict[str, Any]:
        """Return what was stored, as plain values: counts, ranges with their units in the keys, notes, warnings."""
        frames = [frame for one in self.datasets for frame in one.frames]
        return {
            "pk": self.node.pk,
            "uuid": self.node.uuid,
            **dict(self.node.base.attributes.items()),
            **summarise_frames(frames),
            "already_stored": not self.is_new,
            "label_sources": {one.name: one.sources for one in self.datasets},
            "notes": [sentence for one in self.datasets for sentence in one.notes],
            "left_out": [sentence for one in self.datasets for sentence in one.left_out],
            "warnings": [sentence for one in self.datasets for sentence in one.warnings],
        }


def import_frames(
    *sources: FrameSource,
    level_of_theory: str | None = None,
    labels: LabelNames | None = None,
    unlabelled: bool = False,
    label: str = "",
) -> ImportedFrames:
    """Store frames as one node in the loaded profile, once however often they are imported.

    Parameters
    ----------
    *sources
        Files, or lists of frames, or what ``read_importable`` returned.
    level_of_theory
        What made the labels; required where a file does not say.
    labels
        What labels are called in the files, e.g. ``"energy=my_E,forces=my_F"``.
    unlabelled
        Whether a file may hold bare geometries.
    label
        Label of the node; the name of the first file if it is empty.

    Raises
    ------
    InputError
        If a file cannot be read, has no labels, states no level of theory, or levels differ, or no profile is loaded.
    """
    require_profile()
    read = read_importable(sources, level_of_theory=level_of_theory, labels=labels, unlabelled=unlabelled)
    if not read:
        raise InputError("nothing is given to import; expected at least one file; name it")
    node = as_node([frame for one in read for frame in one.frames], label or Path(read[0].name).name)
    is_new = not node.is_stored
    if is_new:
        node.store()
    return ImportedFrames(node, is_new, tuple(read))


def as_node(frames: Sequence[Atoms], label: str) -> FramesData:
    """Return the stored node of these frames, or a new one that is not stored yet."""
    node = FramesData(frames, label=label)
    return node.find_stored() or node


def find_frames(
    source: "FrameSource | orm.Node", labels: LabelNames | None = None
) -> tuple[FramesData, Dataset | None]:
    """Return the node of frames, and what is to be said of their file if they come from one.

    Parameters
    ----------
    source
        PK, UUID or node; or a file or list of frames: the node stored before, or a new one that is not stored yet.
    labels
        What labels are called in the file.

    Raises
    ------
    InputError
        If the file is unusable, or the node is of another type.
    """
    if isinstance(source, orm.Node):
        node: orm.Node = source
    elif isinstance(source, str) and not names_file(source):
        node = load_any(source)
    else:
        read = read_labelled_frames(source, labels=labels)
        return as_node(read.frames, Path(read.name).name), read
    if not isinstance(node, FramesData):
        raise InputError(f"node {source} is {type(node).__name__}; expected a FramesData, or the path of a file")
    return node, None

"""Frames and potentials named on the command line, by file or by PK, as nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aiida_elyte.cli.profile import load_any
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import UNSTATED, labels_of, level_of
from aiida_elyte.science.labels import reading
from aiida_elyte.science.labels.outputs.reading import is_output, read_output
from aiida_elyte.science.labels.reading import Dataset
from aiida_elyte.science.learning.ensemble import member_name

if TYPE_CHECKING:
    from ase import Atoms

    from aiida_elyte.data.frames import FramesData
    from aiida_elyte.data.potential import PotentialData
    from aiida_elyte.science.labels.naming import LabelName

__all__ = [
    "as_node",
    "is_identifier",
    "load_frames_node",
    "load_potential_nodes",
    "member_files",
    "print_notes",
    "read_any_frames",
    "read_dataset",
    "require_level",
]


def read_any_frames(
    path: Path, level: str | None = None, names: "Mapping[str, LabelName] | None" = None
) -> "list[Atoms]":
    """Return the frames of a file, and print on standard error what ``read_dataset`` has to say of them.

    Parameters
    ----------
    path, level, names
        As of ``read_dataset``.

    Raises
    ------
    InputError
        As of ``read_dataset``.
    """
    found = read_dataset(path, level, names)
    print_notes(found)
    return found.frames


def print_notes(found: Dataset) -> None:
    """Print on standard error which names labels came from, notes, what was left out and what may be wrong."""
    if found.taken is not None:
        click.echo(f"Note: {found.taken}", err=True)
    for sentence in found.notes:
        click.echo(f"Note: {sentence}", err=True)
    for sentence in (*found.left_out, *found.warnings):
        click.echo(f"Warning: {sentence}", err=True)


def read_dataset(path: Path, level: str | None = None, names: "Mapping[str, LabelName] | None" = None) -> Dataset:
    """Read frames from extxyz, a traj or db of ASE, DeePMD-kit, the output of a DFT code or what else ASE reads.

    Parameters
    ----------
    path
        The file; frames without an origin get ``"<file name>#<number in the file>"``.
    level
        Level of theory of frames that state none; for outputs of DFT codes, in place of what was read from them.
    names
        What labels are called in the file; not for outputs of DFT codes.

    Raises
    ------
    InputError
        If the file is missing, empty or unreadable, or a name is not in it.
    """
    if path.is_file() and not path.stat().st_size:
        raise InputError(f"frames file {path} is empty; expected at least one frame")
    if path.is_file() and is_output(path):
        if names:
            raise InputError(f"--labels is given for {path}, the output of a DFT code; expected a data set; drop it")
        return _read_output(path, level)
    found = reading.read_dataset(path, names)
    stated = _stated(found.frames)
    for number, frame in zip(found.numbers, found.frames, strict=True):
        frame.info.setdefault("origin", f"{path.name}#{number}")
        if level is not None and level_of(frame) == UNSTATED and labels_of(frame):
            frame.info["level_of_theory"] = level
    return _warn(found, path, stated, level, "which is kept; --level-of-theory is for frames that state none")


def _read_output(path: Path, level: str | None) -> Dataset:
    found = read_output(path)
    stated = _stated(found.frames)
    for frame in found.frames if level is not None else ():
        frame.info["level_of_theory"] = level
    checked = reading.check_dataset(str(path), found.frames, found.numbers, found.left_out, found.notes)
    return _warn(checked, path, stated, level, "which --level-of-theory overrules")


def _stated(frames: "Sequence[Atoms]") -> list[str]:
    """Return the levels of theory that labelled frames state."""
    return sorted({level_of(frame) for frame in frames if labels_of(frame)} - {UNSTATED})


def _warn(found: Dataset, path: Path, stated: Sequence[str], level: str | None, outcome: str) -> Dataset:
    """Add a warning if the file states another level of theory than the one given."""
    if level is None or all(one == level for one in stated):
        return found
    warning = f"{path}: {level!r} is given, and the file states {' and '.join(map(repr, stated))}, {outcome}"
    return replace(found, warnings=[*found.warnings, warning])


def require_level(frames: "Sequence[Atoms]", name: str) -> None:
    """Reject labelled frames that do not state their level of theory.

    Raises
    ------
    InputError
        If there is one, naming the first.
    """
    for index, frame in enumerate(frames):
        if labels_of(frame) and level_of(frame) == UNSTATED:
            raise InputError(
                f"{name}: frame {index} has labels but states no level of theory; expected level_of_theory in its "
                'header, or the option; add --level-of-theory "PBE, 520 eV" to `aiida-elyte import`'
            )


def as_node(frames: "Sequence[Atoms]", label: str) -> "FramesData":
    """Return the stored node of these frames, or a new one that is not stored yet."""
    from aiida_elyte.data.frames import FramesData

    node = FramesData(frames, label=label)
    return node.find_stored() or node


def load_frames_node(source: str, names: "Mapping[str, LabelName] | None" = None) -> "FramesData":
    """Return the FramesData of a PK or UUID, or that of a file: the stored one, or a new one not stored yet.

    Raises
    ------
    InputError
        When the file is unusable, or the node is of another type.
    """
    from aiida_elyte.data.frames import FramesData

    path = Path(source)
    if path.exists() or not is_identifier(source):
        return as_node(read_any_frames(path, names=names), path.name)
    node = load_any(source)
    if not isinstance(node, FramesData):
        raise InputError(f"node {source} is {type(node).__name__}; expected a FramesData, or the path of a file")
    return node


def load_potential_nodes(source: str) -> "dict[str, PotentialData]":
    """Return the members in a folder as new nodes, or those of a PotentialData or WorkChain by its PK.

    Raises
    ------
    InputError
        When there is none.
    """
    from aiida import orm

    from aiida_elyte.data.potential import PotentialData
    from aiida_elyte.provenance.learning import newest_potentials

    path = Path(source)
    if path.exists() or not is_identifier(source):
        from aiida_elyte.science.potentials.files import describe_potential

        return {
            member_name(index): PotentialData(file.read_bytes(), describe_potential(file), label=file.name)
            for index, file in enumerate(member_files(path))
        }
    node = load_any(source)
    if isinstance(node, PotentialData):
        return {member_name(0): node}
    members = newest_potentials(node) if isinstance(node, orm.WorkChainNode) else {}
    if not members:
        raise InputError(
            f"node {source} is {type(node).__name__} without potentials; expected a PotentialData, a WorkChain "
            "that trained some, or a folder with m00.pt …"
        )
    return members


def member_files(path: Path) -> list[Path]:
    """Return the potentials of a folder (``*.pt``, in order), or the one file given.

    Raises
    ------
    InputError
        When there is none.
    """
    if path.is_file():
        return [path]
    files = sorted(path.glob("*.pt"))
    if not files:
        what = "holds no potential" if path.is_dir() else "does not exist"
        raise InputError(
            f"{path} {what}; expected a folder with m00.pt …, as `aiida-elyte train --out` writes it, or a PK"
        )
    return files


def is_identifier(text: str) -> bool:
    """Tell whether a word is a PK or a UUID."""
    plain = text.replace("-", "")
    return text.isdecimal() or (len(plain) == 32 and all(letter in "0123456789abcdef" for letter in plain))

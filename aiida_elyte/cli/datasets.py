"""Frames and potentials named on the command line, by file or by PK, as nodes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from aiida_elyte.cli.profile import load_any
from aiida_elyte.errors import InputError
from aiida_elyte.science.ensemble import member_name
from aiida_elyte.science.frames import UNSTATED, labels_of, level_of, read_frames
from aiida_elyte.science.labels.outputs.reading import is_output, read_output

if TYPE_CHECKING:
    from ase import Atoms

    from aiida_elyte.data.frames import FramesData
    from aiida_elyte.data.potential import PotentialData

__all__ = [
    "is_identifier",
    "load_frames_node",
    "load_potential_nodes",
    "member_files",
    "read_any_frames",
    "require_level",
]

_FORMATS = {".extxyz": "extxyz", ".xyz": "extxyz", ".traj": "traj"}
"""Suffix → format of ASE; the others ASE recognises by name or content."""


def read_any_frames(path: Path, level: str | None = None) -> "list[Atoms]":
    """Read frames from extxyz, ASE's traj, vasprun.xml, the output of pw.x or what else ASE reads.

    Parameters
    ----------
    path
        The file; frames without an origin get ``"<file name>#<index>"``.
    level
        Level of theory of frames that state none; for outputs of VASP and pw.x, in place of what was read from them.

    Raises
    ------
    InputError
        When the file is missing, empty or unreadable.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected a file of frames, as extxyz; name the file in it")
    if path.is_file() and not path.stat().st_size:
        raise InputError(f"frames file {path} is empty; expected at least one frame")
    if is_output(path):
        frames, left_out = read_output(path)
        for sentence in left_out:
            click.echo(f"Warning: {sentence}", err=True)
        for frame in frames if level is not None else ():
            frame.info["level_of_theory"] = level
        return frames
    frames = read_frames(path, _FORMATS.get(path.suffix.lower()))
    for index, frame in enumerate(frames):
        # What readers leave in info beyond plain values (occupancies, spacegroups) is no part of a frame.
        frame.info = {
            key: value for key, value in frame.info.items() if isinstance(value, str | int | float | bool | np.number)
        }
        frame.info.setdefault("origin", f"{path.name}#{index}")
        if level is not None and level_of(frame) == UNSTATED and labels_of(frame):
            frame.info["level_of_theory"] = level
    return frames


def require_level(frames: "Sequence[Atoms]", name: str) -> None:
    """Refuse labelled frames that do not state their level of theory.

    Raises
    ------
    InputError
        Naming the first of them.
    """
    for index, frame in enumerate(frames):
        if labels_of(frame) and level_of(frame) == UNSTATED:
            raise InputError(
                f"{name}: frame {index} has labels but states no level of theory; expected it in the file "
                '(info level_of_theory) or given; `aiida-elyte import --level-of-theory "PBE, 520 eV"` adds it'
            )


def load_frames_node(source: str) -> "FramesData":
    """Return the FramesData of a PK or UUID, or a new, unstored one from a file.

    Raises
    ------
    InputError
        When the file is unusable, or the node is of another type.
    """
    from aiida_elyte.data.frames import FramesData

    path = Path(source)
    if path.exists() or not is_identifier(source):
        return FramesData(read_any_frames(path), label=path.name)
    node = load_any(source)
    if not isinstance(node, FramesData):
        raise InputError(f"node {source} is a {type(node).__name__}; expected a FramesData, or the path of a file")
    return node


def load_potential_nodes(source: str) -> "dict[str, PotentialData]":
    """Return the members in a folder as new nodes, or those of a PotentialData or WorkChain by its PK.

    Raises
    ------
    InputError
        When there is none.
    """
    from aiida import orm

    from aiida_elyte.cli.street import descendants, newest_potentials
    from aiida_elyte.data.potential import PotentialData

    path = Path(source)
    if path.exists() or not is_identifier(source):
        from aiida_elyte.science.potentials import describe_potential

        return {
            member_name(index): PotentialData(file.read_bytes(), describe_potential(file), label=file.name)
            for index, file in enumerate(member_files(path))
        }
    node = load_any(source)
    if isinstance(node, PotentialData):
        return {member_name(0): node}
    members = newest_potentials(node, descendants(node)) if isinstance(node, orm.WorkChainNode) else {}
    if not members:
        raise InputError(
            f"node {source} is a {type(node).__name__} without potentials; expected a PotentialData, a WorkChain "
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

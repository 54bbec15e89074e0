"""Labelled frames from the files that people keep them in, with an account of what was taken and what was left."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.archives import DAMAGED, open_bytes
from aiida_elyte.science.ase_files import read_with_ase
from aiida_elyte.science.frames import LABELS, labels_of
from aiida_elyte.science.labels.deepmd import find_systems, read_deepmd
from aiida_elyte.science.labels.extxyz import read_extxyz
from aiida_elyte.science.labels.naming import LabelName
from aiida_elyte.science.labels.plausibility import find_fault, find_outliers, warn_of
from aiida_elyte.science.labels.raw import LeftOut, RawFrame, count_frames, from_atoms, sentences
from aiida_elyte.science.labels.taking import Account, take_labels

__all__ = ["Dataset", "check_dataset", "read_dataset"]

_EXTXYZ = (".extxyz", ".xyz", ".exyz")
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_PIECE = 1 << 22
"""Bytes read at once."""
_STANDARD = {"energy", "forces", "stress", "charges", "dft_charge"}
"""Names that are taken without a word."""


@dataclass(frozen=True)
class Dataset:
    """The frames of a file, and what is to be said of them."""

    name: str
    """What the frames are called in sentences: the path of their file."""
    frames: list[Atoms]
    """Frames with their labels."""
    numbers: list[int]
    """Number of each frame in the file, from 0."""
    sources: dict[str, dict[str, int]]
    """Number of frames by label and the name it was taken from."""
    left_out: list[str]
    """A sentence for each reason for which frames were left out."""
    notes: list[str]
    """Sentences on the file, of which nothing is wrong with the frames that are kept."""
    warnings: list[str]
    """Sentences on what may be wrong with the frames that are kept."""
    keys: list[str]
    """Names of all numbers in the file."""

    @property
    def taken(self) -> str | None:
        """Which names the labels came from, None where all are the standard ones."""
        if {key for keys in self.sources.values() for key in keys} <= _STANDARD:
            return None
        return "labels taken: " + ", ".join(f"{label} from {_counted(keys)}" for label, keys in self.sources.items())


def _counted(keys: Mapping[str, int]) -> str:
    if len(keys) == 1:
        return next(iter(keys))
    return " and ".join(f"{key} ({count} frames)" for key, count in keys.items())


@np.errstate(all="ignore")  # labels that are not finite are left out below, in words
def read_dataset(path: Path, given: Mapping[str, LabelName] | None = None) -> Dataset:
    """Read extxyz, a traj or database of ASE, a folder of DeePMD-kit, or what else ASE reads.

    Parameters
    ----------
    path
        The file, or the folder of DeePMD-kit.
    given
        Name of each label that is called otherwise than the conventions of ``naming``.

    Raises
    ------
    InputError
        If the file is missing, empty or unreadable, a name is not in it, or names of one label disagree.
    """
    raw, left_out, warnings = _read(path)
    account = Account()
    frames: list[Atoms] = []
    numbers: list[int] = []
    for one in raw:
        try:
            found = take_labels(one, account, given)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        if isinstance(found, LeftOut):
            left_out.append(found)
            continue
        frames.append(found)
        numbers.append(one.index)
    keys = sorted(account.keys)
    for name in (given or {}).values():
        if name.key not in account.keys:
            raise InputError(
                f"--labels names {name.key}, which is not in {path}; expected one of {', '.join(keys) or 'no name'}; "
                "give one of them"
            )
    frames, labels, numbers, faults = _check_frames(frames, numbers)
    left_out = sorted([*left_out, *faults], key=lambda one: one.index)
    if not frames:
        if not left_out:
            raise InputError(f"frames file {path} is empty; expected at least one frame")
        raise InputError(
            f"frames file {path} cannot be read: frame {left_out[0].index} is left out: {left_out[0].reason}, and "
            f"{'no other is there' if len(left_out) == 1 else f'so are all {len(left_out)}'}; expected at least one "
            "whole frame"
        )
    warnings = [f"{path}: {note}" for note in warnings]
    warnings += [f"{path}: {note} ({count_frames(places).rsplit(' ', 1)[0]})" for note, places in account.notes.items()]
    if account.not_taken:
        names = ", ".join(f"{key} (in {count} frames)" for key, count in account.not_taken.items())
        warnings.append(f"{path}: not taken as labels: {names}; name those that are with --labels, as energy=NAME")
    warnings += _named(path, warn_of(frames, labels, numbers))
    sources = {label: dict(account.sources[label]) for label in LABELS if label in account.sources}
    return Dataset(str(path), frames, numbers, sources, _named(path, sentences(left_out)), [], warnings, keys)


@np.errstate(all="ignore")
def check_dataset(
    name: str,
    frames: Sequence[Atoms],
    numbers: Sequence[int],
    left_out: Sequence[LeftOut] = (),
    notes: Sequence[str] = (),
) -> Dataset:
    """Return frames that another reader labelled, without those whose labels cannot be.

    Parameters
    ----------
    name
        What the frames are called in sentences.
    frames
        Frames with their labels.
    numbers
        Number of each in the file.
    left_out
        What that reader left out.
    notes
        Sentences of that reader on the file.

    Raises
    ------
    InputError
        If none is left.
    """
    kept, labels, kept_numbers, faults = _check_frames(frames, numbers)
    if not kept:
        raise InputError(f"{name}: frame {faults[0].index} is left out: {faults[0].reason}; expected a usable frame")
    sources = Counter(label for one in labels for label in one)
    return Dataset(
        name,
        kept,
        kept_numbers,
        {label: {label: sources[label]} for label in LABELS if label in sources},
        _named(name, sentences(sorted([*left_out, *faults], key=lambda one: one.index))),
        _named(name, notes),
        _named(name, warn_of(kept, labels, kept_numbers)),
        sorted(sources),
    )


def _named(name: str | Path, said: Sequence[str]) -> list[str]:
    return [f"{name}: {sentence}" for sentence in said]


def _check_frames(
    frames: Sequence[Atoms], numbers: Sequence[int]
) -> tuple[list[Atoms], list[dict[str, Any]], list[int], list[LeftOut]]:
    """Return the frames whose labels can be, those labels, their numbers, and the other frames with their reason."""
    labels = [labels_of(frame) for frame in frames]
    faults = {place: fault for place, one in enumerate(labels) if (fault := find_fault(one)) is not None}
    finite = [place for place in range(len(frames)) if place not in faults]
    impossible, _ = find_outliers([frames[place] for place in finite], [labels[place] for place in finite])
    faults |= {finite[place]: reason for place, reason in impossible.items()}
    kept = [place for place in range(len(frames)) if place not in faults]
    return (
        [frames[place] for place in kept],
        [labels[place] for place in kept],
        [numbers[place] for place in kept],
        [LeftOut(numbers[place], reason) for place, reason in sorted(faults.items())],
    )


def _read(path: Path) -> tuple[list[RawFrame], list[LeftOut], list[str]]:
    if path.is_dir():
        systems = find_systems(path)
        if not systems:
            raise InputError(
                f"{path} is a folder; expected a file of frames, as extxyz, or a folder of DeePMD-kit with type.raw; "
                "name the file in it"
            )
        frames: list[RawFrame] = []
        for system in systems:
            read = read_deepmd(system, len(frames))
            for place, frame in enumerate(read):
                block = "/".join((path.name, *system.relative_to(path).parts))
                frame.info.setdefault("origin", f"{block}#{place}")
            frames += read
        return frames, [], []
    if not path.exists():
        raise InputError(f"frames file {path} does not exist; give the path of an existing file")
    suffix = _suffix(path)
    if suffix in _EXTXYZ:
        return _read_text(path)
    if suffix == ".traj":
        return _read_traj(path)
    if suffix == ".db":
        return _each(path, _rows(path), "a database of ASE")
    head = _head(path)
    if len(head) > 1 and head[0].strip().isdigit() and "=" in head[1]:
        return _read_text(path)
    return _each(path, read_with_ase(path), "a format that ASE recognises, as extxyz")


def _suffix(path: Path) -> str:
    plain = path.with_suffix("") if path.suffix.lower() in _COMPRESSED else path
    return plain.suffix.lower()


def _head(path: Path) -> list[str]:
    try:
        with open_bytes(path) as handle:
            return handle.read(2000).decode("utf-8-sig", errors="replace").split("\n")
    except (EOFError, *DAMAGED):
        return []


def _read_text(path: Path) -> tuple[list[RawFrame], list[LeftOut], list[str]]:
    """Read extended XYZ, packed or not; an archive that was cut gives the frames before the cut."""
    pieces: list[bytes] = []
    notes: list[str] = []
    try:
        with open_bytes(path) as handle:
            pieces.extend(iter(lambda: handle.read1(_PIECE), b""))
    except EOFError:
        notes.append("the archive is cut short; the frames before the cut are read")
    except DAMAGED as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(f"frames file {path} cannot be read ({reason}); expected extxyz; copy it anew") from error
    text = b"".join(pieces).decode("utf-8-sig", errors="replace")
    frames, left_out, strays = read_extxyz(text)
    return frames, left_out, [*notes, *strays]


def _rows(path: Path) -> Iterator[Atoms]:
    from ase.db import connect

    with connect(path, serial=True) as database:
        for row in database.select():
            atoms = row.toatoms()
            atoms.info |= {**row.key_value_pairs}
            for name, value in (row.data or {}).items():
                is_column = getattr(value, "shape", ())[:1] == (len(atoms),) and len(atoms) > 1
                if is_column and name not in atoms.arrays:
                    atoms.set_array(name, value)
                else:
                    atoms.info.setdefault(name, value)
            yield atoms


def _each(path: Path, frames: Iterator[Atoms], expected: str) -> tuple[list[RawFrame], list[LeftOut], list[str]]:
    """Return the frames that a reader yields until it fails; those before a failure are kept."""
    found: list[RawFrame] = []
    try:
        found.extend(from_atoms(atoms, index) for index, atoms in enumerate(frames))
    except InputError as error:
        raise InputError(f"frames file {path} cannot be read: {error}") from error
    except Exception as error:  # readers of ASE raise what they please
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        if not found:
            raise InputError(
                f"frames file {path} cannot be read ({type(error).__name__}: {reason}); expected {expected}"
            ) from error
        return found, [LeftOut(len(found), f"it and what follows cannot be read ({reason})")], []
    return found, [], []


def _read_traj(path: Path) -> tuple[list[RawFrame], list[LeftOut], list[str]]:
    """Read each frame of a trajectory of ASE; one that is broken does not hide the others."""
    from ase.io.trajectory import Trajectory

    def opened() -> tuple[int, Callable[[int], Atoms]]:
        trajectory = Trajectory(str(path))
        return len(trajectory), trajectory.__getitem__

    try:
        count, get = opened()
    except Exception as error:  # readers of ASE raise what they please
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise InputError(
            f"frames file {path} cannot be read ({type(error).__name__}: {reason}); expected a trajectory of ASE"
        ) from error
    found: list[RawFrame] = []
    left_out: list[LeftOut] = []
    for index in range(count):
        try:
            found.append(from_atoms(get(index), index))
        except Exception as error:  # noqa: BLE001 - readers of ASE raise what they please; the frame is named
            left_out.append(LeftOut(index, f"it cannot be read ({str(error).strip() or type(error).__name__})"))
    return found, left_out, []

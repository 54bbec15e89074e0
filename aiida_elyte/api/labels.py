"""Labelled frames from the files that people keep them in, and from lists of frames."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import UNSTATED, attach_labels, labels_of, level_of, require_labels
from aiida_elyte.science.labels.naming import LabelName, parse_label_names
from aiida_elyte.science.labels.outputs.reading import is_output, read_output
from aiida_elyte.science.labels.reading import Dataset, check_dataset, read_dataset
from aiida_elyte.science.labels.theory import require_one_level

__all__ = [
    "FrameSource",
    "LabelNames",
    "names_of",
    "read_clusters",
    "read_importable",
    "read_labelled_frames",
    "require_files",
    "require_level",
    "require_trainable",
]

FrameSource = str | Path | Dataset | Sequence[Atoms]
"""The path of a file, frames whose labels are in their calculators, or what ``read_labelled_frames`` returned."""

LabelNames = str | Mapping[str, LabelName]
"""What labels are called in a file: ``"energy=E[Hartree],forces=F"``, or what ``parse_label_names`` makes of that."""

_MOST = 20
"""Names of a file that a message lists."""


def read_labelled_frames(
    source: FrameSource,
    *,
    level_of_theory: str | None = None,
    labels: LabelNames | None = None,
    required: Sequence[str] = (),
) -> Dataset:
    """Read frames from extxyz, a traj or db of ASE, DeePMD-kit, the output of a DFT code or what else ASE reads.

    Parameters
    ----------
    source
        The file; its frames without an origin get ``"<file name>#<number in the file>"``. Frames that are given rather
        than read stay without.
    level_of_theory
        Level of theory of frames that state none; for outputs of DFT codes, in place of what was read from them.
    labels
        What labels are called in the file; not for outputs of DFT codes.
    required
        Labels that every frame must have, as ``("energy", "forces")``.

    Returns
    -------
    Dataset
        ``frames`` with energy [eV], forces [eV/Å], stress [eV/Å³] and charges [e] as far as there are; ``sources``,
        ``notes``, ``left_out`` and ``warnings`` say what was taken and what was not.

    Raises
    ------
    InputError
        If the file is missing, empty or unreadable, a name is not in it, or a frame lacks a label.
    """
    require_files(labels, [source])
    if isinstance(source, str | Path):
        read = _read(Path(source), level_of_theory, labels)
    else:
        read = _state(_given(source), level_of_theory)
    if required:
        require_labels(read.frames, required, name=read.name)
    return read


def read_clusters(source: FrameSource, labels: LabelNames | None = None) -> Dataset:
    """Read labelled clusters; those without an origin stay without: each is a cluster of its own.

    Raises
    ------
    InputError
        If the file is missing, empty or unreadable, or a name is not in it; if ``labels`` are given beside frames.
    """
    require_files(labels, [source])
    return read_dataset(Path(source), names_of(labels)) if isinstance(source, str | Path) else _given(source)


def read_importable(
    sources: Iterable[FrameSource],
    *,
    level_of_theory: str | None = None,
    labels: LabelNames | None = None,
    unlabelled: bool = False,
) -> list[Dataset]:
    """Read files that shall be one data set: labels of one level of theory, which is stated.

    Parameters
    ----------
    sources
        Files, or frames.
    level_of_theory, labels
        As of ``read_labelled_frames``.
    unlabelled
        Whether a file may hold bare geometries.

    Raises
    ------
    InputError
        If a file cannot be read, has no labels, states no level of theory, or levels differ.
    """
    found, sources = [], list(sources)
    require_files(labels, sources)
    for source in sources:
        names = labels if isinstance(source, str | Path) else None
        one = read_labelled_frames(source, level_of_theory=level_of_theory, labels=names)
        if not (unlabelled or one.sources):
            _reject_bare(one)
        require_level(one.frames, one.name)
        found.append(one)
    require_one_level([frame for one in found for frame in one.frames if labels_of(frame)], "the set")
    return found


def require_trainable(frames: Sequence[Atoms], allow_mixed_levels: bool = False, name: str = "the data set") -> None:
    """Reject frames that cannot be trained on: without energy or forces, or of several levels of theory.

    Raises
    ------
    InputError
        If there are some.
    """
    require_labels(frames, name=name)
    if not allow_mixed_levels:
        require_one_level(frames, name)


def require_level(frames: Sequence[Atoms], name: str) -> None:
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
                'header, or `level_of_theory` beside the file; add it, as "PBE, 520 eV", when you import the file'
            )


def require_files(labels: LabelNames | None, sources: Sequence[object]) -> None:
    """Reject names of labels where no file is read that they could be of: labels of frames are in their calculators.

    Raises
    ------
    InputError
        If it is so.
    """
    if labels and sources and not any(isinstance(source, str | Path) for source in sources):
        raise InputError(
            "`labels` is given beside frames, whose labels are in their calculators; expected a file; drop `labels`"
        )


def names_of(labels: LabelNames | None) -> Mapping[str, LabelName]:
    """Return the name of each label from a text or a mapping.

    Raises
    ------
    InputError
        If the text cannot be read.
    """
    return parse_label_names(labels) if isinstance(labels, str) else labels or {}


def _given(source: Dataset | Sequence[Atoms]) -> Dataset:
    if isinstance(source, Dataset):
        return source
    frames, name = list(source), "the given frames"
    if not frames:
        raise InputError(f"{name} are missing; expected at least one frame")
    return check_dataset(name, frames, range(len(frames)))


def _read(path: Path, level_of_theory: str | None, labels: LabelNames | None) -> Dataset:
    names = names_of(labels)
    if path.is_file() and not path.stat().st_size:
        raise InputError(f"frames file {path} is empty; expected at least one frame")
    if path.is_file() and is_output(path):
        if names:
            raise InputError(f"`labels` is given for {path}, the output of a DFT code; expected a data set; drop it")
        return _read_output(path, level_of_theory)
    found = read_dataset(path, names)
    stated = _stated(found.frames)
    for number, frame in zip(found.numbers, found.frames, strict=True):
        frame.info.setdefault("origin", f"{path.name}#{number}")
        if level_of_theory is not None and level_of(frame) == UNSTATED and labels_of(frame):
            frame.info["level_of_theory"] = level_of_theory
    return _warn(found, stated, level_of_theory, "which is kept; `level_of_theory` is for frames that state none")


def _read_output(path: Path, level: str | None) -> Dataset:
    found = read_output(path)
    stated = _stated(found.frames)
    for frame in found.frames if level is not None else ():
        frame.info["level_of_theory"] = level
    checked = check_dataset(str(path), found.frames, found.numbers, found.left_out, found.notes)
    return _warn(checked, stated, level, "which `level_of_theory` overrules")


def _state(found: Dataset, level: str | None) -> Dataset:
    """Return given frames of which those that state no level of theory are copies that do."""
    if level is None or all(level_of(frame) != UNSTATED or not labels_of(frame) for frame in found.frames):
        return found
    frames = []
    for frame in found.frames:
        held = labels_of(frame)
        if not held or level_of(frame) != UNSTATED:
            frames.append(frame)
            continue
        stating = attach_labels(frame.copy(), **held)
        stating.info["level_of_theory"] = level
        frames.append(stating)
    return replace(found, frames=frames)


def _stated(frames: Sequence[Atoms]) -> list[str]:
    """Return the levels of theory that labelled frames state."""
    return sorted({level_of(frame) for frame in frames if labels_of(frame)} - {UNSTATED})


def _warn(found: Dataset, stated: Sequence[str], level: str | None, outcome: str) -> Dataset:
    """Add a warning if the file states another level of theory than the one given."""
    if level is None or all(one == level for one in stated):
        return found
    warning = f"{found.name}: {level!r} is given, and the file states {' and '.join(map(repr, stated))}, {outcome}"
    return replace(found, warnings=[*found.warnings, warning])


def _reject_bare(found: Dataset) -> None:
    """Reject a file none of whose frames has a label: its labels have names that are not known."""
    names = ", ".join(found.keys[:_MOST]) + (" …" if len(found.keys) > _MOST else "")
    raise InputError(
        f"{found.name}: no frame has a label under a known name; the file has "
        f"{names or 'nothing but elements and positions'}; expected energy and forces; name them with `labels`, "
        "as energy=NAME,forces=NAME, or add `unlabelled` to import bare geometries"
    )

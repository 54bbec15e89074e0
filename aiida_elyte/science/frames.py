"""Frames, labelled or not: the currency between the stations.

A frame is an ``ase.Atoms``; its labels live in a ``SinglePointCalculator``; its history in ``info``:

``origin``
    ``"<block>#<index>"``: the trajectory (block) the geometry comes from and its place in it. Frames of one block are
    correlated.
``level_of_theory``
    What made the labels, e.g. ``"GFN1-xTB"`` or ``"PBE, SCAN-sized basis …"``; one data set holds one level.
``labelled_by``
    UUID of the calculation that made the labels.
``charge``, ``multiplicity``
    Total charge [e] and 2S + 1 of a cluster; ``total_charge`` is read too.
``charge_method``
    What the charges of the atoms are, e.g. ``"Mulliken (GFN2-xTB)"``.

Labels are ``energy`` [eV], ``forces`` [eV/Å], ``stress`` [eV/Å³, ASE's sign and Voigt order xx yy zz yz xz xy],
``charges`` [e].
"""

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read

from aiida_elyte.errors import InputError

__all__ = [
    "COMMITTEE",
    "LABELS",
    "attach_committee",
    "attach_labels",
    "block_of",
    "charges_of",
    "committee_of",
    "compose_frame",
    "content_hash",
    "describe",
    "drop_committee",
    "fingerprint",
    "first_frames",
    "labels_of",
    "level_of",
    "name_of",
    "read_frames",
    "require_labels",
    "round_frame",
    "total_charge_of",
    "write_frames",
]

LABELS = ("energy", "forces", "stress", "charges")
COMMITTEE = ("committee_forces_eV_A", "forces_spread_eV_A")
"""Arrays of a sampled frame: forces, the mean over the committee, and their spread on each atom [eV/Å]; no labels."""
UNSTATED = "unstated"
"""Level of theory of frames whose file names none."""

_HEADER_KEYS = {*LABELS, "free_energy", "Lattice", "Properties", "pbc"}
"""Names in the header of a frame that are labels or its geometry: of what else bears one, the file would be wrong."""

_COMMITTEE_DECIMALS = 5
"""What a committee says is kept to 1e-5 eV/Å: a hundredth of the best errors, in a third of the digits."""

_DECIMALS = 8
"""Coordinates are rounded to 1e-8 Å: caching hashes do not survive the noise below."""


def read_frames(source: str | Path | io.StringIO, file_format: str | None = "extxyz") -> list[Atoms]:
    """Read frames with their labels.

    Raises
    ------
    InputError
        If the file is missing, empty or not readable in ``file_format``.
    """
    name = "the given text" if isinstance(source, io.StringIO) else str(source)
    try:
        found = read(source, index=":", format=file_format)
    except FileNotFoundError as error:
        raise InputError(f"frames file {name} does not exist; give the path of an existing file") from error
    except Exception as error:
        raise InputError(
            f"frames file {name} cannot be read ({type(error).__name__}: {error}); expected {file_format}"
        ) from error
    if not found:
        raise InputError(f"frames file {name} is empty; expected at least one frame")
    return [_take_charges(frame) for frame in found]


def write_frames(frames: Sequence[Atoms], target: str | Path | io.StringIO | None = None) -> str:
    """Write frames as extxyz with every digit of positions and labels, and what a committee said; return the text.

    Coordinates and labels survive the round trip exactly as far as ``round_frame`` leaves them. What ``info`` holds
    under the name of a label is written as ``info.<name>``: it is not the label.

    Raises
    ------
    InputError
        If the target cannot be written.
    """
    buffer = io.StringIO()
    for frame in frames:
        _write_one(buffer, frame)
    text = buffer.getvalue()
    if isinstance(target, io.StringIO):
        target.write(text)
    elif target is not None:
        try:
            Path(target).write_text(text)
        except OSError as error:
            raise InputError(
                f"{target} cannot be written ({error.strerror}); expected a file; give its name"
            ) from error
    return text


def _write_one(buffer: io.StringIO, frame: Atoms) -> None:
    """Write one frame; ASE's own writer rounds to eight decimals, labels deserve all of theirs."""
    labels = labels_of(frame)
    columns = {"pos": frame.get_positions()}
    if "forces" in labels:
        columns["forces"] = labels["forces"]
    if "charges" in labels:
        columns["charges"] = labels["charges"][:, None]
    columns |= {name: frame.arrays[name].reshape(len(frame), -1) for name in COMMITTEE if name in frame.arrays}
    fields = [f"energy={labels['energy']!r}"] if "energy" in labels else []
    if "stress" in labels:
        xx, yy, zz, yz, xz, xy = labels["stress"]
        fields.append(f'stress="{_row([xx, xy, xz, xy, yy, yz, xz, yz, zz])}"')
    fields += [
        f"{f'info.{key}' if key in _HEADER_KEYS else key}={_quote(value)}" for key, value in sorted(frame.info.items())
    ]
    buffer.write(compose_frame(frame, columns, fields))


def compose_frame(
    frame: Atoms, columns: Mapping[str, np.ndarray], fields: Sequence[str], decimals: int | None = None
) -> str:
    """Return the extxyz of one frame: its symbols, cell and periodicity, columns of numbers and fields of the header.

    Parameters
    ----------
    frame
        The frame.
    columns
        Name → numbers of each atom, shape ``(n_atoms, width)``.
    fields
        What the header says, each as ``key=value``.
    decimals
        Decimals of the columns; the cell has two more. ``None`` writes every digit.
    """
    number = repr if decimals is None else f"{{:.{decimals}f}}".format
    length = repr if decimals is None else f"{{:.{decimals + 2}f}}".format
    properties = ":".join(f"{name}:R:{values.shape[1]}" for name, values in columns.items())
    header = [f'Lattice="{_row(frame.cell.array.ravel(), length)}"'] if frame.cell.any() else []
    header += [f"Properties=species:S:1:{properties}", *fields]
    header.append('pbc="' + " ".join("T" if periodic else "F" for periodic in frame.pbc) + '"')
    numbers = np.hstack(list(columns.values()))
    rows = [f"{symbol} {_row(row, number)}" for symbol, row in zip(frame.symbols, numbers.tolist(), strict=True)]
    return "\n".join([str(len(frame)), " ".join(header), *rows, ""])


def _row(values: Iterable[float], number: Callable[[float], str] = repr) -> str:
    return " ".join(number(float(value)) for value in values)


def _quote(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "T" if value else "F"
    if isinstance(value, int | float | np.integer | np.floating):
        return repr(value.item() if hasattr(value, "item") else value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    raise InputError(f"frame info holds a {type(value).__name__}; expected numbers, booleans and strings")


def _take_charges(frame: Atoms) -> Atoms:
    """Move per-atom charges that a file carries as a column into the labels."""
    for key in ("charges", "dft_charge"):
        if key in frame.arrays:
            charges = frame.arrays.pop(key)
            attach_labels(frame, **{**labels_of(frame), "charges": charges})
    return frame


def attach_labels(frame: Atoms, **labels: Any) -> Atoms:
    """Give a frame its labels (``energy``, ``forces``, ``stress``, ``charges``) and return it."""
    arrays = {key: float(value) if key == "energy" else np.asarray(value, float) for key, value in labels.items()}
    frame.calc = SinglePointCalculator(frame, **arrays)
    return frame


def attach_committee(frame: Atoms, forces: np.ndarray, spread: np.ndarray) -> None:
    """Give a frame what a committee says of its forces, rounded; nothing where a number is not finite.

    Parameters
    ----------
    frame
        The frame.
    forces
        Mean over the members, ``shape=(n_atoms, 3)`` [eV/Å].
    spread
        Spread on each atom, ``shape=(n_atoms,)`` [eV/Å].
    """
    if np.isfinite(forces).all() and np.isfinite(spread).all():
        for name, values in zip(COMMITTEE, (forces, spread), strict=True):
            frame.set_array(name, np.round(values, _COMMITTEE_DECIMALS) + 0.0, float)


def committee_of(frame: Atoms) -> tuple[np.ndarray, np.ndarray] | None:
    """Return what ``attach_committee`` gave a frame, ``None`` if nothing: forces and spread [eV/Å]."""
    if not all(name in frame.arrays for name in COMMITTEE):
        return None
    forces, spread = (np.array(frame.arrays[name], float) for name in COMMITTEE)
    return forces, spread


def drop_committee(frame: Atoms) -> Atoms:
    """Take what a committee said away from a frame that is no longer what it was said of; return the frame."""
    for name in COMMITTEE:
        frame.arrays.pop(name, None)
    return frame


def labels_of(frame: Atoms) -> dict[str, Any]:
    """Return the labels a frame carries, ``{}`` when it has none."""
    if frame.calc is None:
        return {}
    if isinstance(frame.calc, SinglePointCalculator):
        # One comparison of the atoms with those that were labelled, where get_property makes one for each label.
        held = {} if frame.calc.check_state(frame) else frame.calc.results
    else:
        held = _ask(frame)
    return {
        key: float(held[key]) if key == "energy" else np.array(held[key], float)
        for key in LABELS
        if held.get(key) is not None
    }


def _ask(frame: Atoms) -> dict[str, Any]:
    """Return what a calculator has at hand for a frame."""
    found = {}
    for key in LABELS:
        try:
            found[key] = frame.calc.get_property(key, frame, allow_calculation=False)
        except PropertyNotImplementedError:
            continue
    return found


def block_of(frame: Atoms, default: str = "unstated") -> str:
    """Return the block of a frame: the part of ``origin`` before ``#``."""
    return str(frame.info.get("origin", default)).split("#", maxsplit=1)[0]


def level_of(frame: Atoms) -> str:
    """Return the level of theory of a frame's labels."""
    return str(frame.info.get("level_of_theory", UNSTATED))


def total_charge_of(frame: Atoms) -> int | None:
    """Return the total charge of a frame [e], ``info["charge"]`` or ``info["total_charge"]``; ``None`` without either.

    Raises
    ------
    InputError
        If it is not a whole number, or the two differ.
    """
    told = {frame.info[key] for key in ("charge", "total_charge") if frame.info.get(key) is not None}
    if not told:
        return None
    if len(told) > 1 or any(float(value) != round(float(value)) for value in told):
        raise InputError(
            f"{frame.get_chemical_formula()} has the total charge {' and '.join(map(str, sorted(told)))}; expected one "
            "whole number in info['charge']"
        )
    return round(float(told.pop()))


def name_of(frame: Atoms) -> str:
    """Return the name of a frame's cluster: ``info["system"]``, ``info["stoichiometry"]``, or the formula."""
    return str(frame.info.get("system") or frame.info.get("stoichiometry") or frame.get_chemical_formula())


def charges_of(frame: Atoms) -> np.ndarray | None:
    """Return the charges of a frame's atoms [e], ``shape=(N,)``: column ``dft_charge``, or those of its label."""
    found = frame.arrays.get("dft_charge")
    return labels_of(frame).get("charges") if found is None else np.asarray(found, float)


def first_frames(frames: Iterable[Atoms]) -> list[Atoms]:
    """Return the first frame of each cluster without its labels, its total charge told.

    Of one name, contact and separated ions are two clusters: ``info["kind"]`` tells them apart.
    """
    found: dict[tuple[str, str], Atoms] = {}
    for frame in frames:
        cluster = (name_of(frame), str(frame.info.get("kind")))
        if cluster not in found:
            bare = Atoms(frame.symbols, frame.positions, info=dict(frame.info))
            if total_charge_of(frame) is None and (charges := charges_of(frame)) is not None:
                bare.info["charge"] = round(float(charges.sum()))
            found[cluster] = bare
    return list(found.values())


def round_frame(frame: Atoms) -> Atoms:
    """Return a copy with positions and cell rounded to 1e-8 Å, labels and info kept."""
    copy = frame.copy()
    copy.set_cell(np.round(frame.cell.array, _DECIMALS) + 0.0)
    copy.set_positions(np.round(frame.get_positions(), _DECIMALS) + 0.0)
    labels = labels_of(frame)
    return attach_labels(copy, **labels) if labels else copy


def fingerprint(frames: Iterable[Atoms]) -> str:
    """Return a hash of geometries and labels, the same for the same training set whatever its bookkeeping."""
    digest = hashlib.sha256()
    for frame in map(round_frame, frames):
        digest.update(frame.numbers.astype("<i4").tobytes())
        digest.update(frame.get_positions().astype("<f8").tobytes() + frame.cell.array.astype("<f8").tobytes())
        for key, value in sorted(labels_of(frame).items()):
            digest.update(key.encode() + np.asarray(value, "<f8").tobytes())
    return digest.hexdigest()


def content_hash(frames: Sequence[Atoms]) -> str:
    """Return a hash of all that a set of frames says, whatever the file is called that it came from.

    Two sets of one hash have the same geometries, labels, levels of theory, other values, and the same blocks up to
    their names, in the same order.
    """
    digest = hashlib.sha256(fingerprint(frames).encode())
    blocks: dict[str, int] = {}
    for frame in frames:
        info = {key: value for key, value in frame.info.items() if key != "origin"}
        block = blocks.setdefault(block_of(frame), len(blocks))
        words = [f"{key}={_quote(value)}" for key, value in sorted(info.items())]
        digest.update(f"{block} {frame.pbc.tolist()} {' '.join(words)}\n".encode())
        for said in committee_of(frame) or ():
            digest.update(said.astype("<f8").tobytes())
    return digest.hexdigest()


def describe(frames: Sequence[Atoms]) -> dict[str, Any]:
    """Return what a database should know of a set of frames: counts, elements, labels, their origin, blocks."""
    labels = Counter(key for frame in frames for key in labels_of(frame))
    return {
        "count": len(frames),
        "elements": sorted({symbol for frame in frames for symbol in frame.get_chemical_symbols()}),
        "formulas": sorted({frame.get_chemical_formula() for frame in frames}),
        "atom_counts": sorted({len(frame) for frame in frames}),
        "labels": sorted(key for key, count in labels.items() if count == len(frames)),
        "label_counts": dict(labels),
        "levels_of_theory": sorted({level_of(frame) for frame in frames if labels_of(frame)}),
        "charge_methods": sorted({frame.info["charge_method"] for frame in frames if "charge_method" in frame.info}),
        "blocks": dict(Counter(map(block_of, frames))),
    }


def require_labels(
    frames: Sequence[Atoms], labels: Sequence[str] = ("energy", "forces"), name: str = "dataset"
) -> None:
    """Reject a data set with frames whose labels are missing or not finite.

    Raises
    ------
    InputError
        If there is one, naming the first and its label.
    """
    if not frames:
        raise InputError(f"{name} holds no frame; expected labelled frames")
    for index, frame in enumerate(frames):
        held = labels_of(frame)
        missing = [label for label in labels if label not in held]
        if missing:
            raise InputError(
                f"{name}: frame {index} has no {' and no '.join(missing)}; expected all labelled; label it first"
            )
        for label in labels:
            if not np.isfinite(held[label]).all():
                value = held[label] if label == "energy" else "not finite"
                raise InputError(
                    f"{name}: the {label} of frame {index} is {value}; expected finite numbers; leave the frame out"
                )

"""Labels taken out of the values of a frame, whatever they are called there."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import COMMITTEE, attach_labels
from aiida_elyte.science.labels.naming import LabelName, classify, looks_like_label
from aiida_elyte.science.labels.raw import LeftOut, RawFrame
from aiida_elyte.science.labels.units import factor_of, length_factor

__all__ = ["Account", "take_labels"]

_HOMES = {"energy": "info", "stress": "info", "virial": "info", "forces": "columns", "charges": "columns"}
_UNIT_KEY = re.compile(r"(.+?)[_-]?units?", re.IGNORECASE)
_LENGTHS = ("length", "pos", "position", "positions", "distance", "coordinates")
_KNOWN_SYSTEMS = ("metal", "ev", "ase", "angstrom", "ev/angstrom", "ev/a", "ev,angstrom", "ev,a")
_EV_KEYS = {"units", "unit"}
_EXAMPLES = {"forces": "Hartree/Bohr", "stress": "GPa"}
_KINEMATIC = ("vel", "mom", "dip", "disp", "magn", "spin", "pos")
_TOLERANCES = {"energy": 1e-4, "forces": 1e-3, "stress": 1e-4, "charges": 1e-3}
"""Two values of one label that differ by more are two labels: eV per atom, eV/Å, eV/Å³, e."""


@dataclass
class Account:
    """What was taken from the frames of a file, and what was not."""

    sources: dict[str, Counter[str]] = field(default_factory=dict)
    """Frames by label and the name it was taken from."""
    not_taken: Counter[str] = field(default_factory=Counter)
    """Frames by name that looks like a label and was not taken."""
    keys: Counter[str] = field(default_factory=Counter)
    """Frames by name, of all numbers."""
    notes: dict[str, list[int]] = field(default_factory=dict)
    """Frames by what is to be said of them."""


@dataclass(frozen=True)
class _Candidate:
    name: LabelName
    value: Any


def take_labels(raw: RawFrame, account: Account, given: Mapping[str, LabelName] | None = None) -> Atoms | LeftOut:
    """Return a frame with its labels, or the reason to leave it out.

    Parameters
    ----------
    raw
        The frame as its file has it; its atoms become those of the frame.
    account
        Where it is noted which names were taken.
    given
        Name by label, in place of the conventions.

    Raises
    ------
    InputError
        If two names give different values of one label, or a unit is not known.
    """
    given = given or {}
    columns = {name: column for name, column in raw.columns.items() if name not in COMMITTEE}
    values = {"info": dict(raw.info), "columns": columns}
    units = _units(values["info"])
    atoms = _in_angstrom(raw.atoms, units)
    account.keys.update([key for home in values.values() for key, value in home.items() if _is_numeric(value)])
    candidates: dict[str, list[_Candidate]] = {}
    try:
        for name, value in _named(values, given):
            if (converted := _convert(name, value, atoms, units)) is not None:
                candidates.setdefault(name.label, []).append(_Candidate(name, converted))
    except _UnusableLabelError as error:
        return LeftOut(raw.index, str(error))
    labels, used = {}, set()
    for label, found in candidates.items():
        chosen = _choose(raw, label, found, account)
        labels[label] = chosen.value
        used |= {one.name.key for one in found}
        account.sources.setdefault(label, Counter())[chosen.name.key] += 1
    if "forces" in labels and _is_zeroed(labels["forces"], raw.columns.get("move_mask")):
        return LeftOut(raw.index, "its forces on the atoms that move_mask holds are zero: constraints zeroed them")
    without_forces = "forces" not in labels
    for home, entries in values.items():
        account.not_taken.update(
            key
            for key, value in entries.items()
            if key not in used and _is_numeric(value) and _is_suspect(home, key, value, without_forces)
        )
    atoms.info = _plain_info({key: value for key, value in values["info"].items() if key not in used})
    return attach_labels(atoms, **labels) if labels else atoms


def _is_zeroed(forces: np.ndarray, mask: np.ndarray | None) -> bool:
    """Tell whether forces lack the components that a mask of moving atoms, or of their components, holds."""
    if mask is None or mask.dtype != bool or mask.shape[0] != len(forces):
        return False
    held = ~np.broadcast_to(mask.reshape(len(forces), -1), forces.shape)
    return bool(held.any() and not forces[held].any() and (forces.any() or held.all()))


class _UnusableLabelError(Exception):
    """A label that is not a number, or of another shape."""


def _named(values: Mapping[str, Mapping[str, Any]], given: Mapping[str, LabelName]) -> list[tuple[LabelName, Any]]:
    named = []
    for home, entries in values.items():
        for key, value in entries.items():
            mine = [name for name in given.values() if name.key == key and _HOMES[name.quantity] == home]
            name = mine[0] if mine else classify(key)
            if name is None or _HOMES[name.quantity] != home or (not mine and name.label in given):
                continue
            if value is not None:
                named.append((name, value))
    return named


def _convert(name: LabelName, value: Any, atoms: Atoms, units: Mapping[str, str]) -> Any:
    """Return a label in eV and Å, or None for a virial without a cell and for what is a flag."""
    array = np.asarray(value)
    if array.dtype.kind not in "fi":
        raise _UnusableLabelError(f"its {name.key} is {str(value)[:40]!r}")
    array = array.astype(float)
    shape = {"energy": (), "forces": (len(atoms), 3), "charges": (len(atoms),)}.get(name.quantity)
    if name.quantity == "charges" and array.shape == (len(atoms), 1):
        array = array[:, 0]
    if name.quantity == "energy" and array.shape == (1,):
        array = array[0]
    if shape is None:
        array = _voigt(name, array)
    elif array.shape != shape:
        raise _UnusableLabelError(f"its {name.key} has the shape {array.shape}, not {shape}")
    tag = name.unit or _tag(name, units)
    if tag is None and "energy" in units and factor_of("energy", units["energy"], 1) != 1.0:
        if name.quantity in ("forces", "stress"):
            raise InputError(
                f"the header states energy_unit={units['energy']} and no unit of {name.key}; expected one; give it, as "
                f"--labels {name.label}={name.key}[{_EXAMPLES[name.quantity]}]"
            )
        if name.quantity == "virial":  # an energy, as QUIP and dpdata have it
            tag = units["energy"]
    array = array * (1.0 if tag is None else factor_of(name.quantity, tag, len(atoms)))
    if name.quantity == "virial":
        volume = abs(np.linalg.det(atoms.cell.array))
        return 0.0 - array / volume if atoms.pbc.all() and volume else None
    return float(array) if name.quantity == "energy" else array


def _voigt(name: LabelName, array: np.ndarray) -> np.ndarray:
    """Return xx yy zz yz xz xy of 9 values, or 6 as they are."""
    if array.size == 9:
        full = array.reshape(3, 3)
        full = (full + full.T) / 2
        return full[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    if array.shape != (6,):
        raise _UnusableLabelError(f"its {name.key} has {array.size} values, not 9 or 6")
    return array


def _choose(raw: RawFrame, label: str, found: list[_Candidate], account: Account) -> _Candidate:
    """Return the value of one label; where several names give it, they must agree.

    Of the energies of one source the free energy is taken, since forces are its derivative.
    """
    ordered = sorted(found, key=lambda one: (one.name.rank > 1, one.name.family, one.name.rank))
    chosen = ordered[0]
    tolerance = _TOLERANCES[label] * (len(raw.atoms) if label == "energy" else 1)
    for other in ordered[1:]:
        difference = np.abs(np.asarray(chosen.value) - np.asarray(other.value)).max()
        if not difference > tolerance + 1e-6 * np.abs(chosen.value).max():
            continue
        names = f"{chosen.name.key} and {other.name.key}"
        is_free = chosen.name.family == other.name.family and {chosen.name.rank, other.name.rank} == {0, 1}
        if (label == "energy" and is_free) or other.name.rank > 1:
            why = "the forces are its derivative" if is_free else "as the energy proper"
            note = f"{names} differ; {chosen.name.key} is taken, {why}"
            account.notes.setdefault(note, []).append(raw.index)
            continue
        raise InputError(
            f"frame {raw.index} has {names}, which differ by up to {difference:.4g}; expected one {label}; choose with "
            f"--labels {label}={chosen.name.key} or --labels {label}={other.name.key}"
        )
    return chosen


def _units(info: dict[str, Any]) -> dict[str, str]:
    """Return the tags of units in a header, by what they are the units of, and take them out of it."""
    units = {}
    for key in [key for key, value in info.items() if isinstance(value, str)]:
        match = _UNIT_KEY.fullmatch(key)
        if key.lower() in _EV_KEYS:
            text = str(info.pop(key))
            if text.replace(" ", "").replace("å", "a").replace("Å", "a").lower() not in _KNOWN_SYSTEMS:
                raise InputError(
                    f"the header states {key}={text}; expected eV and Å, or the unit of each label, as "
                    "energy_unit=Hartree forces_unit=Hartree/Bohr; convert the file or state them"
                )
        elif match is not None:
            units[match[1].lower().replace("-", "_")] = str(info.pop(key))
    return units


def _tag(name: LabelName, units: Mapping[str, str]) -> str | None:
    plain = name.key.lower().replace("-", "_")
    base = {"forces": "force", "charges": "charge"}.get(name.quantity, name.quantity)
    for key in (plain, plain.rstrip("s"), f"{plain}s", base, f"{base}s"):
        if key in units:
            return units[key]
    return None


def _in_angstrom(atoms: Atoms, units: Mapping[str, str]) -> Atoms:
    factors = {length_factor(units[key]) for key in _LENGTHS if key in units}
    cell = {length_factor(units[key]) for key in ("cell", "lattice") if key in units} or factors
    if not factors | cell:
        return atoms
    copy = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    for factor in factors:
        copy.set_positions(atoms.positions * factor)
    for factor in cell:
        copy.set_cell(atoms.cell.array * factor)
    return copy


def _is_numeric(value: Any) -> bool:
    return not isinstance(value, bool) and np.asarray(value).dtype.kind in "fi"


def _is_suspect(home: str, key: str, value: Any, without_forces: bool) -> bool:
    """Tell whether a value that is not taken may be a label."""
    if looks_like_label(key):
        return True
    if home == "info":
        return False
    plain = key.lower()
    if np.shape(value)[1:] == (3,):
        return without_forces and not any(word in plain for word in _KINEMATIC)
    return "charge" in plain and not plain.startswith("initial")


def _plain_info(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values, with names and words that a header can hold; arrays are not part of a frame."""
    return {
        re.sub(r"[\s=\"'{}\[\]]+", "_", str(key)): " ".join(value.split()) if isinstance(value, str) else value
        for key, value in info.items()
        if isinstance(value, str | int | float | bool | np.number | np.bool_)
    }

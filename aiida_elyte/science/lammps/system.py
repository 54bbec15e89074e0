"""Class-2 force fields as LAMMPS reads them: a data file with every cross term, and the input that sets it up."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from aiida_elyte.errors import InputError

__all__ = [
    "BONDED_KINDS",
    "CoefficientRows",
    "LammpsSystem",
    "data_file",
    "input_file",
    "kspace",
    "restore_parameters",
    "set_up",
]

_MARGIN_A = 10.0
"""Space left around an isolated cluster [Å]."""

_NO_CUTOFF_A = 1000.0
"""A cutoff that no cluster reaches [Å]."""


@dataclass(frozen=True)
class CoefficientRows:
    """Rows of atoms of one kind, and the parameters of their types."""

    atoms: np.ndarray
    """Atoms of each row, from 0, shape ``(n, k)``."""
    types: np.ndarray
    """Type of each row, from 0, shape ``(n,)``."""
    parameters: np.ndarray
    """Parameters of each type, in order and units of the class-2 term [kcal/mol, Å, rad], shape ``(T, P)``."""


def _no_rows(n_atoms: int, n_parameters: int) -> Callable[[], CoefficientRows]:
    return lambda: CoefficientRows(np.zeros((0, n_atoms), int), np.zeros(0, int), np.zeros((0, n_parameters)))


@dataclass(frozen=True)
class LammpsSystem:
    """A cluster or a periodic box with a class-2 force field.

    Raises
    ------
    InputError
        If arrays do not fit together, or the cell is not one of LAMMPS.
    """

    positions: np.ndarray
    """Positions [Å], shape ``(N, 3)``."""
    atom_types: np.ndarray
    """Type of each atom, from 0, shape ``(N,)``."""
    charges: np.ndarray
    """Charge of each atom [e], shape ``(N,)``."""
    molecules: np.ndarray
    """Molecule of each atom, from 0, shape ``(N,)``."""
    elements: Sequence[str]
    """Chemical symbol of each type of atom."""
    masses: np.ndarray
    """Mass of each type of atom [amu], shape ``(T,)``."""
    lennard_jones: np.ndarray
    """ε [kcal/mol] and σ [Å] of each type of atom, shape ``(T, 2)``."""
    bonds: CoefficientRows = field(default_factory=_no_rows(2, 4))
    """Rows of ``Bond``."""
    angles: CoefficientRows = field(default_factory=_no_rows(3, 9))
    """Rows of ``Angle``."""
    dihedrals: CoefficientRows = field(default_factory=_no_rows(4, 28))
    """Rows of ``Dihedral``."""
    impropers: CoefficientRows = field(default_factory=_no_rows(4, 8))
    """Rows of ``Improper``."""
    cell: np.ndarray | None = None
    """Cell vectors as rows, lower triangular [Å], shape ``(3, 3)``; ``None`` for an isolated cluster."""

    def __post_init__(self) -> None:
        n_atoms, n_types = len(self.positions), len(self.elements)
        shapes = {
            "positions": (n_atoms, 3),
            "atom_types": (n_atoms,),
            "charges": (n_atoms,),
            "molecules": (n_atoms,),
            "masses": (n_types,),
            "lennard_jones": (n_types, 2),
        }
        for name, shape in shapes.items():
            _check(name, getattr(self, name), shape)
        _check_range("atom_types", self.atom_types, n_types)
        for kind, n_members, n_parameters in (
            ("bonds", 2, 4),
            ("angles", 3, 9),
            ("dihedrals", 4, 28),
            ("impropers", 4, 8),
        ):
            rows: CoefficientRows = getattr(self, kind)
            _check(f"atoms of {kind}", rows.atoms, (len(rows.types), n_members))
            _check(f"parameters of {kind}", rows.parameters, (len(rows.parameters), n_parameters))
            _check_range(f"atoms of {kind}", rows.atoms, n_atoms)
            _check_range(f"types of {kind}", rows.types, len(rows.parameters))
        if self.cell is not None and (
            np.shape(self.cell) != (3, 3) or np.triu(self.cell, 1).any() or np.diag(self.cell).min() <= 0
        ):
            raise InputError(
                f"cell is {np.asarray(self.cell).tolist()}; expected lower triangular, with a positive diagonal; "
                "rotate cell and positions, e.g. with ase's Prism"
            )


@dataclass(frozen=True)
class _Section:
    """Coefficients of one section: columns of the parameters, those that are angles among them."""

    title: str
    columns: tuple[int, ...]
    degrees: tuple[int, ...] = ()


_COEFFICIENTS = {
    "bonds": (_Section("Bond Coeffs", (0, 1, 2, 3)),),
    "angles": (
        _Section("Angle Coeffs", (0, 1, 2, 3), degrees=(0,)),
        _Section("BondBond Coeffs", (4, 7, 8)),
        _Section("BondAngle Coeffs", (5, 6, 7, 8)),
    ),
    "dihedrals": (
        _Section("Dihedral Coeffs", (0, 1, 2, 3, 4, 5), degrees=(1, 3, 5)),
        _Section("MiddleBondTorsion Coeffs", (6, 7, 8, 24)),
        _Section("EndBondTorsion Coeffs", (9, 10, 11, 12, 13, 14, 23, 25)),
        _Section("AngleTorsion Coeffs", (15, 16, 17, 18, 19, 20, 26, 27), degrees=(26, 27)),
        _Section("AngleAngleTorsion Coeffs", (21, 26, 27), degrees=(26, 27)),
        _Section("BondBond13 Coeffs", (22, 23, 25)),
    ),
    "impropers": (
        _Section("Improper Coeffs", (0, 1), degrees=(1,)),
        _Section("AngleAngle Coeffs", (2, 3, 4, 5, 6, 7), degrees=(5, 6, 7)),
    ),
}


BONDED_KINDS = tuple(_COEFFICIENTS)
"""Kinds of rows of atoms, as the header of a data file names them."""


def data_file(system: LammpsSystem, title: str = "class-2 force field") -> str:
    """Write the data file of a system: ``atom_style full``, units ``real``, all digits of every number.

    Every section of class 2 is written for the kinds of rows there are, zeros included.

    Parameters
    ----------
    system
        What to write.
    title
        First line.

    Returns
    -------
    str
        Text of the file.
    """
    kinds: dict[str, CoefficientRows] = {kind: getattr(system, kind) for kind in _COEFFICIENTS}
    lines = [
        title,
        "",
        f"{len(system.positions)} atoms",
        *(f"{len(rows.types)} {kind}" for kind, rows in kinds.items()),
    ]
    lines += [f"{len(system.elements)} atom types"]
    lines += [f"{len(rows.parameters)} {kind[:-1]} types" for kind, rows in kinds.items()]
    lines += ["", *_box(system)]
    lines += _section("Masses", ((mass,) for mass in system.masses), comments=system.elements)
    lines += _section("Pair Coeffs # lj/class2", system.lennard_jones, comments=system.elements)
    for kind, rows in kinds.items():
        for part in _COEFFICIENTS[kind] if len(rows.parameters) else ():
            values = np.array(rows.parameters, dtype=float)
            values[:, list(part.degrees)] = np.degrees(values[:, list(part.degrees)])
            lines += _section(part.title, values[:, list(part.columns)])
    atoms = zip(system.molecules, system.atom_types, system.charges, system.positions, strict=True)
    lines += _section("Atoms # full", ((int(m) + 1, int(t) + 1, q, *x) for m, t, q, x in atoms))
    for kind, rows in kinds.items():
        if len(rows.types):
            numbers = np.column_stack([rows.types, rows.atoms]) + 1
            lines += _section(kind.capitalize(), numbers.tolist())
    return "\n".join(lines) + "\n"


def restore_parameters(written: Iterable[str], original: Iterable[str]) -> Iterator[str]:
    """Give a data file that LAMMPS wrote the masses and coefficients of the one it had read.

    ``write_data`` rounds them to six digits: forces of a run that begins with such a file would be off by 1e-5 of
    themselves. Positions, velocities and charges have all digits.

    Parameters
    ----------
    written
        Lines of the file that LAMMPS wrote.
    original
        Lines of the file it had read.

    Yields
    ------
    str
        Lines of the file written, with all sections of masses and coefficients from the original before the others.
    """
    parameters = [line for section, line in _with_sections(original) if _holds_parameters(section)]
    for section, line in _with_sections(written):
        if _holds_parameters(section):
            continue
        if section:
            yield from parameters
            parameters.clear()
        yield line


def _with_sections(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each line of a data file after the name of its section, which is empty in the header."""
    section = ""
    for place, line in enumerate(lines):
        if place and line[:1].isalpha():
            section = line.split("#")[0].strip()
        yield section, line


def _holds_parameters(section: str) -> bool:
    return section == "Masses" or section.endswith(" Coeffs")


def input_file(system: LammpsSystem, data_name: str, cutoff_A: float = 12.0, kspace_accuracy: float = 1e-5) -> str:
    """Write the commands that set a system up: units, styles, special bonds, and the reading of its data file.

    An isolated cluster has no cutoff to speak of; a box has a cutoff, with the tail of the dispersion added to energy
    and pressure, and PPPM.

    Parameters
    ----------
    system
        What was written to the data file.
    data_name
        Name of the data file.
    cutoff_A
        Cutoff in real space of a box [Å].
    kspace_accuracy
        Relative error of the forces of PPPM.

    Returns
    -------
    str
        Text of the input; commands to run may follow.
    """
    present = [kind for kind in _COEFFICIENTS if len(getattr(system, kind).types)]
    if system.cell is not None:
        return set_up(present, data_name, cutoff_A, kspace_accuracy)
    after = ["neighbor 2.0 nsq"]  # bins would have to be wider than the cutoff
    return _commands("s s s", f"lj/class2/coul/cut {_digits(_NO_CUTOFF_A)}", present, data_name, after)


def set_up(present: Iterable[str], data_name: str, cutoff_A: float = 12.0, kspace_accuracy: float = 1e-5) -> str:
    """Write the commands that set a periodic box up from its data file.

    Parameters
    ----------
    present
        Kinds of rows of atoms that the data file holds, of ``BONDED_KINDS``.
    data_name, cutoff_A, kspace_accuracy
        As in ``input_file``.
    """
    after = ["pair_modify tail yes", kspace(kspace_accuracy)]
    return _commands("p p p", f"lj/class2/coul/long {_digits(cutoff_A)}", present, data_name, after)


def kspace(accuracy: float) -> str:
    """Return the command for the sums over images, the one part of the set-up that no restart file holds."""
    return f"kspace_style pppm {_digits(accuracy)}"


def _commands(boundary: str, pair: str, present: Iterable[str], data_name: str, after: Iterable[str]) -> str:
    commands = [
        "units real",
        "atom_style full",
        f"boundary {boundary}",
        f"pair_style {pair}",
        *(f"{kind[:-1]}_style class2" for kind in present),
        "special_bonds lj/coul 0 0 1",
        f"read_data {data_name}",
        *after,
    ]
    return "\n".join(commands) + "\n"


def _box(system: LammpsSystem) -> list[str]:
    if system.cell is None:
        low = np.min(system.positions, axis=0) - _MARGIN_A
        high = np.max(system.positions, axis=0) + _MARGIN_A
        tilts = np.zeros(3)
    else:
        low, high = np.zeros(3), np.diag(system.cell)
        tilts = np.asarray(system.cell)[[1, 2, 2], [0, 0, 1]]
    lines = [f"{_digits(a)} {_digits(b)} {x}lo {x}hi" for a, b, x in zip(low, high, "xyz", strict=True)]
    if tilts.any():
        lines.append(f"{' '.join(map(_digits, tilts))} xy xz yz")
    return lines


def _section(title: str, rows: Iterable[Iterable[float]], comments: Sequence[str] | None = None) -> list[str]:
    """Return a section, its rows numbered from 1."""
    lines = ["", title, ""]
    for number, row in enumerate(rows):
        comment = f" # {comments[number]}" if comments else ""
        lines.append(f"{number + 1} {' '.join(map(_digits, row))}{comment}")
    return lines


def _digits(value: float) -> str:
    """Return the shortest text that is read back as the same number."""
    return str(value) if isinstance(value, int) else repr(float(value))


def _check(name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if np.shape(array) != shape:
        raise InputError(f"{name} has shape {np.shape(array)}; expected {shape}; give one row for each")
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds a value that is not finite; expected numbers; look at the fit")


def _check_range(name: str, array: np.ndarray, end: int) -> None:
    array = np.asarray(array)
    if array.size and not 0 <= array.min() <= array.max() < end:
        raise InputError(f"{name} runs from {array.min()} to {array.max()}; expected 0 to {end - 1}; count from 0")

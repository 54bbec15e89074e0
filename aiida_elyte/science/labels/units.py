"""Units that files of labels name: tags such as ``Hartree``, ``kcal/mol/Å`` or ``GPa`` as factors to eV and Å."""

import re

from aiida_elyte.errors import InputError
from aiida_elyte.units import ATM_BAR, BAR, BOHR_A, EV_KCAL_MOL, GPA, HARTREE_EV, RYDBERG_EV

__all__ = ["factor_of", "is_unit", "length_factor"]

_KJ_PER_KCAL = 4.184
_ENERGIES = {
    "kcal/mol": 1 / EV_KCAL_MOL,
    "kcalmol-1": 1 / EV_KCAL_MOL,
    "kj/mol": 1 / (_KJ_PER_KCAL * EV_KCAL_MOL),
    "kjmol-1": 1 / (_KJ_PER_KCAL * EV_KCAL_MOL),
    "mev": 1e-3,
    "ev": 1.0,
    "electronvolt": 1.0,
    "hartree": HARTREE_EV,
    "mha": 1e-3 * HARTREE_EV,
    "ha": HARTREE_EV,
    "eh": HARTREE_EV,
    "au": HARTREE_EV,
    "rydberg": RYDBERG_EV,
    "ry": RYDBERG_EV,
}
_LENGTHS = {"angstrom": 1.0, "ang": 1.0, "å": 1.0, "a": 1.0, "bohr": BOHR_A, "a0": BOHR_A, "nm": 10.0}
_PRESSURES = {
    "gpa": GPA,
    "mpa": 1e-3 * GPA,
    "pa": 1e-9 * GPA,
    "kbar": 1e3 * BAR,
    "kb": 1e3 * BAR,
    "bar": BAR,
    "atm": ATM_BAR * BAR,
}
_ATOMIC = {
    "energy": HARTREE_EV,
    "virial": HARTREE_EV,
    "forces": HARTREE_EV / BOHR_A,
    "stress": HARTREE_EV / BOHR_A**3,
}
_EXPECTED = {
    "energy": "eV, Hartree, Ry, kcal/mol or kJ/mol, each also per atom",
    "virial": "eV, Hartree, Ry, kcal/mol or kJ/mol",
    "forces": "eV/A, Hartree/Bohr, Ry/Bohr, kcal/mol/A or kJ/mol/nm",
    "stress": "eV/A^3, GPa, kbar, bar or Hartree/Bohr^3",
    "charges": "e",
}


def _plain(text: str) -> str:
    """Return a tag in one spelling: lower case, ``/`` before each divisor, powers as digits."""
    word = text.strip().lower().replace("_per_", "/").replace("per_", "/").replace("_", "/")
    word = word.replace("å", "angstrom").replace("angstroms", "angstrom").replace("³", "3")
    word = re.sub(r"\(([^()]*)\)", lambda match: match[1].replace("*", "/").replace("·", "/"), word)
    word = re.sub(r"[\s^*·()\[\]]", "", word)
    return re.sub(r"[./]?(angstrom|ang|bohr|nm|a)-([13])$", lambda match: f"/{match[1]}{match[2].strip('1')}", word)


def _factor(quantity: str, text: str, n_atoms: int) -> float | None:
    word = _plain(text)
    if quantity == "charges":
        return 1.0 if word in ("e", "|e|", "elementarycharge", "au", "a.u.") else None
    if word in ("au", "a.u.", "atomic", "atomicunits", "hartreeatomicunits"):
        return _ATOMIC[quantity]
    if quantity == "stress" and word in _PRESSURES:
        return _PRESSURES[word]
    energy = next((name for name in _ENERGIES if word == name or word.startswith(f"{name}/")), None)
    if energy is None:
        return None
    divisor = word[len(energy) + 1 :]
    if quantity == "energy" and divisor in ("atom", "atoms"):
        return _ENERGIES[energy] * n_atoms
    if quantity in ("energy", "virial"):
        return None if divisor else _ENERGIES[energy]
    power = 3 if quantity == "stress" else 1
    if power == 3 and not divisor.endswith("3"):
        return None
    length = _LENGTHS.get(divisor.removesuffix("3") if power == 3 else divisor)
    return None if length is None else _ENERGIES[energy] / length**power


def is_unit(quantity: str, text: str) -> bool:
    """Tell whether a tag names a unit of energy, forces, stress, virial or charges."""
    return _factor(quantity, text, 1) is not None


def factor_of(quantity: str, text: str, n_atoms: int) -> float:
    """Return the factor from a unit to eV, eV/Å, eV/Å³ or e.

    Parameters
    ----------
    quantity
        ``energy``, ``forces``, ``stress``, ``virial`` or ``charges``.
    text
        The unit; an energy may be one per atom.
    n_atoms
        Atoms of the frame.

    Raises
    ------
    InputError
        If the unit is not known.
    """
    factor = _factor(quantity, text, n_atoms)
    if factor is None:
        raise InputError(f"the unit of {quantity} is {text!r}; expected {_EXPECTED[quantity]}; convert the file")
    return factor


def length_factor(text: str) -> float:
    """Return the factor from a unit of length to Å.

    Raises
    ------
    InputError
        If the unit is not known.
    """
    word = _plain(text)
    if word in ("au", "a.u.", "atomic"):
        return BOHR_A
    if word not in _LENGTHS:
        raise InputError(f"the unit of length is {text!r}; expected A, Bohr or nm; convert the file")
    return _LENGTHS[word]

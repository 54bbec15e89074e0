"""Names under which programs and people keep labels, and the labels they are.

Conventions known, in any case of letters:

===========================  ===========================================================================
name                         label
===========================  ===========================================================================
``energy``                   energy [eV]
``free_energy``              energy of which the forces are the derivative, under smearing; before ``energy``
``total_energy``,            energy, only where neither of the above is there
``potential_energy``
``force``, ``forces``        forces [eV/Å], a column of three
``stress``                   stress [eV/Å³], positive when stretched: 9 values, or 6 as xx yy zz yz xz xy
``virial``, ``virials``      −stress × volume [eV], 9 or 6 values
``charge``, ``charges``      charges of the atoms [e], a column of one
===========================  ===========================================================================

Each of them also follows a prefix that says where it was computed: ``REF_`` (MACE), ``dft_`` (GAP, QUIP), ``qm_``, or
the name of a code. Sources: ASE (``ase.outputs``, ``ase.io.extxyz``); MACE (``KeySpecification``); NequIP (keys
``total_energy``, ``forces``, ``stress``, ``virial``); QUIP (``gap_fit``: "virial" is minus stress times volume); GPUMD
(``train.xyz``: ``virial`` in eV; ``stress`` in eV/Å³ is −virial/volume); DeePMD-kit (``energy.npy``, ``force.npy``,
``virial.npy``). A unit may follow a name in brackets or after an underscore, or stand in the header as ``energy_unit``.

Names of predictions (``MACE_energy``, ``gap_force`` …) and all others are labels only where a user says so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.units import is_unit

__all__ = ["LabelName", "classify", "looks_like_label", "parse_label_names"]

_BASES = {
    "free_energy": ("energy", 0),
    "energy": ("energy", 1),
    "total_energy": ("energy", 2),
    "potential_energy": ("energy", 2),
    "forces": ("forces", 0),
    "force": ("forces", 0),
    "stress": ("stress", 0),
    "virials": ("virial", 0),
    "virial": ("virial", 0),
    "charges": ("charges", 0),
    "charge": ("charges", 0),
}
_FAMILIES = (
    *("ref", "reference", "dft", "qm", "label"),
    *("vasp", "castep", "aims", "fhiaims", "cp2k", "qe", "espresso", "orca", "psi4", "xtb", "gpaw", "siesta", "abacus"),
)
"""Prefixes of labels that were computed, the first of them first."""

_NAME = re.compile(rf"(?:({'|'.join(_FAMILIES)})[_-]?)?({'|'.join(_BASES)})")
_BRACKET = re.compile(r"(.+?)[\[({](.+)[\])}]")
_LIKE_LABELS = ("energy", "energies", "force", "stress", "virial", "gradient")
_UNLIKE_LABELS = (
    "weight",
    "unit",
    "sigma",
    "std",
    "mask",
    "error",
    "method",
    "kinetic",
    "cutoff",
    "tol",
    "uncertainty",
)
_QUANTITIES = ("energy", "forces", "stress", "virial", "charges")


@dataclass(frozen=True)
class LabelName:
    """What a name stands for."""

    key: str
    """The name, as in the file."""
    quantity: str
    """``energy``, ``forces``, ``stress``, ``virial`` or ``charges``."""
    family: int
    """Place of its prefix in the order of preference."""
    rank: int
    """Order within the family, 0 first; names from 2 on are taken only where no other is there."""
    unit: str | None = None
    """Unit that the name states."""

    @property
    def label(self) -> str:
        """The label it gives: a virial gives a stress."""
        return "stress" if self.quantity == "virial" else self.quantity


@lru_cache(maxsize=4096)
def classify(key: str) -> LabelName | None:
    """Return what a name stands for by the conventions above, or None.

    Raises
    ------
    InputError
        If it is the name of a label with an unknown unit in brackets.
    """
    bracket = _BRACKET.fullmatch(key)
    if bracket is not None:
        found = _match(key, bracket[1])
        if found is None:
            return None
        if not is_unit(found.quantity, bracket[2]):
            raise InputError(
                f"{key} states the unit {bracket[2]!r}, which is not known for {found.quantity}; expected one such as "
                "eV, eV/A or GPa; convert the file"
            )
        return _match(key, bracket[1], bracket[2])
    found = _match(key, key)
    if found is not None:
        return found
    words = key.split("_")
    for place in range(len(words) - 1, 0, -1):
        name, unit = "_".join(words[:place]), "_".join(words[place:])
        if (found := _match(key, name)) is None:
            continue
        if found.quantity == "energy" and unit.lower() == "per_atom":
            return LabelName(key, "energy", found.family, 3, "eV/atom")
        if is_unit(found.quantity, unit):
            return _match(key, name, unit)
    return None


def _match(key: str, name: str, unit: str | None = None) -> LabelName | None:
    match = _NAME.fullmatch(name.lower().replace("-", "_"))
    if match is None:
        return None
    quantity, rank = _BASES[match[2]]
    family = _FAMILIES.index(match[1]) if match[1] else len(_FAMILIES)
    return LabelName(key, quantity, family, rank, unit)


def looks_like_label(key: str) -> bool:
    """Tell whether a name contains a word such as energy or force, and none such as weight or unit."""
    plain = key.lower()
    return any(word in plain for word in _LIKE_LABELS) and not any(word in plain for word in _UNLIKE_LABELS)


def parse_label_names(text: str) -> Mapping[str, LabelName]:
    """Return the names that a user gives labels: ``energy=my_E,forces=my_F``, with a unit as ``energy=E[Hartree]``.

    Raises
    ------
    InputError
        If it is not pairs of a label and a name, or a unit is not known.
    """
    names: dict[str, LabelName] = {}
    for pair in text.split(","):
        quantity, _, key = (word.strip() for word in pair.partition("="))
        quantity = {"force": "forces", "charge": "charges", "virials": "virial"}.get(quantity, quantity)
        if quantity not in _QUANTITIES or not key:
            raise InputError(
                f"--labels has {pair.strip()!r}; expected LABEL=NAME with LABEL one of {', '.join(_QUANTITIES)}; as "
                "--labels energy=my_E,forces=my_F"
            )
        bracket = _BRACKET.fullmatch(key)
        name, unit = (bracket[1], bracket[2]) if bracket else (key, None)
        if unit is not None and not is_unit(quantity, unit):
            raise InputError(
                f"--labels has {pair.strip()!r}, whose unit is not known for {quantity}; expected one such as eV, "
                "eV/A, Hartree or GPa"
            )
        if unit is None and quantity == "energy" and name.lower().endswith("per_atom"):
            unit = "eV/atom"
        given = LabelName(name, quantity, 0, 0, unit)
        if given.label in names:
            raise InputError(f"--labels names {given.label} twice; expected one name; give one of stress and virial")
        names[given.label] = given
    return names

"""Recipe of a box: what an electrolyte consists of, as a user writes it."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from aiida_elyte.errors import InputError, suggest
from aiida_elyte.science.molecules.molecule import charge_of
from aiida_elyte.science.molecules.polymer import make_polymer
from aiida_elyte.science.molecules.topology import Topology, topology_from_smiles
from aiida_elyte.science.settings import check_charge_scale, check_count, check_positive, refuse_unknown

__all__ = [
    "ANIONS",
    "CATIONS",
    "PolymerChains",
    "Recipe",
    "Salt",
    "Solvent",
    "chain_of",
    "name_of_ion",
    "read_recipe",
]

CATIONS = {"Li": "[Li+]", "Na": "[Na+]", "K": "[K+]", "Mg": "[Mg+2]", "Ca": "[Ca+2]", "Zn": "[Zn+2]"}
"""SMILES of the cations that salts are named after."""

ANIONS = {
    "TFSI": "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F",
    "FSI": "O=S(=O)(F)[N-]S(=O)(=O)F",
    "OTf": "[O-]S(=O)(=O)C(F)(F)F",
    "PF6": "F[P-](F)(F)(F)(F)F",
    "BF4": "F[B-](F)(F)F",
    "ClO4": "[O-]Cl(=O)(=O)=O",
    "BOB": "O=C1O[B-]2(OC1=O)OC(=O)C(=O)O2",
    "DFOB": "O=C1O[B-](F)(F)OC1=O",
    "NO3": "[O-][N+](=O)[O-]",
    "ZnCl4": "Cl[Zn-2](Cl)(Cl)Cl",
    "Cl": "[Cl-]",
    "Br": "[Br-]",
    "I": "[I-]",
}
"""SMILES of the anions that salts are named after."""

_MOST_ATOMS = 100_000_000
"""Atoms of a box that any engine could hold."""

_SITES = "[OX2]([#6])[#6]"
"""Ether and ester oxygens."""


@dataclass(frozen=True)
class PolymerChains:
    """Chains of a polymer."""

    unit: str
    """SMILES of the repeat unit with two ``*``."""
    n_units: int
    """Units in a chain."""
    head: str = "*[H]"
    """SMILES of the group before the first unit."""
    tail: str = "*C"
    """SMILES of the group after the last unit."""
    tacticity: str | None = None
    """``isotactic``, ``syndiotactic`` or ``atactic``."""
    parts: float = 1.0
    """Repeat units to every ``parts`` of the solvents [1]."""


@dataclass(frozen=True)
class Solvent:
    """One kind of neutral molecule."""

    smiles: str
    """SMILES."""
    parts: float = 1.0
    """Molecules, relative to those of other solvents and to repeat units of the polymer [1]."""


@dataclass(frozen=True)
class Salt:
    """One salt; its amount is a ratio or a molality."""

    name: str
    """Its name."""
    cation: str
    """SMILES."""
    anion: str
    """SMILES."""
    ratio: float | None = None
    """Cations per coordinating site [1]."""
    molality_mol_kg: float | None = None
    """Formula units per mass of polymer and solvent [mol/kg]."""
    sites: str = _SITES
    """SMARTS whose first atom is a coordinating site of the polymer, or of the solvents where there is no polymer."""

    @property
    def formula(self) -> tuple[int, int]:
        """Cations and anions in a formula unit.

        Raises
        ------
        InputError
            If the ions are not of opposite charge.
        """
        positive, negative = charge_of(self.cation), -charge_of(self.anion)
        if positive <= 0 or negative <= 0:
            raise InputError(
                f"salt {self.name} has a cation of charge {positive:+d} and an anion of {-negative:+d}; expected "
                "opposite signs; give SMILES with their charges, as [Li+]"
            )
        ratio = Fraction(negative, positive)
        return ratio.numerator, ratio.denominator


@dataclass(frozen=True)
class Recipe:
    """A box, as a user asks for it."""

    name: str
    """Name of the system."""
    n_atoms: int
    """Atoms, about."""
    polymer: PolymerChains | None = None
    """Chains; none in a liquid."""
    solvents: Mapping[str, Solvent] | None = None
    """Name of each solvent → what it is; none in a dry polymer."""
    salt: Salt | None = None
    """Salt; none where it is ``None``."""
    temperature_K: float = 300.0
    """Temperature [K]."""
    pressure_bar: float = 1.0
    """Pressure [bar]."""
    charge_scale: float = 1.0
    """What the charges of ions are multiplied by [1]."""
    seed: int = 0
    """Seed of everything drawn."""


@cache
def chain_of(polymer: PolymerChains) -> Topology:
    """Return the graph of a chain.

    Raises
    ------
    InputError
        As ``make_polymer``.
    """
    return make_polymer(polymer.unit, polymer.n_units, polymer.head, polymer.tail, polymer.tacticity).topology


def read_recipe(content: Any) -> Recipe:
    """Read a recipe from what its YAML file holds.

    Raises
    ------
    InputError
        If a key is unknown or missing, a value is unusable, SMILES cannot be read, or a molecule has a charge it must
        not have.
    """
    fields = _check_keys(content, Recipe, "recipe")
    for key in ("name", "n_atoms"):
        if key not in fields:
            raise InputError(f"recipe lacks {key}; expected it; add e.g. `n_atoms: 3000`")
    if not isinstance(fields["name"], str) or not fields["name"].strip():
        raise InputError(f"name is {fields['name']!r}; expected a text in quotes")
    check_count("n_atoms", fields["n_atoms"], 1, _MOST_ATOMS)
    check_count("seed", fields.get("seed", 0), 0)
    check_positive("temperature_K", fields.get("temperature_K", Recipe.temperature_K))
    check_charge_scale("charge_scale", fields.get("charge_scale", Recipe.charge_scale))
    pressure = fields.get("pressure_bar", 1.0)
    if isinstance(pressure, bool) or not isinstance(pressure, int | float) or not math.isfinite(pressure):
        raise InputError(f"pressure_bar is {pressure!r}; expected a number, in bar")
    recipe = Recipe(
        **{
            **fields,
            "polymer": _read_polymer(fields.get("polymer"), fields["n_atoms"]),
            "solvents": _read_solvents(fields.get("solvents")),
            "salt": _read_salt(fields.get("salt")),
        }
    )
    if recipe.polymer is None and not recipe.solvents:
        raise InputError("recipe has no polymer and no solvents; expected one of them; add e.g. `solvents:`")
    return recipe


def name_of_ion(smiles: str) -> str:
    """Return the name of an ion: its element, that of the table, or its formula."""
    ion = topology_from_smiles(smiles)
    if len(ion.elements) == 1:
        return ion.elements[0]
    return next((name for name, known in ANIONS.items() if known == smiles), ion.names[0])


def _read_polymer(content: Any, n_atoms: int) -> PolymerChains | None:
    if content is None:
        return None
    fields = _check_keys(content, PolymerChains, "polymer", ("unit", "n_units"))
    check_count("n_units of polymer", fields["n_units"], 1, n_atoms)
    for key in ("unit", "head", "tail"):
        _check_text(f"{key} of polymer", fields.get(key, "*"))
    check_positive("parts of polymer", fields.get("parts", 1.0))
    chain = PolymerChains(**fields)
    chain_of(chain)
    return chain


def _read_solvents(content: Any) -> dict[str, Solvent] | None:
    if content is None:
        return None
    if not isinstance(content, Mapping) or not content:
        raise InputError(
            f"solvents is {content!r}; expected a name and SMILES of each; as `EC: {{smiles: C1COC(=O)O1}}`"
        )
    solvents = {}
    for name, own in sorted(content.items(), key=lambda item: str(item[0])):  # mappings from a database have no order
        fields = _check_keys(own, Solvent, f"solvent {name}", ("smiles",))
        check_positive(f"parts of solvent {name}", fields.get("parts", 1.0))
        _check_molecule(f"solvent {name}", fields["smiles"])
        charge = charge_of(fields["smiles"])
        if charge:
            raise InputError(
                f"solvent {name} has a charge of {charge:+d}; expected a neutral molecule; give it as salt"
            )
        solvents[str(name)] = Solvent(**fields)
    smiles = [solvent.smiles for solvent in solvents.values()]
    if len(set(smiles)) < len(smiles):
        raise InputError(f"solvents are {', '.join(smiles)}; expected molecules of their own; leave one out")
    return solvents


def _read_salt(content: Any) -> Salt | None:
    if content is None:
        return None
    _reject_inverse(content)
    fields = _check_keys(content, Salt, "salt")
    if (fields.get("ratio") is None) == (fields.get("molality_mol_kg") is None):
        raise InputError("salt has neither or both of ratio and molality_mol_kg; expected one; as `ratio: 0.075`")
    for key in ("ratio", "molality_mol_kg"):
        if fields.get(key) is not None:
            check_positive(f"{key} of salt", fields[key])
    _check_text("sites of salt", fields.get("sites", _SITES))
    if "cation" not in fields and "anion" not in fields:
        fields |= dict(zip(("cation", "anion"), _find_salt(fields.get("name")), strict=True))
    for key in ("cation", "anion"):
        if key not in fields:
            raise InputError(f"salt lacks {key}; expected SMILES of both ions, or a known name; add it")
        _check_molecule(f"{key} of salt", fields[key])
    meant = _salts().get(fields.get("name", ""))
    if meant is not None and meant != (fields["cation"], fields["anion"]):
        raise InputError(
            f"salt is called {fields['name']} and has ions {fields['cation']} and {fields['anion']}; expected those of "
            f"its name, {meant[0]} and {meant[1]}; leave out the name or the ions"
        )
    fields.setdefault("name", f"{fields['cation']} {fields['anion']}")
    salt = Salt(**fields)
    salt.formula  # noqa: B018 - rejects ions that make no salt
    return salt


def _reject_inverse(content: Any) -> None:
    """Reject sites to a cation, ``O:Li`` or ``20:1``, with the ratio to give in their place."""
    if not isinstance(content, Mapping):
        return
    for key, value in content.items():
        name = re.sub(r"[\[\]\s_]", "", str(key)).lower()
        is_ratio = name == "ratio"
        if not is_ratio and not re.fullmatch(r"(eo?|o|sites?|li|na|k)[:/](eo?|o|sites?|li|na|k)", name):
            continue
        pair = (
            re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*[:/]\s*(\d+(?:\.\d*)?)\s*", value) if isinstance(value, str) else None
        )
        if is_ratio and pair is None:
            if isinstance(value, int) and not isinstance(value, bool) and value >= 60:
                raise InputError(
                    f"ratio of salt is {value}; expected cations per site, a number below 1; YAML reads "
                    f"{value // 60}:{value % 60} as {value}; for O:Li = 20:1 give ratio: 0.05"
                )
            continue
        number = float(pair[1]) / float(pair[2]) if pair and float(pair[2]) else value
        remedy = "for O:Li = 20 give ratio: 0.05"
        if isinstance(number, int | float) and not isinstance(number, bool) and number > 0:
            ratio = number if number < 1 else 1 / number
            remedy = f"for {'O:Li' if is_ratio else key} = {number:g} give ratio: {ratio:.3g}"
        raise InputError(f"salt has {key}: {value!r}; expected ratio, a number of cations per site; {remedy}")


@cache
def _salts() -> dict[str, tuple[str, str]]:
    """Return name → SMILES of the ions: ``LiTFSI``, ``ZnCl2``, ``Mg(TFSI)2``, ``Li2ZnCl4``."""
    known: dict[str, tuple[str, str]] = {}
    for symbol, cation in CATIONS.items():
        for label, anion in ANIONS.items():
            n_cations, n_anions = Salt(label, cation, anion).formula
            first = symbol if n_cations == 1 else f"{symbol}{n_cations}"
            seconds = [label] if n_anions == 1 else [label, f"{label}{n_anions}", f"({label}){n_anions}"]
            known |= {f"{first}{second}": (cation, anion) for second in seconds}
    return known


def _find_salt(name: Any) -> tuple[str, str]:
    """Return the SMILES of the ions of a salt."""
    if name not in _salts():
        raise InputError(
            f"salt {name!r} is not known; expected one as LiTFSI, or SMILES of its cation and anion"
            f"{suggest(str(name), list(_salts()))}"
        )
    return _salts()[name]


def _check_keys(content: Any, kind: type, where: str, needed: Sequence[str] = ()) -> dict[str, Any]:
    """Return a mapping whose keys are fields of a dataclass."""
    refuse_unknown(where, content, kind.__dataclass_fields__)  # type: ignore[attr-defined]
    for key in needed:
        if key not in content:
            raise InputError(f"{where} lacks {key}; expected it; add it")
    return dict(content)


def _check_molecule(name: str, smiles: Any) -> None:
    _check_text(name, smiles)
    try:
        topology = topology_from_smiles(smiles)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    if len(topology.names) != 1:
        raise InputError(f"{name} is {smiles!r}, {len(topology.names)} molecules; expected one; split it at the dots")


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise InputError(f"{name} is {value!r}; expected a text in quotes")

"""What a CIF says of its contents, and whether its sites keep to it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ase.data import atomic_masses, atomic_numbers

from aiida_elyte.science.crystal_files.document import Block, Number
from aiida_elyte.science.crystal_files.elements import element_of_symbol
from aiida_elyte.units import G_CM3

__all__ = ["Stated", "density_of", "format_formula", "parse_formula", "read_stated"]

_TOKEN = re.compile(r"\s*(?:([A-Z][a-z]?)|([([{])|([)\]}])|(\d+\.?\d*|\.\d+)|([,.*·]))")
_ION_CHARGE = re.compile(r"(?<=[\s\d)\]])\s*\d*[+-](?=[\s,)\]]|$)")
_TAGS = (
    "_chemical_formula_sum",
    "_chemical_formula_moiety",
    "_chemical_formula_structural",
    "_chemical_formula_iupac",
    "_chemical_formula_analytical",
)
_ORDERED, _DISORDERED = 0.01, 0.05
"""Part of an element's atoms by which sites may miss the formula [1]: rounded occupancies miss it by more."""
_DENSITY = 0.03
"""Part by which densities may differ [1]: rounded cells, masses of isotopes."""


@dataclass(frozen=True)
class Stated:
    """What a CIF says its cell contains."""

    formula: Mapping[str, float] | None
    """Element → atoms in a formula unit; ``None`` if no formula can be read."""
    tag: str
    """Where the formula stands."""
    text: str
    """How it is written."""
    z: float | None
    """Formula units in the cell."""
    density_g_cm3: float | None
    """Density [g/cm³]."""
    weight: float | None
    """Mass of a formula unit [g/mol]."""
    electrons: float | None
    """Electrons in the cell, as F(000)."""

    @property
    def is_complete(self) -> bool:
        """Whether it says how many atoms of each element the cell holds, so that it can choose between readings."""
        return self.formula is not None and (self.z is not None or self.density_g_cm3 is not None)

    def contradiction(self, contents: Mapping[str, float], volume_A3: float, is_ordered: bool) -> str | None:
        """Return in words how the sites contradict what the file says, ``None`` if they do not.

        Parameters
        ----------
        contents
            Element → atoms in the cell, counted with their occupancies.
        volume_A3
            Volume of the cell [Å³].
        is_ordered
            Whether every site is full.
        """
        density = density_of(contents, volume_A3)
        if self.formula is None:
            return self._density_contradiction(contents, density)
        found = format_formula(contents)
        missing = [element for element in self.formula if element not in contents]
        if missing:
            parts = ", ".join(f"{element}{self.formula[element]:g}" for element in missing)
            return (
                f"{self.tag} '{self.text}' has {parts}, its sites have no {' and '.join(missing)} ({found} in the "
                "cell); expected the position of every atom"
            )
        extra = [element for element in contents if element not in self.formula]
        if extra:
            return f"its sites have {' and '.join(extra)} ({found} in the cell), {self.tag} '{self.text}' has not"
        units = sum(contents.values()) / sum(self.formula.values())
        part = _ORDERED if is_ordered else _DISORDERED
        for element, number in self.formula.items():
            if abs(contents[element] - units * number) > part * contents[element] + 0.05:
                return f"its sites make {found} in the cell, {self.tag} is '{self.text}'; expected the same proportions"
        return self._units_contradiction(contents, density, units, found)

    def _units_contradiction(
        self, contents: Mapping[str, float], density: float, units: float, found: str
    ) -> str | None:
        if self.z is None:
            return self._density_contradiction(contents, density)
        if self._fits_z(units) or self._agrees(contents, density):
            return None
        more = "" if self.density_g_cm3 is None else f", and a density of {self.density_g_cm3:g} g/cm³"
        return (
            f"its sites make {found} in the cell, {units:.3g} of '{self.text}' ({density:.2f} g/cm³); the file says "
            f"_cell_formula_units_Z {self.z:g}{more}"
        )

    def _density_contradiction(self, contents: Mapping[str, float], density: float) -> str | None:
        if self.density_g_cm3 is not None and abs(density / self.density_g_cm3 - 1) > _DENSITY:
            return (
                f"its sites make {format_formula(contents)} in the cell, {density:.3f} g/cm³; the file says "
                f"{self.density_g_cm3:g} g/cm³"
            )
        if self.formula is None and self.weight is not None and self.z is not None:
            mass = _mass(contents)
            if abs(mass / (self.weight * self.z) - 1) > _DENSITY:
                return (
                    f"its sites make {format_formula(contents)} in the cell, {mass:.1f} g/mol; the file says "
                    f"{self.z:g} times {self.weight:g} g/mol"
                )
        return None

    def _fits_z(self, units: float) -> bool:
        """Tell whether the cell holds Z formula units; programs write the formula of one unit, or of the whole cell."""
        if self.z is None or self.formula is None or abs(units - self.z) <= _DISORDERED * self.z:
            return True
        return abs(units - 1) <= _DISORDERED and _divisor(self.formula) % round(self.z) == 0

    def _agrees(self, contents: Mapping[str, float], density: float) -> bool:
        """Tell whether density or electrons say that the sites are right, so that Z alone is wrong."""
        if self.density_g_cm3 is not None:
            return abs(density / self.density_g_cm3 - 1) <= _DENSITY
        if self.electrons is not None:
            counted = sum(atomic_numbers[element] * number for element, number in contents.items())
            return abs(counted / self.electrons - 1) <= _DENSITY
        return False

    def remarks(self, contents: Mapping[str, float], volume_A3: float) -> list[str]:
        """Return what else of the file disagrees with sites that keep to the formula."""
        if self.formula is None:
            return []
        density, found = density_of(contents, volume_A3), []
        if self.density_g_cm3 is not None and abs(density / self.density_g_cm3 - 1) > _DENSITY:
            found.append(f"the file says {self.density_g_cm3:g} g/cm³, its cell and sites make {density:.3f} g/cm³")
        units = sum(contents.values()) / sum(self.formula.values())
        if self.z is not None and not self._fits_z(units):
            found.append(f"the file says Z {self.z:g}, its sites make {units:.3g} of '{self.text}'")
        if self.weight is not None and abs(_mass(self.formula) / self.weight - 1) > _DENSITY:
            found.append(f"the file says {self.weight:g} g/mol, '{self.text}' has {_mass(self.formula):.2f} g/mol")
        return found


def read_stated(block: Block) -> Stated:
    """Return what a block says of its contents.

    Raises
    ------
    InputError
        If Z, density or mass is not a number.
    """
    formula, tag, text = None, "", ""
    for tag in _TAGS:
        text = block.text(tag) or ""
        formula = parse_formula(text) if text else None
        if formula is not None:
            break
    return Stated(
        formula,
        tag if formula is not None else "",
        " ".join(text.split()) if formula is not None else "",
        _positive(block.number("_cell_formula_units_z")),
        _positive(block.number("_exptl_crystal_density_diffrn")),
        _positive(block.number("_chemical_formula_weight")),
        _positive(block.number("_exptl_crystal_f_000")),
    )


def parse_formula(text: str) -> dict[str, float] | None:
    """Return element → atoms of a formula such as ``Li6 Ti12 P18 O72``, ``LI3 CL1 O1``, ``Li Cl, 2(H2 O)``.

    Returns
    -------
    dict of str to float or None
        ``None`` if it cannot be read, as with variables.
    """
    words = text.split()
    if len(words) > 1 and any(re.fullmatch(r"[A-Z]{2}[\d.]*", word) for word in words):
        # One element a word, as the dictionary of CIF has it, in capitals.
        words = [_capitalised(word) for word in words]
    counts = _sum_of_parts(_ION_CHARGE.sub(" ", " ".join(words)))
    if not counts or not all(element_of_symbol(symbol) for symbol in counts):
        return None
    found: dict[str, float] = {}
    for symbol, number in counts.items():
        element = str(element_of_symbol(symbol))  # deuterium is hydrogen
        found[element] = found.get(element, 0.0) + number
    return {element: number for element, number in found.items() if number > 0} or None


def format_formula(contents: Mapping[str, float]) -> str:
    """Return a formula in the order of its elements, as ``Li12P4S16``."""
    return "".join(
        f"{element}{'' if abs(number - 1) < 5e-4 else f'{round(number, 3):g}'}" for element, number in contents.items()
    )


def density_of(contents: Mapping[str, float], volume_A3: float) -> float:
    """Return the density of a cell [g/cm³]."""
    return _mass(contents) / volume_A3 * G_CM3


def _mass(contents: Mapping[str, float]) -> float:
    return sum(float(atomic_masses[atomic_numbers[element]]) * number for element, number in contents.items())


def _capitalised(word: str) -> str:
    letters = re.match(r"[A-Z]*", word)[0]  # type: ignore[index]  # matches the empty text too
    return letters.capitalize() + word[len(letters) :] if element_of_symbol(letters) else word


def _sum_of_parts(text: str) -> dict[str, float] | None:
    """Return the sum over the parts of a formula that commas and dots part, each with its number in front."""
    total: dict[str, float] = {}
    stack: list[dict[str, float]] = [{}]
    factors = [1.0]
    position, last = 0, None
    text = text.strip()

    def close_part() -> None:
        for element, number in stack[0].items():
            total[element] = total.get(element, 0.0) + factors[0] * number
        stack[0], factors[0] = {}, 1.0

    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return None
        position = match.end()
        element, opened, closed, number, _ = match.groups()
        if element:
            stack[-1][element] = stack[-1].get(element, 0.0) + 1.0
            last = {element: 1.0}
        elif opened:
            stack.append({})
            last = None
        elif closed:
            if len(stack) == 1:
                return None
            last = stack.pop()
            for name, count in last.items():
                stack[-1][name] = stack[-1].get(name, 0.0) + count
        elif number:
            if last is not None:
                for name, count in last.items():
                    stack[-1][name] += (float(number) - 1.0) * count
                last = None
            elif len(stack) == 1 and not stack[0]:
                factors[0] = float(number)
            else:
                return None
        else:
            if len(stack) > 1:
                return None
            close_part()
            last = None
    if len(stack) > 1:
        return None
    close_part()
    return total


def _divisor(formula: Mapping[str, float]) -> int:
    """Return the greatest common divisor of whole numbers of atoms, 1 of others."""
    numbers = list(formula.values())
    if any(abs(number - round(number)) > 1e-6 or number < 1 for number in numbers):
        return 1
    return math.gcd(*(round(number) for number in numbers))


def _positive(number: Number | None) -> float | None:
    return number.value if number is not None and number.value > 0 else None

"""Level of theory: the record of what made a label, shown as one line, compared field by field.

Two runs are of one level when nothing that they state contradicts. What an unstated field means depends on what it does
to a label:

- *Functional, dispersion, Hubbard U, cut-offs, pseudopotentials or basis* change energies by electronvolts: a line that
  does not name one of them is another level than a line that does.
- *Spin, smearing and k-points* are not printed by every run and change energies by millielectronvolts per atom: where
  one side does not state them, they do not differ.

k-points are compared by their spacing and not by the mesh, so that supercells of one density are one level: a mesh of
``n`` points along a reciprocal vector of length ``b`` (2π included) is what ``n = ceil(b/d)`` gives for every spacing
``d`` from ``b/n`` to ``b/(n - 1)``, and the Γ point alone for every ``d`` of at least ``b``. Two meshes are of one
density when some ``d`` gives both. The rule is that of ``KSPACING`` in VASP and of ``kpoints_distance`` in AiiDA; the
shift of a mesh, which both derive from whether ``n`` is even, is not compared (Monkhorst and Pack,
10.1103/PhysRevB.13.5188).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import UNSTATED, level_of
from aiida_elyte.science.labels.functionals import name_of_dispersion, name_of_functional
from aiida_elyte.units import HARTREE_EV, RYDBERG_EV

__all__ = ["LevelOfTheory", "combine_levels", "difference", "mesh_spacing", "require_one_level"]

_UNITS = {"eV": 1.0, "Ry": RYDBERG_EV, "Ha": HARTREE_EV}
_SPACING_TOLERANCE = 0.1
"""Spacings that differ by less are one: cells that swing or relax by some per cent keep their mesh."""
_PRINTED = 1e-3
"""Part by which spacings that are equal may differ in the four digits printed."""
_RELATIVE = 2e-4
"""Cut-offs and widths that differ by less are one: codes print four digits, and constants differ in the seventh."""

_SPINS = ("unpolarised", "collinear spin", "non-collinear spin", "spin-orbit coupling")
_CUTOFF = re.compile(r"(?:cutoffs? )?(\d+\.?\d*)(?:/(\d+\.?\d*))? ?(eV|Ry|Ha)", re.IGNORECASE)
_K_POINTS = re.compile(r"k(?:-spacing)? (\d+\.?\d*(?:e-?\d+)?)(?: to (\d+\.?\d*(?:e-?\d+)?))?(?:/Å| 1/Å)( or more)?")
_SMEARING = re.compile(r"(.+) smearing(?: (\d+\.?\d*(?:e-?\d+)?) eV)?")
_POTENTIALS = re.compile(r"[A-Z][a-z]?: \S.*?(?: \+ [A-Z][a-z]?: \S.*?)*")


@dataclass(frozen=True)
class LevelOfTheory:
    """What made a label."""

    method: str
    """Functional by its common name (``PBE``, ``HSE06``), or the method as given (``GFN1-xTB``)."""
    dispersion: str | None = None
    """Correction for dispersion, e.g. ``D3(BJ)``; ``None`` without."""
    basis: str | None = None
    """Basis set of a code without plane waves, e.g. ``def2-SVP``."""
    hubbard: Mapping[str, str] = field(default_factory=dict)
    """Element → Hubbard correction, e.g. ``3d 4 eV``; empty without; ``{"": ""}`` for one of unstated size."""
    cutoff: tuple[float, ...] = ()
    """Cut-offs of orbitals and of the density [``cutoff_unit``]; the second may be missing, or both."""
    cutoff_unit: str = "eV"
    """``eV``, ``Ry`` or ``Ha``, as the code takes it."""
    kpoints: tuple[float, float] | None = None
    """Smallest and largest spacing that give the mesh [1/Å, 2π included]; ``None`` where unstated."""
    smearing: tuple[str, float] | None = None
    """Kind and width [eV]; ``("fixed", 0)`` for fixed occupations; ``None`` where unstated."""
    spin: str | None = None
    """``unpolarised``, ``collinear spin``, ``non-collinear spin``, ``spin-orbit coupling``; ``None`` where unstated."""
    potentials: Mapping[str, str] = field(default_factory=dict)
    """Element → name of its pseudopotential, ``name#hash`` where the hash is known."""
    extras: tuple[str, ...] = ()
    """Anything else."""

    def __str__(self) -> str:
        words = [self.method + (f" + {self.dispersion}" if self.dispersion else "")]
        if self.basis:
            words[0] += f"/{self.basis}"
        if self.hubbard == {"": ""}:
            words.append("Hubbard U")
        elif self.hubbard:
            words.append("Hubbard U " + " + ".join(f"{key}: {value}" for key, value in sorted(self.hubbard.items())))
        if self.cutoff:
            words.append("/".join(f"{value:.6g}" for value in self.cutoff) + f" {self.cutoff_unit}")
        if self.kpoints is not None:
            words.append(_spacing_text(*self.kpoints))
        if self.smearing is not None:
            kind, width = self.smearing
            words.append("fixed occupations" if kind == "fixed" else f"{kind} smearing {width:.4g} eV")
        if self.spin is not None:
            words.append(self.spin)
        if self.potentials:
            words.append(" + ".join(f"{element}: {name}" for element, name in sorted(self.potentials.items())))
        return ", ".join([*words, *self.extras])

    @classmethod
    def parse(cls, text: str) -> "LevelOfTheory":
        """Read a line, one that ``str`` wrote or one that a user did; what is not recognised is kept as it stands."""
        first, *others = [part.strip() for part in _split(text)]
        found: dict = dict(zip(("method", "dispersion", "basis", "hubbard"), _read_method(first), strict=True))
        extras = []
        for part in others:
            if match := _CUTOFF.fullmatch(part):
                unit = next(unit for unit in _UNITS if unit.lower() == match[3].lower())
                found |= {"cutoff": tuple(float(word) for word in match.groups()[:2] if word), "cutoff_unit": unit}
            elif match := _K_POINTS.fullmatch(part):
                low = float(match[1])
                found["kpoints"] = (low, inf if match[3] else float(match[2] or low))
            elif part == "fixed occupations":
                found["smearing"] = ("fixed", 0.0)
            elif match := _SMEARING.fullmatch(part):
                found["smearing"] = (match[1], float(match[2] or 0.0))
            elif part in _SPINS:
                found["spin"] = part
            elif part == "Hubbard U":
                found["hubbard"] = {"": ""}
            elif part.startswith("Hubbard U ") and _POTENTIALS.fullmatch(part.removeprefix("Hubbard U ")):
                found["hubbard"] = _read_pairs(part.removeprefix("Hubbard U "))
            elif _POTENTIALS.fullmatch(part):
                found["potentials"] = _read_pairs(part)
            elif (dispersion := name_of_dispersion(part)) and not found["dispersion"]:
                found["dispersion"] = dispersion
            else:
                extras.append(part)
        return cls(**found, extras=tuple(extras))


def mesh_spacing(lengths: Sequence[float], mesh: Sequence[int]) -> tuple[float, float]:
    """Return the smallest and the largest spacing of k-points that give a mesh.

    Parameters
    ----------
    lengths
        Lengths of the reciprocal vectors, 2π included [1/Å].
    mesh
        Number of points along each.

    Returns
    -------
    tuple
        The bounds; both are the spacing of the mesh where no one spacing gives it (points chosen axis by axis).
    """
    low = max(length / count for length, count in zip(lengths, mesh, strict=True))
    high = min(length / (count - 1) if count > 1 else inf for length, count in zip(lengths, mesh, strict=True))
    return low, max(low, high)


def difference(one: str, other: str) -> str | None:
    """Return a sentence that names the first field in which two levels differ, ``None`` for one level."""
    first, second = LevelOfTheory.parse(one), LevelOfTheory.parse(other)
    for name, differs, show in _FIELDS:
        if differs(first, second):
            return f"{name} {show(first) or 'unstated'} in one and {show(second) or 'unstated'} in the other"
    return None


def combine_levels(levels: Iterable[str]) -> tuple[str, str | None]:
    """Return the line of several levels that are one, and a sentence on the first difference if they are not.

    The line holds the pseudopotentials of all of them.
    """
    lines = sorted(set(levels))
    line = lines[0]
    for other in lines[1:]:
        if (sentence := difference(line, other)) is not None:
            return line, sentence
        line = _unite(line, other)
    return line, None


def require_one_level(frames: Sequence[Atoms], name: str = "dataset") -> str:
    """Return the one level of theory of a data set: fields are compared, and the line holds what all of them state.

    Raises
    ------
    InputError
        If labels of several levels are mixed, naming the field that differs.
    """
    levels = sorted({level_of(frame) for frame in frames})
    if not levels:
        return UNSTATED
    line, sentence = combine_levels(levels)
    if sentence is not None:
        raise InputError(
            f"{name} mixes levels of theory {levels[:3]}: {sentence}; expected one; make a data set of each, or give "
            "`aiida-elyte train` all of them with --allow-mixed-levels"
        )
    return line


def _unite(one: str, other: str) -> str:
    first, second = LevelOfTheory.parse(one), LevelOfTheory.parse(other)
    spacing = first.kpoints or second.kpoints
    hubbard = {**second.hubbard, **first.hubbard}  # one of unstated size gives way to those that are stated
    if first.kpoints and second.kpoints:
        low = max(first.kpoints[0], second.kpoints[0])
        spacing = low, max(low, min(first.kpoints[1], second.kpoints[1]))
    return str(
        replace(
            first,
            dispersion=max(first.dispersion, second.dispersion, key=lambda name: len(name or "")),
            kpoints=spacing,
            smearing=first.smearing or second.smearing,
            spin=first.spin or second.spin,
            cutoff=max(first.cutoff, second.cutoff, key=len),
            hubbard={element: size for element, size in hubbard.items() if element} or hubbard,
            potentials={**second.potentials, **first.potentials},
        )
    )


def _split(text: str) -> list[str]:
    """Split at the commas that stand outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _read_method(text: str) -> tuple[str, str | None, str | None, dict[str, str]]:
    """Return functional or method, dispersion, basis, and ``{"": ""}`` for a Hubbard U of unstated size."""
    if known := name_of_functional(text):
        return known, None, None, {}
    left, slash, basis = text.partition("/")
    if slash and "/" not in basis:
        method, dispersion, _, hubbard = _read_method(left.strip())
        if name_of_functional(method):
            return method, dispersion, basis.strip() or None, hubbard
    for mark in re.finditer(r"\s*[-+\s]\s*", text):
        known, rest = name_of_functional(text[: mark.start()]), text[mark.end() :]
        if known and rest.upper() == "U":
            return known, None, None, {"": ""}
        if known and (dispersion := name_of_dispersion(rest)):
            return known, dispersion, None, {}
    return text, None, None, {}


def _read_pairs(text: str) -> dict[str, str]:
    return dict(part.split(": ", 1) for part in re.split(r" \+ (?=[A-Z][a-z]?: )", text))


def _spacing_text(low: float, high: float) -> str:
    if high == inf:
        return f"k-spacing {low:.4g}/Å or more"
    is_one = f"{low:.4g}" == f"{high:.4g}"
    return f"k-spacing {low:.4g}/Å" if is_one else f"k-spacing {low:.4g} to {high:.4g}/Å"


def _is_close(one: float, other: float) -> bool:
    return abs(one - other) <= _RELATIVE * max(abs(one), abs(other))


def _other_dispersion(one: LevelOfTheory, other: LevelOfTheory) -> bool:
    """Tell whether the corrections differ; the text of pw.x names D3 without its damping."""
    names = (one.dispersion or "", other.dispersion or "")
    return names[0] != names[1] and not ("D3" in names and all(name.startswith("D3") for name in names))


def _other_cutoff(one: LevelOfTheory, other: LevelOfTheory) -> bool:
    if bool(one.cutoff) != bool(other.cutoff):
        return True
    pairs = zip(one.cutoff, other.cutoff, strict=False)  # the cut-off of the density is not printed by every code
    return not all(_is_close(a * _UNITS[one.cutoff_unit], b * _UNITS[other.cutoff_unit]) for a, b in pairs)


def _other_spacing(one: LevelOfTheory, other: LevelOfTheory) -> bool:
    if one.kpoints is None or other.kpoints is None:
        return False
    # ceil(b/d) is n for d from b/n up to, but without, b/(n - 1): n and n + 1 points in one cell share no d.
    lows, highs = zip(one.kpoints, other.kpoints, strict=True)
    width = _PRINTED * max(lows)
    are_ranges = all(high - low > width for low, high in zip(lows, highs, strict=True))
    if are_ranges and abs(lows[0] - lows[1]) > width and abs(max(lows) - min(highs)) <= width:
        return True
    slack = 1 + _SPACING_TOLERANCE
    return one.kpoints[0] > other.kpoints[1] * slack or other.kpoints[0] > one.kpoints[1] * slack


def _other_smearing(one: LevelOfTheory, other: LevelOfTheory) -> bool:
    if one.smearing is None or other.smearing is None:
        return False
    return one.smearing[0].lower() != other.smearing[0].lower() or not _is_close(one.smearing[1], other.smearing[1])


def _other_potentials(one: LevelOfTheory, other: LevelOfTheory) -> bool:
    if not one.potentials or not other.potentials:
        return bool(one.potentials) != bool(other.potentials)
    shared = one.potentials.keys() & other.potentials.keys()
    return any(_is_other_potential(one.potentials[key], other.potentials[key]) for key in shared)


def _is_other_potential(one: str, other: str) -> bool:
    (name, _, digest), (name_of_other, _, digest_of_other) = one.partition("#"), other.partition("#")
    if digest and digest_of_other:
        return not digest.startswith(digest_of_other) and not digest_of_other.startswith(digest)
    return name.lower() != name_of_other.lower()


def _other_hubbard(one: LevelOfTheory, other: LevelOfTheory) -> bool:
    """Tell whether two levels correct a shared element otherwise; the potentials tell which elements a run had."""
    if {"": ""} in (one.hubbard, other.hubbard):
        return bool(one.hubbard) != bool(other.hubbard)
    for key in one.hubbard.keys() | other.hubbard.keys():
        is_absent = any(key not in level.potentials for level in (one, other) if level.potentials)
        if not is_absent and one.hubbard.get(key) != other.hubbard.get(key):
            return True
    return False


def _pairs_text(pairs: Mapping[str, str]) -> str:
    return " + ".join(f"{key}: {value}" if key else "some" for key, value in sorted(pairs.items()))


_FIELDS = (
    ("the method is", lambda one, other: one.method.lower() != other.method.lower(), lambda level: level.method),
    (
        "the dispersion correction is",
        _other_dispersion,
        lambda level: level.dispersion or "absent",
    ),
    (
        "the basis is",
        lambda one, other: (one.basis or "").lower() != (other.basis or "").lower(),
        lambda level: level.basis,
    ),
    ("the Hubbard correction is", _other_hubbard, lambda level: _pairs_text(level.hubbard) or "absent"),
    (
        "the cut-off is",
        _other_cutoff,
        lambda level: level.cutoff and "/".join(f"{value:g}" for value in level.cutoff) + " " + level.cutoff_unit,
    ),
    ("the pseudopotentials are", _other_potentials, lambda level: _pairs_text(level.potentials)),
    (
        "the spacing of k-points is",
        _other_spacing,
        lambda level: level.kpoints and _spacing_text(*level.kpoints).removeprefix("k-spacing "),
    ),
    (
        "the smearing is",
        _other_smearing,
        lambda level: level.smearing and f"{level.smearing[0]} {level.smearing[1]:g} eV",
    ),
    (
        "the spin is",
        lambda one, other: None not in (one.spin, other.spin) and one.spin != other.spin,
        lambda level: level.spin,
    ),
    (
        "the rest is",
        lambda one, other: {text.lower() for text in one.extras} != {text.lower() for text in other.extras},
        lambda level: ", ".join(level.extras),
    ),
)
"""Words → whether two levels differ in a field, and how the field is shown."""

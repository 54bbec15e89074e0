"""Seeds by perturbing a crystal: random displacements, strained and sheared cells, shrunken cells, supercells.

A shrunken cell teaches repulsion of all atoms at once (``repel`` that of two), a strained one elasticity, a supercell
long waves, a random displacement the rest.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError, suggest
from aiida_elyte.science.contact import closest_contact
from aiida_elyte.science.frames import round_frame
from aiida_elyte.science.seeds.kind import SeedKind
from aiida_elyte.science.settings import check_n_cells, refuse_unknown

__all__ = ["PERTURBATIONS", "Perturb", "rattle", "scale", "shear", "strain", "supercell"]

Amplitude = float | Mapping[str, float]

PERTURBATIONS: dict[str, Any] = {
    "rattle": {"count": 8, "amplitude_A": 0.1},
    "strain": {"count": 4, "amplitude": 0.03},
    "shear": {"count": 4, "amplitude": 0.03},
    "shrink": {"count": 1, "factors": [0.8, 0.92, 0.96, 1.04]},
    "supercell": {"count": 1, "repeats": [[1, 1, 1], [2, 1, 1], [2, 2, 1]]},
}
"""Options of each perturbation in ``Perturb``: what is not given comes from here.

Supercells serve engines with k-points; for one at Γ only (tblite) switch them off, its energies depend on the cell.
"""

_TRIES = 6
_CALMING = 0.7
"""A seed with colliding atoms is drawn again with this part of its amplitude, ``_TRIES`` times in all."""


def rattle(structure: Atoms, amplitude_A: Amplitude, rng: np.random.Generator) -> Atoms:
    """Displace every atom by a normal deviate along each axis.

    Parameters
    ----------
    structure
        Crystal, left as it is.
    amplitude_A
        Standard deviation of each Cartesian component [Å], one for all or one per species.
    rng
        Source of randomness.
    """
    symbols = structure.get_chemical_symbols()
    widths = np.array([amplitude_A[symbol] if isinstance(amplitude_A, Mapping) else amplitude_A for symbol in symbols])
    moved = structure.copy()
    moved.positions += widths[:, None] * rng.standard_normal((len(structure), 3))
    return moved


def strain(structure: Atoms, amplitude: float, rng: np.random.Generator) -> Atoms:
    """Stretch the cell along x, y and z by independent strains, uniform within ± ``amplitude`` [1]; atoms follow."""
    return _deform(structure, np.diag(rng.uniform(-amplitude, amplitude, 3)))


def shear(structure: Atoms, amplitude: float, rng: np.random.Generator) -> Atoms:
    """Shear the cell by a symmetric strain with components ε_yz, ε_xz, ε_xy uniform within ± ``amplitude`` [1]."""
    yz, xz, xy = rng.uniform(-amplitude, amplitude, 3)
    return _deform(structure, np.array([[0, xy, xz], [xy, 0, yz], [xz, yz, 0]]))


def scale(structure: Atoms, factor: float) -> Atoms:
    """Multiply the lattice vectors by ``factor`` [1]; atoms follow."""
    return _deform(structure, (factor - 1.0) * np.eye(3))


def supercell(structure: Atoms, repeats: Sequence[int]) -> Atoms:
    """Repeat the cell along its three vectors."""
    return structure.repeat(tuple(repeats))


def _deform(structure: Atoms, epsilon: np.ndarray) -> Atoms:
    """Apply the strain tensor ``epsilon``, ``shape=(3, 3)`` [1]: h → h (1 + ε), fractional coordinates kept."""
    deformed = structure.copy()
    deformed.set_cell(structure.cell.array @ (np.eye(3) + epsilon), scale_atoms=True)
    return deformed


@dataclass(frozen=True, kw_only=True)
class Perturb(SeedKind):
    """Seeds by perturbing a crystal.

    Each seed is a block of its own (``origin`` ``"seed-rattle-003#0"``). Every perturbation, and every seed in it,
    draws from its own stream of randomness: asking for more seeds of one leaves the others as they were. All seeds are
    rattled by the amplitude of ``rattle``, because a crystal at rest has no forces to learn from.

    What the options leave open comes from ``PERTURBATIONS``, and ``count`` 0 switches a perturbation off.

    Raises
    ------
    InputError
        If a setting is invalid, or no seed is asked for.
    """

    rattle: Mapping[str, Any] = field(default_factory=dict)
    """``count`` and ``amplitude_A`` [Å], a number or ``{species: number}``."""
    strain: Mapping[str, Any] = field(default_factory=dict)
    """``count`` and ``amplitude`` [1]."""
    shear: Mapping[str, Any] = field(default_factory=dict)
    """``count`` and ``amplitude`` [1]."""
    shrink: Mapping[str, Any] = field(default_factory=dict)
    """``factors`` of the lattice vectors, above or below one [1], each ``count`` times."""
    supercell: Mapping[str, Any] = field(default_factory=dict)
    """``repeats`` of the cell, each ``count`` times."""
    min_distance_factor: float = 0.6
    """No two atoms nearer than this part of the sum of their covalent radii [1]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_number(self.min_distance_factor, "min_distance_factor", 0.0, 1.0)
        for kind in PERTURBATIONS:
            _check_options(kind, getattr(self, kind))
        complete = {kind: self._options(kind) for kind in PERTURBATIONS}
        if not any(_recipes(kind, options) for kind, options in complete.items()):
            raise InputError(f"no seed is asked for; expected a count above zero for one of {', '.join(PERTURBATIONS)}")
        _check_values(complete)

    def _options(self, kind: str) -> dict[str, Any]:
        return {**PERTURBATIONS[kind], **getattr(self, kind)}

    def make(self, structure: Atoms, rng: np.random.Generator) -> list[Atoms]:
        """Return the seeds, with ``origin`` and ``perturbation`` in ``info`` and coordinates rounded to 1e-8 Å.

        Parameters
        ----------
        structure
            Checked crystal.
        rng
            Source of randomness.

        Raises
        ------
        InputError
            If the amplitudes do not name the species of the crystal, or atoms still collide at the smallest tried.
        """
        amplitude = self._options("rattle")["amplitude_A"]
        _check_species(amplitude, sorted(set(structure.get_chemical_symbols())))
        plain = Atoms(numbers=structure.numbers, positions=structure.positions, cell=structure.cell, pbc=structure.pbc)
        seeds = []
        for kind, stream in zip(PERTURBATIONS, rng.spawn(len(PERTURBATIONS)), strict=True):
            recipes = _recipes(kind, self._options(kind))
            for number, ((name, deform), own) in enumerate(zip(recipes, stream.spawn(len(recipes)), strict=True)):
                seed, part = _without_collision(plain, deform, amplitude, own, self.min_distance_factor, name)
                seed.info["origin"] = f"seed-{kind}-{number:03d}#0"
                seed.info["perturbation"] = name if part == 1.0 else f"{name}, {part:.2f} of the amplitude"
                seeds.append(round_frame(seed))
        return seeds


Deformation = Callable[[Atoms, float, np.random.Generator], Atoms]
"""Takes the crystal, the part of the amplitude to use and the source of randomness."""


def _recipes(kind: str, options: Mapping[str, Any]) -> list[tuple[str, Deformation]]:
    """Return a name and a deformation (before rattling) for every seed of a kind."""

    def rest(atoms: Atoms, part: float, rng: np.random.Generator) -> Atoms:
        return atoms

    def strained(atoms: Atoms, part: float, rng: np.random.Generator) -> Atoms:
        return strain(atoms, part * options["amplitude"], rng)

    def sheared(atoms: Atoms, part: float, rng: np.random.Generator) -> Atoms:
        return shear(atoms, part * options["amplitude"], rng)

    def scaled(factor: float) -> Deformation:
        return lambda atoms, part, rng: scale(atoms, factor)

    def repeated(repeats: Sequence[int]) -> Deformation:
        return lambda atoms, part, rng: supercell(atoms, repeats)

    if kind == "shrink":
        choices = [(f"shrink {factor:g}", scaled(factor)) for factor in options["factors"]]
    elif kind == "supercell":
        choices = [("supercell " + "x".join(map(str, repeats)), repeated(repeats)) for repeats in options["repeats"]]
    elif kind == "rattle":
        choices = [("rattle", rest)]
    else:
        choices = [(f"{kind} {options['amplitude']:g}", strained if kind == "strain" else sheared)]
    return choices * int(options["count"])


def _without_collision(
    structure: Atoms, deform: Deformation, amplitude: Amplitude, rng: np.random.Generator, limit: float, name: str
) -> tuple[Atoms, float]:
    """Draw a seed until no atoms collide, calmer each time; return it with the part of the amplitude it took."""
    for attempt in range(_TRIES):
        part = _CALMING**attempt
        seed = rattle(deform(structure, part, rng), _times(amplitude, part), rng)
        contact = closest_contact(seed)
        if contact is None or contact.factor >= limit:
            return seed, part
    raise InputError(
        f"seed {name!r}: {contact} even at {part:.2f} of the amplitude; expected at least {limit:g}; "
        "use smaller amplitudes, factors nearer to one, or a smaller min_distance_factor"
    )


def _times(amplitude: Amplitude, part: float) -> Amplitude:
    if isinstance(amplitude, Mapping):
        return {species: part * value for species, value in amplitude.items()}
    return part * amplitude


def _check_options(kind: str, options: Any) -> None:
    refuse_unknown(kind, options, PERTURBATIONS[kind])
    count = options.get("count", 0)
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise InputError(f"{kind}.count is {count!r}; expected a whole number, zero or more")


def _check_values(options: Mapping[str, Mapping[str, Any]]) -> None:
    amplitude = options["rattle"]["amplitude_A"]
    for value in amplitude.values() if isinstance(amplitude, Mapping) else (amplitude,):
        _require_number(value, "rattle.amplitude_A", 0.0, 1.0)
    for kind in ("strain", "shear"):
        _require_number(options[kind]["amplitude"], f"{kind}.amplitude", 0.0, 0.3)
    for factor in options["shrink"]["factors"]:
        _require_number(factor, "shrink.factors", 0.5, 1.5)
    for repeats in options["supercell"]["repeats"]:
        if len(repeats) != 3 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in repeats):
            raise InputError(f"supercell.repeats holds {repeats!r}; expected three whole numbers above zero")
        check_n_cells("supercell.repeats", repeats)


def _check_species(amplitude: Amplitude, species: Sequence[str]) -> None:
    if not isinstance(amplitude, Mapping):
        return
    for name in amplitude:
        if name not in species:
            raise InputError(
                f"rattle.amplitude_A names {name!r}; expected species of the structure ({', '.join(species)})"
                f"{suggest(name, species)}"
            )
    missing = [name for name in species if name not in amplitude]
    if missing:
        raise InputError(f"rattle.amplitude_A lacks {', '.join(missing)}; give every species its amplitude in Å")


def _require_number(value: Any, name: str, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most or math.isnan(value):
        raise InputError(f"{name} is {value!r}; expected a number from {least:g} to {most:g}")

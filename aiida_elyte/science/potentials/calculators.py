"""Potentials as ASE calculators."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.potential import Potential, state_of
from aiida_elyte.science.statistics.spread import force_spread

if TYPE_CHECKING:
    from torch_sim.models.interface import ModelInterface

__all__ = ["EnsembleCalculator", "PotentialCalculator"]


class EnsembleCalculator(Calculator):
    """The mean of several potentials, of one family or of several, with their disagreement as further results.

    ``results["forces_spread"]`` is the committee's standard deviation of each force [eV/Å], shape (n_atoms,), see
    ``force_spread``; ``results["energy_spread"]`` that of the energy [eV]. A single member has neither.

    Parameters
    ----------
    potentials
        The members.

    Raises
    ------
    InputError
        If there is no member.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress", "energy_spread", "forces_spread"]
    atoms: Atoms

    def __init__(self, potentials: Sequence[Potential]) -> None:
        super().__init__()
        if not potentials:
            raise InputError("an ensemble of no potential was given; expected at least one")
        self.potentials = list(potentials)
        self._models: dict[bool, list[ModelInterface]] = {}

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute all properties asked for; the stress only when it is among them."""
        super().calculate(atoms, properties, system_changes)
        for potential in self.potentials:
            potential.require_elements(np.unique(self.atoms.numbers))
        stress = "stress" in properties
        if stress and not self.atoms.pbc.all():
            raise PropertyNotImplementedError("stress needs a system periodic in three directions")
        found = [
            model(state_of(self.atoms, potential.device))
            for potential, model in zip(self.potentials, self._models_for(stress), strict=True)
        ]
        energies = np.array([float(member["energy"][0]) for member in found])
        forces = np.array([_array(member["forces"]) for member in found])
        self.results = {"energy": energies.mean(), "free_energy": energies.mean(), "forces": forces.mean(0)}
        if stress:
            self.results["stress"] = full_3x3_to_voigt_6_stress(
                np.mean([_array(member["stress"])[0] for member in found], 0)
            )
        self._judge(energies, forces)

    def _models_for(self, stress: bool) -> "list[ModelInterface]":
        """Return the members' models, kept from call to call with the neighbour lists they keep."""
        if stress not in self._models:
            self._models[stress] = [potential.model(stress=stress) for potential in self.potentials]
        return self._models[stress]

    def _judge(self, energies: np.ndarray, forces: np.ndarray) -> None:
        if len(forces) > 1:
            self.results["energy_spread"] = energies.std(ddof=1)
            self.results["forces_spread"] = force_spread(forces).per_atom


class PotentialCalculator(EnsembleCalculator):
    """One potential as an ASE calculator.

    Parameters
    ----------
    potential
        From ``load_potential``.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, potential: Potential) -> None:
        super().__init__([potential])


def _array(values: torch.Tensor) -> np.ndarray:
    return values.detach().double().cpu().numpy()

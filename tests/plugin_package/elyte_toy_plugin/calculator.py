"""A calculator that is installed nowhere but in this package: it has to travel with the jobs."""

from typing import Any, ClassVar

from ase.calculators.calculator import CalculationFailed, Calculator, all_changes
from ase.neighborlist import neighbor_list
from ase.stress import full_3x3_to_voigt_6_stress

from elyte_toy_plugin.soft import soft_spheres

__all__ = ["SoftSpheres"]


class SoftSpheres(Calculator):
    """Soft spheres of one strength [eV] and range [Å]."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces", "stress"]
    default_parameters: ClassVar[dict[str, Any]] = {"strength_eV": 8.0, "cutoff_A": 4.0}

    def calculate(self, atoms: Any = None, properties: Any = ("energy",), system_changes: Any = all_changes) -> None:
        """Compute energy, forces and stress."""
        super().calculate(atoms, properties, system_changes)
        if len(neighbor_list("i", self.atoms, 0.5)):
            raise CalculationFailed("two spheres are nearer than 0.5 Å; expected none; leave the frame out")
        energy, forces, stress = soft_spheres(self.atoms, self.parameters["cutoff_A"])
        strength = self.parameters["strength_eV"]
        self.results = {
            "energy": strength * energy,
            "forces": strength * forces,
            "stress": strength * full_3x3_to_voigt_6_stress(stress),
        }

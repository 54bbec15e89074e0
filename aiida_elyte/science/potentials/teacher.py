"""A potential that stands in for an engine of labels: for trials and tests, never for DFT."""

from collections.abc import Sequence
from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import all_changes

from aiida_elyte.science.potentials.calculators import PotentialCalculator
from aiida_elyte.science.potentials.device import choose_device
from aiida_elyte.science.potentials.family import resolve_family

__all__ = ["Teacher"]


class Teacher(PotentialCalculator):
    """The calculator of a potential that lies beside the job.

    Parameters
    ----------
    file
        Path of the potential.
    family
        Where its family is found, see ``Family.reference``.
    device
        ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    InputError
        If the family is unknown, or the file is not one of its potentials.
    """

    def __init__(self, file: str, family: str, device: str = "auto") -> None:
        super().__init__(resolve_family(family).load(Path(file).read_bytes(), choose_device(device)))

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute all properties at once: stress costs little beside the forces."""
        wants_stress = atoms is not None and atoms.pbc.all()
        super().calculate(atoms, [*properties, "stress"] if wants_stress else properties, system_changes)

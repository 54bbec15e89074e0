"""What pw.x of Quantum ESPRESSO found, read from its XML file."""

from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.units import BOHR_A, HARTREE_EV

__all__ = ["PwResult", "read_pw_xml"]


@dataclass(frozen=True)
class PwResult:
    """One self-consistent field."""

    functional: str
    """Exchange and correlation as pw.x names it, e.g. ``PBE``."""
    energy: float
    """Total energy; with smearing the free energy, of which the forces are the derivative [eV]."""
    forces: np.ndarray
    """Forces, ``shape`` (n_atoms, 3) [eV/Å]."""
    stress: np.ndarray
    """Stress, ASE's sign (negative when compressed) and Voigt order xx yy zz yz xz xy, ``shape`` (6,) [eV/Å³]."""


def read_pw_xml(text: str) -> PwResult:
    """Read energy, forces and stress from ``data-file-schema.xml``.

    The file holds Hartree atomic units, and a stress positive when the crystal is compressed:
    σ_ASE = -σ_pw.

    Raises
    ------
    InputError
        When the run did not converge, or energy, forces or stress are missing.
    """
    root = ElementTree.fromstring(text)
    converged = root.findtext("output/convergence_info/scf_conv/convergence_achieved", "true")
    if converged.strip() != "true":
        raise InputError("the pw.x run is not self-consistent; expected a converged one; raise electron_maxstep")
    sigma = -_numbers(root, "stress").reshape(3, 3) * HARTREE_EV / BOHR_A**3
    return PwResult(
        functional=root.findtext("input/dft/functional", "unknown functional").strip(),
        energy=float(_numbers(root, "total_energy/etot")[0]) * HARTREE_EV,
        forces=_numbers(root, "forces").reshape(-1, 3) * HARTREE_EV / BOHR_A,
        stress=sigma[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
    )


def _numbers(root: ElementTree.Element, name: str) -> np.ndarray:
    """Return the numbers of one element of the output."""
    text = root.findtext(f"output/{name}")
    if text is None:
        raise InputError(f"the pw.x output has no {name}; expected energy, forces and stress; set tprnfor and tstress")
    return np.array(text.split(), float)

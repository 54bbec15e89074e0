"""What pw.x of Quantum ESPRESSO found, read from its XML file."""

from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.functionals import name_of_functional
from aiida_elyte.science.labels.outputs.pw_level import dispersion_of_input
from aiida_elyte.science.labels.outputs.step import VOIGT, element_of
from aiida_elyte.science.labels.theory import LevelOfTheory
from aiida_elyte.units import BOHR_A, HARTREE_EV

__all__ = ["PwResult", "read_pw_level", "read_pw_xml"]

_SMEARINGS = {"mv": "Marzari-Vanderbilt", "mp": "Methfessel-Paxton", "fd": "Fermi-Dirac", "gaussian": "Gaussian"}
"""Name in the XML file → name in the text."""


@dataclass(frozen=True)
class PwResult:
    """One self-consistent field."""

    level: LevelOfTheory
    """Level of theory, as the text of the same run gives it, but for the k-points."""
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
        If the file is broken, the run did not converge, or energy, forces or stress are missing or not finite.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(f"data-file-schema.xml is broken ({error}); expected that of a finished pw.x run") from error
    converged = root.findtext("output/convergence_info/scf_conv/convergence_achieved", "true")
    if converged.strip() != "true":
        raise InputError("the pw.x run is not self-consistent; expected a converged one; raise electron_maxstep")
    sigma = -_numbers(root, "stress").reshape(3, 3) * HARTREE_EV / BOHR_A**3
    return PwResult(
        level=read_pw_level(root),
        energy=float(_numbers(root, "total_energy/etot")[0]) * HARTREE_EV,
        forces=_numbers(root, "forces").reshape(-1, 3) * HARTREE_EV / BOHR_A,
        stress=sigma[VOIGT],
    )


def _numbers(root: ElementTree.Element, name: str) -> np.ndarray:
    """Return the numbers of one element of the output."""
    text = root.findtext(f"output/{name}")
    if text is None:
        raise InputError(f"the pw.x output has no {name}; expected energy, forces and stress; set tprnfor and tstress")
    values = np.array(text.split(), float)
    if not np.isfinite(values).all():
        raise InputError(f"the pw.x output has NaN or infinity in {name}; expected numbers; run it again")
    return values


def read_pw_level(root: ElementTree.Element) -> LevelOfTheory:
    """Return the level of theory that the input in an XML file describes, but for the k-points."""

    def given(path: str, default: str = "") -> str:
        return (root.findtext(f"input/{path}") or default).strip()

    cutoffs = [2 * float(given(f"basis/{name}", "0")) for name in ("ecutwfc", "ecutrho")]
    functional = given("dft/functional", "unknown functional")
    return LevelOfTheory(
        method=name_of_functional(functional) or functional,
        dispersion=dispersion_of_input(given("dft/vdW/vdw_corr"), given("dft/vdW/dftd3_version")),
        hubbard=_hubbard(root),
        cutoff=tuple(round(value, 6) for value in cutoffs if value),
        cutoff_unit="Ry",
        smearing=_smearing(root),
        spin=_spin({name: given(f"spin/{name}", "false") == "true" for name in ("lsda", "noncolin", "spinorbit")}),
        potentials={
            element_of(one.get("name", "")): (one.findtext("pseudo_file") or "").strip()
            for one in root.findall("input/atomic_species/species")
        },
    )


def _smearing(root: ElementTree.Element) -> tuple[str, float] | None:
    kind = (root.findtext("input/bands/occupations") or "").strip()
    if kind.startswith("tetrahedra"):
        return "tetrahedron", 0.0
    found = root.find("input/bands/smearing")
    if kind != "smearing" or found is None:
        return ("fixed", 0.0) if kind else None
    name = (found.text or "").strip()
    return _SMEARINGS.get(name, name), float(found.get("degauss", "0")) * HARTREE_EV


def _spin(flags: dict[str, bool]) -> str:
    if flags["spinorbit"]:
        return "spin-orbit coupling"
    if flags["noncolin"]:
        return "non-collinear spin"
    return "collinear spin" if flags["lsda"] else "unpolarised"


def _hubbard(root: ElementTree.Element) -> dict[str, str]:
    found = {}
    for one in root.findall("input/dft/dftU/Hubbard_U"):
        value = float(one.text or "0") * HARTREE_EV
        if value:
            shell = one.get("label", "").lstrip("0123456789")
            found[element_of(one.get("specie", ""))] = f"{shell} {round(value, 4):g} eV".strip()
    return found

"""Steps of the ``data-file-schema.xml`` that pw.x of Quantum ESPRESSO writes."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from aiida_elyte.science.archives import open_bytes
from aiida_elyte.science.labels.outputs.kpoints import spacing_of_mesh, spacing_of_points
from aiida_elyte.science.labels.outputs.pw_result import read_pw_level
from aiida_elyte.science.labels.outputs.step import VOIGT, IonicStep, Output, element_of
from aiida_elyte.units import BOHR_A, HARTREE_EV

__all__ = ["read_pw_schema"]

_SAME = 1e-9
"""Energies closer than this are of one step [hartree]."""
_NET_FORCE = 1e-4
"""Largest net force that rounding may leave [eV/Å]."""
_FIXED = "atoms are fixed in the input and the XML file holds zero for the forces on them; import the text of pw.x"


def read_pw_schema(path: Path) -> Output:
    """Read every step of the run.

    After a relaxation or dynamics the structure of the output is the one that would come next; the labels belong to
    that of the last ``step``. The output is a step of its own where its energy is another one: pw.x ends a relaxation
    of the cell by a self-consistent field with the plane waves of the last cell.
    """
    with open_bytes(path) as handle:
        root = ElementTree.fromstring(handle.read().decode("utf-8", "replace"))
    output = root.find("output")
    found, level = root.findall("step"), str(replace(read_pw_level(root), kpoints=_spacing(root)))
    if output is not None and (not found or abs(_energy(output) - _energy(found[-1])) > _SAME):
        found.append(output)
    steps = [_step(element, level) for element in found]
    if output is not None and found[-1] is not output and steps[-1].stress is None:
        steps[-1] = replace(steps[-1], stress=_stress(output))
    fixed = _array(root, "input/free_positions", 3) == 0
    return Output([_judge(step, fixed) for step in steps])


def _judge(step: IonicStep, fixed: np.ndarray) -> IonicStep:
    """Return a step with its fault where forces were set to zero.

    A single self-consistent field does not tell which atoms are fixed; but pw.x removes the net force, so that one
    along an axis on which some force is exactly zero was left by setting that to zero.
    """
    forces = step.forces
    if step.fault is not None or forces is None or not len(forces):
        return step
    is_told = forces.shape == fixed.shape and fixed.any() and not forces[fixed].any()
    has_net_force = (forces == 0).any(axis=0) & (np.abs(forces.sum(axis=0)) > _NET_FORCE)
    return replace(step, fault=_FIXED) if is_told or has_net_force.any() else step


def _step(element: ElementTree.Element, level: str) -> IonicStep:
    """Return the step that an element holds."""
    atoms = sorted(element.iter("atom"), key=lambda atom: int(atom.get("index", "0")))
    convergence = element.findtext("scf_conv/convergence_achieved") or element.findtext(
        "convergence_info/scf_conv/convergence_achieved"
    )
    forces = _array(element, "forces", 3)
    is_unconverged = (convergence or "true").strip() != "true"
    return IonicStep(
        [element_of(atom.get("name", "")) for atom in atoms],
        np.array([_row(element.findtext(f"atomic_structure/cell/a{axis}")) for axis in (1, 2, 3)], float) * BOHR_A,
        np.array([_row(atom.text) for atom in atoms], float).reshape(-1, 3) * BOHR_A,
        level,
        _energy(element) * HARTREE_EV,
        forces * HARTREE_EV / BOHR_A if len(forces) else None,
        _stress(element),
        "its electrons did not converge (pw.x says so)" if is_unconverged else None,
    )


def _row(text: str | None) -> list[float]:
    return [float(word) for word in (text or "").split()]


def _energy(element: ElementTree.Element) -> float:
    return float(element.findtext("total_energy/etot") or "nan")


def _array(element: ElementTree.Element, name: str, width: int) -> np.ndarray:
    return np.array(_row(element.findtext(name)), float).reshape(-1, width)


def _stress(element: ElementTree.Element) -> np.ndarray | None:
    sigma = _array(element, "stress", 3)
    return -sigma[VOIGT] * HARTREE_EV / BOHR_A**3 if len(sigma) else None


def _spacing(root: ElementTree.Element) -> tuple[float, float] | None:
    """Return the bounds of the spacing of k-points, in the cell that the run began with."""
    structure = root.find("input/atomic_structure")
    if structure is None:
        return None
    cell = np.array([_row(structure.findtext(f"cell/a{axis}")) for axis in (1, 2, 3)], float) * BOHR_A
    mesh = root.find("input/k_points_IBZ/monkhorst_pack")
    if mesh is not None:
        return spacing_of_mesh(cell, [int(mesh.get(f"nk{axis}", "0")) for axis in (1, 2, 3)])
    points = root.findall("input/k_points_IBZ/k_point")
    if (root.findtext("input/basis/gamma_only") or "").strip() == "true" and len(points) <= 1:
        return spacing_of_mesh(cell, (1, 1, 1))
    alat = float(structure.get("alat", "1")) * BOHR_A
    values = np.array([_row(point.text) for point in points], float).reshape(-1, 3)
    return spacing_of_points(
        cell, values @ cell.T / alat, np.array([float(point.get("weight", "1")) for point in points])
    )

"""The last step of the ``data-file-schema.xml`` that pw.x of Quantum ESPRESSO writes."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.espresso import read_pw_xml
from aiida_elyte.science.labels.outputs.kpoints import spacing_of_mesh, spacing_of_points
from aiida_elyte.science.labels.outputs.step import Output, Step, element_of, open_bytes
from aiida_elyte.units import BOHR_A

__all__ = ["read_pw_schema"]

_LAST_ONLY = "the file holds the last step alone; the text that pw.x printed holds all of them"


def read_pw_schema(path: Path) -> Output:
    """Read the last step of the run.

    Raises
    ------
    InputError
        If the file is broken, the run did not converge, or a label is missing.
    """
    with open_bytes(path) as handle:
        text = handle.read().decode("utf-8", "replace")
    try:
        found = read_pw_xml(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    root = ElementTree.fromstring(text)
    structure = root.find("output/atomic_structure")
    if structure is None:
        raise InputError(f"{path} has no structure; expected the file of a finished pw.x run")
    atoms = sorted(structure.iter("atom"), key=lambda atom: int(atom.get("index", "0")))
    cell = np.array([(structure.findtext(f"cell/a{axis}") or "").split() for axis in (1, 2, 3)], float) * BOHR_A
    positions = np.array([(atom.text or "").split() for atom in atoms], float).reshape(-1, 3) * BOHR_A
    step = Step(
        [element_of(atom.get("name", "")) for atom in atoms],
        cell,
        positions,
        str(replace(found.level, kpoints=_spacing(root))),
        found.energy,
        found.forces,
        found.stress,
    )
    kind = (root.findtext("input/control_variables/calculation") or "scf").strip()
    return Output([step], notes=() if kind == "scf" else (_LAST_ONLY,))


def _spacing(root: ElementTree.Element) -> tuple[float, float] | None:
    """Return the bounds of the spacing of k-points, in the cell that the run began with."""
    cell = np.array(
        [(root.findtext(f"input/atomic_structure/cell/a{axis}") or "").split() for axis in (1, 2, 3)], float
    )
    cell *= BOHR_A
    mesh = root.find("input/k_points_IBZ/monkhorst_pack")
    if mesh is not None:
        return spacing_of_mesh(cell, [int(mesh.get(f"nk{axis}", "0")) for axis in (1, 2, 3)])
    points = root.findall("input/k_points_IBZ/k_point")
    if (root.findtext("input/basis/gamma_only") or "").strip() == "true" and len(points) <= 1:
        return spacing_of_mesh(cell, (1, 1, 1))
    structure = root.find("input/atomic_structure")
    alat = float("1" if structure is None else structure.get("alat", "1")) * BOHR_A
    values = np.array([(point.text or "").split() for point in points], float).reshape(-1, 3)
    return spacing_of_points(
        cell, values @ cell.T / alat, np.array([float(point.get("weight", "1")) for point in points])
    )

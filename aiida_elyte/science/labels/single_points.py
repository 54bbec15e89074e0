"""Labels of one frame by one calculator, or the reason why there are none."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import LABELS
from aiida_elyte.science.labels.state import StatefulCalculator
from aiida_elyte.science.molecules.broken_bonds import find_broken_bond
from aiida_elyte.science.molecules.connectivity import topology_from_text

__all__ = ["compute_labels", "find_torn_bond", "properties_of", "wanted_labels"]


def wanted_labels(properties: Iterable[str]) -> list[str]:
    """Return the labels to make: those given, and energy and forces always.

    Raises
    ------
    InputError
        If one is unknown.
    """
    asked = list(properties)
    unknown = [name for name in asked if name not in LABELS]
    if unknown:
        raise InputError(f"properties hold {unknown}; expected some of {', '.join(LABELS)}")
    return [name for name in LABELS if name in {"energy", "forces", *asked}]


def properties_of(calculator: Calculator) -> set[str]:
    """Return what a calculator computes."""
    return set(calculator.implemented_properties)


def find_torn_bond(frame: Atoms) -> str | None:
    """Name a bond that a cluster's ``info["bonds"]`` has and its geometry has torn; ``None`` if all hold."""
    if "bonds" not in frame.info or frame.pbc.any():
        return None
    return find_broken_bond(frame.positions, topology_from_text(frame.get_chemical_symbols(), str(frame.info["bonds"])))


def compute_labels(frame: Atoms, engine: StatefulCalculator, wanted: Sequence[str]) -> dict[str, Any] | str:
    """Compute the labels of a frame.

    Parameters
    ----------
    frame
        The frame; its ``info["bonds"]`` must hold.
    engine
        Calculator.
    wanted
        Names of labels, as of ``wanted_labels``; those that the calculator lacks are left out.

    Returns
    -------
    dict or str
        Labels by name, or the reason why there are none.
    """
    try:
        torn = find_torn_bond(frame)
        if torn is not None:
            return f"{torn}; it is torn"
        labels = _compute(engine.attach(frame), wanted)
    except Exception as error:  # noqa: BLE001 - an engine may fail in any way; the frame is set aside with the reason
        return f"{type(error).__name__}: {error}"
    if getattr(engine.calculator, "converged", None) is False:
        return "not converged"
    for name, value in labels.items():
        if not np.isfinite(value).all():
            return f"{name} not finite"
    return labels


def _compute(atoms: Atoms, wanted: Sequence[str]) -> dict[str, Any]:
    """Compute the labels; forces are derivatives of the free energy where the calculator tells it from the energy."""
    labels: dict[str, Any] = {"forces": atoms.get_forces(apply_constraint=False)}
    try:
        labels["energy"] = atoms.get_potential_energy(force_consistent=True)
    except PropertyNotImplementedError:
        labels["energy"] = atoms.get_potential_energy()
    provided = properties_of(atoms.calc)
    if "stress" in wanted and "stress" in provided and atoms.pbc.all() and atoms.cell.rank == 3:
        labels["stress"] = atoms.get_stress()
    if "charges" in wanted and "charges" in provided:
        labels["charges"] = atoms.get_charges()
    return labels

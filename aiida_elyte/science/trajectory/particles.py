"""The species of a trajectory that its topology knows: molecules by name, and the charge of each particle."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.passes import Trajectory
from aiida_elyte.science.trajectory.topology import AtomTable, select_molecules

__all__ = ["charges_of_species", "molecules_of_species"]

_ALIKE_E = 0.05
"""Largest difference between the charges of particles of one species [e]."""


def molecules_of_species(
    trajectory: Trajectory, names: Iterable[str], selections: Mapping[str, str]
) -> dict[str, list[np.ndarray]]:
    """Return the molecules that are selected, and those named that are not an element of the trajectory but a residue.

    Parameters
    ----------
    trajectory
        Where they are.
    names
        Species: elements, names of ``selections``, or residues of the topology.
    selections
        Name → selection in the language of MDAnalysis.

    Returns
    -------
    dict
        Name → the atoms of each molecule.

    Raises
    ------
    InputError
        If a name is none of these, or there is no topology to select from.
    """
    elements = dict.fromkeys(trajectory.symbols)
    residues = _residues(trajectory.topology)
    chosen = dict(selections)
    for name in names:
        if name in elements or name in chosen:
            continue
        if name not in residues:
            known = f"residues {', '.join(residues)} of its topology" if residues else "its topology names no residues"
            raise InputError(
                f"{name} is neither an element of {trajectory.path} ({', '.join(elements)}) nor a molecule ({known}); "
                f"expected one of them; give --molecule {name}='SELECTION', or a --topology with residues {name}"
            )
        chosen[name] = f"resname {name}"
    if not chosen:
        return {}
    if trajectory.topology is None:
        raise InputError(
            f"--molecule {next(iter(chosen))} needs a topology; expected a file with bonds or residues; give --topology"
        )
    return select_molecules(trajectory.topology, chosen)


def charges_of_species(
    trajectory: Trajectory, molecules: Mapping[str, Sequence[np.ndarray]], mobile: Collection[str] = ()
) -> dict[str, float]:
    """Return the charge of each species [e] from those of the topology's atoms: their sum over each particle.

    Parameters
    ----------
    trajectory
        Its topology has the charges of the atoms.
    molecules
        As ``molecules_of_species`` returned them; atoms of no molecule are particles of their own.
    mobile
        The species whose particles must be alike; all if left out.

    Raises
    ------
    InputError
        If the topology has no charges, or particles of one species differ.
    """
    atoms = getattr(getattr(trajectory.topology, "universe", None), "atoms", None)
    per_atom = getattr(atoms, "charges", None)
    if per_atom is None:
        raise InputError(
            f"the topology of {trajectory.path} carries no charges; expected one an atom, as in LAMMPS data (full) or "
            "PSF; give --charges NAME=CHARGE"
        )
    symbols = np.array(trajectory.symbols)
    is_single = np.ones(len(symbols), bool)
    found: dict[str, np.ndarray] = {}
    for name, members in molecules.items():
        found[name] = np.array([per_atom[member].sum() for member in members])
        is_single[np.concatenate(members)] = False
    for symbol in dict.fromkeys(symbols[is_single].tolist()):
        found[symbol] = per_atom[is_single & (symbols == symbol)]
    for name in mobile or found:
        values = found.get(name, np.zeros(1))
        if np.abs(values - values.mean()).max() > _ALIKE_E:
            raise InputError(
                f"charges of {name} in the topology range from {values.min():.3g} to {values.max():.3g} e; expected "
                f"alike within {_ALIKE_E:g} e; name the molecules they belong to with --molecule, or the mobile "
                "ones with --species"
            )
    return {name: round(float(values.mean()), 6) for name, values in found.items()}


def _residues(topology: AtomTable | None) -> tuple[str, ...]:
    residues = getattr(getattr(topology, "universe", None), "residues", None)
    return tuple(dict.fromkeys(map(str, getattr(residues, "resnames", ()))))

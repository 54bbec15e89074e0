"""Molecules from SMILES: conformers by RDKit, with octahedra where a centre has six neighbours."""

from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.topology import Topology, topology_from_smiles

__all__ = ["charge_of", "embed_conformers", "embed_molecule", "match_sites", "read_molecule"]

_LARGEST_SEED = 2**20
"""RDKit multiplies its seed by the number of the conformer: zero makes all alike, small seeds share conformers."""


def read_molecule(smiles: str) -> Any:
    """Return RDKit's molecule of SMILES that ``topology_from_smiles`` has checked, atoms in the same order."""
    from rdkit import Chem

    return Chem.AddHs(Chem.MolFromSmiles(smiles))


def charge_of(smiles: str) -> int:
    """Return the charge of a molecule [e]."""
    return int(topology_from_smiles(smiles).formal_charges.sum())


def match_sites(molecule: Any, pattern: str, what: str) -> list[int]:
    """Return the atoms of a molecule, called ``what``, that match the first atom of SMARTS, ascending.

    Raises
    ------
    InputError
        If the SMARTS cannot be read.
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        query = Chem.MolFromSmarts(pattern)
    if query is None or not query.GetNumAtoms():
        raise InputError(f"site {pattern!r} of {what} cannot be read; expected SMARTS, as '[OX2]'")
    return sorted({match[0] for match in molecule.GetSubstructMatches(query, uniquify=False, maxMatches=10**6)})


def embed_conformers(
    molecule: Any, n_conformers: int, seed: int, what: str, should_relax: bool = False, from_random: bool = False
) -> np.ndarray:
    """Draw conformers by ETKDG.

    Parameters
    ----------
    molecule
        RDKit's molecule, with hydrogens.
    n_conformers
        How many.
    seed
        Seed; other seeds give other conformers.
    what
        What the molecule is called in an error.
    should_relax
        Relax each by MMFF94, or by UFF for what MMFF94 does not know; octahedra stay as they were embedded, for UFF in
        RDKit knows none.
    from_random
        Begin at random coordinates, which finds a geometry for long and crowded molecules too.

    Returns
    -------
    np.ndarray
        Positions [Å], ``shape=(n_conformers, N, 3)``; fewer conformers where RDKit finds fewer.

    Raises
    ------
    InputError
        If RDKit finds no geometry, or neither force field knows the atoms.

    References
    ----------
    Riniker and Landrum, J. Chem. Inf. Model. 55, 2562 (2015). https://doi.org/10.1021/acs.jcim.5b00654
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    molecule = Chem.Mol(molecule)
    octahedral = [atom for atom in molecule.GetAtoms() if atom.GetDegree() == 6]
    for atom in octahedral:
        if atom.GetChiralTag() == Chem.ChiralType.CHI_UNSPECIFIED:
            atom.SetChiralTag(Chem.ChiralType.CHI_OCTAHEDRAL)  # else ETKDG gives PF6⁻ angles of 40° to 160°
            atom.SetIntProp("_chiralPermutation", 1)
    settings: Any = rdDistGeom.ETKDGv3()
    settings.randomSeed = int(np.random.default_rng(seed).integers(1, _LARGEST_SEED))
    settings.useRandomCoords = from_random
    with rdBase.BlockLogs():
        found = list(rdDistGeom.EmbedMultipleConfs(molecule, n_conformers, settings))
        if not found:
            raise InputError(
                f"{what} has no conformer that RDKit finds; expected a molecule that can be built; correct the SMILES, "
                "its stereo centres too, or give another seed"
            )
        if should_relax and rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
            rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(molecule, maxIters=2000)
        elif should_relax and not octahedral and molecule.GetNumAtoms() > 1:
            if not rdForceFieldHelpers.UFFHasAllMoleculeParams(molecule):
                raise InputError(f"{what} has atoms that neither MMFF94 nor UFF knows; expected others; write it anew")
            rdForceFieldHelpers.UFFOptimizeMoleculeConfs(molecule, maxIters=2000)
    return np.array([molecule.GetConformer(number).GetPositions() for number in found])


def embed_molecule(smiles: str, name: str | None = None, seed: int = 0) -> tuple[Atoms, Topology]:
    """Build one small molecule or ion, relaxed.

    Parameters
    ----------
    smiles
        One molecule, as ``C1COC(=O)O1`` or ``[Li+]``.
    name
        Its name; canonical SMILES where not given.
    seed
        Seed of the embedding.

    Returns
    -------
    ase.Atoms
        The molecule.
    Topology
        Its graph, as from ``topology_from_smiles``.

    Raises
    ------
    InputError
        If the SMILES is invalid or of several molecules, or RDKit finds no geometry.
    """
    topology = topology_from_smiles(smiles, name)
    if len(topology.names) != 1:
        raise InputError(f"SMILES {smiles!r} has {len(topology.names)} molecules; expected one; split it at the dots")
    positions = embed_conformers(
        read_molecule(smiles), 1, seed, f"SMILES {smiles!r}", should_relax=True, from_random=True
    )
    return Atoms(topology.elements, positions[0]), topology

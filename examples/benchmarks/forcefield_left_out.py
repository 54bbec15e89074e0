"""Continuous typing on molecules that were left out of training, beside discrete types.

Labels small ethers, alcohols, esters, carbonates and alkanes with GFN2-xTB along Langevin dynamics, and fits to all but
one at a time: with discrete types to 3 bonds, of which the molecule may have others; by element and number of
neighbours alone; with continuous typing. The last two columns are errors when other frames of it are in the fit.

    python examples/benchmarks/forcefield_left_out.py            # about 6 minutes on one core
    python examples/benchmarks/forcefield_left_out.py --frames 8 --steps 5 --left-out ethanol
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from ase.md.langevin import Langevin
from sheets import Sheet, add_table_option

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.continuous_fit import fit_continuous
from aiida_elyte.science.forcefield.dataset import LabelledSystem, group_frames
from aiida_elyte.science.forcefield.fit import evaluate_forces, fit_discrete
from aiida_elyte.science.forcefield.fit_settings import Target
from aiida_elyte.science.forcefield.model import BONDED, ForceField
from aiida_elyte.science.lammps.export import place_molecules
from aiida_elyte.science.molecules.topology import topology_from_smiles

MOLECULES = {
    "ethane": "CC",
    "propane": "CCC",
    "ethanol": "CCO",
    "dimethyl ether": "COC",
    "diethyl ether": "CCOCC",
    "dimethoxyethane": "COCCOC",
    "tetrahydrofuran": "C1CCOC1",
    "dioxane": "C1COCCO1",
    "acetone": "CC(C)=O",
    "methyl acetate": "COC(C)=O",
    "ethyl acetate": "CCOC(C)=O",
    "dimethyl carbonate": "COC(=O)OC",
    "ethyl methyl carbonate": "CCOC(=O)OC",
    "trifluoroethanol": "OCC(F)(F)F",
    "methyl trifluoroethyl ether": "COCC(F)(F)F",
}
LEFT_OUT = (
    "dimethoxyethane",
    "diethyl ether",
    "tetrahydrofuran",
    "ethyl acetate",
    "ethyl methyl carbonate",
    "methyl trifluoroethyl ether",
)
TEMPERATURE_K, STEPS_BETWEEN = 400.0, 50
MODEL_ERROR = 1.0  # kcal/mol/Å: these labels are smooth


def label(name: str, smiles: str, n_frames: int) -> list[Atoms]:
    """Return frames along Langevin dynamics, 50 fs apart, with GFN2-xTB's forces and charges."""
    from tblite.ase import TBLite

    atoms = Atoms(topology_from_smiles(smiles).elements, place_molecules(smiles, seed=1))
    rng = np.random.default_rng(1)
    atoms.calc = TBLite(method="GFN2-xTB", verbosity=0)
    atoms.set_velocities(
        rng.normal(size=(len(atoms), 3)) * np.sqrt(units.kB * TEMPERATURE_K / atoms.get_masses())[:, None]
    )
    dynamics = Langevin(atoms, units.fs, temperature_K=TEMPERATURE_K, friction=0.02 / units.fs, fixcm=False, rng=rng)
    dynamics.run(4 * STEPS_BETWEEN)
    frames = []
    for _ in range(n_frames):
        dynamics.run(STEPS_BETWEEN)
        frame = Atoms(atoms.symbols, atoms.positions)
        frame.arrays["dft_charge"] = atoms.get_charges()
        frame.info.update(system=name, total_charge=0)
        frame.calc = SinglePointCalculator(frame, energy=atoms.get_potential_energy(), forces=atoms.get_forces())
        frames.append(frame)
    return frames


def rmse(force_field: ForceField, system: LabelledSystem) -> str:
    own = system.retyped(force_field.depth)
    return f"{evaluate_forces(force_field, [own])['overall']['force_rmse_kcal_mol_A']:.2f}"


def share_known(system: LabelledSystem, others: Sequence[LabelledSystem]) -> float:
    """Return the share of the types of atoms, bonds, angles, dihedrals and impropers that others have too."""

    def keys(one: LabelledSystem) -> set[tuple[str, ...]]:
        rows = (getattr(one.types, kind).keys for kind in BONDED)
        return {(label,) for label in one.types.labels}.union(*rows)

    own = keys(system)
    return len(own & set().union(*map(keys, others))) / len(own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=30, help="of each molecule")
    parser.add_argument("--steps", type=int, default=100, help="of Adam a round")
    parser.add_argument("--left-out", nargs="+", choices=MOLECULES, default=LEFT_OUT)
    parser.add_argument("--data", type=Path, help="extxyz to keep the labels in, or to take them from")
    add_table_option(parser)
    given = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    if given.data is not None and given.data.exists():
        frames = read(given.data, index=":")
    else:
        frames = [frame for name, smiles in MOLECULES.items() for frame in label(name, smiles, given.frames)]
        if given.data is not None:
            write(given.data, frames, format="extxyz")
    print(f"{len(frames)} labels of {len(MOLECULES)} molecules: {time.perf_counter() - start:.0f} s", flush=True)
    train, validation = [frame for n, frame in enumerate(frames) if n % 4], frames[::4]
    everything = group_frames(train), group_frames(validation)
    discrete = fit_discrete(*everything, target=Target(model_error=MODEL_ERROR))
    network = fit_continuous(*everything, target=Target(model_error=MODEL_ERROR), n_steps=given.steps)
    sheet = Sheet()
    sheet.say(
        f"{len(MOLECULES)} molecules, {given.frames} frames each. Force RMSE, kcal/mol/Å, on a quarter of the frames "
        "of the molecule; the last two columns are fits that had the others:"
    )
    sheet.columns(
        *("left out", "its types that others have", "by 3 bonds", "by element", "continuous"),
        *("not left out: by 3 bonds", "continuous"),
    )
    for name in given.left_out:
        (own,) = (system for system in everything[1] if system.name == name)
        others, held_back = ([system for system in part if system.name != name] for part in everything)
        known = share_known(own, others)
        by_bonds = (
            "rejected"
            if known < 1
            else rmse(fit_discrete(others, held_back, target=Target(model_error=MODEL_ERROR)), own)
        )
        try:
            left = fit_continuous(others, held_back, target=Target(model_error=MODEL_ERROR), n_steps=given.steps)
            found = [rmse(left.coarse, own), rmse(left.freeze([own.topology]), own)]
        except InputError as error:  # a bond, angle or dihedral of elements that no other molecule has
            print(f"{name}: {error}", file=sys.stderr)
            continue
        not_left_out = rmse(discrete, own), rmse(network.freeze([own.topology]), own)
        sheet.row(name, f"{100 * known:.0f} %", by_bonds, *found, *not_left_out)
    sheet.write(given.table)


if __name__ == "__main__":
    main()

"""The labelled frames that the examples read: argon by Lennard-Jones, dimethyl ether by GFN2-xTB.

    python examples/data/make.py

Crystal and molecule are shaken; frames are those of the seeds 0, 1, 2 …
"""

from pathlib import Path

from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.calculator import Calculator
from ase.calculators.lj import LennardJones
from tblite.ase import TBLite

import aiida_elyte as elyte
from aiida_elyte.science.frames import attach_labels, labels_of

HERE = Path(__file__).parent


def shake(atoms: Atoms, count: int, stdev_A: float, calculator: Calculator, level: str) -> list[Atoms]:
    """Return labelled copies, each with displacements of its own."""
    frames = []
    for seed in range(count):
        frame = atoms.copy()
        frame.rattle(stdev_A, seed=seed)
        frame.calc = calculator
        frame.get_forces()
        frame.info["level_of_theory"] = level
        frames.append(attach_labels(frame, **labels_of(frame)))
    return frames


if __name__ == "__main__":
    argon = shake(bulk("Ar", a=5.3, cubic=True), 24, 0.2, LennardJones(sigma=3.4, epsilon=0.0104, rc=5.0), "LJ")
    elyte.write_frames(argon, HERE / "argon.extxyz")
    ether = shake(molecule("CH3OCH3"), 40, 0.05, TBLite(method="GFN2-xTB", verbosity=0), "GFN2-xTB")
    elyte.write_frames(ether, HERE / "dimethyl_ether.extxyz")

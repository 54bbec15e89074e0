import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_elyte.science.qualification.known import known_shortest, thermal_frames


def pair(distance, force=0.0):
    atoms = Atoms("LiS", [[0, 0, 0], [distance, 0, 0]], cell=[12, 12, 12], pbc=True)
    forces = np.array([[force, 0, 0], [-force, 0, 0]])
    atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=forces)
    return atoms


def test_frames_with_forces_no_dynamics_meets_are_left_out():
    # 100 kT/Å at 1000 K are 8.6 eV/Å
    frames = [pair(2.2, 8.5), pair(1.2, 30.0)]
    assert thermal_frames(frames, 1000.0) == frames[:1]
    assert thermal_frames(frames, None) == frames
    assert known_shortest(frames, 1000.0)["Li-S"] == pytest.approx(2.2)
    assert known_shortest(frames, None)["Li-S"] == pytest.approx(1.2)


def test_a_pair_beyond_the_cutoff_has_the_cutoff():
    assert known_shortest([pair(5.0)], 300.0) == {"Li-Li": 4.0, "Li-S": 4.0, "S-S": 4.0}


def test_a_pair_pushed_together_is_not_thermal_however_soft_it_is():
    rng = np.random.default_rng(0)
    ordinary = [pair(3.0, force) for force in rng.normal(0, 0.6, 30)]
    assert known_shortest([*ordinary, pair(1.41, 5.7)], 1000.0)["Li-S"] == pytest.approx(3.0)

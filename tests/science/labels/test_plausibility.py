"""Labels that cannot be, and those that likely are not."""

import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.science.frames import attach_labels, labels_of
from aiida_elyte.science.labels import plausibility


def frame(energy=-10.0, forces=None, seed=0, **labels):
    rng = np.random.default_rng(seed)
    atoms = Atoms("Li2F2", rng.random((4, 3)) * 4, cell=np.eye(3) * 4, pbc=True)
    forces = rng.normal(size=(4, 3)) if forces is None else forces
    return attach_labels(atoms, energy=energy, forces=forces, **labels)


def find_fault(one):
    return plausibility.find_fault(labels_of(one))


def find_outliers(frames):
    return plausibility.find_outliers(frames, [labels_of(one) for one in frames])


def warn_of(frames, numbers):
    return plausibility.warn_of(frames, [labels_of(one) for one in frames], numbers)


def with_force(value):
    forces = np.full((4, 3), 0.1)
    forces[2, 1] = value
    return forces


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (frame(np.nan), "its energy is nan"),
        (frame(-np.inf), "its energy is -inf"),
        (frame(forces=with_force(np.nan)), "its forces of atom 2 are nan"),
        (frame(stress=np.array([0, 0, np.inf, 0, 0, 0])), "its stress is inf"),
        (frame(forces=with_force(1500.0)), "its forces reach 1500 eV/Å"),
        (frame(stress=np.array([25.0, 0, 0, 0, 0, 0])), r"its stress reaches 25 eV/Å³ (4005 GPa)"),
    ],
)
def test_label_that_cannot_be_is_named(given, reason):
    assert find_fault(given).startswith(reason)


def test_labels_of_close_contacts_are_kept():
    assert find_fault(frame(forces=with_force(300.0), stress=np.full(6, 0.5))) is None


def test_outlier_among_energies_is_found_in_spite_of_itself():
    energies = [-10.0, -10.1, -9.9, -10.05, 990.0, -10.02]
    impossible, doubtful = find_outliers([frame(energy) for energy in energies])
    assert list(impossible) == [4]
    # (990 − (−10.0)) / 4 atoms, from the median of the six energies, −10.01 eV.
    assert "250 eV/atom from the median of 6 frames" in impossible[4]
    assert doubtful == {}


def test_energy_of_the_other_sign_is_doubtful():
    impossible, doubtful = find_outliers([frame(energy) for energy in (-10.0, -10.1, 10.0, -9.9)])
    assert impossible == {}
    assert list(doubtful) == [2]
    assert warn_of([frame(energy, seed=n) for n, energy in enumerate((-10.0, -10.1, 10.0, -9.9))], [0, 1, 7, 8]) == [
        f"frame 7 is kept though {doubtful[2]}; check it"
    ]


def test_supercells_of_one_composition_are_compared_and_other_compositions_are_not():
    small = [frame(-10.0 - 0.01 * n) for n in range(4)]
    double = attach_labels(small[0] * (2, 1, 1), energy=-20.0, forces=np.ones((8, 3)))
    lithium = attach_labels(Atoms("Li"), energy=-200.0, forces=np.zeros((1, 3)))
    assert find_outliers([*small, double, lithium]) == ({}, {})


def test_spread_of_a_wide_set_is_no_fault():
    rng = np.random.default_rng(1)
    frames = [frame(4 * energy) for energy in rng.normal(-5, 0.3, 200)]
    assert find_outliers(frames) == ({}, {})


def test_forces_that_are_zero_everywhere_are_named_by_frame():
    said = warn_of([frame(seed=1), frame(forces=np.zeros((4, 3)), seed=2)], [0, 5])
    assert len(said) == 1
    assert said[0].startswith("frame 5 is kept with forces that are zero on every atom")


def test_atoms_whose_forces_are_zero_in_every_frame_are_named():
    frames = []
    for seed in range(3):
        forces = np.random.default_rng(seed).normal(size=(4, 3))
        forces[[1, 3]] = 0.0
        frames.append(frame(-10 - 0.1 * seed, forces, seed))
    (said,) = warn_of(frames, [0, 1, 2])
    assert said.startswith("forces on atoms 1, 3 are exactly zero in all 3 frames")


def test_component_that_was_fixed_on_some_atoms_is_named_and_a_planar_molecule_is_not():
    fixed, planar = [], []
    for seed in range(3):
        forces = np.random.default_rng(seed).normal(size=(4, 3))
        flat = forces * [1, 1, 0]
        planar.append(frame(-10 - 0.1 * seed, flat, seed))
        forces[0, 2] = 0.0
        fixed.append(frame(-10 - 0.1 * seed, forces, seed))
    assert "forces on atom 0 are exactly zero" in warn_of(fixed, [0, 1, 2])[0]
    assert warn_of(planar, [0, 1, 2]) == []


def test_copies_and_high_forces_are_named():
    said = warn_of([frame(), frame(), frame(seed=3, forces=with_force(250.0))], [0, 1, 2])
    assert said[0].startswith("frame 2 is kept with forces of up to 250 eV/Å")
    assert said[1].startswith("frame 1 is kept though equal to an earlier one (frame 1 to frame 0)")

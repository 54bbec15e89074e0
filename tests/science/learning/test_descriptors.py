import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.descriptors import describe_atoms, describe_frame

ELEMENTS = ["Cl", "Li", "S"]


@pytest.fixture
def frame():
    rng = np.random.default_rng(3)
    cell = np.array([[6.0, 0, 0], [1.2, 5.5, 0], [0.4, 0.7, 6.3]])
    return Atoms("Li3S2Cl", scaled_positions=rng.random((6, 3)), cell=cell, pbc=True)


def test_matches_a_naive_double_loop(frame):
    cutoff, n_centres = 4.0, 8
    found = describe_atoms(frame, ELEMENTS, cutoff, n_centres).reshape(6, 3, n_centres)
    width = cutoff / n_centres
    expected = np.zeros_like(found)
    for i in range(6):
        for j in range(6):
            for image in np.ndindex(5, 5, 5):
                shift = (np.array(image) - 2) @ frame.cell.array
                r = np.linalg.norm(frame.positions[j] + shift - frame.positions[i])
                if 1e-9 < r < cutoff:
                    for k in range(n_centres):
                        peak = np.exp(-((r - (k + 0.5) * width) ** 2) / (2 * width**2))
                        expected[i, ELEMENTS.index(frame[j].symbol), k] += peak * 0.5 * (1 + np.cos(np.pi * r / cutoff))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_invariant_under_order_rotation_translation_wrapping_and_repetition(frame):
    reference = describe_frame(frame, ELEMENTS)
    permuted = frame[[5, 2, 0, 4, 1, 3]]
    rotated = frame.copy()
    rotated.rotate(40, (1, 2, 3), rotate_cell=True)
    shifted = frame.copy()
    shifted.positions += [3.1, -7.0, 0.4]
    wrapped = shifted.copy()
    wrapped.wrap()
    for same in (permuted, rotated, shifted, wrapped, frame.repeat((2, 1, 3))):
        np.testing.assert_allclose(describe_frame(same, ELEMENTS), reference, atol=1e-9)


def test_sees_one_moved_atom_and_swapped_species(frame):
    reference = describe_frame(frame, ELEMENTS)
    moved = frame.copy()
    moved.positions[2] += 0.3
    assert np.abs(describe_frame(moved, ELEMENTS) - reference).max() > 1e-2
    swapped = frame.copy()
    swapped.numbers[[0, 5]] = swapped.numbers[[5, 0]]
    assert np.abs(describe_frame(swapped, ELEMENTS) - reference).max() > 1e-2


def test_smooth_where_a_neighbour_crosses_the_cutoff():
    def at(distance):
        return describe_frame(Atoms("Li2", [[0, 0, 0], [distance, 0, 0]], cell=[20, 20, 20], pbc=True), ["Li"], 5.0)

    assert np.abs(at(4.999) - at(5.001)).max() < 1e-6


def test_absent_species_is_zero_and_unknown_species_is_refused(frame):
    wide = describe_frame(frame, [*ELEMENTS, "Zn"], n_centres=12)
    assert wide.shape == (2 * 16 * 12,)
    assert not wide[-2 * 48 :].any()
    with pytest.raises(InputError, match="holds Cl"):
        describe_frame(frame, ["Li", "S"])

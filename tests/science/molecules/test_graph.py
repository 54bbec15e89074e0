import numpy as np

from aiida_elyte.science.molecules.graph import find_molecules


def test_molecules_are_the_connected_atoms():
    rng = np.random.default_rng(0)
    bonds = rng.integers(0, 60, (40, 2))
    found = find_molecules(60, bonds)
    labels = np.arange(60)  # naive: let the smaller label spread until nothing changes
    for _ in range(60):
        for i, j in bonds:
            labels[[i, j]] = min(labels[i], labels[j])
    expected = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    assert [group.tolist() for group in found] == [group.tolist() for group in expected]
    assert [group.tolist() for group in find_molecules(3, np.empty((0, 2)))] == [[0], [1], [2]]

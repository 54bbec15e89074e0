import numpy as np
import pytest
import torch

from aiida_elyte.science.forcefield.internal import InternalCoordinates
from aiida_elyte.science.forcefield.model import BONDED
from aiida_elyte.science.forcefield.readings import READINGS, turn

ANGLES = [(0, 1, 2), (0, 1, 3), (2, 1, 3), (1, 2, 3), (1, 3, 2), (1, 0, 2)]


def energy(kind, positions, row, parameters):
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    rows = {"bonds": pairs, "angles": ANGLES, kind: [row]} if kind != "bonds" else {"bonds": [row]}
    coordinates = InternalCoordinates(torch.as_tensor(positions)[None], **rows)
    term = BONDED[kind]
    return float(term.energy(coordinates.values(kind), torch.as_tensor(parameters)[:, None])[0, 0])


@pytest.mark.parametrize("kind", BONDED)
def test_energy_does_not_depend_on_the_order_a_row_is_read_in(kind):
    rng = np.random.default_rng(1)
    positions = rng.normal(size=(4, 3))
    parameters = rng.normal(size=len(BONDED[kind].parameters))
    if kind == "impropers":
        parameters[1] = 0.0  # chi0: its sign is that of an order
    assert len(READINGS[kind]) == (6 if kind == "impropers" else 2)
    places = range(len(READINGS[kind][0][0]))
    expected = energy(kind, positions, tuple(places), parameters)
    for order, columns in READINGS[kind]:
        assert sorted(order) == list(places)
        found = energy(kind, positions, order, parameters[list(columns)])
        assert found == pytest.approx(expected, rel=1e-12)
    if kind in ("angles", "dihedrals", "impropers"):  # a reading with the parameters as they were is another energy
        order = READINGS[kind][-1][0]
        assert energy(kind, positions, order, parameters) != pytest.approx(expected, rel=1e-3)


def test_parameters_turn_with_their_rows_and_back():
    rng = np.random.default_rng(2)
    for kind, readings in READINGS.items():
        if kind == "atoms":
            continue
        rows = np.array([rng.permutation(9)[: len(readings[0][0])] for _ in readings])
        wanted = np.array([row[list(places)] for row, (places, _) in zip(rows, readings, strict=True)])
        parameters = rng.normal(size=(len(rows), len(readings[0][1])))
        turned = turn(kind, parameters, rows, wanted)
        for before, after, (_, columns) in zip(parameters, turned, readings, strict=True):
            np.testing.assert_array_equal(after, before[list(columns)])
        np.testing.assert_array_equal(turn(kind, turned, wanted, rows), parameters)

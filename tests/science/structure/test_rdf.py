import itertools

import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.science.structure.rdf import RdfAccumulator, radial_distribution

TRICLINIC = np.array([[9.0, 0.0, 0.0], [2.5, 8.0, 0.0], [-1.5, 2.0, 8.5]])


def _distances(centres, others, cell):
    """Return the distances to all images in the 27 cells about the first, the naive way."""
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=3))) @ cell
    scaled = [points @ np.linalg.inv(cell) % 1.0 @ cell for points in (centres, others)]
    vectors = scaled[1][None, :, None] + shifts[None, None] - scaled[0][:, None, None]
    return np.linalg.norm(vectors, axis=-1).ravel()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("cell", [np.diag([9.0, 8.0, 7.0]), TRICLINIC], ids=["box", "triclinic"])
@pytest.mark.parametrize("pair", [("Li", "S"), ("S", "Li"), ("Li", "Li")])
def test_pairs_are_those_of_a_count_over_27_cells(pair, cell, dtype):
    rng = np.random.default_rng(1)
    species = np.array(["Li"] * 11 + ["S"] * 14)
    positions = (rng.uniform(-1, 2, (25, 3)) @ cell).astype(dtype)  # not wrapped
    rdf = RdfAccumulator(species, [pair], 3.4, 17)
    rdf.add(positions, cell)
    found = rdf.finish()[pair]
    chosen = [positions[species == name].astype(float) for name in pair]
    distances = _distances(*chosen, cell)
    counts = np.histogram(distances[distances > 1e-4], np.linspace(0, 3.4, 18))[0]
    np.testing.assert_allclose(found.coordination, np.cumsum(counts) / len(chosen[0]), atol=1e-12)
    assert counts.sum() > 20


@pytest.mark.parametrize("pair", [("Li", "S"), ("S", "Li"), ("Li", "Li")])
def test_an_ideal_gas_is_one_within_its_error(pair):
    rng = np.random.default_rng(0)
    rdf = RdfAccumulator(["Li"] * 30 + ["S"] * 50, [pair], 3.6, 12)
    for _ in range(100):
        cell = TRICLINIC * rng.uniform(0.98, 1.02)  # the box breathes
        rdf.add(rng.uniform(0, 1, (80, 3)) @ cell, cell)
    found = rdf.finish()[pair]
    deviation = (found.g - 1) / found.g_error
    assert np.abs(deviation).max() < 4
    assert 0.3 < np.mean(deviation**2) < 2.0
    assert found.g_error[-1] < 0.03
    assert found.first_peak_A is None
    assert found.first_minimum_A is None
    assert found.first_shell is None


def test_a_simple_cubic_crystal_has_its_shells():
    # a = 3 Å: 6 at a, 12 at a√2 = 4.243 Å, 8 at a√3 = 5.196 Å; 5 × 5 × 5 cells are 15 Å wide
    crystal = bulk("Po", "sc", a=3.0).repeat((5, 5, 5))
    rdf = radial_distribution([crystal], "Po", "Po", 5.5, 110)
    assert [rdf.coordination[np.searchsorted(rdf.r_A, r)] for r in (2.9, 3.5, 4.7, 5.4)] == [0, 6, 18, 26]
    assert rdf.first_peak_A == pytest.approx(3.0, abs=0.05)
    assert rdf.first_minimum_A == pytest.approx((3.0 + 4.243) / 2, abs=0.06)
    assert rdf.first_shell == pytest.approx(6)


def test_rock_salt_has_six_unlike_and_twelve_like_neighbours():
    # a = 5.13 Å: Li–Cl at a/2 = 2.565 Å (6), Li–Li at a/√2 = 3.627 Å (12)
    salt = bulk("LiCl", "rocksalt", a=5.13, cubic=True).repeat((2, 2, 2))
    unlike = radial_distribution([salt], "Li", "Cl", 5.0)
    like = radial_distribution([salt], "Li", "Li", 5.1)
    assert unlike.first_peak_A == pytest.approx(2.565, abs=0.04)
    assert unlike.first_shell == pytest.approx(6)
    assert like.first_peak_A == pytest.approx(3.627, abs=0.04)
    assert like.coordination[-1] == pytest.approx(12)


def test_shells_broadened_by_heat_keep_their_first_peak_and_minimum():
    # simple cubic, a = 3 Å, each coordinate with σ = 0.3 Å: the distance of two atoms spreads by s = 0.3 √2 = 0.424 Å,
    # g ~ exp(−(r − a)²/2s²)/r has its maximum where a − r = s²/r: r = 2.94 Å
    rng = np.random.default_rng(2)
    crystal = bulk("Po", "sc", a=3.0).repeat((5, 5, 5))
    rdf = RdfAccumulator(["Po"] * 125, [("Po", "Po")], 7.0, 140)
    for _ in range(64):
        rdf.add(crystal.positions + rng.normal(0, 0.3, (125, 3)), crystal.cell.array)
    found = rdf.finish()["Po", "Po"]
    smooth = np.convolve(found.g, np.ones(5) / 5, mode="same")
    inside = (found.r_A > 3.0) & (found.r_A < 4.2)
    assert found.first_peak_A == pytest.approx(2.94, abs=0.1)
    assert found.first_minimum_A == pytest.approx(found.r_A[inside][smooth[inside].argmin()], abs=0.1)
    assert found.first_shell == pytest.approx(6, abs=0.6)


def test_one_shell_and_nothing_after_it_has_no_minimum():
    rng = np.random.default_rng(3)
    rdf = RdfAccumulator(["Li", "Cl"], [("Li", "Cl")], 6.0, 60)
    for _ in range(200):
        rdf.add(np.array([[0, 0, 0], [rng.normal(2.4, 0.1), 0, 0]]), np.eye(3) * 20)
    found = rdf.finish()["Li", "Cl"]
    assert found.first_peak_A == pytest.approx(2.4, abs=0.2)
    assert found.first_minimum_A is None
    assert found.coordination[-1] == 1


def test_the_error_sees_correlated_frames():
    # one configuration written 64 times is worth one: the counting error would be 8 times too small
    rng = np.random.default_rng(4)
    errors = []
    for repeats in (1, 8):
        rdf = RdfAccumulator(["Li"] * 30, [("Li", "Li")], 4.0, 8)
        for _ in range(128 // repeats):
            positions = rng.uniform(0, 9, (30, 3))
            for _ in range(repeats):
                rdf.add(positions, np.eye(3) * 9)
        errors.append(rdf.finish()["Li", "Li"].g_error[2:].mean())
    assert errors[1] / errors[0] == pytest.approx(np.sqrt(8), rel=0.35)


def test_bad_input_is_named():
    salt = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    with pytest.raises(InputError, match=r"distance 3 Å exceeds half the narrowest width of the cell, 2.565 Å"):
        radial_distribution([salt], "Li", "Cl", 3.0)
    with pytest.raises(InputError, match="no pair of Li and Na; expected species among Cl, Li"):
        radial_distribution([salt], "Li", "Na")
    with pytest.raises(InputError, match="no pair of Li and Li"):
        RdfAccumulator(["Li", "Cl"], [("Li", "Li")])
    with pytest.raises(InputError, match="frames is empty"):
        radial_distribution([], "Li", "Cl")
    with pytest.raises(InputError, match="0 pairs"):
        RdfAccumulator(["Li", "Cl"], [])
    with pytest.raises(InputError, match="is -1 Å; expected a positive number"):
        RdfAccumulator(["Li", "Cl"], [("Li", "Cl")], -1)
    rdf = RdfAccumulator(["Li", "Cl"], [("Li", "Cl")], 2.0)
    with pytest.raises(InputError, match="cell has no volume"):
        rdf.add(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(InputError, match=r"expected finite ones of shape \(2, 3\)"):
        rdf.add(np.full((2, 3), np.nan), np.eye(3) * 9)
    with pytest.raises(InputError, match=r"shape \(3, 3\); expected"):
        rdf.add(np.zeros((3, 3)), np.eye(3) * 9)
    with pytest.raises(InputError, match="frames is empty"):
        rdf.finish()

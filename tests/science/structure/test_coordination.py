import itertools
import math

import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.science.structure.coordination import CoordinationCounter
from aiida_elyte.science.transport.estimates import Estimate, Refusal

BOX = np.eye(3) * 12.0


def _exchanging(rng, n_times, n_ions, enter=0.1, leave=0.1):
    """Return the number of ether (0 … 3) and TFSI (0 … 1) ligands of each ion, every place a two-state Markov chain."""
    places = np.zeros((n_times, n_ions, 4), dtype=bool)
    places[0] = rng.random((n_ions, 4)) < enter / (enter + leave)
    for time in range(1, n_times):
        rate = np.where(places[time - 1], leave, enter)
        places[time] = places[time - 1] ^ (rng.random((n_ions, 4)) < rate)
    return places


def _count(places):
    """Count the ligands of ions on a line, each with four places 2 Å away, or 4 Å when they have left."""
    n_ions = places.shape[1]
    cell = np.diag([10.0 * n_ions, 10.0, 10.0])
    ions = np.stack([10.0 * np.arange(n_ions), np.zeros(n_ions), np.zeros(n_ions)], axis=1)
    directions = np.array([[0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    species = ["Li"] * n_ions + ["O_ether", "O_ether", "O_ether", "O_TFSI"] * n_ions
    counter = CoordinationCounter(species, "Li", {"O_ether": 2.5, "O_TFSI": 3.0}, 50.0)
    for state in places:
        ligands = ions[:, None] + directions * np.where(state, 2.0, 4.0)[..., None]
        counter.add(np.concatenate([ions, ligands.reshape(-1, 3)]), cell)
    return counter.finish()


def test_counts_are_those_of_the_states():
    places = _exchanging(np.random.default_rng(1), 320, 6, 0.3, 0.3)
    found = _count(places)
    ether, tfsi = places[:, :, :3].sum(axis=2), places[:, :, 3].astype(int)
    np.testing.assert_allclose(found.number, np.stack([ether.mean(axis=1), tfsi.mean(axis=1)], axis=1))
    np.testing.assert_allclose(found.time_fs, 50.0 * np.arange(320))
    assert found.mean["O_ether"].value == pytest.approx(ether.mean())
    assert found.mean["total"].value == pytest.approx((ether + tfsi).mean())
    for (n_ether, n_tfsi), share in found.shells.items():
        assert share.value == pytest.approx(np.mean((ether == n_ether) & (tfsi == n_tfsi)))
    for number, share in found.numbers.items():
        assert share.value == pytest.approx(np.mean(ether + tfsi == number))
    assert sum(share.value for share in found.numbers.values()) == pytest.approx(1)
    shares = [share.value for share in found.shells.values()]
    assert shares == sorted(shares, reverse=True)


def test_intervals_of_correlated_shells_hold_the_truth():
    # each place is taken half of the time: 1.5 ether and 0.5 TFSI; three ether and one TFSI in 1/16 of the shells
    rng = np.random.default_rng(2)
    truth = {"O_ether": 1.5, "O_TFSI": 0.5, "total": 2.0}
    hits, shares = [], []
    for _ in range(30):
        found = _count(_exchanging(rng, 400, 3))
        hits += [found.mean[name].ci95[0] <= value <= found.mean[name].ci95[1] for name, value in truth.items()]
        shares.append(found.shells[3, 1].ci95[0] <= 1 / 16 <= found.shells[3, 1].ci95[1])
        shares.append(found.numbers[2].ci95[0] <= 6 / 16 <= found.numbers[2].ci95[1])
    assert np.mean(hits) > 0.88
    assert np.mean(shares) > 0.85


def test_the_error_is_not_that_of_correlated_frames():
    # ρ(k) = 0.98^k, τ = 49.5 frames: 4000 frames × 12 places of variance 1/4 each: σ² = 12/16/4000 × 99 for the mean of
    # three ions' sum of four places, σ = √(0.25 × 12)/3 / √(4000/99) = 0.0908; frame by frame it would be 0.0091
    found = _count(_exchanging(np.random.default_rng(3), 4000, 3, 0.01, 0.01))
    assert found.mean["total"].std == pytest.approx(0.0908, rel=0.5)


def test_a_crystal_has_its_coordination_exactly():
    salt = bulk("LiCl", "rocksalt", a=5.13, cubic=True).repeat((2, 2, 2))
    counter = CoordinationCounter(salt.get_chemical_symbols(), "Li", {"Cl": 3.0, "Li": 4.0}, 100.0)
    for _ in range(3):
        counter.add(salt.positions, salt.cell.array)
    found = counter.finish()
    assert found.mean["Cl"].value == 6
    assert found.mean["Li"].value == 12
    assert found.mean["total"].std == 0
    assert list(found.shells) == [(6, 12)]
    assert list(found.numbers) == [18]


def test_neighbours_are_found_through_the_faces_of_a_triclinic_cell():
    cell = np.array([[9.0, 0.0, 0.0], [3.0, 8.0, 0.0], [-2.0, 2.0, 8.5]])
    rng = np.random.default_rng(4)
    positions = rng.uniform(0, 1, (40, 3)) @ cell
    counter = CoordinationCounter(["Li"] * 10 + ["S"] * 30, "Li", {"S": 3.0}, 1.0)
    counter.add(positions + 5 * cell[0] - 2 * cell[2], cell)
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=3))) @ cell
    distances = np.linalg.norm(positions[10:, None] + shifts - positions[:10, None, None], axis=-1)
    assert counter.finish().number[0, 0] == pytest.approx((distances < 3.0).sum() / 10)


def test_a_run_too_short_is_refused_an_error_bar_but_tells_what_it_saw():
    found = _count(_exchanging(np.random.default_rng(5), 30, 3, 0.02, 0.02))
    assert isinstance(found.mean["total"], Refusal)
    share = next(iter(found.shells.values()))
    assert isinstance(share, Refusal)
    assert share.reason.startswith("share 0.")
    assert found.number.shape == (30, 2)


def test_absent_ligands_are_absent():
    counter = CoordinationCounter(["Li", "O"], "Li", {"O": 3.0}, 1.0)
    for _ in range(20):
        counter.add(np.array([[0.0, 0, 0], [6, 6, 6]]), BOX)
    found = counter.finish()
    assert found.mean["O"].value == 0
    assert isinstance(found.numbers[0], Estimate)
    assert found.numbers[0].value == 1


def test_bad_input_is_named():
    with pytest.raises(InputError, match="no pair of Li and Na; expected species among Li, O"):
        CoordinationCounter(["Li", "O"], "Li", {"Na": 3.0}, 1.0)
    with pytest.raises(InputError, match="cutoffs_A is empty"):
        CoordinationCounter(["Li", "O"], "Li", {}, 1.0)
    with pytest.raises(InputError, match="is nan Å"):
        CoordinationCounter(["Li", "O"], "Li", {"O": math.nan}, 1.0)
    with pytest.raises(InputError, match="interval_fs is 0"):
        CoordinationCounter(["Li", "O"], "Li", {"O": 3.0}, 0)
    counter = CoordinationCounter(["Li", "O"], "Li", {"O": 7.0}, 1.0)
    with pytest.raises(InputError, match="exceeds half the narrowest width"):
        counter.add(np.zeros((2, 3)), BOX)
    with pytest.raises(InputError, match="no frame was counted"):
        counter.finish()

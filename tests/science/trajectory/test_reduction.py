import tracemalloc

import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Reducer, pack_series, reduce_frames, unpack_series

SYMBOLS = ["Li"] * 4 + ["S"] * 3
MASSES = [6.94] * 4 + [32.06] * 3
CUBIC = np.eye(3) * 8.0
TRICLINIC = np.array([[8.0, 0, 0], [3.0, 7.0, 0], [-2.0, 2.5, 9.0]])


def _walk(rng, n_frames=60, n_atoms=7, step=0.5):
    return rng.uniform(0, 8, (n_atoms, 3)) + np.cumsum(rng.normal(0, step, (n_frames, n_atoms, 3)), axis=0)


def _breathing(cell, n_frames):
    return cell * (1 + 0.03 * np.sin(np.arange(n_frames) / 5.0))[:, None, None]


def _reduce(positions, cells, **options):
    reducer = Reducer(SYMBOLS, MASSES, 20.0, **options)
    for frame, cell in zip(positions, cells, strict=True):
        reducer.add(frame, cell)
    return reducer.finish()


def _wrap(positions, cells):
    scaled = positions @ np.linalg.inv(cells)
    return (scaled - np.floor(scaled)) @ cells


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
def test_unwrapping_in_a_constant_cell_gives_back_the_walk(cell):
    walk = _walk(np.random.default_rng(0))
    cells = np.broadcast_to(cell, (60, 3, 3))
    series = _reduce(_wrap(walk, cells), cells)
    moved = walk - walk[0]
    np.testing.assert_allclose(series.displacements_A, moved, atol=1e-5)
    np.testing.assert_allclose(series.collective_A[:, 0], moved[:, :4].sum(axis=1), atol=1e-9)
    centre = np.einsum("tad,a->td", moved, MASSES) / np.sum(MASSES)
    np.testing.assert_allclose(series.centre_of_mass_A, centre, atol=1e-9)
    np.testing.assert_allclose(series.volume_A3, abs(np.linalg.det(cell)))


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
def test_wrapped_and_unwrapped_give_the_same_series_in_a_breathing_cell(cell):
    rng = np.random.default_rng(1)
    cells = _breathing(cell, 60)
    scaled = rng.uniform(0, 1, (7, 3)) + np.cumsum(rng.normal(0, 0.06, (60, 7, 3)), axis=0)
    wrapped, unwrapped = (scaled - np.floor(scaled)) @ cells, scaled @ cells
    np.testing.assert_allclose(_reduce(wrapped, cells).collective_A, _reduce(unwrapped, cells).collective_A, atol=1e-8)


def test_still_ions_in_a_breathing_cell_do_not_diffuse():
    # image flags would add n (L(t) - L(0)); here every displacement stays within the breath of one cell, 3 % of 8 Å
    cells = _breathing(CUBIC, 400)
    scaled = np.random.default_rng(2).uniform(-20, 20, (7, 3))
    series = _reduce(scaled @ cells, cells)
    assert np.abs(series.displacements_A).max() < 2 * 0.03 * 8.0


def test_memory_is_bounded_and_the_sums_keep_every_frame():
    walk = _walk(np.random.default_rng(3), n_frames=1000, step=0.1)
    cells = np.broadcast_to(CUBIC, (1000, 3, 3))
    series = _reduce(walk, cells, tracked=["Li"], max_megabytes=100 * 4 * 12 / 1e6)
    assert len(series.displacements_A) <= 100
    assert series.tracked_every == 16  # 1000 frames into 100 places
    assert series.tracked_interval_fs == 320.0
    np.testing.assert_allclose(np.diff(series.time_fs), 20.0)
    assert series.tracked == ("Li",) * 4
    moved = walk - walk[0]
    np.testing.assert_allclose(series.displacements_A, moved[::16, :4], atol=1e-5)
    np.testing.assert_allclose(series.collective_A[:, 0], moved[:, :4].sum(axis=1), atol=1e-9)


def test_molecules_are_followed_by_their_centres_of_mass():
    walk = _walk(np.random.default_rng(8), n_frames=50, step=0.3)
    cells = np.broadcast_to(TRICLINIC, (50, 3, 3))
    molecules = {"S2Li": [np.array([3, 4, 5])]}
    series = _reduce(_wrap(walk, cells), cells, molecules=molecules)
    moved = walk - walk[0]
    masses = np.array(MASSES)
    centre = np.einsum("tad,a->td", moved[:, 3:6], masses[3:6]) / masses[3:6].sum()
    assert series.species == ("Li", "S2Li", "S")
    assert series.tracked == ("Li", "Li", "Li", "S2Li", "S")
    np.testing.assert_array_equal(series.counts, [3, 1, 1])
    np.testing.assert_allclose(series.masses, [6.94, masses[3:6].sum(), 32.06])
    np.testing.assert_allclose(series.collective_A[:, 1], centre, atol=1e-9)
    np.testing.assert_allclose(series.displacements_A[:, 3], centre, atol=1e-5)
    everything = np.einsum("tad,a->td", moved, masses) / masses.sum()
    np.testing.assert_allclose(series.centre_of_mass_A, everything, atol=1e-9)


def test_currents_are_the_velocities_summed():
    rng = np.random.default_rng(9)
    velocities = rng.normal(0, 0.01, (10, 7, 3))
    reducer = Reducer(SYMBOLS, MASSES, 1.0, molecules={"M": [np.array([0, 6])]})
    for v in velocities:
        reducer.add(np.zeros((7, 3)), CUBIC, velocities_A_fs=v)
    series = reducer.finish()
    assert series.species == ("M", "Li", "S")
    light, heavy = 6.94, 32.06
    np.testing.assert_allclose(
        series.currents_A_fs[:, 0], (light * velocities[:, 0] + heavy * velocities[:, 6]) / (light + heavy)
    )
    np.testing.assert_allclose(series.currents_A_fs[:, 1], velocities[:, 1:4].sum(axis=1))
    with pytest.raises(InputError, match="frame 10 of replica r0 lacks velocities"):
        reducer.add(np.zeros((7, 3)), CUBIC)


@pytest.mark.parametrize(
    ("molecules", "said"),
    [
        ({"M": [np.array([0, 1]), np.array([1, 2])]}, "one molecule at most"),
        ({"M": [np.array([], int)]}, "no atoms"),
        ({"Li": [np.array([0, 6])]}, "as are atoms"),
    ],
)
def test_unusable_molecules(molecules, said):
    with pytest.raises(InputError, match=said):
        Reducer(SYMBOLS, MASSES, 1.0, molecules=molecules)


def test_jump_of_about_half_a_cell_is_refused_and_a_known_one_is_not():
    start = np.random.default_rng(10).uniform(0, 8, (7, 3))
    far, too_far = start.copy(), start.copy()
    far[4, 1] += 0.45 * 8.0
    too_far[4, 1] += 0.55 * 8.0
    for jumped in (far, too_far, _wrap(far, CUBIC), _wrap(too_far, CUBIC)):
        reducer = Reducer(SYMBOLS, MASSES, 1.0)
        reducer.add(start, CUBIC)
        with pytest.raises(InputError, match=r"frame 1 of replica r0 moves atom 4 by 0\.45 of the cell along vector 1"):
            reducer.add(jumped, CUBIC)
    known = Reducer(SYMBOLS, MASSES, 1.0, is_unwrapped=True)
    known.add(start, CUBIC)
    known.add(too_far, CUBIC)
    np.testing.assert_allclose(known.finish().displacements_A[1, 4], [0, 4.4, 0], atol=1e-6)


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
def test_known_unwrapped_positions_in_a_breathing_cell_give_the_toroidal_series(cell):
    rng = np.random.default_rng(11)
    cells = _breathing(cell, 60)
    cells[:20] = cell  # at rest first
    scaled = rng.uniform(-3, 3, (7, 3)) + np.cumsum(rng.normal(0, 0.06, (60, 7, 3)), axis=0)
    wrapped, unwrapped = (scaled - np.floor(scaled)) @ cells, scaled @ cells
    known = _reduce(unwrapped, cells, is_unwrapped=True)
    np.testing.assert_allclose(known.collective_A, _reduce(wrapped, cells).collective_A, atol=1e-8)
    np.testing.assert_allclose(known.displacements_A, _reduce(unwrapped, cells).displacements_A, atol=1e-5)


def test_interrupted_reduction_gives_the_unbroken_series(tmp_path):
    walk = _walk(np.random.default_rng(4), n_frames=301)
    cells = _breathing(TRICLINIC, 301)
    options = {"max_megabytes": 64 * 7 * 12 / 1e6, "replica": "r3", "member": "m01"}
    whole = _reduce(walk, cells, **options)
    first = Reducer(SYMBOLS, MASSES, 20.0, **options)
    for frame, cell in zip(walk[:157], cells[:157], strict=True):
        first.add(frame, cell)
    np.savez(tmp_path / "state.npz", **first.state_dict())
    second = Reducer(SYMBOLS, MASSES, 20.0, **options)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as state:
        second.load_state_dict(state)
    for frame, cell in zip(walk[157:], cells[157:], strict=True):
        second.add(frame, cell)
    for name, array in whole.to_arrays().items():
        np.testing.assert_array_equal(second.finish().to_arrays()[name], array)


def test_series_survive_the_file(tmp_path):
    walk = _walk(np.random.default_rng(5))
    cells = np.broadcast_to(CUBIC, (60, 3, 3))
    series = [_reduce(walk, cells, replica=f"r{k}", member="m00") for k in range(2)]
    np.savez(tmp_path / "series.npz", **pack_series(series))
    with np.load(tmp_path / "series.npz", allow_pickle=False) as arrays:
        back = unpack_series(arrays)
    assert [(one.replica, one.member, one.species, one.tracked) for one in back] == [
        (one.replica, one.member, one.species, one.tracked) for one in series
    ]
    np.testing.assert_array_equal(back[1].displacements_A, series[1].displacements_A)
    with pytest.raises(InputError, match="given twice"):
        pack_series([series[0], series[0]])


def test_one_frame_gives_one_sample_at_rest():
    series = _reduce(_walk(np.random.default_rng(6), n_frames=1), CUBIC[None])
    assert series.collective_A.shape == (1, 2, 3)
    assert not series.displacements_A.any()


def test_no_frame_gives_an_empty_series():
    series = Reducer(SYMBOLS, MASSES, 1.0).finish()
    assert series.displacements_A.shape == (0, 7, 3)


def test_bad_frames_are_refused_with_their_number():
    reducer = Reducer(SYMBOLS, MASSES, 20.0)
    good = np.zeros((7, 3))
    reducer.add(good, CUBIC)
    with pytest.raises(InputError, match="frame 1 of replica r0 has positions that are not finite"):
        reducer.add(good * np.nan, CUBIC)
    with pytest.raises(InputError, match=r"shape \(6, 3\); expected \(7, 3\)"):
        reducer.add(good[:6], CUBIC)
    with pytest.raises(InputError, match="no cell of positive volume"):
        reducer.add(good, np.zeros((3, 3)))
    with pytest.raises(InputError, match="another order"):
        reducer.add(good, CUBIC, symbols=SYMBOLS[::-1])
    with pytest.raises(InputError, match="interval_fs is 0"):
        Reducer(SYMBOLS, MASSES, 0)
    with pytest.raises(InputError, match="tracked names Na; expected species among Li, S"):
        Reducer(SYMBOLS, MASSES, 1.0, tracked=["Na"])


def test_frames_in_another_order_of_atoms_are_refused():
    frames = [Atoms("LiS", positions=[[0, 0, 0], [2, 2, 2]], cell=CUBIC, pbc=True) for _ in range(2)]
    assert len(reduce_frames(frames, 10.0).time_fs) == 2
    with pytest.raises(InputError, match="another order"):
        reduce_frames([frames[0], frames[1][[1, 0]]], 10.0)
    with pytest.raises(InputError, match="frames is empty"):
        reduce_frames([], 10.0)


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
def test_sums_of_single_precision_do_not_drift(cell):
    # each position is off by half a unit in the last place at most, 4.8e-7 Å below 16 Å; so is a sum of four atoms by
    # a few of these at any time, where 20 000 rounded steps would add up to a hundred
    n_frames = 20_000
    walk = _walk(np.random.default_rng(12), n_frames=n_frames, step=0.3)
    cells = np.broadcast_to(cell, (n_frames, 3, 3))
    series = _reduce(_wrap(walk, cells).astype(np.float32), cells)
    off = np.abs(series.collective_A[:, 0] - (walk - walk[0])[:, :4].sum(axis=1))
    assert off.max() < 8 * 4.8e-7
    assert off[-1000:].mean() < 1.5 * off[:1000].mean()


def test_a_series_lasts_while_its_reducer_goes_on():
    walk = _walk(np.random.default_rng(13), n_frames=400, step=0.1)
    reducer = Reducer(SYMBOLS, MASSES, 20.0, max_megabytes=0.0)
    kept = []
    for index, frame in enumerate(walk):
        reducer.add(frame, CUBIC)
        if index % 37 == 0:
            series = reducer.finish()
            kept.append((series, {name: array.copy() for name, array in series.to_arrays().items()}))
    assert reducer.finish().tracked_every == 8  # 400 frames into 64 places
    for series, arrays in kept:
        for name, array in series.to_arrays().items():
            np.testing.assert_array_equal(array, arrays[name])
        np.testing.assert_allclose(
            series.displacements_A, (walk - walk[0])[: len(series.time_fs) : series.tracked_every], atol=1e-5
        )


def test_displacements_are_in_memory_once():
    n_atoms, n_frames = 1000, 1500  # 18 MB, thinned twice to at most 6
    walk = _walk(np.random.default_rng(14), n_frames=n_frames, n_atoms=n_atoms, step=0.1).astype(np.float32)
    tracemalloc.start()
    reducer = Reducer(["Li"] * n_atoms, [6.94] * n_atoms, 1.0, max_megabytes=6.0)
    for frame in walk:
        reducer.add(frame, CUBIC)
    series = reducer.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert series.displacements_A.nbytes == 12 * n_atoms * 375
    assert peak < 1.3 * 6e6
    np.testing.assert_allclose(series.displacements_A, (walk - walk[0])[::4], atol=1e-5)


@pytest.mark.parametrize("max_megabytes", [0.0, 1e6])
def test_a_bound_far_from_what_is_needed_does_no_harm(max_megabytes):
    walk = _walk(np.random.default_rng(15), n_frames=200, step=0.1)
    cells = np.broadcast_to(CUBIC, (200, 3, 3))
    series = _reduce(walk, cells, max_megabytes=max_megabytes)
    every = 4 if max_megabytes == 0.0 else 1  # 64 places at least
    np.testing.assert_allclose(series.displacements_A, (walk - walk[0])[::every], atol=1e-5)
    untracked = _reduce(walk, cells, max_megabytes=max_megabytes, tracked=[])
    assert untracked.displacements_A.shape[1:] == (0, 3)
    np.testing.assert_array_equal(untracked.collective_A, series.collective_A)

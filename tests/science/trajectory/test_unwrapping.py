"""Displacements in cells that breathe, shear and flip, beside sums written out step by step."""

import itertools

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Reducer
from aiida_elyte.science.trajectory.unwrapping import Unwrapper

CUBIC = np.eye(3) * 8.0
TRICLINIC = np.array([[8.0, 0, 0], [3.0, 7.0, 0], [-2.0, 2.5, 9.0]])
ROTATION = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
ROTATION *= np.linalg.det(ROTATION)
GENERAL = TRICLINIC @ ROTATION
N_ATOMS = 9
WEIGHTS = np.stack([np.ones(N_ATOMS), np.arange(N_ATOMS)])


def _swing(n_frames, shape=()):
    """Return strains of up to 2 %, each component at a pace of its own."""
    pace = 3.0 + np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    return 0.02 * np.sin(np.arange(n_frames).reshape(-1, *[1] * len(shape)) / pace)


def _strained(cell, kind, n_frames):
    strain = np.zeros((n_frames, 3, 3))
    if kind == "isotropic":
        strain += np.eye(3) * _swing(n_frames)[:, None, None]
    elif kind == "anisotropic":
        strain += np.eye(3) * _swing(n_frames, (3,))[:, None]
    else:
        strain += _swing(n_frames, (3, 3))
    return cell @ (np.eye(3) + strain)


def _walk(n_frames, seed=1, step=0.05):
    """Return scaled positions far outside the cell."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-4, 4, (N_ATOMS, 3)) + np.cumsum(rng.normal(0, step, (n_frames, N_ATOMS, 3)), axis=0)


def _written_out(scaled, cells):
    """Return the displacements at every frame: the steps through the lattice, each in the mean of its two cells."""
    moved = [np.zeros((N_ATOMS, 3))]
    for frame in range(1, len(cells)):
        step = (scaled[frame] - scaled[frame - 1]) @ (0.5 * cells[frame] + 0.5 * cells[frame - 1])
        moved.append(moved[-1] + step)
    return np.array(moved)


def _followed(positions, cells, is_unwrapped=False):
    unwrapper = Unwrapper(WEIGHTS, is_unwrapped=is_unwrapped)
    moved = []
    for frame, cell in zip(positions, cells, strict=True):
        unwrapper.add(frame, cell)
        moved.append(unwrapper.displacements_A)
        np.testing.assert_allclose(unwrapper.sums_A, WEIGHTS @ moved[-1], atol=1e-9)
    return np.array(moved)


def _flipped(scaled, cells, bases):
    """Return scaled positions and cells in other bases of the same lattices, one a frame."""
    return scaled @ np.linalg.inv(bases), bases @ cells


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC, GENERAL], ids=["cubic", "triclinic", "general"])
@pytest.mark.parametrize("kind", ["isotropic", "anisotropic", "shearing"])
def test_steps_are_those_through_the_lattice_wrapped_or_not(cell, kind):
    scaled, cells = _walk(120), _strained(cell, kind, 120)
    expected = _written_out(scaled, cells)
    assert np.abs(expected[-1] - (scaled[-1] @ cells[-1] - scaled[0] @ cells[0])).max() > 0.1
    np.testing.assert_allclose(_followed((scaled % 1.0) @ cells, cells), expected, atol=1e-10)
    np.testing.assert_allclose(_followed(scaled @ cells, cells), expected, atol=1e-10)
    np.testing.assert_allclose(_followed(scaled @ cells, cells, is_unwrapped=True), expected, atol=1e-10)


@pytest.mark.parametrize("is_unwrapped", [False, True])
@pytest.mark.parametrize("kind", ["isotropic", "anisotropic", "shearing"])
def test_atoms_at_rest_in_the_lattice_do_not_move(kind, is_unwrapped):
    cells = _strained(TRICLINIC, kind, 300)
    scaled = np.broadcast_to(_walk(1), (300, N_ATOMS, 3))
    assert np.abs(_followed(scaled @ cells, cells, is_unwrapped)).max() < 1e-11


@pytest.mark.parametrize("is_unwrapped", [False, True])
def test_what_is_left_of_the_swing_is_of_second_order_in_the_interval(is_unwrapped):
    # u = 0.02 Å a frame along each axis while edges swing by 2 %: s = ∫u/L dt, to be found again as u t
    time = np.linspace(0.0, 40.0, 4001)
    edges = 8.0 * (1 + 0.02 * np.sin(time))
    path = np.cumsum(np.concatenate([[0.0], 0.5 * (0.02 / edges[1:] + 0.02 / edges[:-1]) * np.diff(time)]))
    scaled = np.linspace(0.1, 0.9, N_ATOMS)[:, None] + path[:, None, None] * np.ones(3)
    positions, cells = scaled * edges[:, None, None], edges[:, None, None] * np.eye(3)
    errors = []
    for every in (100, 50):
        moved = _followed((positions if is_unwrapped else positions % edges[:, None, None])[::every], cells[::every])
        errors.append(np.abs(moved - 0.02 * time[::every, None, None]).max())
    assert errors[0] < 1e-4 * 0.8  # of 0.8 Å in all, where the swing itself is up to 0.16 Å
    assert errors[1] == pytest.approx(errors[0] / 4, rel=0.2)


FLIPS = [
    basis
    for xy, xz, yz in itertools.product((-1, 0, 1), repeat=3)
    if (basis := np.array([[1, 0, 0], [xy, 1, 0], [xz, yz, 1]])).any() and (xy, xz, yz) != (0, 0, 0)
]


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC, GENERAL], ids=["cubic", "triclinic", "general"])
@pytest.mark.parametrize("breathes", [False, True])
def test_flips_of_a_tilted_cell_are_no_motion(cell, breathes):
    for seed, basis in enumerate(FLIPS):
        scaled = _walk(30, seed, step=0.02)
        cells = _strained(cell, "shearing", 30) if breathes else np.broadcast_to(cell, (30, 3, 3))
        bases = np.where(np.arange(30)[:, None, None] < 12, np.eye(3), basis)
        expected = _written_out(scaled, cells)
        in_flipped, flipped = _flipped(scaled, cells, bases)
        wrapped = (in_flipped - np.floor(in_flipped)) @ flipped
        np.testing.assert_allclose(_followed(wrapped, flipped), expected, atol=1e-10)
        np.testing.assert_allclose(_followed(scaled @ cells, flipped, is_unwrapped=True), expected, atol=1e-10)
        images = np.floor(in_flipped)  # as ix iy iz of a dump
        by_images = wrapped + images[..., :1] * flipped[:, None, 0]
        by_images += images[..., 1:2] * flipped[:, None, 1] + images[..., 2:] * flipped[:, None, 2]
        np.testing.assert_allclose(_followed(by_images, flipped, is_unwrapped=True), expected, atol=1e-10)


@pytest.mark.parametrize("is_unwrapped", [False, True])
def test_a_cell_sheared_on_and_on_flips_again_and_again(is_unwrapped):
    # every point is carried on by 0.03 y along x, by 0.02 z along y; tilts above one half are taken back
    n_frames = 300
    gradient = np.array([[1, 0, 0], [0.03, 1, 0], [0, 0.02, 1]])
    cells = [np.diag([8.0, 9.0, 10.0])]
    while len(cells) < n_frames:
        cells.append(cells[-1] @ gradient)
    cells = np.array(cells)
    bases = np.tile(np.eye(3), (n_frames, 1, 1))
    for basis, cell in zip(bases, cells, strict=True):
        for long, short in ((1, 0), (2, 1), (2, 0)):
            basis[long] -= np.rint((basis @ cell)[long, short] / cell[short, short]) * basis[short]
    assert len(np.unique(bases, axis=0)) > 10
    scaled = _walk(1, step=0.02) + np.zeros((n_frames, 1, 1))
    steps = np.random.default_rng(5).normal(0, 0.1, (n_frames, N_ATOMS, 3))
    steps[0] = 0.0
    scaled = scaled + np.cumsum(steps @ np.linalg.inv(cells), axis=0)
    in_flipped, flipped = _flipped(scaled, cells, bases)
    assert np.abs(flipped[:, 1, 0]).max() <= 0.5 * 8.0 + 1e-9
    assert np.abs(flipped[:, 2, 1]).max() <= 0.5 * 9.0 + 1e-9
    positions = scaled @ cells if is_unwrapped else (in_flipped % 1.0) @ flipped
    np.testing.assert_allclose(_followed(positions, flipped, is_unwrapped), _written_out(scaled, cells), atol=1e-8)


def test_vectors_that_change_places_are_no_motion():
    scaled, cells = _walk(10), np.broadcast_to(TRICLINIC, (10, 3, 3))
    cycle = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    in_turned, turned = _flipped(scaled, cells, np.where(np.arange(10)[:, None, None] < 5, np.eye(3), cycle))
    expected = scaled @ TRICLINIC - scaled[0] @ TRICLINIC
    np.testing.assert_allclose(_followed((in_turned % 1.0) @ turned, turned), expected, atol=1e-10)


@pytest.mark.parametrize(
    ("strain", "said"),
    [
        (np.diag([1.15, 1.15, 1.15]), r"by a strain of 0\.15; expected less than 0\.1"),
        (np.diag([0.8, 1.0, 1.0]), r"by a strain of 0\.20"),
        (np.diag([2.0, 1.0, 1.0]), "by another lattice"),
        (np.array([[1, 0, 0], [0.45, 1, 0], [0, 0, 1.0]]), r"by a strain of 0\.45"),
        (np.array([[1, 0, 0], [0.55, 1, 0], [0, 0, 1.0]]), r"by a strain of 0\.45"),
        (np.diag([-1.0, 1.0, 1.0]), "other handedness"),
        (np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1.0]]), "other handedness"),
    ],
    ids=["compressed", "shortened", "doubled", "sheared", "sheared further", "mirrored", "swapped"],
)
@pytest.mark.parametrize("is_unwrapped", [False, True])
def test_a_change_of_the_cell_that_cannot_be_told_is_rejected(strain, said, is_unwrapped):
    scaled = _walk(3, step=0.02)
    unwrapper = Unwrapper(WEIGHTS, is_unwrapped=is_unwrapped)
    unwrapper.add(scaled[0] @ CUBIC, CUBIC)
    with pytest.raises(InputError, match=said):
        unwrapper.add(scaled[1] @ CUBIC @ strain, CUBIC @ strain)
    unwrapper.add(scaled[2] @ CUBIC, CUBIC)  # nothing was changed
    np.testing.assert_allclose(unwrapper.displacements_A, (scaled[2] - scaled[0]) @ CUBIC, atol=1e-12)


def test_thermal_shear_of_a_long_cell_is_told_from_a_flip():
    # c is 20 a: a shear of 1 % moves its end by a fifth of a
    long = np.diag([5.0, 5.0, 100.0])
    sheared = long @ np.array([[1, 0, 0], [0, 1, 0], [0.01, 0, 1]])
    scaled = _walk(2, step=0.02)
    expected = (scaled[1] - scaled[0]) @ (long + sheared) / 2
    for cell in (sheared, np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 1]]) @ sheared):
        in_cell = scaled[1] @ sheared @ np.linalg.inv(cell)
        found = _followed([(scaled[0] % 1.0) @ long, (in_cell % 1.0) @ cell], [long, cell])[1]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_long_step_is_measured_in_the_changed_cell():
    scaled = _walk(2, step=0.02)
    cells = _strained(TRICLINIC, "isotropic", 2)
    for part, is_fine in ((0.39, True), (0.41, False)):
        jumped = scaled.copy()
        jumped[1] = scaled[0]
        jumped[1, 4, 2] += part
        unwrapper = Unwrapper(WEIGHTS)
        unwrapper.add((jumped[0] % 1.0) @ cells[0], cells[0])
        if is_fine:
            unwrapper.add((jumped[1] % 1.0) @ cells[1], cells[1])
            continue
        with pytest.raises(InputError, match=r"moves atom 4 by 0\.41 of the cell along vector 2"):
            unwrapper.add((jumped[1] % 1.0) @ cells[1], cells[1])
        assert not unwrapper.displacements_A.any()


@pytest.mark.parametrize("stop", [1, 12, 20, 33], ids=["first frame", "at rest", "before a flip", "after it"])
@pytest.mark.parametrize("is_unwrapped", [False, True])
def test_an_interrupted_series_is_the_unbroken_one_bit_by_bit(stop, is_unwrapped, tmp_path):
    scaled, cells = _walk(50), _strained(TRICLINIC, "shearing", 50)
    cells[:15] = cells[0]
    flipped = np.where(np.arange(50)[:, None, None] < 20, np.eye(3), [[1, 0, 0], [-1, 1, 0], [0, 1, 1]]) @ cells
    positions = (scaled @ cells).astype(np.float32)
    whole = _followed(positions, flipped, is_unwrapped)
    first, second = (Unwrapper(WEIGHTS, is_unwrapped=is_unwrapped) for _ in range(2))
    for frame, cell in zip(positions[:stop], flipped[:stop], strict=True):
        first.add(frame, cell)
    np.savez(tmp_path / "state.npz", **first.state_dict())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as state:
        second.load_state_dict(state)
    for index in range(stop, 50):
        second.add(positions[index], flipped[index])
        np.testing.assert_array_equal(second.displacements_A, whole[index])
    np.testing.assert_array_equal(second.basis, [[1, 0, 0], [1, 1, 0], [-1, -1, 1]])


def test_a_state_of_an_earlier_version_is_rejected():
    unwrapper = Unwrapper(WEIGHTS)
    unwrapper.add(_walk(1)[0] @ CUBIC, CUBIC)
    state = unwrapper.state_dict()
    del state["moved"]
    with pytest.raises(InputError, match="state lacks moved; expected one of this version; reduce the trajectory from"):
        Unwrapper(WEIGHTS).load_state_dict(state)


def test_single_precision_does_not_drift_in_a_breathing_cell():
    # one rounding is 2.4e-7 Å at most below 8 Å; each counts by the change of the cell, some 0.4 % between two frames
    n_frames = 5_000
    scaled, cells = _walk(n_frames, step=0.02), _strained(CUBIC, "isotropic", n_frames)
    expected = _written_out(scaled, cells)
    found = _followed(((scaled % 1.0) @ cells).astype(np.float32), cells)
    off = np.abs(found - expected)
    assert off.max() < 8 * 4.8e-7
    assert off[-500:].mean() < 1.5 * off[:500].mean()


def test_the_mean_cell_is_in_the_basis_of_the_first_frame():
    cells = _strained(TRICLINIC, "shearing", 40)
    flipped = np.where(np.arange(40)[:, None, None] < 20, np.eye(3), [[1, 0, 0], [1, 1, 0], [-1, 0, 1]]) @ cells
    reducer = Reducer(["Li"] * N_ATOMS, [6.94] * N_ATOMS, 1.0, is_unwrapped=True)
    for cell in flipped:
        reducer.add(np.zeros((N_ATOMS, 3)), cell)
    np.testing.assert_allclose(reducer.finish().cell_A, cells.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(reducer.finish().volume_A3, np.linalg.det(cells))


@pytest.mark.parametrize("breathes", [False, True])
def test_image_flags_lost_when_a_run_is_continued_are_rejected(breathes):
    scaled = _walk(40, step=0.02)
    cells = _strained(TRICLINIC, "isotropic", 40) if breathes else np.broadcast_to(TRICLINIC, (40, 3, 3))
    scaled[25:] -= np.floor(scaled[25])
    unwrapper = Unwrapper(WEIGHTS, is_unwrapped=True)
    for frame, cell in zip(scaled[:25], cells[:25], strict=True):
        unwrapper.add(frame @ cell, cell)
    before = unwrapper.displacements_A
    with pytest.raises(InputError, match=r"moves \d atoms by whole cells, atom \d first, where none moved by 0\.25"):
        unwrapper.add(scaled[25] @ cells[25], cells[25])
    np.testing.assert_array_equal(unwrapper.displacements_A, before)


@pytest.mark.parametrize("breathes", [False, True])
def test_long_steps_of_unwrapped_positions_are_taken_as_they_are(breathes):
    # steps of 0.4 of the cell on average: some reach 0.75, others a quarter and more; and one ion that hops by a vector
    cells = _strained(TRICLINIC, "isotropic", 60) if breathes else np.broadcast_to(TRICLINIC, (60, 3, 3))
    sparse = _walk(60, step=0.4)
    assert np.abs(np.diff(sparse, axis=0)).max() > 1.0
    np.testing.assert_allclose(
        _followed(sparse @ cells, cells, is_unwrapped=True), _written_out(sparse, cells), atol=1e-10
    )
    hopping = _walk(60, step=0.02)
    hopping[40:, 3] += [0.0, 1.0, 0.0]
    np.testing.assert_allclose(
        _followed(hopping @ cells, cells, is_unwrapped=True), _written_out(hopping, cells), atol=1e-10
    )

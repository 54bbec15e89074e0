import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_elyte.contracts.seeds import SeedKindContract
from aiida_elyte.errors import InputError
from aiida_elyte.science.contact import closest_contact
from aiida_elyte.science.frames import block_of, read_frames, write_frames
from aiida_elyte.science.seeds.perturb import PERTURBATIONS, Perturb, rattle, scale, shear, strain, supercell

NONE = {kind: {"count": 0} for kind in ("rattle", "strain", "shear", "shrink", "supercell")}


class TestPerturb(SeedKindContract):
    @pytest.fixture
    def kind(self):
        return Perturb(seed=3)


def make_seeds(structure, settings, rng):
    return Perturb(**settings).make(structure, rng)


@pytest.fixture
def crystal():
    return bulk("LiCl", "rocksalt", a=5.13, cubic=True)


@pytest.fixture
def triclinic():
    return Atoms("LiS", [[0, 0, 0], [2.3, 1.8, 2.0]], cell=[[4.5, 0, 0], [1.0, 4.2, 0], [0.5, 0.8, 4.0]], pbc=True)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_rattle_has_the_width_asked_for_per_species(crystal):
    big = crystal.repeat(5)
    moved = rattle(big, {"Li": 0.3, "Cl": 0.05}, rng()).positions - big.positions
    lithium = big.numbers == 3
    # 500 atoms of each species, three components: the width is known to 1/sqrt(2 * 1500) = 1.8 %.
    assert moved[lithium].std() == pytest.approx(0.3, rel=0.08)
    assert moved[~lithium].std() == pytest.approx(0.05, rel=0.08)


def test_strain_stretches_cartesian_axes_within_the_amplitude(triclinic):
    strained = strain(triclinic, 0.05, rng())
    gradient = np.linalg.solve(triclinic.cell.array, strained.cell.array)
    np.testing.assert_allclose(gradient, np.diag(np.diag(gradient)), atol=1e-12)
    assert (np.abs(np.diag(gradient) - 1) <= 0.05).all()
    np.testing.assert_allclose(strained.get_scaled_positions(), triclinic.get_scaled_positions(), atol=1e-12)


def test_shear_is_symmetric_and_keeps_the_diagonal(triclinic):
    gradient = np.linalg.solve(triclinic.cell.array, shear(triclinic, 0.05, rng()).cell.array)
    np.testing.assert_allclose(gradient, gradient.T, atol=1e-12)
    np.testing.assert_allclose(np.diag(gradient), 1, atol=1e-12)
    assert np.abs(gradient - np.eye(3)).max() > 1e-3


def test_scale_multiplies_volume_by_the_cube(triclinic):
    assert scale(triclinic, 0.92).get_volume() / triclinic.get_volume() == pytest.approx(0.92**3)


def test_supercell_repeats(crystal):
    assert len(supercell(crystal, [2, 2, 1])) == 4 * len(crystal)


def test_inputs_are_left_alone(crystal):
    before = crystal.copy()
    make_seeds(crystal, {}, rng())
    assert crystal == before


def test_defaults_give_all_kinds_each_its_own_block(crystal):
    seeds = make_seeds(crystal, {}, rng())
    blocks = [block_of(seed) for seed in seeds]
    assert len(set(blocks)) == len(blocks) == 8 + 4 + 4 + 4 + 3
    assert blocks[3] == "seed-rattle-003"
    assert seeds[3].info["origin"] == "seed-rattle-003#0"
    volumes = {seed.info["perturbation"]: seed.get_volume() / crystal.get_volume() for seed in seeds}
    assert volumes["shrink 0.8"] == pytest.approx(0.8**3)
    assert volumes["shrink 0.92"] == pytest.approx(0.92**3)
    assert volumes["shrink 1.04"] == pytest.approx(1.04**3)
    assert volumes["supercell 2x2x1"] == pytest.approx(4)


def test_same_seed_same_frames_and_other_kinds_do_not_matter(crystal):
    first = make_seeds(crystal, {"rattle": {"count": 2}}, rng(7))
    second = make_seeds(crystal, {"rattle": {"count": 5}, "shear": {"count": 0}}, rng(7))
    by_origin = {seed.info["origin"]: seed for seed in second}
    shared = [seed for seed in first if seed.info["origin"] in by_origin]
    assert len(shared) == 2 + 4 + 4 + 3
    for seed in shared:
        np.testing.assert_array_equal(seed.positions, by_origin[seed.info["origin"]].positions)
    assert not np.allclose(first[0].positions, make_seeds(crystal, {}, rng(8))[0].positions)


def test_seeds_survive_the_file_exactly(crystal, tmp_path):
    seeds = make_seeds(crystal, {}, rng())
    write_frames(seeds, tmp_path / "seeds.extxyz")
    for seed, back in zip(seeds, read_frames(tmp_path / "seeds.extxyz"), strict=True):
        np.testing.assert_array_equal(seed.positions, back.positions)
        assert seed.info == back.info


def test_no_seed_has_colliding_atoms_however_wild(crystal):
    seeds = make_seeds(
        crystal, {**NONE, "rattle": {"count": 20, "amplitude_A": 0.8}, "min_distance_factor": 0.7}, rng()
    )
    assert all(contact is None or contact.factor >= 0.7 for contact in map(closest_contact, seeds))
    assert any("of the amplitude" in seed.info["perturbation"] for seed in seeds)


def test_collision_that_no_calming_cures_is_refused(crystal):
    with pytest.raises(InputError, match=r"seed 'shrink 0\.5'.*apart.*factors nearer to one"):
        make_seeds(crystal, {**NONE, "shrink": {"factors": [0.5]}, "rattle": {"count": 0, "amplitude_A": 0.0}}, rng())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (NONE, "no seed is asked for"),
        ({"rattle": {"amplitude": 0.1}}, "did you mean amplitude_A"),
        ({"rattle": 5}, "rattle is 5; expected a mapping with count, amplitude_A"),
        ({"seed": -1}, "seed is -1; expected a whole number"),
        ({"rattle": {"count": -1}}, "count is -1"),
        ({"rattle": {"count": 2.5}}, "count is 2.5"),
        ({"rattle": {"amplitude_A": -0.1}}, "amplitude_A is -0.1"),
        ({"rattle": {"amplitude_A": float("nan")}}, "amplitude_A is nan"),
        ({"rattle": {"amplitude_A": {"Li": 0.1}}}, "lacks Cl"),
        ({"rattle": {"amplitude_A": {"Li": 0.1, "Cl": 0.1, "Br": 0.1}}}, "names 'Br'"),
        ({"strain": {"amplitude": 0.9}}, "strain.amplitude is 0.9"),
        ({"shrink": {"factors": [0.1]}}, "factors is 0.1"),
        ({"supercell": {"repeats": [[2, 0, 1]]}}, "repeats"),
        ({"supercell": {"repeats": [[2, 1]]}}, "repeats"),
        ({"min_distance_factor": 3}, "min_distance_factor"),
    ],
)
def test_bad_settings_are_refused(crystal, settings, message):
    with pytest.raises(InputError, match=message):
        make_seeds(crystal, settings, rng())


def test_defaults_are_not_changed_by_use(crystal):
    before = repr(PERTURBATIONS)
    make_seeds(crystal, {"rattle": {"count": 1}}, rng())
    assert repr(PERTURBATIONS) == before

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii
from ase.neighborlist import neighbor_list

from aiida_elyte.contracts.seeds import SeedKindContract
from aiida_elyte.errors import InputError
from aiida_elyte.science.contact import closest_contact
from aiida_elyte.science.frames import block_of
from aiida_elyte.science.repulsion import screened_repulsion
from aiida_elyte.science.seeds.repel import Repel


class TestRepel(SeedKindContract):
    @pytest.fixture
    def kind(self):
        return Repel(seed=3, n_steps=3)


@pytest.fixture
def salt():
    return bulk("LiCl", "rocksalt", a=5.13, cubic=True)


@pytest.fixture
def thiophosphate():
    """Tetrahedra of PS4 with lithium between them, 2.05 Å from phosphorus to sulphur."""
    corner = 2.05 / np.sqrt(3) * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    tetrahedron = Atoms("PS4", [[0, 0, 0], *corner])
    cell = Atoms(cell=[12.4, 6.2, 6.2], pbc=True)
    for place in (0.0, 6.2):
        moved = tetrahedron.copy()
        moved.positions += [place + 1.55, 1.55, 1.55]
        cell += moved
        cell += Atoms("Li3", [[place + 4.65, 1.55, 4.65], [place + 4.65, 4.65, 1.55], [place + 1.55, 4.65, 4.65]])
    return cell


def make(structure, **settings):
    kind = Repel(**settings)
    return kind.make(structure, np.random.default_rng(kind.seed))


def shortest(frame, first, second):
    """Distance of the nearest atoms of two elements [Å]."""
    i, j, distances = neighbor_list("ijd", frame, 8.0)
    symbols = np.array(frame.get_chemical_symbols())
    return distances[(symbols[i] == first) & (symbols[j] == second)].min()


def radii_of(*symbols):
    return sum(covalent_radii[atomic_numbers[symbol]] for symbol in symbols)


def test_every_pair_of_elements_is_pushed_together_in_steps(salt):
    seeds = make(salt, n_steps=4)
    assert len(seeds) == 3 * 4
    pairs = [("Li", "Li"), ("Li", "Cl"), ("Cl", "Cl")]
    for number, pair in enumerate(pairs):
        scan = [seed for seed in seeds if block_of(seed) == f"seed-repel-{number:03d}"]
        distances = np.array([shortest(seed, *pair) for seed in scan])
        assert distances == pytest.approx(np.linspace(distances[0], distances[-1], 4), abs=1e-6)
        assert (np.diff(distances) < 0).all()
        assert scan[-1].info["perturbation"] == f"{pair[0]}-{pair[1]} at {distances[-1]:.2f} Å"
    nearest = [closest_contact(seed, 2.0) for seed in seeds if seed.info["origin"].endswith("#3")]
    assert [contact.pair[0][:2] + contact.pair[1][:2] for contact in nearest] == ["LiLi", "LiCl", "ClCl"]


def test_scans_end_at_the_factor_or_at_the_energy_whichever_is_farther(salt):
    ends = {
        pair: shortest(make(salt, n_steps=1, **given)[number], *pair)
        for number, pair, given in (
            (0, ("Li", "Li"), {"least_factor": 0.6}),
            (2, ("Cl", "Cl"), {"max_energy_eV": 15.0, "amplitude_A": 0.0}),
        )
    }
    assert ends["Li", "Li"] == pytest.approx(0.6 * radii_of("Li", "Li"), abs=1e-6)
    assert float(screened_repulsion(17, 17, ends["Cl", "Cl"])) == pytest.approx(15.0, rel=0.02)
    shallow = make(salt, n_steps=1, max_energy_eV=0.1)[2]
    assert shortest(shallow, "Cl", "Cl") == pytest.approx(0.75 * radii_of("Cl", "Cl"), abs=1e-6)


def test_the_pair_keeps_its_centre_of_mass_and_the_rest_is_rattled(salt):
    (still,) = (seed for seed in make(salt, n_steps=1, amplitude_A=0.0) if "Li-Cl" in seed.info["perturbation"])
    moved = still.positions - salt.positions
    assert still.get_masses() @ moved == pytest.approx(np.zeros(3), abs=1e-6)
    touched = np.flatnonzero(np.abs(moved).max(1) > 1e-7)
    assert sorted(salt.numbers[touched]) == [3, 17]
    big = salt.repeat(2)
    (rattled,) = (seed for seed in make(big, n_steps=1, amplitude_A=0.05) if "Li-Cl" in seed.info["perturbation"])
    noise = rattled.positions - big.positions
    rest = np.sort(np.linalg.norm(noise, axis=1))[:-2]
    assert np.sqrt((rest**2).mean() / 3) == pytest.approx(0.05, rel=0.2)


def test_no_third_atom_is_hit(thiophosphate):
    seeds = make(thiophosphate, n_steps=3, seed=1)
    scanned = {seed.info["perturbation"].split()[0] for seed in seeds}
    assert {"Li-Li", "Li-S", "P-S", "S-S"} <= scanned
    for seed in seeds:
        first, second = seed.info["perturbation"].split()[0].split("-")
        contact = closest_contact(seed, 2.0)
        symbols = sorted(name.rstrip("0123456789") for name in contact.pair)
        assert symbols == sorted((first, second)) or contact.factor >= 0.65


def test_elements_that_shield_each_other_are_left_out():
    chain = Atoms("PSPS", [[2.0 * place, 0, 0] for place in range(4)], cell=[8, 9, 9], pbc=True)
    seeds = make(chain, n_steps=3)
    assert {seed.info["perturbation"].split()[0] for seed in seeds} == {"P-S"}
    assert {block_of(seed) for seed in seeds} == {"seed-repel-001"}


def test_frames_are_bounded_and_scans_are_never_dropped(salt):
    assert len(make(salt, n_steps=6, max_frames=10)) == 3 * 3
    assert len(make(salt, count=2, n_steps=2)) == 3 * 2 * 2
    with pytest.raises(InputError, match=r"6 scans are asked for; expected at most max_frames, which is 5"):
        make(salt, count=2, max_frames=5)


def test_more_scans_leave_the_first_as_they_were(salt):
    few, many = make(salt, n_steps=2, seed=5), make(salt, n_steps=2, seed=5, max_frames=6)
    assert few == many
    other = make(salt, n_steps=2, seed=6)
    assert not np.allclose(few[0].positions, other[0].positions)


def test_a_crystal_without_a_pair_to_push_is_rejected():
    with pytest.raises(InputError, match="no two atoms can be pushed together"):
        make(bulk("Li"), n_steps=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": -1}, "seed is -1; expected a whole number"),
        ({"count": 0}, "count is 0; expected a whole number"),
        ({"n_steps": 2.5}, "n_steps is 2.5; expected a whole number"),
        ({"least_factor": 0.1}, "least_factor is 0.1; expected a part of the sum of covalent radii from 0.3 to 0.9"),
        ({"max_energy_eV": 0}, "max_energy_eV is 0; expected a positive number"),
        ({"amplitude_A": -0.1}, "amplitude_A is -0.1; expected a number, 0 or more"),
        ({"min_distance_factor": 1.5}, "min_distance_factor is 1.5; expected"),
    ],
)
def test_bad_settings_are_rejected(settings, message):
    with pytest.raises(InputError, match=message):
        Repel(**settings)

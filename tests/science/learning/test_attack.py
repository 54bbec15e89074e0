"""Adversarial attack: its gradient, its maximum where it is known, and what holds it back."""

import math

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.science.contact import closest_contact
from aiida_elyte.science.frames import committee_of, labels_of
from aiida_elyte.science.learning.attack import (
    Attempt,
    EnergyScale,
    appraise,
    attack,
    draw_starts,
    energy_scale,
    of_composition,
)
from aiida_elyte.science.learning.attack_settings import read_attack_settings
from aiida_elyte.science.potentials.painn.model import build_painn
from aiida_elyte.science.potentials.potential import Potential, Prediction
from aiida_elyte.science.statistics.spread import force_spread
from aiida_elyte.units import BOLTZMANN_EV_K

REPLICAS = [{"seed": 1, "member": "m00"}]


def settings_of(**changes):
    return read_attack_settings({"temperature_K": 600.0, "replicas": REPLICAS, **changes})


class Well(Potential):
    """Atoms bound to their sites, E = Σ k |r − r0|² / 2."""

    elements = ["Ar"]
    dtype = torch.float64
    device = torch.device("cpu")

    def __init__(self, sites, stiffness):
        self.sites, self.stiffness = torch.as_tensor(sites), stiffness

    def model(self, *, stress=False):
        raise NotImplementedError

    def predict(self, frames, *, stress=False):
        return self.predict_displaced(frames, torch.zeros(sum(map(len, frames)), 3, dtype=torch.float64))

    def predict_displaced(self, frames, displacements):
        places = torch.cat([torch.as_tensor(frame.positions) for frame in frames]) + displacements
        moved = places - self.sites.repeat(len(frames), 1)
        energies = 0.5 * self.stiffness * (moved**2).sum(1)
        system = torch.repeat_interleave(torch.arange(len(frames)), torch.tensor([len(frame) for frame in frames]))
        energy = energies.new_zeros(len(frames)).index_add(0, system, energies)
        return Prediction(energy, -self.stiffness * moved, None)


@pytest.fixture
def argon():
    return Atoms("Ar3", [[0.0, 0.0, 0.0], [8.0, 0.0, 0.0], [0.0, 8.0, 0.0]], cell=[20.0] * 3, pbc=True)


@pytest.fixture
def wells(argon):
    return [Well(argon.positions, 0.8), Well(argon.positions, 1.2)]


@pytest.fixture(scope="module")
def networks():
    architecture = {"n_features": 8, "n_layers": 2, "n_rbf": 8, "cutoff_A": 4.0}
    return [
        build_painn(architecture, energy_reference=["Cl", "Li"], scale=2.0, seed=seed, dtype=torch.float64)
        for seed in (1, 2, 3)
    ]


def lithium_chloride(seed=0):
    frame = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    frame.rattle(0.1, seed=seed)
    frame.info = {"origin": f"seeds#{seed}"}
    return frame


def test_gradient_is_the_slope_of_the_objective(networks):
    frames = [lithium_chloride(0), lithium_chloride(1).repeat((2, 1, 1))]
    scale = EnergyScale({"Li": -0.1, "Cl": 0.2}, 0.3, 0.05)
    found = appraise(networks, frames, scale)
    rng = np.random.default_rng(3)
    for place, first in ((0, 0), (1, len(frames[0]))):
        for atom, axis in zip(rng.integers(len(frames[place]), size=4), rng.integers(3, size=4), strict=True):
            ends = []
            for sign in (1, -1):
                moved = [frame.copy() for frame in frames]
                moved[place].positions[atom, axis] += sign * 1e-4
                ends.append(float(appraise(networks, moved, scale).objective[place]))
            expected = (ends[0] - ends[1]) / 2e-4
            assert float(found.slope[first + atom, axis]) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.engine("chgnet")
def test_universal_potentials_are_attacked_too():
    from aiida_elyte.science.potentials.files import read_potential

    members = [read_potential(name, dtype=torch.float64) for name in ("chgnet-0.3.0", "chgnet-0.2.0")]
    frame = lithium_chloride()
    scale = EnergyScale({}, 0.0, 0.05)
    found = appraise(members, [frame], scale)
    ends = []
    for sign in (1, -1):
        moved = frame.copy()
        moved.positions[3, 1] += sign * 1e-4
        ends.append(float(appraise(members, [moved], scale).objective[0]))
    assert float(found.slope[3, 1]) == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-3, abs=1e-4)


def test_objective_is_variance_times_probability(networks):
    frame = lithium_chloride()
    scale = energy_scale([frame], [0.0], 500.0)
    found = appraise(networks, [frame], scale)
    forces = np.stack([network.predict([frame]).forces.numpy() for network in networks])
    spread = force_spread(forces)
    assert float(found.variance[0]) == pytest.approx(np.mean(spread.per_atom**2), rel=1e-9)
    energy = np.mean([float(network.predict([frame]).energy[0]) for network in networks])
    # references of one frame explain its energy, 0 here, so ε is all of the new energy
    log_probability = -energy / len(frame) / (BOLTZMANN_EV_K * 500.0)
    assert float(found.log_probability[0]) == pytest.approx(log_probability, rel=1e-9)
    assert float(found.objective[0]) == pytest.approx(math.log(float(found.variance[0])) + log_probability, rel=1e-9)


def test_data_are_as_probable_as_their_partition_says():
    frames = [Atoms("Ar2", positions=[[0, 0, 0], [4, 0, 0]]) for _ in range(3)]
    energies = [0.0, 0.2, 0.6]
    scale = energy_scale(frames, energies, 1000.0)
    logs = [
        float(scale.log_probability(scale.per_atom(frame, torch.tensor(energy))))
        for frame, energy in zip(frames, energies, strict=True)
    ]
    assert np.mean(np.exp(logs)) == pytest.approx(1.0)
    # ln p differs by the difference of energies per atom over kT
    assert logs[0] - logs[2] == pytest.approx(0.3 / (BOLTZMANN_EV_K * 1000.0), rel=1e-5)


def test_ascent_ends_where_variance_and_probability_balance(argon, wells):
    # σ² ∝ |u|² and ε = k |u|² / 2N with k the mean stiffness: ln L is largest at |u|² = 2 N kT / k
    thermal = BOLTZMANN_EV_K * 600.0
    expected = 2 * len(argon) * thermal / 1.0
    scale = EnergyScale({"Ar": 0.0}, 0.0, thermal)
    attempts = [Attempt(f"a{seed}", argon, seed) for seed in range(3)]
    for outcome in attack(wells, attempts, scale, settings_of(n_steps=200, max_displacement_A=5.0)):
        moved = outcome.frame.positions - argon.positions
        assert (moved**2).sum() == pytest.approx(expected, rel=0.02)


def test_energies_run_away_without_the_probability_factor_and_stay_bounded_with_it(argon, wells):
    thermal = BOLTZMANN_EV_K * 600.0
    scale = EnergyScale({"Ar": 0.0}, 0.0, thermal)
    rise = {}
    for weighs_energy in (True, False):
        settings = settings_of(n_steps=100, max_displacement_A=2.0, weighs_energy=weighs_energy)
        frame = attack(wells, [Attempt("a", argon, 0)], scale, settings)[0].frame
        rise[weighs_energy] = frame.info["potential_energy_eV"] / len(argon)
    # the maximum of |u|² exp(−k |u|² / 2NkT) is at ε = kT
    assert rise[True] == pytest.approx(thermal, rel=0.03)
    assert rise[False] > 10 * thermal
    # and a larger cell of the same atoms may rise as much for each of them
    double = argon.repeat((2, 1, 1))
    members = [Well(double.positions, stiffness) for stiffness in (0.8, 1.2)]
    settings = settings_of(n_steps=300, max_displacement_A=2.0)
    frame = attack(members, [Attempt("a", double, 0)], scale, settings)[0].frame
    assert frame.info["potential_energy_eV"] / len(double) == pytest.approx(thermal, rel=0.03)


def test_frames_stay_physical_and_carry_what_the_committee_says(networks):
    start = lithium_chloride()
    energies = [np.mean([float(network.predict([start]).energy[0]) for network in networks])]
    scale = energy_scale([start], energies, 2000.0)
    settings = settings_of(n_steps=30, weighs_energy=False, min_distance_factor=0.85, max_displacement_A=0.6)
    outcomes = attack(networks, [Attempt(f"a{seed}", start, seed) for seed in range(3)], scale, settings)
    for outcome in outcomes:
        frame = outcome.frame
        assert closest_contact(frame, 0.85) is None
        moved = np.linalg.norm(frame.positions - start.positions, axis=1)
        assert moved.max() <= 0.6 + 1e-9
        forces = np.stack([network.predict([frame]).forces.numpy() for network in networks])
        spread = force_spread(forces)
        assert frame.info["spread_max_eV_A"] == pytest.approx(spread.maximum)
        assert frame.info["spread_gain"] > 1
        assert frame.info["attacked_from"] == "seeds#0"
        mean, per_atom = committee_of(frame)
        np.testing.assert_allclose(mean, forces.mean(0), atol=1e-5)
        np.testing.assert_allclose(per_atom, spread.per_atom, atol=1e-5)
        assert labels_of(frame) == {}
    assert not np.allclose(outcomes[0].frame.positions, outcomes[1].frame.positions)


def test_frames_side_by_side_are_attacked_as_each_alone(networks):
    starts = [lithium_chloride(0), lithium_chloride(1).repeat((1, 1, 2))]
    scale = EnergyScale({"Li": 0.0, "Cl": 0.0}, 0.0, 0.1)
    settings = settings_of(n_steps=8)
    attempts = [Attempt("a", starts[0], 0), Attempt("b", starts[1], 1)]
    together = attack(networks, attempts, scale, settings)
    for one, attempt in zip(together, attempts, strict=True):
        alone = attack(networks, [attempt], scale, settings)[0]
        np.testing.assert_allclose(one.frame.positions, alone.frame.positions, atol=1e-7)


def test_what_cannot_be_attacked_is_dropped_with_the_reason(argon, wells):
    scale = EnergyScale({"Ar": 0.0}, 0.0, 0.05)
    close = argon.copy()
    close.positions[1] = [0.5, 0.0, 0.0]
    outcome = attack(wells, [Attempt("a", close, 0)], scale, settings_of())[0]
    assert outcome.frame is None
    assert outcome.reason.startswith("start too close: Ar0 and Ar1")
    twins = [wells[0], wells[0]]
    assert attack(twins, [Attempt("a", argon, 0)], scale, settings_of())[0].reason.startswith("no gain")
    lost = [Well(argon.positions * np.nan, 0.8), wells[0]]
    assert attack(lost, [Attempt("a", argon, 0)], scale, settings_of())[0].reason.startswith("not finite")
    with pytest.raises(InputError, match="a committee of 1 has no spread to attack"):
        appraise(wells[:1], [argon], scale)


def test_a_family_that_does_not_differentiate_its_forces_says_so(argon):
    class Plain(Well):
        predict_displaced = Potential.predict_displaced

    members = [Plain(argon.positions, 0.8), Plain(argon.positions, 1.2)]
    with pytest.raises(InputError, match="Plain does not differentiate its forces"):
        appraise(members, [argon], EnergyScale({}, 0.0, 0.05))


def test_starts_are_drawn_from_labelled_frames_as_probable_as_their_energy(argon):
    known = [argon.copy() for _ in range(4)]
    dimer = Atoms("ArNe", [[0, 0, 0], [3, 0, 0]], cell=[9.0] * 3, pbc=True)
    cluster = Atoms("Ar2", [[0, 0, 0], [3, 0, 0]])
    assert of_composition([argon.repeat((2, 1, 1))], [*known, dimer, cluster]) == known
    drawn = draw_starts(known, [0.0, 0.0, 0.0, -800.0], 3, seed=0)
    assert {id(frame) for frame in drawn} == {id(frame) for frame in known[:3]}
    assert len(draw_starts(known, [0.0, -800.0, -800.0, -800.0], 3, seed=0)) == 3


def test_settings_are_checked():
    with pytest.raises(InputError, match="settings has 'n_stepz'"):
        settings_of(n_stepz=3)
    with pytest.raises(InputError, match="replicas is None; expected a list"):
        read_attack_settings({"temperature_K": 300.0})
    with pytest.raises(InputError, match="temperature_K is -3"):
        settings_of(temperature_K=-3)

import itertools

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.structure.contacts import Contacts
from aiida_elyte.science.structure.residence import residence_times
from aiida_elyte.science.transport.estimates import Estimate, Refusal


def _markov(rng, n_times, n_ions, n_ligands, leave, enter):
    """Return states of independent pairs that leave and enter with given probabilities a step, in equilibrium.

    A contact lasts k steps with probability (1 − leave)^k, and h(0) h(t) decays with (1 − leave − enter)^k.
    """
    states = np.zeros((n_times, n_ions, n_ligands), dtype=bool)
    states[0] = rng.random(states.shape[1:]) < enter / (enter + leave)
    for time in range(1, n_times):
        change = rng.random(states.shape[1:]) < np.where(states[time - 1], leave, enter)
        states[time] = states[time - 1] ^ change
    return states


def _naive(states, allowed_frames=0):
    """Return both functions by their definition, pair by pair and origin by origin."""
    n_times = len(states)
    filled = states.reshape(n_times, -1).T.copy()
    for row in filled:
        present = np.flatnonzero(row)
        for before, after in itertools.pairwise(present):
            if after - before - 1 <= allowed_frames:
                row[before:after] = True
    raw = states.reshape(n_times, -1).T
    continuous, intermittent = [], []
    for lag in range(n_times // 2 + 1):
        last = n_times - lag
        lasting = np.array([filled[:, t : t + lag + 1].all(axis=1).sum() for t in range(last)])
        continuous.append(lasting.sum() / filled[:, :last].sum())
        meeting = (raw[:, :last] & raw[:, lag:]).sum() / raw[:, :last].sum()
        intermittent.append((meeting - raw.mean()) / (1 - raw.mean()))
    return np.array(continuous), np.array(intermittent)


@pytest.mark.parametrize("n_ions", [1, 3, 20])
@pytest.mark.parametrize(("n_times", "allowed"), [(40, 0), (41, 1), (40, 3)])
def test_functions_are_those_of_the_definition(n_times, allowed, n_ions):
    states = _markov(np.random.default_rng(1), n_times, n_ions, 4, 0.2, 0.3)
    found = residence_times(Contacts.from_states(states, 10.0), allowed_absence_fs=10.0 * allowed)
    continuous, intermittent = _naive(states, allowed)
    np.testing.assert_allclose(found.continuous, continuous, atol=1e-12)
    np.testing.assert_allclose(found.intermittent, intermittent, atol=1e-12)
    np.testing.assert_allclose(found.lag_fs, 10.0 * np.arange(n_times // 2 + 1))


def test_markov_contacts_decay_exponentially():
    # (1 − 0.05)^k and (1 − 0.05 − 0.02)^k
    states = _markov(np.random.default_rng(2), 2000, 40, 5, 0.05, 0.02)
    found = residence_times(Contacts.from_states(states, 1.0))
    lags = np.arange(60)
    np.testing.assert_allclose(found.continuous[:60], 0.95**lags, atol=0.02)
    np.testing.assert_allclose(found.intermittent[:60], 0.93**lags, atol=0.03)
    assert found.n_departures == pytest.approx(2000 * 200 * 0.02 / 0.07 * 0.05, rel=0.05)


@pytest.mark.parametrize(("n_times", "n_ions"), [(300, 30), (300, 9), (2400, 1), (1200, 3)])
def test_intervals_hold_the_true_times(n_times, n_ions):
    # S = 0.9^k: 1/k = −1/ln 0.9 = 9.491 frames, as an integral by trapezia (1 + 0.9)/2/(1 − 0.9) = 9.5
    # C = 0.88^k: −1/ln 0.88 = 7.823 frames, (1 + 0.88)/2/0.12 = 7.833
    rng = np.random.default_rng(3)
    truth = {"continuous_time": 95.0, "continuous_fit": 94.91, "intermittent_time": 78.33, "intermittent_fit": 78.23}
    repetitions = 150
    values = {name: [] for name in truth}
    covered = {name: [] for name in truth}
    for _ in range(repetitions):
        found = residence_times(Contacts.from_states(_markov(rng, n_times, n_ions, 4, 0.1, 0.02), 10.0))
        for name, value in truth.items():
            one = getattr(found, name)
            if isinstance(one, Estimate):
                values[name].append(one.value)
                covered[name].append(one.ci95[0] <= value <= one.ci95[1])
    for name, value in truth.items():
        assert len(values[name]) > 0.95 * repetitions, name
        assert np.mean(values[name]) == pytest.approx(value, rel=0.04), name
        assert np.mean(covered[name]) > 0.88, name  # 150 repetitions know it to ± 1.8 %


def test_an_allowed_absence_makes_flickering_contacts_last():
    # A contact that flickers: in every tenth frame absent for one frame, and gone for good with probability 0.01.
    rng = np.random.default_rng(4)
    states = _markov(rng, 3000, 20, 3, 0.01, 0.01)
    flickering = states & (rng.random(states.shape) > 0.1)
    strict = residence_times(Contacts.from_states(flickering, 1.0))
    tolerant = residence_times(Contacts.from_states(flickering, 1.0), allowed_absence_fs=4.0)
    assert strict.continuous_time.value < 15
    assert tolerant.continuous_time.value == pytest.approx(100, rel=0.15)
    assert tolerant.n_departures < strict.n_departures / 5
    np.testing.assert_array_equal(strict.intermittent, tolerant.intermittent)


def test_contacts_that_outlast_the_run_are_refused_with_a_lower_bound():
    found = residence_times(Contacts.from_states(_markov(np.random.default_rng(5), 100, 20, 5, 0.002, 0.002), 10.0))
    assert isinstance(found.continuous_time, Refusal)
    assert "does not fall below 1/e within half the run, 0.5 ps" in found.continuous_time.reason
    assert "departures in" in found.continuous_fit.reason
    assert "longer than its integral so far, 0." in found.intermittent_time.reason
    forever = residence_times(Contacts.from_states(np.ones((100, 20, 5), dtype=bool), 10.0))
    # no departure in 100 × 20 × 5 × 10 fs = 100 ps of contact: longer than 2 × 100/χ²(0.95, 2) = 200/5.99 = 33.4 ps
    assert "0 departures in 100 ps of contact: its time is longer than 33.4 ps" in forever.continuous_time.reason
    assert isinstance(forever.intermittent_time, Refusal)


def test_the_lower_bound_holds_in_nineteen_of_twenty_runs():
    # exponential contacts of −1/ln 0.998 = 499.5 frames seen for 100 frames
    rng = np.random.default_rng(6)
    holds = []
    for _ in range(200):
        states = _markov(rng, 100, 60, 5, 0.002, 0.002)
        found = residence_times(Contacts.from_states(states, 1000.0))
        holds.append(float(found.continuous_time.reason.split("longer than ")[1].split(" ps")[0]) < 499.5)
    assert 0.90 <= np.mean(holds) <= 0.99


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (np.zeros((50, 10, 2), dtype=bool), "no O ever is in contact with Li"),
        (np.arange(400).reshape(40, 10, 1) // 10 % 2 == 0, "falls below 1/e within 1 frames"),
        (np.broadcast_to(np.arange(40)[:, None, None] >= 35, (40, 10, 2)), "before half the run"),
    ],
    ids=["none", "fast", "late"],
)
def test_contacts_without_a_decay_are_refused(states, message):
    found = residence_times(Contacts.from_states(np.array(states), 1.0, ("Li", "O")))
    assert message in found.continuous_time.reason


def test_few_ions_in_a_short_run_get_no_error_bar():
    found = residence_times(Contacts.from_states(_markov(np.random.default_rng(7), 200, 1, 6, 0.05, 0.02), 1.0))
    assert "leave no error bar" in found.continuous_time.reason


def test_bad_input_is_named():
    with pytest.raises(InputError, match="contacts span 0 frames"):
        residence_times(Contacts.from_states(np.ones((0, 1, 1), dtype=bool), 1.0))
    contacts = Contacts.from_states(np.ones((9, 1, 1), dtype=bool), 1.0)
    with pytest.raises(InputError, match="allowed_absence_fs is -1"):
        residence_times(contacts, -1.0)

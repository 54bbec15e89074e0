from dataclasses import replace

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.transport.references import parse_reference, reference_of
from aiida_elyte.science.transport.synthetic import electrolyte

CHARGES = {"Li": 1.0, "Cl": -1.0}


@pytest.fixture
def series():
    one = electrolyte(np.random.default_rng(0), 5, 4, np.eye(2) * 1e-3, 10.0)
    return replace(one, currents_A_fs=one.collective_A * 0.1)


def _mean(series, weights):
    total = sum(w * series.collective_A[:, series.species.index(name)] for name, w in weights.items())
    return total / sum(w * series.counts[series.species.index(name)] for name, w in weights.items())


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("com", {"Li": 6.94, "Cl": 35.45, "O": 16.0}),
        ("framework:Cl,O", {"Cl": 35.45, "O": 16.0}),
        ("solvent:O", {"O": 16.0}),
        ("charge:Li", {"Li": 1.0}),
    ],
)
def test_what_rests_is_the_weighted_mean(series, text, weights):
    reference = parse_reference(text, series, CHARGES)
    np.testing.assert_allclose(reference.drift_of(series), _mean(series, weights), atol=1e-12)
    np.testing.assert_allclose(reference.velocity_of(series), 0.1 * _mean(series, weights), atol=1e-12)


def test_laboratory_does_not_move(series):
    assert not parse_reference("lab", series, CHARGES).drift_of(series).any()


def test_default_is_what_carries_no_charge_else_all(series):
    assert reference_of(series, {"Li": 1.0}).weights == (("Cl", 35.45), ("O", 16.0))
    assert reference_of(series, dict.fromkeys(series.species, 1.0)).name == "centre of mass of all atoms at rest"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("moon", "expected lab, com, framework"),
        ("framework:", "expected lab, com, framework"),
        ("lab:O", "expected lab, com, framework"),
        ("solvent:H", "frame names H; expected species among Li, Cl, O"),
        ("charge:O", "O has no charge"),
        ("charge:Li,Cl", "the sum has no charge"),
    ],
)
def test_bad_frames_are_refused(series, text, said):
    with pytest.raises(InputError, match=said):
        parse_reference(text, series, CHARGES)

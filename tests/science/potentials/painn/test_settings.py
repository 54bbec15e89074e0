"""Settings of a training: what cannot be trained with is rejected without torch, in one line."""

from math import inf, nan

import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.painn.settings import PainnSettings, complete_settings
from aiida_elyte.science.settings import read_record


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"batchsize": 4}, r"settings has 'batchsize'; expected .*did you mean batch_size\?"),
        ({"batch_size": 0}, "batch_size is 0; expected a whole number, 1 or more"),
        ({"batch_size": -1}, "batch_size is -1; expected a whole number, 1 or more"),
        ({"max_epochs": nan}, "max_epochs is nan; expected a whole number"),
        ({"max_epochs": "x"}, "max_epochs is 'x'; expected a whole number"),
        ({"dtype": "float16"}, "dtype is 'float16'; expected 'float32' or 'float64'"),
        ({"ema_decay": 1.0}, "from 0 to below 1"),
        ({"ema_decay": nan}, "ema_decay is nan; expected a number from 0 to 1"),
        ({"max_minutes": -1}, "max_minutes is -1; expected a positive number"),
        ({"patience": 0}, "patience is 0; expected a whole number, 1 or more"),
        ({"device": "gpu"}, "device is 'gpu'; expected auto, cpu or cuda"),
        ({"loss": {"force": 1.0}}, "loss has 'force'; expected energy, forces, stress"),
        ({"loss": {"energy": 0.0, "forces": 0.0}}, "loss: weights are .*one positive"),
        ({"loss": {"forces": inf}}, "loss: forces is inf; expected a number, 0 or more"),
        ({"optimiser": {"learning_rate": 0}}, "optimiser: learning_rate is 0; expected a positive number"),
        ({"schedule": {"warmup_steps": -1}}, "schedule: warmup_steps is -1; expected a whole number"),
        ({"split": {"validation_fraction": nan}}, "split: validation_fraction is nan; expected a number from 0 to 1"),
        ({"split": {"validation_fraction": 1}}, "split: validation_fraction is 1; expected a number between 0 and 1"),
        ({"split": {"by": "clusters"}}, "split: by is 'clusters'; expected 'block' or 'frame'"),
        ({"split": 3}, "split is 3; expected a mapping with validation_fraction, by"),
        ({"architecture": {"n_features": "x"}}, "architecture: n_features is 'x'; expected a whole number"),
        ({"architecture": {"n_rbf": 1}}, "architecture: n_rbf is 1; expected a whole number, 2 or more"),
    ],
)
def test_settings_that_cannot_be_trained_with_are_rejected_in_one_line(given, said):
    with pytest.raises(InputError, match=said) as caught:
        read_record(PainnSettings, given, "settings")
    assert "\n" not in str(caught.value)


def test_settings_are_filled_two_levels_deep_and_defaults_stay():
    settings = complete_settings({"architecture": {"n_features": 32}, "split": {"by": "frame"}})
    expected = {"n_features": 32, "n_layers": 3, "n_rbf": 20, "cutoff_A": 5.0, "baseline": "zbl"}
    assert settings["architecture"] == expected
    assert settings["split"] == {"validation_fraction": 0.1, "by": "frame"}
    assert complete_settings({})["architecture"]["n_features"] == 64

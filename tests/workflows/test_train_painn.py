"""The trainer of PaiNN keeps to the contract of trainers, and ensembles take it from their protocol."""

import pytest
from aiida import orm

from aiida_elyte.contracts.trainer import TrainerContract
from aiida_elyte.data.frames import FramesData
from aiida_elyte.workflows.train_ensemble import TrainEnsembleWorkChain
from aiida_elyte.workflows.train_painn import TrainPainnBaseWorkChain
from tests.science.potentials.painn.test_training import labelled_frames

torch = pytest.importorskip("torch")
SETTINGS = {
    "architecture": {"n_features": 8, "n_layers": 1, "n_rbf": 6, "cutoff_A": 4.0},
    "max_epochs": 12,
    "split": {"validation_fraction": 0.25},
    "device": "cpu",
}


@pytest.fixture
def dataset(aiida_profile_clean) -> FramesData:
    frames = labelled_frames(12)
    for frame in frames:
        frame.info["level_of_theory"] = "Morse"
    return FramesData(frames)


class TestTrainPainn(TrainerContract):
    @pytest.fixture
    def trainer(self):
        return TrainPainnBaseWorkChain

    @pytest.fixture
    def build(self, dataset, python_code):
        def build(seed):
            overrides = {"settings": {**SETTINGS, "seed": seed}}
            return TrainPainnBaseWorkChain.get_builder_from_protocol(python_code, overrides=overrides, dataset=dataset)

        return build


def test_the_trainer_of_an_ensemble_is_that_of_its_protocol(aiida_profile_clean):
    assert TrainEnsembleWorkChain.trainer_of() is TrainPainnBaseWorkChain
    assert TrainEnsembleWorkChain.trainer_of(overrides={"trainer": "forcefield"}).code_role == "python"
    default = TrainEnsembleWorkChain.spec().inputs["trainer"].default
    assert default() == orm.Str(TrainEnsembleWorkChain.get_protocol_inputs()["trainer"])

"""The newest labels and potentials of a street, whatever it has reached."""

import pytest

from aiida_elyte.provenance.learning import newest_dataset, newest_potentials, read_rounds
from aiida_elyte.provenance.links import Links
from tests import crystal_graphs, polymer_graphs
from tests.provenance_graphs import process

pytestmark = pytest.mark.usefixtures("aiida_profile_clean")


def test_newest_data_set_is_that_of_the_clusters_before_a_round_has_ended():
    street, dataset = polymer_graphs.begin(state="waiting")
    assert newest_dataset(Links(street)).pk == dataset.pk


def test_newest_data_set_is_the_one_merged_last():
    street, dataset = crystal_graphs.begin()
    merged = crystal_graphs.learn(street, dataset)
    assert newest_dataset(Links(street)).pk == merged.pk


def test_newest_data_set_is_the_one_given_where_nothing_was_labelled():
    dataset = crystal_graphs.frames(3)
    assert newest_dataset(Links(process("CrystalWorkChain", inputs={"dataset": dataset}))).pk == dataset.pk
    assert newest_dataset(Links(process("CrystalWorkChain"))) is None


def test_newest_potentials_are_those_of_the_last_ensemble_trained_whole():
    street, dataset = crystal_graphs.begin()
    given = {"potentials__m00": crystal_graphs.PotentialData(b"old", {"level_of_theory": "GFN1-xTB"})}
    other = process("CrystalWorkChain", inputs=given)
    assert newest_potentials(other)["m00"].pk == given["potentials__m00"].pk
    assert newest_potentials(street) == {}
    crystal_graphs.learn(street, dataset)
    first, last = sorted(
        (one for one in street.called_descendants if one.process_label == "TrainEnsembleWorkChain"),
        key=lambda one: one.pk,
    )
    for node in (first, last):
        crystal_graphs.give(
            node, "potentials__m00", crystal_graphs.PotentialData(str(node.pk).encode(), {"level_of_theory": "toy"})
        )
    assert newest_potentials(street)["m00"].get_content(mode="rb") == str(last.pk).encode()


def test_a_training_alone_is_round_zero():
    street, dataset = crystal_graphs.begin()
    crystal_graphs.learn(street, dataset)
    training = next(one for one in street.called_descendants if one.process_label == "TrainEnsembleWorkChain")
    (only,) = read_rounds(Links(training))
    assert (only.number, only.training.n_frames) == (0, 4)

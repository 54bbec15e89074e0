"""What a WorkChain that starts again takes over from one that has ended; the provenance graphs are made by hand."""

import pytest
from aiida import orm

from aiida_elyte.api.resume import prepare_restart
from aiida_elyte.errors import InputError
from aiida_elyte.workflows.active_learning import ActiveLearningWorkChain
from tests import crystal_graphs
from tests.provenance_graphs import give, process

pytestmark = pytest.mark.usefixtures("aiida_profile_clean")


def learning(state):
    """Return a learning that was left in its first round: two of five frames were selected, none labelled yet."""
    settings = ActiveLearningWorkChain.get_protocol_inputs("fast")["learning"]
    settings |= {"max_rounds": 5, "label_budget": 40, "sampling": {**settings["sampling"], "seed": 3}}
    dataset = crystal_graphs.frames(4)
    inputs = {"dataset": dataset, "labeller": orm.Str("ase"), "learning": orm.Dict(settings)}
    node = process("ActiveLearningWorkChain", inputs=inputs, state=state, entry_point="elyte.active_learning")
    crystal_graphs.train(node, 0, dataset, "seed-000")
    choices = orm.Dict({"selection": {"threshold_eV_A": 0.3}})
    inputs = {"dataset": dataset, "settings": choices}
    selection = process("select_frames", node, "CALL", inputs, orm.CalcFunctionNode)
    counts = {"n_sampled": 5, "refused": {}, "spreads_eV_A": [0.1], "n_uncertain": 2, "selected": [1, 3]}
    give(selection, "record", orm.Dict(counts))
    return node


def test_a_killed_street_keeps_what_it_has_not_spent():
    node = learning("killed")
    restart = prepare_restart(node.pk)
    builder = restart.builder
    assert builder.dataset.pk == node.inputs.dataset.pk
    left = builder.learning.get_dict()
    assert (left["max_rounds"], left["label_budget"], left["sampling"]["seed"]) == (4, 38, 1003)
    assert "1 rounds and 2 labels are spent." in restart.notes


def test_a_finished_street_gets_all_of_it_again():
    left = prepare_restart(learning("finished")).builder.learning.get_dict()
    assert (left["max_rounds"], left["label_budget"], left["sampling"]["seed"]) == (5, 40, 1003)


def test_potentials_go_on_only_with_the_data_they_were_trained_on():
    node = learning("killed")
    training = next(one for one in node.called if one.process_label == "TrainEnsembleWorkChain")
    job = process("Train", training, "iteration_01", {"dataset": node.inputs.dataset}, orm.CalcJobNode)
    potential = crystal_graphs.PotentialData(b"weights", {"level_of_theory": "GFN1-xTB"})
    give(training, "potentials__m00", give(job, "potential", potential))
    assert prepare_restart(node).builder.potentials.m00.pk == potential.pk
    new = crystal_graphs.frames(6)
    merging = process("merge_frames", node, "merge", {"a": node.inputs.dataset}, orm.CalcFunctionNode)
    give(merging, "result", new)
    restart = prepare_restart(node)
    assert restart.builder.dataset.pk == new.pk
    assert not restart.builder.potentials
    assert "No ensemble was trained on all of them: one is trained first." in restart.notes


def test_a_running_street_is_rejected():
    with pytest.raises(InputError, match="has not ended; expected an ended WorkChain"):
        prepare_restart(learning("waiting"))

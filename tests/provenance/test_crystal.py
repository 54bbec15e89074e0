"""The record of a crystal street holds what its graph holds; the graphs here are made by hand."""

import pytest
from aiida import orm

from aiida_elyte.errors import InputError
from aiida_elyte.provenance.crystal import load_crystal, load_series, read_crystal_street
from aiida_elyte.provenance.learning import load_parity, load_trainings
from aiida_elyte.provenance.street import read_street, results_of_street
from aiida_elyte.provenance.theory import Theory
from tests.crystal_graphs import begin, learn, produce, qualify
from tests.provenance_graphs import process

pytestmark = pytest.mark.usefixtures("aiida_profile_clean")


def test_whole_street_is_recorded():
    node, dataset = begin()
    merged = learn(node, dataset)
    produce(node)
    street = read_crystal_street(node)
    assert street.process.ok
    assert street.material.citation == "doi:10.0000/salt"
    assert load_crystal(street.material).get_chemical_formula() == "Cl4Li4"
    assert street.theory == Theory(("GFN1-xTB",), (), "ase")
    assert street.charges == {"Li": 1.0}
    assert (street.seeds.n_frames, street.seeds.n_labelled, len(street.seeds.refused)) == (6, 4, 2)
    first, second = street.learning.rounds
    assert (first.number, first.selection, first.labels, first.training.n_frames) == (0, None, None, 4)
    assert (second.selection.n_sampled, len(second.selection.refused), second.selection.n_uncertain) == (5, 1, 2)
    assert (second.selection.n_selected, second.labels.n_labelled, second.training.n_frames) == (2, 2, 6)
    assert second.selection.threshold_eV_A == 0.3
    assert (second.temperature_K, second.stops["r1"].kind) == (1400.0, "COLLIDED")
    assert street.learning.reason == "all rounds are spent"
    assert (street.learning.n_given, street.learning.n_frames, street.learning.dataset_pk) == (4, 6, merged.pk)
    (run,) = street.runs
    assert (run.name, run.temperature_K, run.state) == ("T1000_00", 1000.0, "ok")
    assert len(load_series(run.series_pk)) == 4
    assert results_of_street(street).transport == {"T1000_00": run.transport}
    assert street.missing == ("800 K: the run has not begun.", "No Arrhenius fit has been made.")
    trail = street.trail()
    assert trail[0].pk == run.result_pk
    assert (trail[-1].what, trail[-1].kind, trail[-1].pk) == ("6 labelled frames", "FramesData", merged.pk)
    assert [stage.label for stage in street.stages() if stage.level == 1] == ["seeds_label", "learning", "conductivity"]


def test_validation_frames_a_member_had_trained_on_are_counted():
    node, dataset = begin()
    learn(node, dataset)
    (_, first), (_, second) = load_trainings(read_crystal_street(node).learning)
    assert first["m00"].n_validation_seen == 0
    assert second["m00"].n_validation_seen == 1  # seed-001 trained the first potential
    assert load_parity(second)["m00"]["validation/forces"].shape == (8, 3)


def test_the_verdict_of_a_run_and_the_findings_behind_it_are_recorded():
    node, dataset = begin()
    learn(node, dataset)
    failed = {"verdict": "unqualified", "reasons": ["shortest distance: 0.13, the limit is 1"]}
    process_node = qualify(node, failed)
    produce(node)
    street = read_crystal_street(node)
    record = street.qualification
    assert (record.verdict.status, record.verdict.reasons) == ("unqualified", tuple(failed["reasons"]))
    assert (record.process_pk, record.conditions["temperature_K"]) == (process_node.pk, 1200.0)
    assert record.tests["shortest_distance"]["value"] == 0.13
    assert len(orm.load_node(record.offending_pk)) == 2
    assert "qualification" in [stage.label for stage in street.stages() if stage.level == 1]
    (run,) = street.runs
    assert run.verdict.status == "unqualified"  # made before there were verdicts
    assert results_of_street(street).verdicts == [("1000 K", run.verdict)]


def test_a_qualification_that_was_given_is_recorded():
    node, _ = begin()
    given = orm.Dict({"verdict": "qualified", "reasons": ["4 tests"], "tests": {}})
    conditions = orm.Dict({"temperatures_K": [800.0], "charges": {"Li": 1.0}})
    inputs = {"conditions": conditions, "qualification": given}
    process("ConductivityWorkChain", node, "conductivity", inputs)
    record = read_crystal_street(node).qualification
    assert (record.pk, record.process_pk, record.verdict.status) == (given.pk, None, "qualified")


def test_running_street_states_what_is_not_there_yet():
    node, _ = begin(state="waiting")
    street = read_crystal_street(node)
    assert street.missing[0] == "The street is still waiting; this is what exists so far."
    assert "No ensemble has been trained." in street.missing
    assert "No production run has begun: there is no conductivity." in street.missing
    assert (street.learning, street.runs) == (None, ())


def test_failed_street_keeps_what_it_has():
    node, dataset = begin(exit_status=452)
    learn(node, dataset)
    street = read_crystal_street(node)
    assert street.missing[0].startswith("The street failed with exit status 452")
    assert len(street.learning.trainings) == 2


def test_runs_are_ordered_by_temperature_and_one_without_result_is_named():
    node, _ = begin()
    conductivity = produce(node)
    settings = orm.Dict({"temperature_K": 800.0, "timestep_fs": 2.0, "friction_per_ps": 1.0})
    process("MdBaseWorkChain", conductivity, "md_T0800_00", {"settings": settings}, exit_status=411)
    street = read_crystal_street(node)
    assert [run.temperature_K for run in street.runs] == [800.0, 1000.0]
    assert "800 K: no result (exit status 411)." in street.missing


def test_runs_that_could_not_go_on_are_named_with_why():
    node, _ = begin()
    conductivity = produce(node, next_n_steps=4000)
    settings = orm.Dict({"temperature_K": 1000.0, "timestep_fs": 2.0, "friction_per_ps": 1.0})
    assert not any("gone on" in sentence for sentence in read_crystal_street(node).missing)
    process("MdBaseWorkChain", conductivity, "md_T1000_00_x01", {"settings": settings}, exit_status=401)
    street = read_crystal_street(node)
    assert "1000 K: the runs have not gone on to 4000 steps (exit status 401)." in street.missing
    assert street.runs[0].transport["conductivity"]["value"] > 0


def test_learning_alone_and_conductivity_alone_are_recorded():
    node, dataset = begin()
    learn(node, dataset)
    conductivity = produce(node)
    learning = next(one for one in node.called if one.process_label == "ActiveLearningWorkChain")
    assert read_crystal_street(learning).learning == read_crystal_street(node).learning
    assert read_crystal_street(conductivity).runs == read_crystal_street(node).runs


def test_other_nodes_are_rejected():
    with pytest.raises(InputError, match="is Int; expected a CrystalWorkChain"):
        read_street(orm.Int(1).store())

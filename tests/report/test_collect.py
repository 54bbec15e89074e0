"""What a report shows is what the record of a street holds; the graphs here are made by hand."""

import json

import pytest

from aiida_elyte.provenance.street import read_street
from aiida_elyte.report.collect import collect
from aiida_elyte.report.html import write_html, write_report
from aiida_elyte.report.results import as_json_dict
from tests.crystal_graphs import begin, learn, produce

pytestmark = pytest.mark.usefixtures("aiida_profile_clean")


def test_whole_street_is_shown(tmp_path):
    street, dataset = begin()
    learn(street, dataset)
    produce(street)
    data = write_report(street, tmp_path / "report.html")
    assert data["material"]["citation"] == "doi:10.0000/salt"
    assert data["material"]["reduced_formula"] == "LiCl"
    (only,) = data["rounds"]
    assert (only["n_sampled"], len(only["refused"]), only["n_selected"], only["n_labelled"]) == (5, 1, 2, 2)
    assert only["spreads_eV_A"].tolist() == [0.1, 0.5, 0.6, 0.2]
    assert data["parity"]["validation"]["force_mae_eV_A"] == pytest.approx(0.05)
    assert data["runs"][0]["transport"]["conductivity"]["value"] > 0
    assert data["runs"][0]["msd"]["Li"]["window_ps"]
    assert data["trail"][0]["pk"] == data["runs"][0]["result_pk"]
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    shown, folded = text.split("<summary>")
    assert "Haven ratio" in shown
    assert "Onsager coefficient" not in shown
    assert "Onsager coefficient" in folded
    assert json.loads(json.dumps(as_json_dict(data)))["n_labelled_frames"] == 6


def test_a_street_can_be_named_by_its_number(tmp_path):
    street, _ = begin()
    assert write_report(street.pk, tmp_path / "new" / "report.html")["process"]["pk"] == street.pk


@pytest.mark.parametrize(("state", "exit_status"), [("waiting", 0), ("finished", 452)])
def test_running_and_failed_streets_have_a_page(tmp_path, state, exit_status):
    street, dataset = begin(state=state, exit_status=exit_status)
    if state == "finished":
        learn(street, dataset)
    data = write_report(street, tmp_path / "report.html")
    assert data["runs"] == []
    assert data["missing"][0] in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_learning_alone_and_conductivity_alone_have_a_page(tmp_path):
    street, dataset = begin()
    learn(street, dataset)
    conductivity = produce(street)
    learning = next(node for node in street.called if node.process_label == "ActiveLearningWorkChain")
    for name, node, key in (("learning", learning, "rounds"), ("conductivity", conductivity, "runs")):
        data = collect(read_street(node))
        assert len(data[key]) == 1
        write_html(data, tmp_path / f"{name}.html")

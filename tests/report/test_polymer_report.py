"""What a report tells of a polymer street is what its provenance graph holds; the graphs here are made by hand."""

import json
import re

import pytest

from aiida_elyte.provenance.street import read_street
from aiida_elyte.report.collect import collect
from aiida_elyte.report.html import write_html
from aiida_elyte.report.results import as_json_dict
from tests import polymer_graphs
from tests.report.test_html import Page

pytestmark = pytest.mark.usefixtures("aiida_profile_clean")


def collect_node(node):
    return collect(read_street(node))


def page(data, folder):
    path = folder / "report.html"
    write_html(data, path)
    text = path.read_text(encoding="utf-8")
    found = Page(text)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert all(address.startswith(("#", "data:")) for address in found.addresses)
    return text


def test_whole_street_is_told(tmp_path):
    street = polymer_graphs.whole_street()
    data = collect_node(street)
    assert data["process"]["ok"]
    assert data["theory"] == {
        "levels": ["GFN2-xTB (tblite)"],
        "charge_methods": ["Mulliken, GFN2-xTB"],
        "labeller": "ase",
    }
    assert (data["seeds"]["n_frames"], data["seeds"]["n_labelled"]) == (6, 5)
    assert [fit["n_frames"] for fit in data["fits"]] == [5, 8]
    assert data["learning"]["reason"].startswith("2 of 40")
    assert [box["name"] for box in data["boxes"]] == ["m00_b00", "m01_b01"]
    assert data["boxes"][0]["equilibrium"]["refused"] is None
    assert data["boxes"][0]["production"]["length_ns"] == 2.0
    assert data["boxes"][0]["production"]["means"]["temperature_K"] == pytest.approx(400, abs=1)
    assert data["solvation"]["n_boxes"] == 2
    assert [run["transport"] is not None for run in data["runs"]] == [True]
    assert data["missing"] == ["1 of 6 clusters have no label; see below."]
    assert [step["kind"] for step in data["trail"]] == [
        "Dict",
        "transport",
        "SeriesData",
        *("SeriesData", "RemoteData", "ForceFieldData") * 2,
        "TrainEnsembleWorkChain",
        "FramesData",
    ]
    text = page(data, tmp_path)
    assert text.count('<svg role="img"') == 6  # displacements, matrix, shells, selection, two boxes
    assert "Ionic conductivity of peo_litfsi" in text
    assert "<b>Qualified</b> at 400 K." in text
    assert "[" not in text.split('<dl class="numbers">')[1].split("</dl>")[0]
    assert data["qualification"]["tests"]["m01_b01 equilibrium"]["passed"] is True
    conductivity = data["runs"][0]["transport"]["conductivity"]
    assert f"{conductivity['value']:.1f}"[:3] in text
    assert "transference number of Li" in text
    assert "It is not density-functional theory" in text
    # Mean of 3.6 and 3.7, their standard deviation 0.1 / √2
    assert "3.65 ± 0.07" in text
    assert "2 parameters that the data do not determine" in text
    assert "1 of 2" in text
    assert "O of TFSI" in text
    assert "contact pairs (one cation)" in text
    assert "1 no convergence: 250 iterations" in text
    assert "1 stopped" in text
    assert "built independently" in text
    assert json.dumps(as_json_dict(data))


def test_a_torn_bond_refuses_every_number_and_says_which(tmp_path):
    data = collect_node(polymer_graphs.torn_street())
    text = page(data, tmp_path)
    assert "<b>Torn</b> at 400 K:" in text.split('<dl class="numbers">')[0]
    assert "box m00_b00: bonds: the longest bond of production, C12–C13, is 3.19 Å in frame 40" in text
    assert not re.search(r"\d mS/cm|cm²/s", text)
    assert "Label the cluster of the torn bond" in text
    assert 'Who surrounds Li <span class="mark">[torn]</span>' in text
    found = as_json_dict(data)
    assert found["solvation"]["verdict"] == "torn"
    assert {row["verdict"] for row in found["results"]} == {"torn"}
    assert found["qualification"]["tests"]["m00_b00 bonds"]["passed"] is False


def test_a_reason_is_given_once(tmp_path):
    data = collect_node(polymer_graphs.whole_street())
    transport = data["runs"][0]["transport"]
    reason = "one Li ion in one replica shows no statistics; add replicas"
    for name in ("conductivity", "haven_ratio", "transference_Li"):
        transport[name] = {"refused": reason, "upper_bound": None}
    text = page(data, tmp_path)
    assert text.count(f"{reason}</td>") == 1
    assert text.count("as conductivity σ</td>") == 2


def test_running_street_says_what_is_not_there_yet(tmp_path):
    data = collect_node(polymer_graphs.running_street())
    assert data["missing"][0] == "The street is still waiting; this is what exists so far."
    assert "1 of 2 boxes have not begun." in data["missing"]
    assert data["runs"] == []
    text = page(data, tmp_path)
    assert "hence no conductivity" in text
    assert text.count('<svg role="img"') == 2  # selection, settling


def test_failed_street_tells_why_its_box_has_not_settled(tmp_path):
    data = collect_node(polymer_graphs.failed_street())
    assert data["missing"][0].startswith("The street failed with exit status 453")
    assert "Box m00_b00: exit status 510." in data["missing"]
    assert any(re.match(r"Box m00_b00 has not settled: .*density_g_cm3", sentence) for sentence in data["missing"])
    assert "judged, not in equilibrium" in page(data, tmp_path)


def test_a_street_that_has_only_begun_is_told(tmp_path):
    street, _ = polymer_graphs.begin(state="waiting")
    data = collect_node(street)
    assert "No force field has been fitted." in data["missing"]
    assert "No box has been built: there is no conductivity." in data["missing"]
    assert "<svg" not in page(data, tmp_path)


def test_box_without_solvation_still_has_its_numbers(tmp_path):
    street, dataset = polymer_graphs.begin()
    polymer_graphs.learn(street, dataset)
    _, series, _ = polymer_graphs.run_box(street, "m00_b00", 1, until="reduce")
    polymer_graphs.analyse(street, {"m00_b00": (series, None)}, with_solvation=False)
    data = collect_node(street)
    assert data["solvation"] is None
    assert "Box m00_b00: no solvation (not analysed)." in data["missing"]
    text = page(data, tmp_path)
    assert "Who surrounds" not in text
    assert "those of one box" in text


def test_learning_alone_and_a_box_alone_are_told(tmp_path):
    street = polymer_graphs.whole_street()
    parts = {node.process_label: node for node in street.called}
    learning, box = collect_node(parts["ForceFieldWorkChain"]), collect_node(parts["BoxWorkChain"])
    assert len(learning["fits"]) == 2
    assert learning["missing"] == []
    assert "it gives no conductivity" in page(learning, tmp_path)
    assert [one["name"] for one in box["boxes"]] == ["box"]
    assert box["solvation"]["n_boxes"] == 1
    assert "not been analysed yet" in page(box, tmp_path)

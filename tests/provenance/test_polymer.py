"""The record of a polymer street holds what its graph holds; the graphs here are made by hand."""

import re

import pytest

from aiida_elyte.provenance.polymer import read_polymer_street
from aiida_elyte.provenance.street import read_street, results_of_street
from aiida_elyte.provenance.theory import Theory
from tests import polymer_graphs

pytestmark = pytest.mark.usefixtures("aiida_profile_clean")


def missing(street):
    return street.missing


def test_whole_street_is_recorded():
    street = read_polymer_street(polymer_graphs.whole_street())
    assert street.process.ok
    assert street.theory == Theory(("GFN2-xTB (tblite)",), ("Mulliken, GFN2-xTB",), "ase")
    assert (street.seeds.n_frames, street.seeds.n_labelled) == (6, 5)
    first, second = street.learning.trainings
    assert (first.n_frames, second.n_frames) == (5, 8)
    # Members of 4.2 and 4.3, then of 3.6 and 3.7
    assert first.error == pytest.approx(4.25)
    assert second.error == pytest.approx(3.65)
    assert street.learning.rounds[1].stops["r1"].message == "Out of range atoms"
    assert [box.name for box in street.boxes] == ["m00_b00", "m01_b01"]
    box = street.boxes[0]
    assert (box.step, box.n_settling_runs, box.equilibrium["refused"]) == ("solvation", 1, None)
    assert box.production.results["simulated_ns"] == 2.0
    assert street.charges == polymer_graphs.CHARGES
    assert street.solvation["n_boxes"] == 2
    assert results_of_street(street).transport[""]["conductivity"]["unit"] == "mS/cm"
    assert missing(street) == ("1 of 6 clusters have no label; see below.",)
    assert [step.kind for step in street.trail()] == [
        "Dict",
        "transport",
        "SeriesData",
        *("SeriesData", "RemoteData", "ForceFieldData") * 2,
        "TrainEnsembleWorkChain",
        "FramesData",
    ]


def test_running_street_states_what_is_not_there_yet():
    street = read_polymer_street(polymer_graphs.running_street())
    assert missing(street)[0] == "The street is still waiting; this is what exists so far."
    assert "1 of 2 boxes have not begun." in missing(street)
    assert street.boxes[0].production is None
    assert street.pooled.series_pk is None
    assert street.trail()[0].what == "Force field of box m00_b00"


def test_failed_street_states_why_its_box_has_not_settled():
    found = missing(read_polymer_street(polymer_graphs.failed_street()))
    assert found[0].startswith("The street failed with exit status 453")
    assert "Box m00_b00: exit status 510." in found
    assert any(re.match(r"Box m00_b00 has not settled: .*density_g_cm3", sentence) for sentence in found)


def test_a_street_that_has_only_begun_is_recorded():
    node, _ = polymer_graphs.begin(state="waiting")
    found = missing(read_polymer_street(node))
    assert "No force field has been fitted." in found
    assert "No box has been built: there is no conductivity." in found


def test_learning_alone_and_a_box_alone_are_recorded():
    node = polymer_graphs.whole_street()
    whole, parts = read_polymer_street(node), {one.process_label: one for one in node.called}
    learning, box = read_street(parts["ForceFieldWorkChain"]), read_street(parts["BoxWorkChain"])
    assert learning.learning == whole.learning
    assert missing(learning) == ()
    assert [one.name for one in box.boxes] == ["box"]
    assert box.solvation["n_boxes"] == 1
    assert results_of_street(box).solvation == box.solvation

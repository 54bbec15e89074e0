"""What ``aiida-elyte status`` tells of a polymer street; the provenance graphs are made by hand."""

import json

import pytest
from click.testing import CliRunner

from aiida_elyte.cli import status
from tests import polymer_graphs

pytestmark = pytest.mark.usefixtures("aiida_profile_clean")


@pytest.fixture
def tell(monkeypatch):
    """Return a function that gives the output of the command in the profile of the tests."""
    monkeypatch.setattr(status, "open_profile", lambda: None)

    def run(node, *options):
        result = CliRunner().invoke(status.command, [str(node.pk), *options], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_running_street_tells_rounds_in_kcal_and_where_its_boxes_are(tell):
    street = polymer_graphs.running_street()
    state = json.loads(tell(street, "--json"))
    assert state["n_labelled"] == 8
    first, second = state["rounds"]
    # Members of 4.2 and 4.3, then of 3.6 and 3.7
    assert first["force_rmse_kcal_mol_A"] == pytest.approx(4.25)
    assert second["force_rmse_kcal_mol_A"] == pytest.approx(3.65)
    assert (second["n_sampled"], second["n_labelled"], second["n_dataset"]) == (40, 3, 8)
    (box,) = state["boxes"]
    assert (box["name"], box["step"], box["equilibrium"]) == ("m00_b00", "settle_00", "settled")
    text = tell(street)
    assert "validation force RMSE / kcal/mol/Å" in text
    assert "3.65" in text
    assert "m00_b00" in text


def test_finished_street_tells_results_and_shells(tell):
    street = polymer_graphs.whole_street()
    state = json.loads(tell(street, "--json"))
    assert state["results"]["solvation"]["n_boxes"] == 2
    assert state["results"]["transport"][""]["conductivity"]["unit"] == "mS/cm"
    text = tell(street)
    assert "transference Li" in text
    assert "around Li" in text
    assert "O of chain" in text


def test_neighbours_in_a_torn_box_are_marked(tell):
    street = polymer_graphs.torn_street()
    lines = tell(street).splitlines()
    (row,) = [line for line in lines if line.startswith("O of chain")]
    assert "[torn]" in row
    assert json.loads(tell(street, "--json"))["results"]["solvation"]["verdict"] == "torn"


def test_a_box_that_has_not_settled_tells_why(tell):
    text = tell(polymer_graphs.failed_street())
    assert "exit status 510" in text
    assert "changes until the last third" in text


def test_every_quantity_is_printed_when_asked_for(tell):
    street = polymer_graphs.whole_street()
    assert "onsager" not in tell(street)
    text = tell(street, "--all")
    assert "onsager Li TFSI" in text
    assert "  conductivity: charge displacement" in text

"""What ``aiida-elyte show`` tells of potentials, ensembles and qualifications; the graphs are made by hand."""

import json

import pytest
from aiida import orm
from click.testing import CliRunner

from aiida_elyte.cli import show
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.provenance.qualification import VERDICT
from tests.crystal_graphs import begin, qualify
from tests.provenance_graphs import give

pytestmark = pytest.mark.usefixtures("aiida_profile_clean")

FAILED = {"verdict": "unqualified", "reasons": ["shortest distance: 0.13, the limit is 1"]}


@pytest.fixture
def tell(monkeypatch):
    monkeypatch.setattr(show, "open_profile", lambda: None)

    def run(node, *options):
        result = CliRunner().invoke(show.command, [str(node.pk), *options], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_a_potential_tells_its_verdict_first(tell):
    node = PotentialData(b"weights", {"level_of_theory": "PBE", "family": "some"}).store()
    assert tell(node).splitlines()[1] == "never tested"
    node.base.extras.set(VERDICT, {**FAILED, "qualification_uuid": "1234"})
    lines = tell(node).splitlines()
    assert lines[1:3] == ["unqualified", f"  {FAILED['reasons'][0]}"]
    assert "level_of_theory: PBE" in lines
    found = json.loads(tell(node, "--json"))
    assert (found["verdict"], found["reasons"]) == ("unqualified", FAILED["reasons"])


def test_a_street_tells_members_and_tests(tell):
    street, _ = begin()
    members = [give(street, f"potentials__{name}", PotentialData(name.encode(), {})) for name in ("m00", "m01")]
    members[0].base.extras.set(VERDICT, FAILED)
    qualify(street, FAILED)
    text = tell(street)
    assert f"m00     {members[0].pk}".rstrip() in text
    assert text.count("never tested") == 1
    assert "Qualification: unqualified" in text
    assert "shortest distance  failed" in text
    assert "tested at temperature_K 1200" in text
    found = json.loads(tell(street, "--json"))
    assert found["qualification"]["tests"]["shortest_distance"]["passed"] is False
    (process,) = (node for node in street.called if node.process_label == "QualifyWorkChain")
    assert json.loads(tell(process, "--json"))["qualification"]["verdict"] == "unqualified"


def test_a_process_without_potentials_says_so(tell):
    street, _ = begin()
    assert "no potentials and no qualification" in tell(street)


def test_other_data_are_shown_without_a_verdict(tell):
    assert json.loads(tell(orm.Int(3).store(), "--json"))["verdict"] is None

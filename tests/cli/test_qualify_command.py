"""What ``aiida-elyte qualify`` prints and how it ends; the WorkChain itself is tested with its own."""

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from aiida_elyte.cli import qualify
from tests.cli.commandline import run_in_process

PASSED = {"value": 0.12, "unit": "1", "threshold": 0.3, "source": "a paper", "passed": True, "offending": {}}
FAILED = {**PASSED, "value": 0.41, "passed": False, "offending": {"3": "Lindemann ratio 0.41 of the framework"}}


def ended(verdict, finding, failure=None):
    described = {
        "pk": 12,
        "potentials": {"m00": 3, "m01": 4},
        "verdict": verdict,
        "reasons": ["why"],
        "tests": {"framework_rmsd": finding},
        "conditions": {"temperature_K": 900.0},
        "offending_pk": 14 if finding is FAILED else None,
    }
    return SimpleNamespace(
        failure=failure,
        is_qualified=verdict == "qualified",
        describe=lambda: described,
        node=SimpleNamespace(process_label="QualifyWorkChain", pk=9),
    )


@pytest.fixture
def run(monkeypatch):
    def command(result, *options):
        monkeypatch.setattr(qualify, "open_profile", lambda create: None)
        monkeypatch.setattr("aiida_elyte.api.qualification.qualify", lambda *_, **__: result)
        return CliRunner().invoke(qualify.command, ["3", "start.cif", "--temperature-K", "900", *options])

    return command


def test_qualified_potentials_end_with_zero_and_a_row_a_test(run):
    found = run(ended("qualified", PASSED))
    assert found.exit_code == 0, found.output
    assert found.output.splitlines()[0] == "Qualification 12 of m00 3, m01 4: qualified"
    assert found.output.splitlines()[-1].split() == ["framework", "rmsd", "0.120", "0.300", "passed"]


def test_unqualified_potentials_end_with_one_and_name_the_frames(run):
    found = run(ended("unqualified", FAILED))
    assert found.exit_code == 1
    assert "frames that failed: 14" in found.output
    assert json.loads(run(ended("unqualified", FAILED), "--json").stdout)["verdict"] == "unqualified"


def test_dynamics_that_could_not_be_run_end_with_one_line(run):
    found = run(ended("unqualified", FAILED, failure="no wall time"))
    assert found.exit_code == 1
    assert found.stderr == "Error: QualifyWorkChain 9 failed: no wall time\n"


def test_a_temperature_is_required():
    found = run_in_process("qualify", "3", "start.cif")
    assert found.exit_code == 2
    assert "--temperature-K" in found.output

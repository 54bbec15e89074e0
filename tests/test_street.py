"""The whole street, by ``run``: from a structure to results, and back from a result to its frames."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiida import orm
from aiida.engine import run_get_node

from aiida_elyte.provenance.street import read_street
from aiida_elyte.workflows.crystal import CrystalWorkChain
from tests import street
from tests.call_labels import unknown_calls

pytest.importorskip("torch_sim")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def finished(aiida_profile, warm_python, tmp_path_factory):
    code = street.prompt_python("street", tmp_path_factory.mktemp("work"), warm_python)
    builder = CrystalWorkChain.get_builder_from_protocol(
        {"python": code},
        orm.StructureData(ase=street.salt()),
        street.CHARGES,
        [300.0],
        protocol="fast",
        overrides=street.OVERRIDES,
        allow_unqualified=True,
    )
    _, node = run_get_node(builder)
    assert node.is_finished_ok, (
        node.exit_message,
        [(c.process_label, c.exit_message) for c in node.called_descendants],
    )
    return node


def test_street_ends_with_a_result_or_an_honest_refusal(finished):
    (result,) = finished.outputs.conductivity.transport.values()
    assert set(result["conductivity"]) >= {"value", "ci95", "unit"} or result["conductivity"]["refused"]
    assert "refused" in finished.outputs.conductivity.arrhenius["activation_energy"]


def test_each_round_is_told(finished):
    history = finished.outputs.learning.history.get_dict()
    (only,) = history["rounds"]
    assert only["n_sampled"] > 0
    assert only["n_labelled"] == only["n_selected"] <= 3
    assert len(finished.outputs.learning.dataset) == 6 + only["n_labelled"]
    assert history["reason"]


def test_an_ensemble_that_fails_is_tested_and_marked_wherever_its_numbers_are_allowed(finished):
    qualification = finished.outputs.learning.qualification
    assert qualification["verdict"] == "unqualified"
    assert qualification["tests"]["framework_rmsd"]["passed"] is False
    (result,) = finished.outputs.conductivity.transport.values()
    assert result["verdict"] == "unqualified"
    steps = [one["step"] for one in finished.outputs.learning.history["decisions"]]
    assert steps == ["round", "qualify", "end"]


def test_the_same_street_without_leave_for_unqualified_numbers_ends_before_production(finished):
    from aiida.manage.caching import enable_caching

    builder = finished.get_builder_restart()
    builder.conductivity.allow_unqualified = orm.Bool(False)
    with enable_caching():
        _, node = run_get_node(builder)
    assert node.exit_status == 453
    assert "framework_rmsd" in node.exit_message
    assert "--allow-unqualified" in node.exit_message
    assert "potentials" in node.outputs.learning
    assert "conductivity" not in node.outputs


def test_ready_potentials_are_tested_and_produce_without_labels_or_training(finished):
    builder = finished.get_builder_restart()
    builder.potentials = finished.outputs.learning.potentials
    learning = builder.active_learning.learning.get_dict()
    builder.active_learning.learning = orm.Dict({**learning, "max_rounds": 0})
    _, node = run_get_node(builder)
    assert node.is_finished_ok, node.exit_message
    called = {link.link_label for link in node.base.links.get_outgoing().all()}
    assert {"qualification", "conductivity"} <= called
    assert not {"seeds_label", "learning"} & called
    assert node.outputs.qualification["verdict"] == "unqualified"
    (result,) = node.outputs.conductivity.transport.values()
    assert result["verdict"] == "unqualified"


def test_calls_are_labelled_by_what_they_do(finished):
    assert unknown_calls(finished) == []
    record = read_street(finished)
    assert record.missing == ()
    assert [one.number for one in record.learning.rounds] == [0, 1]
    assert [run.temperature_K for run in record.runs] == [300.0]
    stations = [stage.label for stage in record.stages() if stage.level == 1]
    assert stations == ["seeds_label", "learning", "conductivity"]


def test_every_labelled_frame_names_its_calculation(finished):
    for frame in finished.outputs.learning.dataset.get_frames():
        assert orm.load_node(frame.info["labelled_by"]).process_label == "LabelAseCalculation"
        assert frame.info["level_of_theory"] == "Lennard-Jones"


def test_documented_query_goes_from_a_conductivity_to_its_frames(finished, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "provenance.md").read_text(), re.DOTALL)
    names = {"pk": finished.pk}
    for block in blocks:
        exec(block, names)
    printed = capsys.readouterr().out
    assert "LabelAseCalculation" in printed
    assert re.search(r"-?\d+\.\d{3} eV", printed)
    assert len(query_lines(blocks[0])) <= 12


def query_lines(block):
    return [line for line in block.splitlines() if line.strip()]


def test_second_run_takes_every_job_from_the_cache(finished):
    from aiida.manage.caching import enable_caching

    with enable_caching():
        _, node = run_get_node(finished.get_builder_restart())
    jobs = [child for child in node.called_descendants if isinstance(child, orm.CalcJobNode)]
    assert jobs
    assert all(job.base.caching.is_created_from_cache for job in jobs)


def test_graph_can_be_drawn_and_archived(finished, tmp_path):
    from aiida.tools.archive import create_archive
    from aiida.tools.visualization import Graph

    graph = Graph()
    graph.recurse_ancestors(next(iter(finished.outputs.conductivity.transport.values())))
    assert "FramesData" in graph.graphviz.source
    archive = tmp_path / "street.aiida"
    create_archive([finished], filename=archive)
    home = {"AIIDA_PATH": str(tmp_path), "PATH": str(Path(sys.executable).parent) + ":/usr/bin:/bin"}
    verdi = Path(sys.executable).with_name("verdi")
    subprocess.run([verdi, "presto", "--no-broker", "-p", "empty"], env=home, check=True, capture_output=True)
    subprocess.run([verdi, "archive", "import", archive], env=home, check=True, capture_output=True)
    shown = subprocess.run(
        [verdi, "process", "report", finished.uuid], env=home, check=True, capture_output=True, text=True
    )
    assert "round 1" in shown.stdout + shown.stderr

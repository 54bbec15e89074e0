"""Production with untrained potentials: what is tested is what is said of the numbers, not the numbers."""

import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase.build import bulk

from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.provenance.crystal import read_crystal_street
from aiida_elyte.science.verdict import quantities_of
from aiida_elyte.workflows.conductivity import ConductivityWorkChain

pytest.importorskip("torch")

PASSED = {"verdict": "qualified", "reasons": ["9 tests passed"], "conditions": {"temperature_K": 400.0}}


@pytest.fixture
def members(aiida_profile_clean):
    from aiida_elyte.science.potentials.painn.model import build_painn
    from aiida_elyte.science.potentials.painn.storage import describe_painn, dump_painn

    small = {"n_features": 8, "n_layers": 1, "n_rbf": 6, "cutoff_A": 4.0}
    content = dump_painn(build_painn(small, energy_reference=["Li", "Cl"], scale=0.001, seed=1))
    return {"m00": PotentialData(content, describe_painn(content))}


def produce(code, members, temperatures_K=(300.0,), stops=None, conditions=None, **given):
    builder = ConductivityWorkChain.get_builder_from_protocol(
        code,
        charges={"Li": 1.0},
        temperatures_K=list(temperatures_K),
        start=FramesData([bulk("LiCl", "rocksalt", a=5.14, cubic=True)]),
        potentials=members,
        protocol="fast",
        overrides={
            "md": {
                "settings": {
                    "ramp": {"ramp_steps": 0, "hold_steps": 0},
                    "stops": {"min_distance_factor": None, "framework": [], **(stops or {})},
                }
            },
            "conditions": {"n_steps": 60, "series_stride": 5, "n_replicas": 2, "trajectory_stride": None}
            | (conditions or {}),
        },
        **given,
    )
    _, node = run_get_node(builder)
    assert node.is_finished_ok, node.exit_message
    return node


def test_potentials_that_were_not_tested_give_verdicts_and_no_number(members, python_code):
    outputs = produce(python_code, members).outputs
    result = outputs.transport["T0300_00"]
    assert result["verdict"] == "unqualified"
    assert result["reasons"][0].startswith("the potentials were not qualified")
    assert all(one["refused"].startswith("unqualified:") for one in quantities_of(result.get_dict()).values())
    assert outputs.arrhenius["verdict"] == "unqualified"
    assert outputs.arrhenius["reasons"] == [
        "0 of 1 temperatures are usable (300 K is unqualified); expected at least 3"
    ]


def test_qualified_potentials_are_judged_at_each_temperature(members, python_code):
    node = produce(python_code, members, (300.0, 500.0), qualification=orm.Dict(PASSED))
    verdicts = {name: result["verdict"] for name, result in node.outputs.transport.items()}
    assert verdicts == {"T0300_00": "qualified", "T0500_00": "extrapolated"}


def test_a_temperature_at_which_every_replica_stops_has_a_result_that_says_so(members, python_code):
    node = produce(
        python_code, members, stops={"max_temperature_K": 10.0}, qualification=orm.Dict(PASSED), allow_unqualified=True
    )
    result = node.outputs.transport["T0300_00"]
    assert result["verdict"] == "exploded"
    assert result["reasons"][0].startswith("replica r0 stopped after 0")
    assert "no replica ran to its end" in result["conductivity"]["refused"]
    (run,) = read_crystal_street(node).runs
    assert run.transport["verdict"] == "exploded"


def test_runs_go_on_from_their_checkpoints_until_the_budget_is_spent(members, python_code):
    length = {"target_relative_error": 0.01, "max_steps": 150}
    node = produce(python_code, members, conditions=length, qualification=orm.Dict(PASSED))
    runs = [one for one in node.called if one.process_label == "MdBaseWorkChain"]
    steps = [one.inputs.settings["n_steps"] for one in runs]
    assert steps == [60, 120, 150]
    assert [one.outputs.results["resumed_from_step"] for one in runs] == [None, 60, 120]
    result = node.outputs.transport["T0300_00"]
    assert result["verdict"] == "not converged"
    assert "budget of 150 steps is spent" in result["reasons"][0]
    assert result["conditions"]["n_steps"] == 150
    (run,) = read_crystal_street(node).runs
    assert run.pk == runs[-1].pk
    assert run.settings["n_steps"] == 150
    assert run.transport["conditions"] == result["conditions"]


def test_a_supercell_by_its_width_is_run_and_said(members, python_code):
    asked = {"supercell": "auto", "n_steps": 10, "n_replicas": 1}
    node = produce(python_code, members, conditions=asked, qualification=orm.Dict(PASSED))
    # three cells of 5.14 Å are 15.4 Å
    chosen = node.outputs.transport["T0300_00"]["conditions"]["supercell"]
    assert (chosen["repeats"], chosen["n_atoms"]) == ([3, 3, 3], 216)
    run = next(one for one in node.called if one.process_label == "MdBaseWorkChain")
    assert run.inputs.settings["supercell"] == [3, 3, 3]


def test_species_without_a_charge_are_the_framework_that_production_watches(members, python_code):
    given = {"charges": {"Li": 1.0}, "start": FramesData([bulk("LiCl", "rocksalt", a=5.14)]), "potentials": members}
    builder = ConductivityWorkChain.get_builder_from_protocol(python_code, **given)
    assert builder.md.settings["stops"]["framework"] == ["Cl"]
    none = {"md": {"settings": {"stops": {"framework": []}}}}
    builder = ConductivityWorkChain.get_builder_from_protocol(python_code, overrides=none, **given)
    assert builder.md.settings["stops"]["framework"] == []


def test_a_supercell_of_too_many_atoms_ends_production_before_any_job(members, python_code):
    builder = ConductivityWorkChain.get_builder_from_protocol(
        python_code,
        charges={"Li": 1.0},
        start=FramesData([bulk("LiCl", "rocksalt", a=5.14, cubic=True)]),
        potentials=members,
        overrides={"conditions": {"max_atoms": 100}},
    )
    _, node = run_get_node(builder)
    assert node.exit_status == 439
    assert "216 atoms; expected 100 at most" in node.exit_message

"""Qualification with untrained potentials: what is tested is the way of the evidence, and that nothing bad passes."""

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_elyte.api.qualification import qualify
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.errors import InputError
from aiida_elyte.provenance.qualification import verdict_of
from aiida_elyte.workflows.qualify import QualifyWorkChain

torch = pytest.importorskip("torch")

CRYSTAL = bulk("LiCl", "rocksalt", a=5.14, cubic=True)


@pytest.fixture
def members(aiida_profile_clean):
    from aiida_elyte.science.potentials.painn.model import build_painn
    from aiida_elyte.science.potentials.painn.storage import describe_painn, dump_painn

    small = {"n_features": 8, "n_layers": 1, "n_rbf": 6, "cutoff_A": 4.0}
    potentials = [build_painn(small, energy_reference=["Li", "Cl"], scale=0.001, seed=seed) for seed in (1, 2)]
    contents = [dump_painn(potential) for potential in potentials]
    return {f"m{i:02d}": PotentialData(content, describe_painn(content)) for i, content in enumerate(contents)}


def labelled(n_frames=10):
    rng = np.random.default_rng(0)
    frames = []
    for index in range(n_frames):
        frame = CRYSTAL.copy()
        frame.positions += rng.normal(scale=0.05, size=(8, 3))
        frame.calc = SinglePointCalculator(frame, energy=-1.0, forces=rng.normal(scale=0.1, size=(8, 3)))
        frame.info["origin"] = f"seed#{index}"
        frames.append(frame)
    return FramesData(frames)


def builder(code, members, tests=None, dataset=None, temperature_K=300.0, **conditions):
    off = dict.fromkeys(QualifyWorkChain.get_protocol_inputs("fast")["tests"])
    short = {"n_steps": 200, "nve_steps": 100, "sample_stride": 50, "spread_stride": 10}
    return QualifyWorkChain.get_builder_from_protocol(
        code,
        temperature_K,
        ["Cl"],
        start=FramesData([CRYSTAL]),
        potentials=members,
        dataset=dataset,
        protocol="fast",
        overrides={
            "conditions": {**short, **conditions},
            "tests": {} if tests is None else {**off, **tests},
            "md": {"settings": {"ramp": {"ramp_steps": 20, "hold_steps": 0}}},
        },
    )


def test_free_atoms_are_no_crystal_and_the_verdict_stays_with_the_potentials(members, python_code):
    # Forces next to nothing: atoms fly through each other and the framework is gone within 0.4 ps.
    _, node = run_get_node(builder(python_code, members, dataset=labelled(), temperature_K=3000.0))
    assert node.is_finished_ok, node.exit_message
    found = node.outputs.qualification.get_dict()
    assert found["verdict"] == "unqualified"
    assert set(found["tests"]) == set(QualifyWorkChain.get_protocol_inputs("fast")["tests"])
    assert found["tests"]["framework_rmsd"]["passed"] is False
    assert found["tests"]["shortest_distance"]["passed"] is False
    assert found["tests"]["calibrated_error"]["reason"] == "the committee's spread is not calibrated"
    assert found["conditions"]["temperature_K"] == 3000.0
    assert found["tests"]["energy_drift"]["value"] is not None
    assert set(found["known_shortest_A"]) == {"Cl-Cl", "Cl-Li", "Li-Li"}
    offending = node.outputs.offending.get_frames()
    assert all("framework_rmsd" in frame.info["failed_test"] for frame in offending[-1:])
    assert {frame.info["run"] for frame in offending} <= {"nvt", "nve"}
    for potential in members.values():
        assert verdict_of(potential).status == "unqualified"
        assert potential.base.extras.get("elyte_verdict")["qualification_uuid"] == node.outputs.qualification.uuid


def test_ready_potentials_are_judged_without_a_data_set(members, python_code):
    tests = {"survival": {}, "shortest_distance": {}}
    _, node = run_get_node(builder(python_code, members, tests))
    assert node.is_finished_ok, node.exit_message
    found = node.outputs.qualification.get_dict()
    assert found["tests"]["shortest_distance"]["passed"] is None
    assert found["verdict"] == "qualified"
    assert "not judged: shortest_distance (no labelled frame to compare with)" in found["reasons"]
    assert "offending" not in node.outputs
    assert sorted(node.outputs.series) == ["nvt"]
    assert "known_shortest_A" not in found
    assert found["tolerance_eV_A"] > 0.0


def test_a_run_that_stops_is_evidence(members, python_code):
    chain = builder(python_code, members, {"survival": {}})
    settings = chain.md.settings.get_dict()
    chain.md.settings = orm.Dict({**settings, "stops": {"min_distance_factor": 1.5}})
    _, node = run_get_node(chain)
    assert node.is_finished_ok, node.exit_message
    assert node.outputs.qualification["verdict"] == "unqualified"
    assert node.outputs.qualification["tests"]["survival"]["value"] == 1.0
    assert len(node.outputs.offending) == 2
    assert {frame.info["failed_test"] for frame in node.outputs.offending.get_frames()} == {"survival"}


@pytest.mark.parametrize(
    ("tests", "conditions", "message"),
    [
        ({"meltdown": {}}, {}, "'meltdown'"),
        ({"energy_drift": {"max_drift": 1.0}}, {}, "tests.energy_drift has 'max_drift'"),
        ({"energy_drift": {"max_drift_kT_ps": -1.0}}, {}, "max_drift_kT_ps is -1.0; expected a positive number"),
        ({}, {}, "tests is empty; expected at least one"),
        ({"survival": {}}, {"framework": ["P"]}, "framework names P; expected species of the start frame, Cl, Li"),
        ({"survival": {}}, {"temperature_K": -3.0}, "temperature_K is -3.0; expected a positive number"),
    ],
)
def test_what_cannot_be_tested_is_rejected_before_any_job(members, python_code, tests, conditions, message):
    given = {"framework": conditions.get("framework", ["Cl"])}
    with pytest.raises((InputError, ValueError), match=message):
        run_get_node(_with(builder(python_code, members, tests), {**given, **conditions}))
    assert orm.QueryBuilder().append(orm.CalcJobNode).count() == 0


def test_the_library_qualifies_a_stored_potential(members, python_code):
    off = dict.fromkeys(QualifyWorkChain.get_protocol_inputs("fast")["tests"])
    found = qualify(
        members["m00"].store(),
        CRYSTAL,
        300.0,
        mobile=["Li"],
        protocol="fast",
        overrides={
            "tests": {**off, "energy_drift": {"max_drift_kT_ps": 1000.0}},
            "conditions": {"nve_steps": 100},
            "md": {"settings": {"ramp": {"ramp_steps": 20, "hold_steps": 0}}},
        },
        code=python_code.full_label,
    )
    assert found.is_qualified
    described = found.describe()
    assert described["verdict"] == "qualified"
    assert described["potentials"] == {"m00": members["m00"].pk}
    assert described["conditions"]["framework"] == ["Cl"]
    assert verdict_of(members["m00"]).is_qualified
    (run,) = [one for one in found.node.called if "potentials" in one.inputs]
    assert run.inputs.settings["ensemble"] == "nve"  # no test asked for another run


def _with(chain, conditions):
    chain.conditions = orm.Dict({**chain.conditions.get_dict(), **conditions})
    return chain


def test_a_supercell_by_its_width_is_the_one_tested(members, python_code):
    # three cells of 5.14 Å are 15.4 Å; survival alone needs but a few steps
    asked = {"supercell": "auto", "n_steps": 20, "n_replicas": 1}
    _, node = run_get_node(builder(python_code, members, tests={"survival": {}}, **asked))
    assert node.is_finished_ok, node.exit_message
    assert node.outputs.qualification["conditions"]["supercell"] == [3, 3, 3]
    run = next(one for one in node.called if one.process_label == "MdBaseWorkChain")
    assert run.inputs.settings["supercell"] == [3, 3, 3]

"""The MD WorkChain with untrained potentials: what is tested is the way of the data, not the physics."""

import numpy as np
import pytest
from aiida.engine import run_get_node
from ase.build import bulk

from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.science.learning.ensemble import share_replicas
from aiida_elyte.workflows.md import MdBaseWorkChain

torch = pytest.importorskip("torch")


@pytest.fixture
def members(aiida_profile_clean):
    from aiida_elyte.science.potentials.painn.model import build_painn
    from aiida_elyte.science.potentials.painn.storage import describe_painn, dump_painn

    small = {"n_features": 8, "n_layers": 1, "n_rbf": 6, "cutoff_A": 4.0}
    potentials = [build_painn(small, energy_reference=["Li", "Cl"], scale=0.001, seed=seed) for seed in (1, 2)]
    contents = [dump_painn(potential) for potential in potentials]
    return {f"m{i:02d}": PotentialData(content, describe_painn(content)) for i, content in enumerate(contents)}


@pytest.fixture
def start(aiida_profile_clean):
    return FramesData([bulk("LiCl", "rocksalt", a=5.14, cubic=True)])


def builder(code, start, members, **settings):
    replicas = share_replicas(3, sorted(members), seed=5)
    return MdBaseWorkChain.get_builder_from_protocol(
        code,
        start=start,
        potentials=members,
        overrides={
            "settings": {
                "temperature_K": 300.0,
                "n_steps": 60,
                "ramp": {"ramp_steps": 20, "hold_steps": 0},
                "sample_stride": 20,
                "spread_stride": 20,
                "series_stride": 5,
                "trajectory_stride": 20,
                "replicas": replicas,
                "stops": {"min_distance_factor": None},
                **settings,
            }
        },
    )


def test_frames_series_and_their_origin_come_back(start, members, python_code):
    _, node = run_get_node(builder(python_code, start, members))
    assert node.is_finished_ok, (node.exit_message, node.called[0].exit_message)
    job = node.called[0]
    frames = node.outputs.frames.get_frames()
    assert len(frames) == 9
    assert frames[0].info["origin"].startswith(f"{job.uuid}/r")
    assert node.outputs.results["stops"] == {}
    assert all(frame.info["spread_max_eV_A"] > 0 for frame in frames)
    series = node.outputs.series.get_series()
    assert [one.replica for one in series] == ["r0", "r1", "r2"]
    assert [one.member for one in series] == ["m00", "m01", "m00"]
    np.testing.assert_allclose(series[0].time_fs[-1] - series[0].time_fs[0], 120.0)
    assert node.outputs.series.base.attributes.get("temperature_K") == 300.0
    assert node.outputs.series.base.attributes.get("thermostat")
    assert set(node.outputs.results["trajectories"]) == {"trajectory_r0.xyz", "trajectory_r1.xyz", "trajectory_r2.xyz"}


def test_finished_run_is_extended_from_its_folder(start, members, python_code):
    _, first = run_get_node(builder(python_code, start, members))
    longer = builder(python_code, start, members, n_steps=100)
    longer.parent_folder = first.outputs.remote_folder
    _, node = run_get_node(longer)
    assert node.is_finished_ok, node.exit_message
    assert node.outputs.results["resumed_from_step"] == 60
    assert node.outputs.results["steps_run_in_this_job"] == 40
    assert len(node.outputs.frames) == 15


def test_run_in_which_all_replicas_stop_keeps_their_frames(start, members, python_code):
    _, node = run_get_node(builder(python_code, start, members, stops={"max_temperature_K": 10.0}))
    assert node.exit_status == 411
    assert "temperature" in node.exit_message
    assert {frame.info["stop"] for frame in node.outputs.frames.get_frames()} == {"EXPLODED"}


def test_unknown_ensemble_is_refused_by_name(start, members, python_code):
    with pytest.raises(ValueError, match="ensemble is 'nvt_langevine'; did you mean nvt_langevin"):
        builder(python_code, start, members, ensemble="nvt_langevine")

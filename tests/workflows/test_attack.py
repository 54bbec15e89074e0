"""The sampler ``attack`` as a job."""

import numpy as np
import pytest
import torch
from aiida import orm
from aiida.engine import run_get_node

from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels, committee_of
from aiida_elyte.science.potentials.painn.model import build_painn
from aiida_elyte.science.potentials.painn.storage import save_painn
from aiida_elyte.workflows.attack import AttackBaseWorkChain
from tests.remote.test_attack_program import ARCHITECTURE, SETTINGS, crystal


@pytest.fixture
def members(aiida_profile_clean, tmp_path):
    found = {}
    for index in range(2):
        network = build_painn(ARCHITECTURE, energy_reference=["Cl", "Li"], seed=index, scale=2.0, dtype=torch.float64)
        save_painn(network, tmp_path / f"m{index:02d}.pt")
        found[f"m{index:02d}"] = PotentialData.from_file(tmp_path / f"m{index:02d}.pt")
    return found


def test_frames_name_the_job_and_keep_what_the_committee_says(members, python_code):
    labelled = [attach_labels(crystal(seed), energy=0.0, forces=np.zeros((8, 3))) for seed in range(2)]
    builder = AttackBaseWorkChain.get_builder_from_protocol(
        python_code,
        overrides={"settings": {key: value for key, value in SETTINGS.items() if key in ("n_steps", "batch_size")}},
        start=FramesData([crystal()]),
        potentials=members,
        dataset=FramesData(labelled),
    )
    replicas = {key: SETTINGS[key] for key in ("temperature_K", "replicas", "frames_per_replica")}
    builder.settings = orm.Dict({**builder.settings.get_dict(), **replicas})
    outputs, node = run_get_node(builder)
    assert node.is_finished_ok, node.exit_message
    frames = outputs["frames"].get_frames()
    job = node.called[-1].uuid
    assert [frame.info["origin"].split("#")[0] for frame in frames] == [
        f"{job}/{name}" for name in ("r0a0", "r0a1", "r1a0", "r1a1")
    ]
    assert not outputs["frames"].is_labelled
    assert all(committee_of(frame) is not None for frame in frames)
    assert outputs["results"].get_dict()["n_frames"] == 4


def test_one_member_is_rejected_before_submission(members, python_code):
    with pytest.raises((InputError, ValueError), match="holds one member; expected at least two"):
        AttackBaseWorkChain.get_builder_from_protocol(python_code, potentials={"m00": members["m00"]})

"""``kill -9`` of training and MD half-way: the WorkChain goes on from the checkpoint, nothing is done twice."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase.build import bulk
from ase.calculators.lj import LennardJones

from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.workflows.md import MdBaseWorkChain
from aiida_elyte.workflows.train_painn import TrainPainnBaseWorkChain

pytest.importorskip("torch_sim")
SMALL = {"n_features": 8, "n_layers": 1, "n_rbf": 8, "cutoff_A": 4.0}


@pytest.fixture
def python_code(aiida_localhost):
    """Python itself, so that what is killed is the program."""
    return orm.InstalledCode(label="python", computer=aiida_localhost, filepath_executable=sys.executable).store()


@pytest.fixture
def home(aiida_profile_clean, python_code):
    return Path(python_code.computer.get_workdir())


class Killer(threading.Thread):
    """Kill, once, the program that runs in a job's folder under ``place`` and has reached what it was to reach."""

    def __init__(self, place, program, progress):
        super().__init__(daemon=True)
        self.place, self.program, self.progress = place, program, progress
        self.killed = False

    def run(self):
        deadline = time.monotonic() + 120
        while not self.killed and time.monotonic() < deadline:
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    folder = (process / "cwd").readlink()
                    line = (process / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if self.place not in folder.parents or self.program.encode() not in line:
                    continue
                if (folder / "checkpoint.npz").exists() and self.progress(folder):
                    os.kill(int(process.name), signal.SIGKILL)
                    self.killed = True
            time.sleep(0.02)


def run_and_kill(builder, killer):
    """Run a WorkChain whose first job is killed, and return its node when a second job has finished its work."""
    killer.start()
    _, broken = run_get_node(builder)
    killer.join(1)
    assert killer.killed
    assert broken.is_finished_ok, broken.exit_message
    assert [job.exit_status for job in broken.called] == [302, 0]
    return broken


def lennard_jones_frames(count):
    frames = []
    for seed in range(count):
        frame = bulk("LiCl", "rocksalt", a=5.14, cubic=True)
        frame.rattle(0.1, seed=seed)
        frame.calc = LennardJones(sigma=2.3, epsilon=0.1, rc=5.0)
        energy, forces = frame.get_potential_energy(), frame.get_forces()
        frame.info = {"origin": f"seed-{seed:03d}#0", "level_of_theory": "Lennard-Jones"}
        frames.append(attach_labels(frame, energy=energy, forces=forces))
    return FramesData(frames)


def test_killed_training_goes_on_from_its_checkpoint(home, python_code):
    n_epochs = 60
    settings = {"architecture": SMALL, "max_epochs": n_epochs, "patience": n_epochs, "batch_size": 2, "seed": 3}
    builder = TrainPainnBaseWorkChain.get_builder_from_protocol(
        python_code, dataset=lennard_jones_frames(24), overrides={"settings": settings}
    )
    broken = run_and_kill(builder, Killer(home, "train_painn.py", lambda folder: True))
    results = broken.outputs.results.get_dict()
    assert results["resumed_from_epoch"] >= 1
    assert results["n_epochs"] == n_epochs
    assert results["total_epochs_run_in_this_job"] == n_epochs - results["resumed_from_epoch"]

    _, unbroken = run_get_node(builder)
    errors = [node.outputs.results["errors"]["validation"]["force_mae_eV_A"] for node in (broken, unbroken)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-3)


def test_killed_md_goes_on_from_its_checkpoint_and_ends_where_an_unbroken_run_ends(home, python_code):
    from aiida_elyte.science.potentials.painn.model import build_painn
    from aiida_elyte.science.potentials.painn.storage import describe_painn, dump_painn

    content = dump_painn(build_painn(SMALL, energy_reference=["Li", "Cl"], scale=0.001, seed=1))
    settings = {
        "temperature_K": 300.0,
        "n_steps": 1500,
        "ramp": {"ramp_steps": 0, "hold_steps": 0},
        "series_stride": 5,
        "sample_stride": 500,
        "trajectory_stride": 50,
        "checkpoint_seconds": 0.2,
        "stops": {"min_distance_factor": None},
        "replicas": [{"seed": 1, "member": "m00"}, {"seed": 2, "member": "m00"}],
    }
    builder = MdBaseWorkChain.get_builder_from_protocol(
        python_code,
        start=FramesData([bulk("LiCl", "rocksalt", a=5.14, cubic=True)]),
        potentials={"m00": PotentialData(content, describe_painn(content))},
        overrides={"settings": settings},
    )
    grown = lambda folder: (folder / "trajectory_r0.xyz").stat().st_size > 4000  # noqa: E731
    broken = run_and_kill(builder, Killer(home, "run_md.py", grown))
    results = broken.outputs.results.get_dict()
    assert results["resumed_from_step"] > 0
    assert results["steps_run_in_this_job"] == 1500 - results["resumed_from_step"]

    _, unbroken = run_get_node(builder)
    assert results["trajectories"] == unbroken.outputs.results["trajectories"]
    for one, other in zip(broken.outputs.series.get_series(), unbroken.outputs.series.get_series(), strict=True):
        np.testing.assert_array_equal(one.collective_A, other.collective_A)
    assert isinstance(unbroken, orm.WorkChainNode)

"""Solvation analysed by AiiDA where the trajectory lies."""

from pathlib import Path

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.io import write

from aiida_elyte.calculations.functions.polymer import pool_solvation, solvation_settings
from aiida_elyte.workflows.solvation import SolvationBaseWorkChain

SIDE = 16.0
DATA = """two ions

4 atoms
0 bonds
2 atom types

0 16.0 xlo xhi
0 16.0 ylo yhi
0 16.0 zlo zhi

Masses

1 6.94
2 18.998

Atoms # full

1 1 1 1.0 0 0 0
2 2 1 1.0 0 6 0
3 3 2 -1.0 2 0 0
4 4 2 -1.0 0 6 2.2
"""


@pytest.fixture
def folder(tmp_path):
    """Two Li with an F each, at 2.0 and 2.2 Å; the next ones are at 6.3 Å."""
    rng = np.random.default_rng(0)
    rest = np.array([[0, 0, 0], [0, 6, 0], [2, 0, 0], [0, 6, 2.2]], float)
    frames = [
        Atoms("Li2F2", (rest + rng.normal(0, 0.03, rest.shape)) % SIDE, cell=np.eye(3) * SIDE, pbc=True)
        for _ in range(400)
    ]
    write(tmp_path / "run.extxyz", frames)
    (tmp_path / "final.data").write_text(DATA)
    return tmp_path


def test_shells_and_curves_come_back_and_the_trajectory_stays(python_code, folder):
    built = {"solvation": {"centre": "Li", "sites": {"F of salt": "type 2 and resid 3:4"}, "anion": "F of salt"}}
    builder = SolvationBaseWorkChain.get_builder_from_protocol(
        python_code,
        protocol="fast",
        trajectories={"r0": orm.RemoteData(computer=python_code.computer, remote_path=str(folder))},
        topology=orm.SinglefileData(folder / "final.data"),
    )
    asked = orm.Dict({**builder.settings.get_dict(), "timestep_fs": 100.0})
    builder.settings = solvation_settings(asked, orm.Dict({"trajectory": "run.extxyz"}), orm.Dict(built))
    outputs, node = run_get_node(builder)
    assert node.is_finished_ok, node.exit_message
    site = outputs["results"]["sites"]["F of salt"]
    assert site["coordination"]["value"] == 1.0
    assert site["first_peak_A"] == pytest.approx(2.1, abs=0.16)
    assert outputs["results"]["pairing"]["contact"]["value"] == 1.0
    curves = outputs["curves"]
    assert curves.get_array("n_F_of_salt")[np.searchsorted(curves.get_array("r_A"), 3.0)] == 1.0
    assert Path(outputs["remote_folder"].get_remote_path(), "trajectories/r0/run.extxyz").is_symlink()

    pooled = pool_solvation(a=outputs["results"], b=outputs["results"])
    assert pooled["n_boxes"] == 2
    assert pooled["sites"]["F of salt"]["coordination"]["value"] == 1.0


def test_a_folder_on_the_cluster_needs_the_name_of_the_file(python_code, folder):
    builder = SolvationBaseWorkChain.get_builder_from_protocol(
        python_code,
        trajectories={"r0": orm.RemoteData(computer=python_code.computer, remote_path=str(folder))},
        topology=orm.SinglefileData(folder / "final.data"),
    )
    with pytest.raises(ValueError, match="settings name a file for no folder"):
        run_get_node(builder)

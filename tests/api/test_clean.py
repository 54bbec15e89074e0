"""What of the folders of jobs goes, and what stays; the provenance graphs are made by hand."""

import pytest
from aiida import orm

from aiida_elyte.api.clean import clean, plan_cleaning
from tests.provenance_graphs import give, process

pytestmark = pytest.mark.usefixtures("aiida_profile_clean")
FILES = {"trajectory_r0.xyz": 700, "checkpoint.npz": 40, "stdout.txt": 2}


@pytest.fixture
def job(aiida_localhost, tmp_path):
    """Return a function that attaches a job of dynamics with a folder of files."""

    def make(caller, link):
        folder = tmp_path / f"{caller.pk}_{link}"
        (folder / "out").mkdir(parents=True)
        for name, size in FILES.items():
            (folder / name).write_bytes(b"x" * size)
        (folder / "out" / "log").write_bytes(b"x" * 8)
        run = process("MdBaseWorkChain", caller, link)
        node = process("MdCalculation", run, "iteration_01", cls=orm.CalcJobNode, computer=aiida_localhost)
        give(node, "remote_folder", orm.RemoteData(computer=aiida_localhost, remote_path=str(folder)))
        return folder

    return make


def left(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else None


def test_trajectories_of_production_stay_and_those_of_sampling_go(job):
    node = process("CrystalWorkChain")
    sampling, production = job(node, "round_01_sample"), job(node, "md_T0600_00")
    plan = plan_cleaning(node.pk)
    # 700 + 40 + 2 + 8 of the sampling, 50 of production.
    assert {folder.what: folder.size for folder in plan.folders} == {"round_01_sample": 750, "md_T0600_00": 50}
    assert plan.size == 800
    clean(plan.folders)
    assert not left(sampling)
    assert left(production) == ["trajectory_r0.xyz"]
    assert plan_cleaning(node.pk).size == 0


def test_trajectories_go_when_asked_for(job):
    node = process("CrystalWorkChain")
    production = job(node, "md_T0600_00")
    clean(plan_cleaning(str(node.pk), trajectories=True).folders)
    assert not left(production)


def test_folders_of_a_running_street_stay(job):
    node = process("CrystalWorkChain", state="waiting")
    folder = job(node, "md_T0600_00")
    plan = plan_cleaning(node.pk)
    assert (plan.folders, plan.running) == ((), (f"CrystalWorkChain {node.pk}",))
    assert len(left(folder)) == 5

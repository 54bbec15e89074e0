"""LAMMPS in a chain of jobs: killed, out of time, extended; the parts join, and nothing counts twice."""

import hashlib
import os
import random
import re
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import run_get_node
from aiida.engine.utils import instantiate_process
from aiida.manage import get_manager

from aiida_elyte.calculations.lammps import FLAGS, LammpsCalculation
from aiida_elyte.science.trajectory.readers import open_trajectory
from aiida_elyte.workflows.lammps import LammpsBaseWorkChain
from tests.liquid import ENVIRONMENT, PROGRAMS, liquid_file

pytestmark = pytest.mark.engine("lmp")

DOCS = Path(__file__).parents[2] / "docs" / "lammps.md"
N_RELAX, N_STEPS = 500, 12000
RESTART_STRIDE, DUMP_STRIDE, THERMO_STRIDE = 250, 50, 100


@pytest.fixture
def engine(lammps_code):
    return lammps_code


def data():
    return orm.SinglefileData.from_string(liquid_file(), filename="box.data")


def stages(n_steps=N_STEPS):
    return [
        {"name": "relax", "kind": "minimize", "n_steps": 100},
        {"name": "push", "kind": "push_off", "n_steps": N_RELAX // 2},
        {
            "name": "squeeze",
            "kind": "npt",
            "n_steps": N_RELAX // 2,
            "temperature_K": [300.0, 350.0],
            "pressure_bar": 1.0,
        },
        {"name": "production", "kind": "nvt", "n_steps": n_steps, "temperature_K": 350.0, "is_production": True},
    ]


def builder(code, engine, *, options=None, parent_folder=None, box=None, **settings):
    nodes = {} if parent_folder is None else {"parent_folder": parent_folder}
    return LammpsBaseWorkChain.get_builder_from_protocol(
        code,
        engine=engine,
        data=box or data(),
        options=options,
        overrides={
            "settings": {
                "stages": stages(),
                "cutoff_A": 7.0,
                "kspace_accuracy": 1e-4,
                "dump_stride": DUMP_STRIDE,
                "thermo_stride": THERMO_STRIDE,
                "restart_stride": RESTART_STRIDE,
                **settings,
            }
        },
        **nodes,
    )


def parts_of(node):
    folder = Path(node.outputs.remote_folder.get_remote_path())
    return [folder / name for name in node.outputs.results["trajectory"]]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Killer(threading.Thread):
    """Kill ``lmp`` itself with signal 9 at a random moment of its production, in two jobs; hash what was there."""

    def __init__(self, home, rng):
        super().__init__(daemon=True)
        self.home, self.rng = home, rng
        self.killed = {}
        """Folder of each job killed → its newest whole restart file's step, and hash of each earlier part."""

    def run(self):
        deadline = time.monotonic() + 120
        while len(self.killed) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    folder = (process / "cwd").readlink()
                    name = (process / "comm").read_text().strip()
                    program = (process / "exe").readlink()
                except OSError:
                    continue
                if self.home not in folder.parents or name != "lmp" or program.name != "lmp" or folder in self.killed:
                    continue
                part = folder / f"part_{len(self.killed):03d}.lammpstrj"
                if not part.exists():
                    continue
                time.sleep(self.rng.uniform(0.1, 0.8))
                earlier = {path.name: digest(path) for path in folder.glob("part_*") if path.is_symlink()}
                os.kill(int(process.name), signal.SIGKILL)
                self.killed[folder] = earlier


def test_killed_twice_no_step_is_lost_or_counted_twice_and_the_parts_join(python_code, engine):
    killer = Killer(Path(python_code.computer.get_workdir()), random.Random(os.getpid()))
    killer.start()
    _, node = run_get_node(builder(python_code, engine))
    killer.join(1)
    assert node.is_finished_ok, (node.exit_message, [job.exit_message for job in node.called])
    assert [job.exit_status for job in node.called] == [306, 306, 0]
    assert len(killer.killed) == 2
    results = node.outputs.results.get_dict()
    n_all = N_RELAX + N_STEPS

    # No step lost beyond the last restart file: each job went on from one at most a stride behind what was recorded.
    begins = [part["first_step"] for part in results["parts"].values()]
    assert begins[0] == 0
    for job, begin in zip(node.called[:2], begins[1:], strict=True):
        log = next(name for name in job.outputs.retrieved.list_object_names() if name.startswith("log_"))
        reached = last_step(job.outputs.retrieved.get_object_content(log))
        assert reached - begin < RESTART_STRIDE + THERMO_STRIDE
        assert begin % RESTART_STRIDE == 0 or begin == N_RELAX
        assert begin > 0
    # No step counted twice.
    assert sum(job.outputs.results["steps_run_in_this_job"] for job in node.called) == n_all
    records = node.outputs.thermo
    np.testing.assert_array_equal(records.get_array("step"), np.arange(0, n_all + 1, THERMO_STRIDE))

    # The joined trajectory is continuous: evenly spaced to the last step, and no atom jumps.
    parts = parts_of(node)
    assert len(parts) == 3
    trajectory = open_trajectory(parts, symbols=["C", "O", "C"] * 64)
    positions = np.array([frame.positions_A for frame in trajectory])
    assert len(positions) == N_STEPS // DUMP_STRIDE + 1
    assert trajectory.interval_fs == DUMP_STRIDE
    steps = np.abs(np.diff(positions, axis=0)).max(axis=(1, 2))
    joints = [-(-(begin - N_RELAX) // DUMP_STRIDE) for begin in begins[1:]]
    assert steps[joints].max() <= steps.max() < 3.0

    # Bytes of the finished parts are unchanged.
    for folder, earlier in killer.killed.items():
        for name, before in earlier.items():
            assert results["parts"][name]["sha256"] == before, folder
    for path in parts:
        assert results["parts"][path.name]["sha256"] == digest(path)
    assert [path.is_symlink() for path in parts] == [True, True, False]

    density = records.get_array("density_g_cm3")
    assert np.isfinite(density).all()
    assert "Atoms" in node.outputs.final.get_content()


def last_step(log):
    rows = [line.split() for line in log.splitlines()]
    return max(int(row[0]) for row in rows if len(row) == 8 and row[0].isdigit())


def test_out_of_wall_time_goes_on_and_a_finished_run_is_extended(python_code, engine):
    options = {"max_wallclock_seconds": 4}
    n_steps = 4 * N_STEPS  # more than any machine makes in the time
    _, node = run_get_node(builder(python_code, engine, stages=stages(n_steps), options=options))
    assert node.is_finished_ok, (node.exit_message, [job.exit_message for job in node.called])
    statuses = [job.exit_status for job in node.called]
    assert statuses[0] == 400
    assert statuses[-1] == 0
    hashes = {path.name: digest(path) for path in parts_of(node)}
    longer = builder(python_code, engine, stages=stages(n_steps + 1000), parent_folder=node.outputs.remote_folder)
    _, more = run_get_node(longer)
    assert more.is_finished_ok, (more.exit_message, [job.exit_message for job in more.called])
    assert more.outputs.results["resumed_from_step"] == N_RELAX + n_steps
    assert more.outputs.results["steps_run_in_this_job"] == 1000
    paths = parts_of(more)
    assert {path.name: digest(path) for path in paths[:-1]} == hashes
    assert sum(1 for _ in open_trajectory(paths, symbols=["C", "O", "C"] * 64)) == (n_steps + 1000) // DUMP_STRIDE + 1
    steps = more.outputs.thermo.get_array("step")
    np.testing.assert_array_equal(steps, np.arange(0, N_RELAX + n_steps + 1001, THERMO_STRIDE))


def test_jobs_that_are_killed_again_and_again_end_the_chain(python_code, aiida_localhost, tmp_path):
    program = tmp_path / "lmp"
    exports = "".join(f"export {name}={value}\n" for name, value in ENVIRONMENT.items())
    program.write_text(f'#!/bin/sh\n{exports}[ "$1" = -h ] && exec {PROGRAMS}/lmp -h\nkill -9 $$\n')
    program.chmod(0o755)
    doomed = orm.InstalledCode(
        label="doomed", computer=aiida_localhost, filepath_executable=str(program), with_mpi=False
    ).store()
    _, node = run_get_node(builder(python_code, doomed))
    assert node.exit_status == 402
    assert "3 jobs in a row ended early and none came further than step 0" in node.exit_message
    assert [job.exit_status for job in node.called] == [306] * 3


def test_flags_come_from_the_code_and_reach_lammps(python_code, engine):
    engine.base.extras.set(FLAGS, ["-sf", "omp", "-pk", "omp", "2"])
    short = [{"name": "run", "kind": "nvt", "n_steps": 50}]
    _, node = run_get_node(builder(python_code, engine, stages=short))
    assert node.is_finished_ok, node.called[0].exit_message
    assert node.outputs.results["flags"] == ["-sf", "omp", "-pk", "omp", "2"]
    log = node.called[0].outputs.retrieved.get_object_content("log_000.lammps")
    assert "lj/class2/coul/long/omp" in log


def test_lammps_runs_under_the_mpi_of_its_computer(python_code, aiida_localhost):
    before = aiida_localhost.get_mpirun_command()
    aiida_localhost.set_mpirun_command([str(PROGRAMS / "mpiexec"), "-np", "{tot_num_mpiprocs}"])
    parallel = orm.InstalledCode(
        label="lmp-mpi",
        computer=aiida_localhost,
        filepath_executable=str(PROGRAMS / "lmp"),
        prepend_text="".join(f"export {name}={value}\n" for name, value in ENVIRONMENT.items()),
    ).store()
    options = {"resources": {"num_machines": 1, "num_mpiprocs_per_machine": 2}}
    short = [{"name": "run", "kind": "nvt", "n_steps": 50}]
    _, node = run_get_node(builder(python_code, parallel, stages=short, options=options))
    aiida_localhost.set_mpirun_command(before)  # computers outlive a test
    assert node.is_finished_ok, node.called[0].exit_message
    log = node.called[0].outputs.retrieved.get_object_content("log_000.lammps")
    assert "Loop time" in log
    assert "on 2 procs" in log


def test_every_block_of_the_docs_runs(python_code, engine):
    pytest.importorskip("MDAnalysis")
    names = {"code": python_code, "engine": engine, "data": data()}
    try:
        for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL):
            exec(compile(block, DOCS, "exec"), names)
    finally:
        engine.computer.delete_property(FLAGS, raise_exception=False)  # computers outlive a test
    last = names["run"].outputs.results["n_steps"]
    n_production = names["stages"][-1]["n_steps"]
    assert last == sum(stage["n_steps"] for stage in names["stages"][1:])
    assert names["series"].get_series()[0].time_fs[-1] == pytest.approx(n_production)


def test_missing_lammps_is_told_in_one_line(python_code, aiida_localhost):
    missing = orm.InstalledCode(
        label="none", computer=aiida_localhost, filepath_executable="/nowhere/lmp", with_mpi=False
    ).store()
    _, node = run_get_node(builder(python_code, missing))
    assert node.called[0].exit_status == 304
    assert "/nowhere/lmp: No such file or directory; correct the code `engine`" in node.called[0].exit_message
    assert "\n" not in node.called[0].exit_message


def test_lammps_without_class2_is_told_in_one_line(python_code, aiida_localhost, tmp_path):
    program = tmp_path / "lmp"
    program.write_text(
        "#!/bin/sh\necho 'Simulator - 2 Aug 2023'\necho 'Installed packages:'\necho\necho 'KSPACE MOLECULE'\necho\n"
    )
    program.chmod(0o755)
    poor = orm.InstalledCode(
        label="poor", computer=aiida_localhost, filepath_executable=str(program), with_mpi=False
    ).store()
    _, node = run_get_node(builder(python_code, poor))
    assert node.called[0].exit_status == 305
    assert "lmp was built without CLASS2; build it with -D PKG_<NAME>=yes" in node.called[0].exit_message
    assert "\n" not in node.called[0].exit_message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": []}, r"stages is \[\]; expected a list of stages"),
        ({"stages": [{"name": "a", "kind": "nve", "n_steps": 5}]}, "kind of stage a is 'nve'; expected minimize"),
        ({"dump_strides": 5}, "settings hold dump_strides; expected stages, seed"),
        ({"seed": 0}, "seed is 0; expected a whole number above zero"),
    ],
)
def test_settings_that_cannot_be_run_are_refused_before_anything_runs(python_code, engine, changes, message):
    with pytest.raises(ValueError, match=message):
        run_get_node(builder(python_code, engine, **changes))


def test_folders_with_the_trajectory_are_not_cleaned(python_code, engine):
    inputs = builder(python_code, engine)
    with pytest.raises(ValueError, match="clean_workdir is True; expected False, for the trajectory is there"):
        inputs.clean_workdir = orm.Bool(True)


def test_engine_on_another_computer_is_refused_before_anything_runs(python_code, aiida_computer):
    elsewhere = aiida_computer(label="elsewhere", hostname="elsewhere")
    engine = orm.InstalledCode(label="lmp", computer=elsewhere, filepath_executable="/usr/bin/lmp").store()
    with pytest.raises(ValueError, match="engine is on elsewhere; expected localhost"):
        run_get_node(builder(python_code, engine))


def test_broken_simulation_has_its_exit_code_and_keeps_its_records(python_code, engine):
    hot = [{"name": "run", "kind": "nvt", "n_steps": 2000, "temperature_K": 300.0, "timestep_fs": 25.0}]
    _, node = run_get_node(builder(python_code, engine, stages=hot, thermo_stride=1))
    job = node.called[0]
    assert job.exit_status in (416, 417, 418), job.exit_message
    assert "timestep_fs" in job.exit_message or "minimise first" in job.exit_message
    assert len(job.outputs.thermo.get_array("step")) >= 1


def test_jobs_whose_wall_time_is_too_short_for_a_step_end_the_chain(python_code, engine):
    chain = instantiate_process(get_manager().get_runner(), builder(python_code, engine))
    chain.setup()

    def end_at(step):
        outputs = AttributeDict({"results": {"step": step}, "remote_folder": None})
        late = LammpsCalculation.exit_codes.ERROR_OUT_OF_WALLTIME.status
        return chain.resume_from_restart_file(SimpleNamespace(outputs=outputs, exit_status=late, pk=0)).exit_code

    assert [end_at(step).status for step in (100, 100, 100, 200, 200, 200)] == [0] * 6
    assert end_at(200) == chain.exit_codes.ERROR_STUCK.format(count=3, step=200)

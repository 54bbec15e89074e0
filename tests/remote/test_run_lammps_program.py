"""The LAMMPS program in its folder: restarts torn and whole, ramps taken up, nothing left running, failures by name."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiida_elyte.science.lammps.system import data_file, set_up
from tests.liquid import ENVIRONMENT, PROGRAMS, bent_molecules, liquid_file
from tests.remote.programs import finish, run_lammps

pytestmark = pytest.mark.engine("lmp")

STAGES = [
    {"name": "relax", "kind": "minimize", "n_steps": 100},
    {"name": "heat", "kind": "nvt", "n_steps": 200, "temperature_K": [200.0, 300.0]},
    {
        "name": "squeeze",
        "kind": "npt",
        "n_steps": 1300,
        "temperature_K": [300.0, 400.0],
        "pressure_bar": [1.0, 500.0],
        "is_production": True,
    },
]
N_STEPS = 1500
SETTINGS = {
    "stages": STAGES,
    "seed": 3,
    "cutoff_A": 7.0,
    "kspace_accuracy": 1e-4,
    "dump_stride": 50,
    "thermo_stride": 50,
    "restart_stride": 100,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "system.data").write_text(liquid_file())
    start_with(tmp_path)
    return tmp_path


def start_with(folder, prefix=""):
    (folder / "engine.sh").write_text(f'exec {prefix} {PROGRAMS}/lmp "$@"\n')


def write_settings(folder, **changes):
    (folder / "settings.json").write_text(json.dumps({**SETTINGS, **changes}))


def launch(folder, **changes):
    write_settings(folder, **changes)
    return finish(run_lammps, folder)


def kill_when(folder, step):
    """Let lmp be killed once a restart file of a step, or of a later one, is there."""
    newest = "$(ls restart.* 2>/dev/null | cut -d. -f3 | sort -n | tail -n 1)"
    waiting = f'until [ "0{newest}" -ge {step} ]; do sleep 0.02; done; kill -9 $$'
    (folder / "engine.sh").write_text(
        f'[ "$1" = -h ] && exec {PROGRAMS}/lmp -h\n( {waiting} ) &\nexec {PROGRAMS}/lmp "$@"\n'
    )


def records(folder):
    with np.load(folder / "thermo.npz") as arrays:
        return dict(arrays)


def running(folder):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder and (process / "comm").read_text().strip() == "lmp":
                found.append(int(process.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("kind", "tolerance"),
    [
        ("nvt", 1e-6),
        # PPPM chooses its grid, and the barostat its inertia, for cell and temperature at which lmp was started.
        ("npt", 5e-3),
        ("deform", 5e-3),
    ],
)
def test_a_killed_ramp_taken_up_equals_an_unbroken_one(folder, tmp_path_factory, kind, tolerance):
    ramp = STAGES[2] if kind == "npt" else {**STAGES[2], "kind": "nvt", "pressure_bar": None}
    if kind == "deform":
        ramp["density_g_cm3"] = 0.7
    stages = [*STAGES[:2], ramp]
    kill_when(folder, 600)
    killed = launch(folder, stages=stages)
    assert killed["kind"] == "LAMMPS_KILLED"
    assert 600 <= killed["step"] < N_STEPS
    start_with(folder)
    results = launch(folder, stages=stages)
    assert results["resumed_from_step"] == killed["step"]
    assert results["steps_run_in_this_job"] == N_STEPS - killed["step"]

    unbroken = tmp_path_factory.mktemp("unbroken")
    (unbroken / "system.data").write_text(liquid_file())
    start_with(unbroken)
    launch(unbroken, stages=stages)
    ours, expected = records(folder), records(unbroken)
    np.testing.assert_array_equal(ours["step"], np.arange(0, N_STEPS + 1, 50))
    until = ours["step"] <= killed["step"] + 100  # molecules are chaotic
    for name in ("temperature_K", "volume_A3", "potential_eV"):
        np.testing.assert_allclose(ours[name][until], expected[name][until], rtol=tolerance, err_msg=name)
    if kind == "deform":
        assert ours["density_g_cm3"][0] != pytest.approx(0.7, rel=0.02)
        assert ours["density_g_cm3"][-1] == pytest.approx(0.7, rel=1e-6)
    # The ramp ends at 400 K; of 576 degrees of freedom the temperature scatters by √(2/576) = 6 %.
    assert ours["temperature_K"][-5:].mean() == pytest.approx(395.0, rel=0.12)


def test_a_torn_restart_file_is_passed_over_and_two_are_kept(folder):
    launch(folder, stages=STAGES[:2])
    launch(folder, stages=[STAGES[0], {**STAGES[1], "n_steps": 400}])
    kept = sorted(path.name for path in folder.glob("restart.*"))
    assert len(kept) == 2
    newest = folder / kept[-1]
    assert newest.name == "restart.001.400"
    newest.write_bytes(newest.read_bytes()[:-9])
    (folder / "restart.001.401").write_bytes(b"")
    results = launch(folder, stages=[STAGES[0], {**STAGES[1], "n_steps": 500}])
    assert results["resumed_from_step"] == int(kept[0].split(".")[-1]) < 400
    np.testing.assert_array_equal(records(folder)["step"], np.arange(0, 501, 50))


def test_a_killed_program_leaves_no_lmp_behind_and_is_taken_up(folder):
    write_settings(folder, stages=[{"name": "long", "kind": "nvt", "n_steps": 10_000_000, "is_production": True}])
    program = Path(run_lammps.__file__)
    process = subprocess.Popen([sys.executable, program, "settings.json"], cwd=folder)
    wait_for(lambda: max((int(path.suffix[1:]) for path in folder.glob("restart.*")), default=0) >= 300)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not running(folder))
    part = (folder / "part_000.lammpstrj").read_bytes()

    last = max(int(path.suffix[1:]) for path in folder.glob("restart.*"))
    results = launch(folder, stages=[{"name": "long", "kind": "nvt", "n_steps": last + 200, "is_production": True}])
    assert results["status"] == "ok", results
    assert results["resumed_from_step"] in (last, last - 100)  # the last may be torn
    np.testing.assert_array_equal(records(folder)["step"], np.arange(0, last + 201, 50))
    assert (folder / "part_000.lammpstrj").read_bytes() == part


def wait_for(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_other_settings_than_those_of_the_restart_files_are_refused(folder):
    launch(folder, stages=STAGES[:2])
    results = launch(folder, stages=STAGES[:2], cutoff_A=6.0)
    assert results["kind"] == "INVALID_INPUT"
    assert "cutoff_A is not what the restart files were made with; expected 7.0" in results["message"]
    (folder / "system.data").write_text(liquid_file(5))
    results = launch(folder, stages=STAGES[:2])
    assert "data is not what the restart files were made with" in results["message"]


def test_links_to_earlier_parts_lead_to_the_files_themselves(folder, tmp_path_factory):
    launch(folder)
    place = folder
    for n_steps in (1400, 1500, 1600):
        after = tmp_path_factory.mktemp("job")
        for name in ("system.data", "engine.sh", "chain.json", "records.npz"):
            if (place / name).exists():
                (after / name).write_bytes((place / name).read_bytes())
        for path in (*place.glob("restart.*"), *place.glob("log_*")):
            (after / path.name).write_bytes(path.read_bytes())
        for path in place.glob("part_*"):
            (after / path.name).symlink_to(path)
        results = launch(after, stages=[*STAGES[:2], {**STAGES[2], "n_steps": n_steps}])
        assert results["status"] == "ok", results
        place = after
    assert (place / "part_000.lammpstrj").readlink() == folder / "part_000.lammpstrj"
    assert results["trajectory"] == [f"part_{number:03d}.lammpstrj" for number in range(4)]
    np.testing.assert_array_equal(records(place)["step"], np.arange(0, 1801, 50))


def test_an_error_of_lammps_has_its_line(folder):
    (folder / "system.data").write_text(liquid_file().replace("Angle Coeffs", "Angel Coeffs"))
    results = launch(folder)
    assert results["kind"] == "LAMMPS_FAILED"
    assert "Unknown identifier in data file: Angel Coeffs" in results["message"]


def test_data_that_is_none_is_refused(folder):
    (folder / "system.data").write_text("no data\n")
    assert "counts no atoms in its header" in launch(folder)["message"]


def single_point(folder, set_up, forces):
    """Return forces, sorted by atom, on what LAMMPS reads [kcal/mol/Å]."""
    commands = [
        set_up,
        f"dump forces all custom 1 {forces} id fx fy fz",
        "dump_modify forces sort id format float %.17g",
        "run 0",
    ]
    (folder / "in.point").write_text("\n".join(commands) + "\n")
    subprocess.run(
        [PROGRAMS / "lmp", "-in", "in.point", "-nocite", "-screen", "none", "-log", "none"], cwd=folder, check=True
    )
    return np.loadtxt(folder / forces, skiprows=9)[:, 1:]


def test_the_last_data_file_has_the_forces_of_the_force_field_that_ran(folder):
    system = bent_molecules()
    rng = np.random.default_rng(2)
    scaled = {"masses": system.masses * np.pi / 3, "lennard_jones": system.lennard_jones * rng.uniform(0.9, 1)}
    for kind in ("bonds", "angles"):
        rows = getattr(system, kind)
        scaled[kind] = replace(rows, parameters=rows.parameters * rng.uniform(0.9, 1))
    (folder / "system.data").write_text(data_file(replace(system, **scaled)))
    launch(folder, stages=STAGES[:2])
    assert not (folder / "written.data").exists()

    # A restart file is binary: it holds every digit.
    expected = single_point(folder, "read_restart restart.001.200\nkspace_style pppm 1e-4", "expected.txt")
    found = single_point(folder, set_up(["bonds", "angles"], "final.data", 7.0, 1e-4), "found.txt")
    assert abs(expected).max() > 10
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * abs(expected).max())


def test_a_run_killed_before_its_last_data_file_was_precise_makes_it_again(folder):
    launch(folder, stages=STAGES[:2])
    whole = (folder / "final.data").read_text()
    (folder / "final.data").unlink()
    (folder / "written.data").write_text(whole[: len(whole) // 2])
    results = launch(folder, stages=STAGES[:2])
    assert results["steps_run_in_this_job"] == 0
    again = (folder / "final.data").read_text()
    masses_and_coefficients = whole.partition("\nMasses")[2].partition("\nAtoms")[0]
    assert masses_and_coefficients
    assert again.partition("\nMasses")[2].partition("\nAtoms")[0] == masses_and_coefficients
    assert len(again.splitlines()) == len(whole.splitlines())

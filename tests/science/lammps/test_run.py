"""What LAMMPS is told: ramps, restarts, stages; and what is read from its logs."""

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.lammps.log import join_records, last_row, name_failure, read_log
from aiida_elyte.science.lammps.run import Point, kinds_of_data, read_point, read_run_settings, run_input

STAGES = [
    {"name": "relax", "kind": "minimize", "n_steps": 100},
    {"name": "push", "kind": "push_off", "n_steps": 200, "max_displacement_A": 0.05},
    {"name": "squeeze", "kind": "npt", "n_steps": 300, "temperature_K": [300, 400], "pressure_bar": [1013.25, 1.01325]},
    {"name": "cool", "kind": "minimize", "n_steps": 50},
    {"name": "first", "kind": "nvt", "n_steps": 400, "is_production": True},
    {"name": "second", "kind": "nvt", "n_steps": 500, "is_production": True},
]
SETTINGS = {"stages": STAGES, "seed": 1}


def commands(start=None, seconds=None, **changes):
    settings = read_run_settings({**SETTINGS, **changes})
    return run_input(settings, "box.data", ["bonds"], start=start, part=3, seconds=seconds).splitlines()


def only(lines, word):
    return [line for line in lines if line.split()[0] == word]


def test_steps_are_counted_over_all_stages_and_a_minimisation_counts_none():
    assert only(commands(), "run") == [
        "run 200 upto start 0 stop 200",
        "run 500 upto start 200 stop 500",
        "run 900 upto start 500 stop 900",
        "run 1400 upto start 900 stop 1400",
    ]
    assert only(commands(), "reset_timestep") == ["reset_timestep 0 time 0.0", "reset_timestep 500 time 500.0"]


def test_each_kind_has_its_integrator():
    fixes = only(commands(), "fix")
    assert fixes[0] == "fix motion_001 all nve/limit 0.05"
    assert fixes[1].startswith("fix bath_001 all langevin 300.0 300.0 100.0 ")
    assert fixes[1].endswith(" zero yes")
    # 1 atm is 1.01325 bar.
    assert fixes[2] == "fix motion_002 all npt temp 300 400 100.0 iso 1000.0 1.0 1000.0"
    assert fixes[3] == "fix motion_004 all nvt temp 300.0 300.0 100.0"
    assert len(only(commands(), "unfix")) == len(fixes)


def test_a_box_is_scaled_alike_to_its_density_about_its_centre():
    *before, last = [dict(stage) for stage in SETTINGS["stages"]]
    (fix,) = [
        line for line in only(commands(stages=[*before, {**last, "density_g_cm3": 0.9}]), "fix") if "deform" in line
    ]
    for axis in "xyz":
        assert f"{axis} final $(0.5*({axis}lo+{axis}hi-l{axis}*(mass(all)*" in fix
    assert fix.endswith(" remap x units box")


def test_velocities_are_drawn_once_and_the_dump_is_opened_once():
    lines = commands()
    assert [line.split()[2] for line in only(lines, "velocity")] == ["create", "zero", "zero", "zero"]
    assert len(only(lines, "dump")) == 1
    assert lines.index(only(lines, "dump")[0]) > lines.index("run 500 upto start 200 stop 500")
    assert "part_003.lammpstrj id mol type xu yu zu" in only(lines, "dump")[0]


def test_a_run_taken_up_within_a_ramp_goes_on_with_it():
    lines = commands(start=Point(2, 350))
    assert lines[:2] == ["read_restart restart.002.350", "kspace_style pppm 1e-05"]
    assert only(lines, "run")[0] == "run 500 upto start 200 stop 500"
    assert only(lines, "fix")[0] == "fix motion_002 all npt temp 300 400 100.0 iso 1000.0 1.0 1000.0"
    assert "create" not in " ".join(only(lines, "velocity"))
    before_run = lines[: lines.index("run 500 upto start 200 stop 500")]
    assert not only(before_run, "velocity")


@pytest.mark.parametrize(
    ("start", "runs"),
    [
        (Point(0, 0), 4),
        (Point(1, 0), 4),
        (Point(1, 200), 3),
        (Point(2, 500), 2),
        (Point(3, 500), 2),
        (Point(4, 500), 2),
        (Point(4, 900), 1),
        (Point(5, 1400), 0),
    ],
)
def test_finished_stages_are_left_out(start, runs):
    lines = commands(start=start)
    assert len(only(lines, "run")) == runs
    assert len(only(lines, "minimize")) == (start.stage < 1) + (start.stage < 4)
    assert lines[-1] == "write_data written.data"


def test_the_clock_is_looked_at_only_where_there_is_a_limit():
    assert not [line for line in commands() if "timer" in line or "timeremain" in line]
    lines = commands(seconds=90.4)
    assert only(lines, "timer") == ["timer timeout 90 every 10"]
    assert sum("timeremain" in line for line in lines) == 2


def test_random_forces_are_not_repeated_by_a_run_taken_up():
    seeds = {only(commands(start=Point(1, step)), "fix")[1].split()[-3] for step in (0, 50, 100)}
    assert len(seeds) == 3
    assert commands() == commands()
    assert commands() != commands(seed=2)


def test_points_are_known_by_their_files():
    assert read_point(Point(12, 345678).restart_name) == Point(12, 345678)
    for name in ("restart.001", "restart.001.*", "restart.a.1", "other.001.5"):
        assert read_point(name) is None
    assert max(Point(1, 900), Point(2, 100)) == Point(2, 100)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stages": None}, "stages is None; expected a list of stages"),
        ({"stages": [{"name": "a", "kind": "nvt"}]}, "expected name, kind, n_steps"),
        ({"stages": [{"name": "a", "kind": "nvt", "n_steps": 5, "colour": 1}]}, "expected name, kind, n_steps"),
        ({"stages": [{"name": "a", "kind": "npt", "n_steps": 5}]}, "pressure_bar of stage a is None"),
        ({"stages": [{**STAGES[1], "density_g_cm3": 1.0}]}, "density_g_cm3 of stage push, a push_off, is 1.0"),
        ({"stages": [{"name": "a", "kind": "nvt", "n_steps": 5, "temperature_K": [1, 2, 3]}]}, "expected one number"),
        ({"stages": [STAGES[4], STAGES[1]]}, "stage first is production, but others that are not follow"),
        ({"stages": [STAGES[4], {**STAGES[5], "timestep_fs": 2.0}]}, "first is a nvt with timestep_fs 1"),
        ({"stages": [{**STAGES[0], "is_production": True}]}, "relax is a minimize"),
        ({"seed": True}, "seed is True; expected a whole number"),
        ({"restart_stride": 0}, "restart_stride is 0; expected a whole number"),
        ({"cutoff_A": -1.0}, "cutoff_A is -1.0; expected a positive number"),
        ({"kspace_accuracy": "tight"}, "kspace_accuracy is 'tight'; expected a positive number"),
        ({"flags": "-sf omp"}, "flags is '-sf omp'; expected a list"),
        ({"cutof_A": 12.0}, "settings hold cutof_A; expected stages, seed, cutoff_A"),
    ],
)
def test_settings_that_cannot_be_run_are_refused_in_one_line(changes, said):
    with pytest.raises(InputError) as failure:
        read_run_settings({**SETTINGS, **changes})
    assert said in str(failure.value)
    assert "\n" not in str(failure.value)


def test_what_a_continuation_may_change():
    settings = read_run_settings(SETTINGS)
    longer = [*STAGES[:-1], {**STAGES[-1], "n_steps": 9999}]
    for same in ({"stages": longer}, {"flags": ["-sf", "omp"]}, {"restart_stride": 7}):
        assert read_run_settings({**SETTINGS, **same}).identity == settings.identity
    for other in ({"seed": 2}, {"cutoff_A": 9.0}, {"dump_stride": 5}, {"stages": STAGES[1:]}):
        assert read_run_settings({**SETTINGS, **other}).identity != settings.identity


def test_the_header_of_a_data_file_tells_its_kinds():
    header = [
        "title: 9 angles",
        "",
        "3 atoms",
        "2 bonds",
        "1 angles # one",
        "0 dihedrals",
        "4 atom types",
        "0 9 xlo xhi",
    ]
    assert kinds_of_data([*header, "Masses", "", "7 impropers"]) == ["bonds", "angles"]
    with pytest.raises(InputError, match="counts no atoms"):
        kinds_of_data(["title", "", "Masses"])


HEAD = (
    "   Step          Temp          Press         Density         Volume         PotEng         KinEng         TotEng\n"
)
LOG = [
    HEAD,
    "0 0 5 1 1 9 0 9\n",  # of a minimisation
    "Loop time of 0.1 on 1 procs for 20 steps with 3 atoms\n",
    'print "dynamics of stage 1"\n',
    "dynamics of stage 1\n",
    HEAD,
    "0 300 1 0.5 1000 -23.06054783 10 -13\n",
    "WARNING: all is well\n",
    "100 301 2 0.5 1000 -2 10 -8\n",
    "Loop time of 2.5 on 4 procs for 100 steps with 3 atoms\n",
    "dynamics of stage 2\n",
    HEAD,
    "100 301 9 0.5 1000 -2 10 -8\n",
    "150 302 3 0.5 1000 -2 10 -8\n",
    "ERROR: Lost atoms: original 3 current 2 (src/thermo.cpp:494)\n",
    "200 3",
]


def test_a_log_gives_each_step_once_its_loops_and_its_failure():
    records, loops, failure = read_log(LOG)
    np.testing.assert_array_equal(records["step"], [0, 100, 150])
    np.testing.assert_allclose(records["pressure_bar"], [1.01325, 2.0265, 3.03975])
    assert records["potential_eV"][0] == pytest.approx(-1.0, rel=1e-6)
    assert [(loop.stage, loop.n_steps, loop.seconds) for loop in loops] == [(1, 100, 2.5)]
    assert failure == "ERROR: Lost atoms: original 3 current 2 (src/thermo.cpp:494)"
    empty, loops, failure = read_log([])
    assert len(empty["step"]) == 0
    assert (loops, failure) == ([], None)


def test_records_join_with_each_step_once():
    before = {"step": np.array([0, 100, 200, 300]), "x": np.array([0.0, 1.0, 2.0, 3.0])}
    after = {"step": np.array([150, 200, 300, 330]), "x": np.array([5.0, 6.0, 7.0, 8.0])}
    joined = join_records(before, after, first_step=150, stride=100)
    np.testing.assert_array_equal(joined["step"], [0, 100, 200, 300])
    np.testing.assert_array_equal(joined["x"], [0.0, 1.0, 6.0, 7.0])


def test_the_last_whole_row_is_found_and_nan_is_a_number_of_it():
    assert last_row("".join(LOG[:9]))[0] == 100
    assert np.isnan(last_row("7 nan 1 1 1 -nan 1 inf\n8 300 1")[1])
    assert last_row("nothing\n") is None


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("ERROR: Lost atoms: original 576 current 570 (src/src/thermo.cpp:494)", "ATOMS_LOST"),
        ("ERROR on proc 0: Out of range atoms - cannot compute PPPM (src/pppm.cpp:1890)", "ATOMS_LOST"),
        ("ERROR on proc 1: Bond atoms 5 6 missing on proc 1 at step 77 (src/ntopo_bond_all.cpp:59)", "BOND_MISSING"),
        ("ERROR: Bond atoms missing at step 5 (src/ntopo.cpp:100)", "BOND_MISSING"),
        ("ERROR on proc 0: Bond atom missing in image check (src/domain.cpp:755)", "BOND_MISSING"),
        ("ERROR on proc 0: Non-numeric atom coords - simulation unstable (src/domain.cpp:581)", "NOT_FINITE"),
        ("ERROR: Unknown command: bogus (src/src/input.cpp:314)", "LAMMPS_FAILED"),
    ],
)
def test_errors_of_lammps_have_kinds(line, kind):
    assert name_failure(line) == kind

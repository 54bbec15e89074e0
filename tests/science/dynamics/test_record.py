import io
import math

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.io import read

from aiida_elyte.errors import InputError
from aiida_elyte.science.dynamics.record import ReplicaRecord
from aiida_elyte.science.dynamics.settings import read_md_settings
from aiida_elyte.science.dynamics.stops import Stop
from aiida_elyte.science.statistics.spread import ForceSpread

SETTINGS = {
    "ensemble": "nve",
    "temperature_K": 300.0,
    "timestep_fs": 2.0,
    "n_steps": 100,
    "replicas": [{"seed": 1, "member": "m00"}],
    "series_stride": 5,
    "stops": {"framework": ["Cl"], "max_framework_rmsd_A": 0.4, "max_spread_eV_A": 0.5, "max_temperature_K": 900.0},
}


def _record(**stops):
    start = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    return ReplicaRecord("r0", "m00", start, read_md_settings({**SETTINGS, "stops": {**SETTINGS["stops"], **stops}}))


def _spread(*per_atom):
    return ForceSpread(np.array(per_atom), np.zeros((len(per_atom), 3)))


def test_drift_is_energy_an_atom_and_picosecond():
    record = _record()
    assert record.drift_eV_atom_ps is None
    record.step, record.conserved = 50, [-3.0, -2.6]
    assert record.drift_eV_atom_ps == pytest.approx(0.4 / 8 / 0.1)  # 8 atoms, 50 steps of 2 fs
    record.stop = Stop("MOLTEN", "", 50)
    assert record.drift_eV_atom_ps is None


def test_mean_of_the_spread_is_over_frames_and_its_maximum_over_atoms():
    record = _record()
    assert record.mean_spread is None
    for step, spread in ((0, _spread(0.1, 0.3)), (10, _spread(0.1, 0.5)), (20, _spread(0.2, 0.4))):
        record.note_spread(spread, step)
    expected = {"mean": (0.2 + 0.3 + 0.3) / 3, "max": 0.5, "step_of_max": 10, "n_frames": 3}
    assert record.mean_spread == pytest.approx(expected)


def test_only_what_passes_its_limit_stops_a_replica():
    record, moved = _record(), _record().start
    moved.positions[moved.symbols == "Cl", 0] += [0.6, -0.6, 0.0, 0.0]  # root mean square √(2 · 0.6² / 4) = 0.424
    assert record.judge(record.start, 5, 899.0, _spread(*[0.49] * 8)) is None
    assert record.judge(record.start, 5, 901.0, None).kind == "EXPLODED"
    assert record.judge(record.start, 5, 300.0, _spread(*[0.0] * 7, 0.51)).kind == "UNCERTAIN"
    molten = record.judge(moved, 5, 300.0, None)
    assert molten == Stop("MOLTEN", "the Cl framework moved 0.42 Å; the limit is 0.40 Å", 5)
    assert _record(max_framework_rmsd_A=0.43).judge(moved, 5, 300.0, None) is None


def test_frames_are_told_without_what_is_no_number():
    record = _record()
    record.stop = Stop("EXPLODED", "", 7)
    told = record.describe(7, math.nan, -1.5, _spread(0.1, 0.3))
    assert told == {
        "origin": "r0#7",
        "replica": "r0",
        "member": "m00",
        "step": 7,
        "potential_energy_eV": -1.5,
        "spread_max_eV_A": 0.3,
        "spread_mean_eV_A": pytest.approx(0.2),
        "stop": "EXPLODED",
    }


def test_ase_reads_a_frame_of_a_trajectory_unwrapped():
    record, frame = _record(), _record().start
    frame.positions[0] -= [20.0, 0.0, 0.0]
    back = read(io.StringIO(record.write_xyz(frame, 30)), format="extxyz")
    np.testing.assert_allclose(back.positions, frame.positions, atol=1e-6)
    np.testing.assert_allclose(back.cell, frame.cell)
    assert (back.get_chemical_formula(), back.info) == ("Cl4Na4", {"step": 30, "time_fs": 60})


def test_a_record_goes_on_where_it_was_saved():
    rng = np.random.default_rng(1)
    steps = [_record().start.positions + each for each in rng.normal(scale=0.05, size=(6, 8, 3)).cumsum(axis=0)]
    whole, first, second = _record(), _record(), _record()
    for record, positions in ((whole, steps), (first, steps[:3])):
        for each in positions:
            record.reducer.add(each, record.start.cell.array, 300.0)
            record.note_spread(_spread(*np.abs(each[0])), 1)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    second.load_state_dict(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    for each in steps[3:]:
        second.reducer.add(each, second.start.cell.array, 300.0)
        second.note_spread(_spread(*np.abs(each[0])), 1)
    assert second.mean_spread == whole.mean_spread
    ours, theirs = second.reducer.finish().to_arrays(), whole.reducer.finish().to_arrays()
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_a_framework_the_start_lacks_is_refused():
    with pytest.raises(InputError, match=r"stops.framework names \['P'\], which the start frame lacks"):
        _record(framework=["P"])

"""The labelling program as a cluster runs it: its own process, in its own folder."""

import json
import signal
import time
from importlib.util import find_spec

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from aiida_elyte.science.frames import labels_of, write_frames
from aiida_elyte.science.labels.engines import build_calculator
from aiida_elyte.science.labels.single_points import compute_labels
from aiida_elyte.science.labels.state import StatefulCalculator
from tests.remote.label_jobs import copper, finish, job, labelled, start
from tests.remote.programs import label_ase

TWO_FIELDS = {"calculator": "emt", "level_of_theory": "EMT"}


def test_labels_equal_a_direct_calculation_in_order(tmp_path):
    rng = np.random.default_rng(0)
    frames = [copper() for _ in range(3)]
    for frame in frames:
        frame.positions += rng.normal(0, 0.1, frame.positions.shape)
    job(tmp_path, frames, TWO_FIELDS)
    results = finish(tmp_path)
    assert results["n_labelled"] == 3
    assert results["refused"] == {}
    assert results["frames_run_in_this_job"] == 3
    for frame, found in zip(frames, labelled(tmp_path), strict=True):
        np.testing.assert_array_equal(found.positions, frame.positions)
        labels = labels_of(found)
        frame.calc = EMT()
        assert labels["energy"] == pytest.approx(frame.get_potential_energy(), abs=1e-12)
        np.testing.assert_allclose(labels["forces"], frame.get_forces(), atol=1e-12)
        np.testing.assert_allclose(labels["stress"], frame.get_stress(), atol=1e-12)
        assert found.info == {**frame.info, "level_of_theory": "EMT"}


def test_one_failing_frame_loses_only_itself(tmp_path):
    frames = [copper(x) for x in (0, 1, 2, 3, 4)]
    job(tmp_path, frames, {"calculator": "moody:Moody", "level_of_theory": "moody"})
    results = finish(tmp_path)
    assert results["refused"] == {
        "1": "RuntimeError: SCF went astray",
        "2": "forces not finite",
        "3": "not converged",
    }
    assert [frame.info["origin"] for frame in labelled(tmp_path)] == ["b0#0", "b4#0"]


def test_element_unknown_to_the_engine_is_a_reason(tmp_path):
    job(tmp_path, [copper(), bulk("Li")], TWO_FIELDS)
    results = finish(tmp_path)
    assert list(results["refused"]) == ["1"]
    assert "Li" in results["refused"]["1"]


def test_all_failing_is_a_failure_with_the_first_reason(tmp_path):
    job(tmp_path, [bulk("Li"), bulk("Na")], TWO_FIELDS)
    results = finish(tmp_path)
    assert results["kind"] == "ALL_LABELS_FAILED"
    assert "frame 0: " in results["message"]
    assert list(results["refused"]) == ["0", "1"]


def test_kill_and_resume_computes_no_frame_twice(tmp_path):
    frames = [copper(x) for x in (0, 1, 4, 5, 6, 7, 8, 9)]
    job(tmp_path, frames, {"calculator": "moody:Moody", "parameters": {"pause": 0.3}, "level_of_theory": "moody"})
    process = start(tmp_path)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        progress = tmp_path / "progress.json"
        if progress.exists() and json.loads(progress.read_text())["done"] >= 4:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "results.json").exists()
    with (tmp_path / "labelled.extxyz").open("a") as handle:
        handle.write('4\nLattice="3.6 0.0 0.0 0.0 3.6')
    results = finish(tmp_path)
    assert results["n_labelled"] == 7
    assert list(results["refused"]) == ["1"]
    assert 4 <= results["resumed_from_frame"] < 8
    assert results["frames_run_in_this_job"] == 8 - results["resumed_from_frame"]
    assert [frame.info["origin"] for frame in labelled(tmp_path)] == [f"b{index}#0" for index in (0, 2, 3, 4, 5, 6, 7)]
    calls = (tmp_path / "calls.txt").read_text().split()
    # The frame in work when the kill came has been begun twice, no other.
    assert set(calls) == {"0", "1", "4", "5", "6", "7", "8", "9"}
    assert len(calls) <= 9


def test_frame_that_takes_the_engine_down_is_refused_in_the_end(tmp_path):
    job(tmp_path, [copper(0), copper(66), copper(4)], {"calculator": "moody:Moody", "level_of_theory": "moody"})
    for _ in range(3):
        assert start(tmp_path).wait(timeout=60) == 9
    results = finish(tmp_path)
    assert results["n_labelled"] == 2
    assert "the job ended 3 times" in results["refused"]["1"]


def test_stops_before_the_wall_and_resumes(tmp_path):
    frames = [copper(x) for x in range(4, 12)]
    settings = {"calculator": "moody:Moody", "parameters": {"pause": 0.4}, "level_of_theory": "moody"}
    job(tmp_path, frames, settings, limits=2.5)
    results = finish(tmp_path)
    assert results["kind"] == "OUT_OF_WALLTIME"
    assert 0 < results["n_labelled"] < 8
    assert results["seconds"] < 2.5
    (tmp_path / "limits.json").unlink()
    done = results["n_labelled"]
    results = finish(tmp_path)
    assert results["n_labelled"] == 8
    assert results["frames_run_in_this_job"] == 8 - done
    assert len((tmp_path / "calls.txt").read_text().split()) == 8


def test_finished_job_is_finished_again_at_once(tmp_path):
    job(tmp_path, [copper(0), copper(1), copper(4)], {"calculator": "moody:Moody", "level_of_theory": "moody"})
    first = finish(tmp_path)
    second = finish(tmp_path)
    assert second["n_labelled"] == first["n_labelled"] == 2
    assert second["refused"] == first["refused"]
    assert second["frames_run_in_this_job"] == 0


def test_checkpoint_of_other_frames_is_refused(tmp_path):
    job(tmp_path, [copper()], TWO_FIELDS)
    finish(tmp_path)
    job(tmp_path, [copper(0.5)], TWO_FIELDS)
    results = finish(tmp_path)
    assert results["kind"] == "INVALID_INPUT"
    assert "belongs to another run: frames.extxyz is" in results["message"]


def test_molecule_gets_no_stress_and_missing_charges_are_told(tmp_path):
    molecule = Atoms("Ar2", [[0, 0, 0], [1.2, 0, 0]])
    crystal = Atoms("Ar2", [[0, 0, 0], [1.2, 0, 0]], cell=[8, 8, 8], pbc=True)
    settings = {"calculator": "lj", "level_of_theory": "LJ", "parameters": {"rc": 3.0}}
    job(tmp_path, [molecule, crystal], {**settings, "properties": ["energy", "stress", "charges"]})
    results = finish(tmp_path)
    assert results["labels_unavailable"] == ["charges"]
    first, second = labelled(tmp_path)
    assert set(labels_of(first)) == {"energy", "forces"}
    assert set(labels_of(second)) == {"energy", "forces", "stress"}
    crystal.calc = LennardJones(rc=3.0)
    np.testing.assert_allclose(labels_of(second)["stress"], crystal.get_stress(), atol=1e-12)


def test_old_labels_are_replaced(tmp_path):
    frame = copper()
    frame.calc = EMT()
    frame.get_forces()
    frame.info.update(level_of_theory="old", labelled_by="someone")
    job(tmp_path, [frame], {**TWO_FIELDS, "properties": ["energy"]})
    finish(tmp_path)
    (found,) = labelled(tmp_path)
    assert found.info == {"origin": "b0#0", "level_of_theory": "EMT"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"calculator": "emtt", "level_of_theory": "x"}, "did you mean"),
        ({"calculator": "nowhere:Nothing", "level_of_theory": "x"}, "cannot be imported"),
        ({"calculator": "ase.calculators.emt:Nothing", "level_of_theory": "x"}, "cannot be imported"),
        ({"level_of_theory": "x"}, "calculator is None"),
        ({"calculator": "emt"}, "level_of_theory is None"),
        ({**TWO_FIELDS, "properties": ["dipole"]}, "expected some of energy, forces, stress, charges"),
        ({**TWO_FIELDS, "parameters": {"nonsense": 1}}, "has no parameter 'nonsense'"),
        ({**TWO_FIELDS, "parameters": {"directory": 1, "atoms": 2}}, "does not take"),
        ({"calculator": "tblite", "level_of_theory": "x", "parameters": {"acuracy": 1}}, "no parameter 'acuracy'"),
    ],
)
def test_bad_settings_are_refused(tmp_path, settings, message):
    job(tmp_path, [copper()], settings)
    assert label_ase.main(str(tmp_path / "settings.json")) == 1
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["kind"] == ("ENGINE_MISSING" if message == "cannot be imported" else "INVALID_INPUT")
    assert message in results["message"]


@pytest.mark.parametrize("torn", [1, 60, None])
def test_what_a_kill_left_behind_the_checkpoint_is_cut(tmp_path, torn):
    job(tmp_path, [copper(0), copper(4)], {"calculator": "moody:Moody", "level_of_theory": "moody"})
    finish(tmp_path)
    path = tmp_path / "labelled.extxyz"
    whole = path.read_text()
    path.write_text(whole + write_frames([copper(2)])[:torn])
    assert finish(tmp_path)["n_labelled"] == 2
    assert path.read_text() == whole


@pytest.mark.skipif(find_spec("tblite") is None, reason="needs tblite")
class TestTblite:
    """The embedded engine: units, signs, independence of the frames before."""

    @pytest.fixture(scope="class")
    def frame(self):
        frame = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
        deformation = np.array([[1.02, 0.01, 0], [0.01, 0.99, 0.02], [0, 0.02, 1.01]])
        frame.set_cell(frame.cell.array @ deformation, scale_atoms=True)
        frame.positions += np.random.default_rng(1).normal(0, 0.05, frame.positions.shape)
        return frame

    @pytest.fixture(scope="class")
    def label(self):
        engine = StatefulCalculator(build_calculator("tblite", {"accuracy": 0.1}), "tblite")
        return lambda frame: compute_labels(frame, engine, ["energy", "forces", "stress", "charges"])

    def test_forces_are_minus_the_gradient(self, frame, label):
        step = 1e-3
        forces = label(frame)["forces"]
        for atom, axis in ((2, 1), (5, 0)):
            energies = []
            for sign in (1, -1):
                moved = frame.copy()
                moved.positions[atom, axis] += sign * step
                energies.append(label(moved)["energy"])
            assert forces[atom, axis] == pytest.approx(-(energies[0] - energies[1]) / (2 * step), abs=2e-4)

    @pytest.mark.parametrize(("i", "j", "voigt"), [(0, 0, 0), (1, 1, 1), (1, 2, 3), (0, 1, 5)])
    def test_stress_is_the_strain_derivative_over_volume(self, frame, label, i, j, voigt):
        step = 1e-3
        epsilon = np.zeros((3, 3))
        epsilon[i, j] += step / 2
        epsilon[j, i] += step / 2
        energies = []
        for sign in (1, -1):
            strained = frame.copy()
            strained.set_cell(frame.cell.array @ (np.eye(3) + sign * epsilon), scale_atoms=True)
            energies.append(label(strained)["energy"])
        expected = (energies[0] - energies[1]) / (2 * step * frame.get_volume())
        # tblite's diagonal differs by 0.4 % from finite differences of its own energy (cutoffs of lattice sums).
        assert label(frame)["stress"][voigt] == pytest.approx(expected, rel=0.01, abs=2e-6)

    def test_label_does_not_depend_on_the_frame_before(self, frame, label):
        other = frame.copy()
        other.positions += np.random.default_rng(2).normal(0, 0.2, frame.positions.shape)
        first = label(frame)
        assert not isinstance(label(other), str)
        again = label(frame)
        assert first["energy"] == again["energy"]
        np.testing.assert_array_equal(first["forces"], again["forces"])

    def test_unconverged_frame_is_refused_and_the_next_is_not_harmed(self, frame):
        hasty = StatefulCalculator(build_calculator("tblite", {"max_iterations": 2}), "tblite")
        assert "not converged" in compute_labels(frame, hasty, ["energy", "forces"])
        hasty.calculator.set(max_iterations=250)
        assert not isinstance(compute_labels(frame, hasty, ["energy", "forces"]), str)

    def test_whole_job_with_charges(self, frame, tmp_path):
        coincident = frame.copy()
        coincident.positions[1] = coincident.positions[0]
        settings = {"calculator": "tblite", "level_of_theory": "GFN1-xTB", "properties": ["stress", "charges"]}
        job(tmp_path, [frame.copy(), coincident], settings)
        results = finish(tmp_path)
        assert list(results["refused"]) == ["1"]
        assert "tblite" in results["environment"]["versions"]
        (found,) = labelled(tmp_path)
        charges = labels_of(found)["charges"]
        assert charges.sum() == pytest.approx(0, abs=1e-6)
        assert charges[frame.numbers == 3].min() > 0.2
        assert found.info["level_of_theory"] == "GFN1-xTB"

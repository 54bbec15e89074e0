"""Outputs as people have them: the frames that converged, with the energy of which their forces are the derivative."""

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.labels.outputs.reading import read_output
from aiida_elyte.science.labels.raw import sentences
from aiida_elyte.units import RYDBERG_EV


def read(path):
    """Return the frames of an output, and what is said of those left out and of the file."""
    found = read_output(path)
    return found.frames, [*sentences(found.left_out), *found.notes]


def energies(frames):
    return [labels_of(frame)["energy"] for frame in frames]


def test_outcar_step_of_all_its_iterations_is_left_out(fault):
    path = fault("outcar_unconverged") / "OUTCAR"
    frames, notes = read(path)
    assert [frame.info["origin"].split("#")[1] for frame in frames] == ["0", "2"]
    np.testing.assert_allclose(energies(frames), [-40.0, -40.2], atol=1e-9)
    assert "frame 1 is left out: its electrons did not converge (15 iterations of NELM = 15)" in notes


def test_nelm_of_the_response_functions_does_not_count(fault):
    frames, notes = read(fault("vasp54_nelm_twice") / "vasprun.xml")
    assert len(frames) == 3
    assert notes == []
    assert all({"energy", "forces", "stress"} <= set(labels_of(frame)) for frame in frames)


def test_last_energy_before_the_forces_counts(fault):
    frames, _ = read(fault("pw_iprint1_first_energy") / "iprint1.out")
    np.testing.assert_allclose(energies(frames), [-60.0 * RYDBERG_EV], rtol=1e-12)


@pytest.mark.parametrize("name", ["killed_in_bands.out", "killed_in_forces.out", "killed_in_energy.out"])
def test_run_killed_within_a_step_keeps_the_finished_ones(fault, name):
    path = fault("pw_killed_in_block") / name
    frames, notes = read(path)
    np.testing.assert_allclose(energies(frames), [-60.0 * RYDBERG_EV, -60.01 * RYDBERG_EV], rtol=1e-12)
    assert notes == ["frame 2 is left out: the file ends within it"]


def test_dynamics_that_stop_unconverged_keep_the_steps_before(fault):
    path = fault("pw_scf_not_converged_traceback") / "md_notconv.out"
    frames, notes = read(path)
    assert len(frames) == 2
    assert notes == ["frame 2 is left out: its electrons did not converge (pw.x says so)"]


def test_single_point_that_did_not_converge_is_rejected(fault):
    with pytest.raises(InputError, match="holds no converged frame"):
        read(fault("pw_scf_not_converged_traceback") / "scf_notconv.out")

"""Shifts of all atoms at once are reported; hops of some ions are not."""

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Reducer
from aiida_elyte.science.transport.estimates import estimate_transport
from aiida_elyte.science.transport.rigid_shifts import rigid_shift_in


def walk(shifted=(), *, n_atoms=40, n_frames=120, hop_at=None):
    """Ions that walk 0.2 Å a step along each axis; those listed by frame move by 3 Å along x, all of them or some."""
    rng = np.random.default_rng(4)
    positions = rng.uniform(0, 20, (n_atoms, 3))
    reducer = Reducer(["Li", "Cl"] * (n_atoms // 2), np.ones(n_atoms), 100.0)
    for frame in range(n_frames):
        positions = positions + rng.normal(0, 0.2, positions.shape)
        if frame in shifted:
            positions[:, 0] += 3.0
        if frame == hop_at:
            positions[: n_atoms // 3, 0] += 6.0
        reducer.add(positions % 20.0, 20.0 * np.eye(3))
    return reducer.finish()


def test_shift_of_all_atoms_is_reported_with_sample_and_length():
    said = rigid_shift_in(walk([50]))
    assert said is not None
    assert "from sample 49 to 50" in said
    assert 2.5 < float(said.partition("shifted by ")[2].split()[0]) < 3.5


def test_walk_and_hops_of_a_third_of_the_ions_are_no_shift():
    assert rigid_shift_in(walk()) is None
    assert rigid_shift_in(walk(hop_at=50)) is None


def test_laboratory_frame_rejects_a_shift_that_others_do_not_feel():
    charges = {"Li": 1.0, "Cl": -1.0}
    with pytest.raises(InputError, match=r"replica r0 all atoms are shifted by .* from sample 49 to 50.*--frame com"):
        estimate_transport([walk([50])], charges, 300.0, frame="lab")
    still, shifted = (estimate_transport([walk(given)], charges, 300.0, frame="com") for given in ([], [50]))
    assert shifted["tracer_diffusion_Li"].value == pytest.approx(still["tracer_diffusion_Li"].value, rel=1e-3)

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.structure.contacts import ContactRecorder, Contacts


@pytest.mark.parametrize("leave_A", [None, 3.5])
def test_recorder_finds_the_contacts_of_a_moving_ligand(leave_A):
    # Ligands enter below 3 Å and leave above 3.5 Å, through the face of the cell as well.
    rng = np.random.default_rng(8)
    cell = np.eye(3) * 9.0
    distances = 2.9 + np.cumsum(rng.normal(0, 0.2, (200, 2)), axis=0) % 1.0
    recorder = ContactRecorder(["Li", "O", "O", "S"], "Li", "O", 3.0, 20.0, leave_A=leave_A)
    states = np.zeros((200, 1, 2), dtype=bool)
    for time, (first, second) in enumerate(distances):
        recorder.add(np.array([[0, 0, 0], [first, 0, 0], [0, -second, 18], [1, 1, 1.0]]), cell)
        was = states[time - 1, 0] if time else np.zeros(2, dtype=bool)
        states[time, 0] = (distances[time] < 3.0) | (was & (distances[time] <= (leave_A or 3.0)))
    expected = Contacts.from_states(states, 20.0, ("Li", "O"))
    found = recorder.finish()
    for name in ("ion", "ligand", "start", "end"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert (found.n_frames, found.n_ions, found.n_possible) == (200, 1, 2)
    assert len(found.start) > 10


def test_molecules_touch_by_any_of_their_atoms():
    # one TFSI with O at two ends, of which first one and then the other is near
    recorder = ContactRecorder(["Li", "O", "O", "O"], "Li", "O", 3.0, 1.0, ligand_of=[0, 7, 7, 8])
    for first, second in ((2.0, 4.0), (2.0, 2.0), (4.0, 2.0), (4.0, 4.0)):
        recorder.add(np.array([[0, 0, 0], [first, 0, 0], [0, second, 0], [4.0, 4.0, 4.0]]), np.eye(3) * 10)
    found = recorder.finish()
    assert (found.ion.tolist(), found.ligand.tolist()) == ([0], [0])
    assert (found.start.tolist(), found.end.tolist()) == ([0], [3])
    assert found.n_possible == 2


def test_an_ion_is_no_ligand_of_itself():
    recorder = ContactRecorder(["Li", "Li"], "Li", "Li", 3.0, 1.0)
    recorder.add(np.array([[0.0, 0, 0], [2, 0, 0]]), np.eye(3) * 10)
    found = recorder.finish()
    assert sorted(zip(found.ion.tolist(), found.ligand.tolist(), strict=True)) == [(0, 1), (1, 0)]
    assert found.n_possible == 2


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"leave_A is 2.5; expected at least cutoff_A"):
        ContactRecorder(["Li", "O"], "Li", "O", 3.0, 1.0, leave_A=2.5)
    with pytest.raises(InputError, match="interval_fs is -1"):
        ContactRecorder(["Li", "O"], "Li", "O", 3.0, -1)
    with pytest.raises(InputError, match="ligand_of has 1 entries; expected one for each of 2 atoms"):
        ContactRecorder(["Li", "O"], "Li", "O", 3.0, 1.0, ligand_of=[0])
    with pytest.raises(InputError, match="no pair of Li and N"):
        ContactRecorder(["Li", "O"], "Li", "N", 3.0, 1.0)

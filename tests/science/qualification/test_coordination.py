import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.science.qualification.coordination import Coordination
from aiida_elyte.science.qualification.evidence import Evidence

CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 2.05 / np.sqrt(3)


def tetrahedra(turned=0.0):
    """Two PS4 in a cell with Li between them; turned about z by an angle."""
    cos, sin = np.cos(turned), np.sin(turned)
    corners = CORNERS @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]).T
    places = [[p, *(p + corners)] for p in (np.array([0.0, 0, 0]), np.array([6.0, 0, 0]))]
    return Atoms("PS4PS4Li", np.concatenate([*places, [[3.0, 3.0, 3.0]]]), cell=[12, 8, 8], pbc=True)


def broken():
    frame = tetrahedra()
    frame.positions[1] += 1.5 * CORNERS[0]
    return frame


def frames(*given):
    return Evidence(given, [], start=tetrahedra(), framework=("P", "S"))


class TestCoordination(QualificationContract):
    @pytest.fixture
    def mine(self):
        return Coordination()

    @pytest.fixture
    def good(self):
        return frames(tetrahedra(0.3), tetrahedra(2.0))

    @pytest.fixture
    def bad(self):
        return frames(tetrahedra(), broken())


def test_rotation_changes_no_coordination():
    assert Coordination().judge(frames(tetrahedra(1.0))).value == 0.0


def test_a_lost_corner_changes_one_centre_of_two():
    finding = Coordination().judge(frames(broken(), tetrahedra()))
    assert finding.value == pytest.approx(0.25)
    assert list(finding.offending) == [0]
    assert "most that of P by S" in finding.reason


def test_a_framework_without_bonds_is_not_judged():
    silver = Atoms("I2Ag", [[0, 0, 0], [2.5, 2.5, 2.5], [2.5, 0, 0]], cell=[5, 5, 5], pbc=True)
    finding = Coordination().judge(Evidence([silver], [], start=silver, framework=("I",)))
    assert (finding.passed, finding.reason) == (None, "framework atoms have no bonds to each other")

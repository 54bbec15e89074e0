"""The labeller ``teacher``: a potential stands in for an engine."""

import numpy as np
import pytest
import torch
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.build import bulk

from aiida_elyte.contracts.labeller import LabellerContract
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.errors import InputError
from aiida_elyte.report.page import describe_theory
from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.labels.theory import difference
from aiida_elyte.science.potentials.painn.model import build_painn
from aiida_elyte.science.potentials.painn.storage import save_painn
from aiida_elyte.workflows.label.teacher import TeacherLabelWorkChain


def lithium_chloride() -> Atoms:
    """Rattled LiCl."""
    frame = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    frame.rattle(0.1, seed=0)
    frame.info = {"origin": "LiCl#0"}
    return frame


@pytest.fixture
def teacher_file(tmp_path):
    """A small PaiNN in double precision, trained on nothing."""
    architecture = {"n_features": 8, "n_layers": 1, "n_rbf": 6, "cutoff_A": 4.0}
    potential = build_painn(
        architecture, energy_reference=["Cl", "Li"], scale=3.0, seed=1, dtype=torch.float64, level_of_theory="PBE"
    )
    save_painn(potential, tmp_path / "teacher.pt")
    return tmp_path / "teacher.pt"


@pytest.fixture
def build(aiida_profile_clean, python_code, teacher_file):
    """Builders of jobs of two frames each."""

    def build(frames: FramesData | None = None, potential=str(teacher_file)):
        overrides = {"batch_size": 2, "potential": potential}
        return TeacherLabelWorkChain.get_builder_from_protocol(python_code, frames, overrides=overrides)

    return build


class TestTeacherLabeller(LabellerContract):
    """The contract of the door, with a PaiNN."""

    @pytest.fixture
    def frame(self):
        return lithium_chloride()

    @pytest.fixture
    def broken(self):
        return Atoms("LiCl", [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], cell=[6.0] * 3, pbc=True)

    @pytest.fixture
    def beyond(self, build):
        return build(), Atoms("Ac", cell=[9.0] * 3, pbc=True)


def test_labels_are_called_those_of_a_teacher_and_never_dft(build, teacher_file):
    inputs = build()._inputs(prune=True)
    level = TeacherLabelWorkChain.level_of_theory(inputs)
    assert level.startswith("teacher: painn PBE, potential ")
    assert difference(level, "PBE") is not None
    theory = describe_theory([level])
    assert "not density-functional theory" in theory["caution"]
    assert theory["brief"] == "of a teacher, not DFT"
    assert set(TeacherLabelWorkChain.python_modules(inputs)) == {"torch_sim", "schnetpack"}
    # another potential of the same training is another teacher
    other = build_painn({"n_features": 8}, energy_reference=["Cl", "Li"], seed=2, level_of_theory="PBE")
    save_painn(other, teacher_file)
    assert difference(level, TeacherLabelWorkChain.level_of_theory(build()._inputs(prune=True))) is not None


def test_a_teacher_is_found_by_pk_and_by_name(build, teacher_file):
    node = PotentialData.from_file(teacher_file).store()
    assert build(potential=node.pk).potential.uuid == build(potential=node.uuid).potential.uuid == node.uuid
    with pytest.raises(InputError, match=r"node \d+ is Int; expected a PotentialData"):
        build(potential=str(orm.Int(1).store().pk))
    with pytest.raises(InputError, match=r"no_such\.pt does not exist"):
        build(potential="no_such.pt")


@pytest.mark.engine("chgnet")
def test_the_universal_potential_labels_by_default(aiida_profile_clean, python_code):
    from aiida_elyte.science.potentials.calculators import PotentialCalculator
    from aiida_elyte.science.potentials.files import read_potential

    frame = lithium_chloride()
    builder = TeacherLabelWorkChain.get_builder_from_protocol(python_code, FramesData([frame]))
    outputs, node = run_get_node(builder)
    assert node.is_finished_ok
    labelled = outputs["frames"].get_frames()[0]
    assert labelled.info["level_of_theory"].startswith("teacher: chgnet PBE(+U), Materials Project, CHGNet 0.3.0")
    frame.calc = PotentialCalculator(read_potential("chgnet"))
    np.testing.assert_allclose(labels_of(labelled)["forces"], frame.get_forces(), atol=1e-5)
    np.testing.assert_allclose(labels_of(labelled)["stress"], frame.get_stress(), atol=1e-6)

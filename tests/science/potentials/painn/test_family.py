"""PaiNN keeps to the contract of families, and files from before there were any are its own."""

import io

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from aiida_elyte.contracts.family import FamilyContract
from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.files import describe_potential, read_potential
from aiida_elyte.science.potentials.painn.family import PainnFamily
from aiida_elyte.science.potentials.painn.model import build_painn
from aiida_elyte.science.potentials.painn.storage import dump_painn

ARCHITECTURE = {"n_features": 16, "n_layers": 2, "n_rbf": 8, "cutoff_A": 4.0}


@pytest.fixture
def content() -> bytes:
    return dump_painn(build_painn(ARCHITECTURE, energy_reference={"Li": -1.5, "Cl": -3.25}, scale=2.0, seed=3))


@pytest.fixture
def frame() -> Atoms:
    frame = bulk("LiCl", "rocksalt", a=5.1).repeat((2, 1, 1))
    frame.set_cell(frame.cell.array + 0.2 * np.random.default_rng(0).normal(size=(3, 3)), scale_atoms=True)
    frame.rattle(0.15, seed=0)
    return frame


class TestPainn(FamilyContract):
    @pytest.fixture
    def family(self) -> PainnFamily:
        return PainnFamily()


def changed(content: bytes, **changes) -> bytes:
    """Return the file with fields changed, or left out where they are None."""
    fields = {**torch.load(io.BytesIO(content), weights_only=True), **changes}
    buffer = io.BytesIO()
    torch.save({key: value for key, value in fields.items() if value is not None}, buffer)
    return buffer.getvalue()


def test_a_file_that_names_no_family_is_a_painn(content, frame):
    old = changed(content, family=None)
    assert describe_potential(old) == describe_potential(content)
    assert describe_potential(old).family == "painn"
    assert torch.equal(read_potential(old).predict([frame]).forces, read_potential(content).predict([frame]).forces)


def test_a_file_of_another_family_is_left_to_it(content):
    other = changed(content, family="elsewhere")
    assert not PainnFamily().recognises(other)
    with pytest.raises(InputError, match="family 'elsewhere'; expected painn"):
        PainnFamily().load(other)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.pt does not exist"):
        read_potential(tmp_path / "nowhere.pt")

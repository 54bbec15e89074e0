"""CHGNet keeps to the contract of families, and computes what its own calculator does."""

import contextlib
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from ase import units
from ase.build import bulk
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet

from aiida_elyte.contracts.family import FamilyContract
from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.theory import LevelOfTheory, difference
from aiida_elyte.science.potentials.calculators import PotentialCalculator
from aiida_elyte.science.potentials.chgnet.family import ChgnetFamily
from aiida_elyte.science.potentials.files import find_family
from aiida_elyte.science.potentials.painn.model import build_painn
from aiida_elyte.science.potentials.painn.storage import dump_painn

pytestmark = pytest.mark.engine("chgnet")

NAMES = ["chgnet-0.3.0", "chgnet-0.2.0", "chgnet-r2scan"]


@pytest.fixture
def frame():
    frame = bulk("LiCl", "rocksalt", a=5.1).repeat((2, 1, 1))
    frame.set_cell(frame.cell.array + 0.1 * np.random.default_rng(0).normal(size=(3, 3)), scale_atoms=True)
    frame.rattle(0.1, seed=1)
    return frame


def engine_calculator(name):
    with contextlib.redirect_stdout(io.StringIO()):
        from chgnet.model.dynamics import CHGNetCalculator
        from chgnet.model.model import CHGNet

        version = name.partition("-")[2]
        return CHGNetCalculator(CHGNet.load(model_name=version, use_device="cpu"), use_device="cpu")


class TestChgnet(FamilyContract):
    heavy = ("torch", "chgnet", "pymatgen")

    @pytest.fixture
    def family(self):
        return ChgnetFamily()

    @pytest.fixture
    def content(self, family):
        return family.pretrained()["chgnet"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("repeat", [(1, 1, 1), (2, 2, 1)], ids=["with its own images", "supercell"])
def test_energy_forces_and_stress_are_those_of_its_own_calculator(frame, name, repeat):
    frame = frame.repeat(repeat)
    frame.rattle(0.05, seed=2)
    ours = frame.copy()
    frame.calc = engine_calculator(name)
    ours.calc = PotentialCalculator(ChgnetFamily().load(ChgnetFamily.pretrained()[name]))
    assert ours.get_potential_energy() == pytest.approx(frame.get_potential_energy(), abs=2e-5 * len(frame))
    # both in single precision, the sums of one in another order than those of the other
    np.testing.assert_allclose(ours.get_forces(), frame.get_forces(), atol=1e-4)
    np.testing.assert_allclose(ours.get_stress(), frame.get_stress(), atol=1e-5)


def test_energy_is_conserved(frame):
    frame.calc = PotentialCalculator(ChgnetFamily().load(ChgnetFamily.pretrained()["chgnet"], dtype=torch.float64))
    MaxwellBoltzmannDistribution(frame, temperature_K=300, rng=np.random.default_rng(0))
    dynamics, totals = VelocityVerlet(frame, units.fs), []
    dynamics.attach(lambda: totals.append(frame.get_total_energy() / len(frame)))
    dynamics.run(50)
    # Velocity Verlet oscillates with Δt²; a force that is no derivative drifts by more within these 50 fs
    assert abs(np.mean(totals[-10:]) - np.mean(totals[:10])) < 2e-4


def test_bundled_weights_are_named_by_their_hash():
    description = ChgnetFamily().describe(ChgnetFamily.pretrained()["chgnet"])
    assert description.level_of_theory == ("PBE(+U), Materials Project, CHGNet 0.3.0 (universal potential, not DFT)")
    assert description.architecture["weights_sha256"].startswith("d14ab7c0")
    assert len(description.elements) == 89
    assert {"H", "Li", "S", "Pu"} <= set(description.elements)
    altered = ChgnetFamily.pretrained()["chgnet"].replace(b"d14ab7c0", b"00000000")
    with pytest.raises(InputError, match=r"unknown; expected one of 0\.3\.0, 0\.2\.0, r2scan"):
        ChgnetFamily().load(altered)


def test_its_labels_are_not_of_the_level_of_dft():
    level = ChgnetFamily().describe(ChgnetFamily.pretrained()["chgnet"]).level_of_theory
    assert difference(level, "PBE") is not None
    assert str(LevelOfTheory.parse(level)) == level


def test_checkpoints_of_its_trainer_are_potentials():
    with contextlib.redirect_stdout(io.StringIO()):
        from chgnet.model.model import CHGNet

        network = CHGNet(atom_fea_dim=8, bond_fea_dim=8, angle_fea_dim=8, num_radial=5, num_angular=5, n_conv=2)
    buffer = io.BytesIO()
    torch.save({"model": network.as_dict(), "optimizer": {}}, buffer)
    content = buffer.getvalue()
    family = find_family(content)
    assert family.name == "chgnet"
    description = family.describe(content)
    assert (description.level_of_theory, description.cutoff_A) == ("unstated", 6.0)
    assert description.n_parameters == network.n_params
    atoms = bulk("LiCl", "rocksalt", a=5.1)
    assert np.isfinite(PotentialCalculator(family.load(content)).get_potential_energy(atoms))


def test_families_do_not_take_each_other_for_their_own():
    painn = dump_painn(build_painn({"n_features": 8, "n_layers": 1}, energy_reference=["Li", "Cl"]))
    assert find_family(painn).name == "painn"
    assert {find_family(content).name for content in ChgnetFamily.pretrained().values()} == {"chgnet"}
    with pytest.raises(InputError, match="cannot be read"):
        ChgnetFamily().describe(json.dumps({"format": "aiida-elyte chgnet 1"}).encode())


def test_nothing_is_printed_where_it_is_loaded():
    code = (
        "from aiida_elyte.science.potentials.chgnet.family import ChgnetFamily as F\n"
        "F().load(F.pretrained()['chgnet'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""

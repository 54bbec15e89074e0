"""Potentials survive their file exactly and are refused with a reason."""

import io

import numpy as np
import pytest
import torch
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.neighbours import Batch
from aiida_elyte.science.potentials.painn.model import build_painn
from aiida_elyte.science.potentials.painn.storage import (
    describe_painn,
    dump_painn,
    load_painn,
    save_painn,
)

ARCHITECTURE = {"n_features": 16, "n_layers": 2, "n_rbf": 8, "cutoff_A": 4.0}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_round_trip_is_exact(tmp_path, dtype):
    potential = build_painn(
        ARCHITECTURE,
        energy_reference={"Li": -1.5, "Cl": 1 / 3},
        scale=1.7,
        seed=4,
        dtype=dtype,
        level_of_theory="PBE",
        training_hash="abc",
    )
    save_painn(potential, tmp_path / "potential.pt")
    torch.load(tmp_path / "potential.pt", weights_only=True)
    for source in (tmp_path / "potential.pt", dump_painn(potential)):
        again = load_painn(source)
        batch = Batch.from_frames([bulk("LiCl", "rocksalt", a=5.1)], 4.0, dtype)
        before, after = potential.energy_forces_stress(batch), again.energy_forces_stress(batch)
        assert torch.equal(before.energy, after.energy)
        assert torch.equal(before.forces, after.forces)
        assert (again.level_of_theory, again.training_hash, again.seed) == ("PBE", "abc", 4)
        assert (again.elements, again.cutoff_A, again.dtype) == (["Cl", "Li"], 4.0, dtype)
        assert not any(parameter.requires_grad for parameter in again.parameters())


def test_a_file_from_before_there_were_baselines_has_none():
    potential = build_painn({**ARCHITECTURE, "baseline": None}, energy_reference=["Li", "Cl"], seed=4)
    content = torch.load(io.BytesIO(dump_painn(potential)), weights_only=True)
    del content["architecture"]["baseline"]
    old = io.BytesIO()
    torch.save(content, old)
    again = load_painn(old.getvalue())
    close = Batch.from_frames([bulk("LiCl", "rocksalt", a=3.0)], 4.0)
    assert torch.equal(again.energy_forces_stress(close).energy, potential.energy_forces_stress(close).energy)
    assert again.architecture["baseline"] is None
    assert describe_painn(old.getvalue()).architecture["baseline"] is None


def test_the_baseline_survives_the_file_and_is_described():
    potential = build_painn(ARCHITECTURE, energy_reference=["Li", "Cl"], seed=4)
    content = dump_painn(potential)
    close = Batch.from_frames([bulk("LiCl", "rocksalt", a=3.0)], 4.0)
    expected, found = (one.energy_forces_stress(close) for one in (potential, load_painn(content)))
    assert torch.equal(found.energy, expected.energy)
    assert torch.equal(found.forces, expected.forces)
    assert describe_painn(content).architecture["baseline"] == "zbl"


def test_description_needs_no_model():
    potential = build_painn(ARCHITECTURE, energy_reference=["Li"], seed=4, level_of_theory="PBE")
    found = describe_painn(dump_painn(potential))
    assert found.n_parameters == sum(parameter.numel() for parameter in potential.parameters())
    assert found.elements == ["Li"]
    assert found.dtype == "float32"


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.pt does not exist"):
        load_painn(tmp_path / "nowhere.pt")


@pytest.mark.parametrize("content", [b"", b"no model at all", b"PK\x03\x04"])
def test_what_is_no_potential_is_refused(content):
    with pytest.raises(InputError, match="is not a potential"):
        load_painn(content)


def test_foreign_torch_file_is_refused(tmp_path):
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="expected the format"):
        load_painn(tmp_path / "other.pt")


def test_energies_stay_float64_under_float32_weights():
    potential = build_painn(ARCHITECTURE, energy_reference={"Li": -1e4 / 3}, dtype=torch.float32)
    batch = Batch.from_frames([bulk("Li")], 4.0)
    network = float(potential.atomic_energies(batch.numbers, batch.vectors, batch.first, batch.second).detach().sum())
    assert float(potential.energy_forces_stress(batch).energy) == pytest.approx(network - 1e4 / 3, abs=1e-9)
    assert np.isfinite(network)

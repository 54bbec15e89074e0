"""Clusters to force fields: seeds, labels, an ensemble of fits."""

from importlib.util import find_spec

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from aiida.manage.caching import enable_caching

from aiida_elyte.calculations.functions.frames import collect_refused
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.electrolyte.clusters import ClusterRecipe, Ingredient, make_clusters
from aiida_elyte.science.forcefield.dataset import group_frames
from aiida_elyte.science.frames import labels_of
from aiida_elyte.workflows.label.ase import AseLabelWorkChain
from aiida_elyte.workflows.train_ensemble import TrainEnsembleWorkChain

RECIPE = ClusterRecipe("complex", (Ingredient("Li", "[Li+]", 1), Ingredient("DME", "COCCOC", 1, ("[OX2]",))))
LABELS = {
    "batch_size": 12,
    "settings": {
        "parameters": {"method": "GFN2-xTB"},
        "level_of_theory": "GFN2-xTB",
        "properties": ["charges"],
        "relax": {"fmax_eV_A": 0.05},
        "heat": {"count": 3, "temperature_K": 400.0, "stride_fs": 25.0, "timestep_fs": 1.0},
    },
}


@pytest.mark.skipif(find_spec("tblite") is None or find_spec("rdkit") is None, reason="needs tblite and RDKit")
def test_clusters_become_an_ensemble_of_force_fields(aiida_profile_clean, python_code):
    seeds, topology = make_clusters(RECIPE, 12)
    builder = AseLabelWorkChain.get_builder_from_protocol(python_code, FramesData(seeds), overrides=LABELS)
    labelled, node = run_get_node(builder)
    assert node.is_finished_ok, node.exit_message
    assert labelled["refused"].get_dict() == {}
    dataset = labelled["frames"]
    assert len(dataset) == 12 * 4
    assert dataset.base.attributes.get("charge_methods") == ["Mulliken (GFN2-xTB)"]
    assert len(dataset.base.attributes.get("blocks")) == 12
    frames = dataset.get_frames()
    assert all(labels_of(frame)["charges"].sum() == pytest.approx(1, abs=1e-6) for frame in frames)
    assert [frame.info["origin"] for frame in frames[::4]] == [frame.info["origin"] for frame in seeds]
    (system,) = group_frames(frames)
    assert system.name == "1 Li + 1 DME"
    np.testing.assert_array_equal(system.topology.bonds, topology.bonds)

    builder = TrainEnsembleWorkChain.get_builder_from_protocol(
        python_code,
        dataset,
        overrides={
            "trainer": "forcefield",
            "n_members": 2,
            "max_in_flight": 1,
            "train": {"settings": {"fit": {"n_steps": 5}}},
        },
    )
    outputs, node = run_get_node(builder)
    assert node.is_finished_ok, node.exit_message
    members = outputs["potentials"]
    assert sorted(members) == ["m00", "m01"]
    assert all(isinstance(member, ForceFieldData) for member in members.values())
    attributes = members["m01"].base.attributes
    assert attributes.get("elements") == ["C", "H", "Li", "O"]
    assert attributes.get("level_of_theory") == "GFN2-xTB"
    assert attributes.get("charge_methods") == ["Mulliken (GFN2-xTB)"]
    assert attributes.get("seed") == 1
    assert attributes.get("n_types")["atoms"] > 4

    summary = outputs["summary"].get_dict()
    spread = np.std([labels_of(frame)["forces"] for frame in frames]) * 23.0605
    for name in ("m00", "m01"):
        errors = summary[name]["errors"]
        assert errors["test"]["systems"]["1 Li + 1 DME"]["n_frames"] == summary[name]["split"]["n_test"] == 8
        assert errors["test"]["overall"]["force_rmse_kcal_mol_A"] < 0.4 * spread
    assert summary["m00"]["split"] == summary["m01"]["split"]

    forces = [
        force_field.forces(system.topology, system.types, system.coordinates).numpy()
        for force_field in (member.get_force_field() for member in members.values())
    ]
    assert np.abs(forces[0] - forces[1]).max() > 0.01  # kcal/mol/Å: the members differ

    job = next(called for called in node.called_descendants if called.process_label == "FitForceFieldCalculation")
    assert job.outputs.errors["test"]["overall"]["force_rmse_kcal_mol_A"] > 0
    assert set(job.outputs.undetermined.get_dict()) == set(job.outputs.results["undetermined"])
    with enable_caching():
        _, again = run_get_node(builder)
    jobs = [called for called in again.called_descendants if isinstance(called, orm.CalcJobNode)]
    assert [called.base.caching.is_created_from_cache for called in jobs] == [True, True]


def test_refusals_of_heated_geometries_keep_their_place(aiida_profile_clean):
    found = collect_refused(
        b00000000=orm.Dict({"refused": {"1": "gone", "0-2": "hot"}}), b00000010=orm.Dict({"refused": {"3-1": "late"}})
    )
    assert found.get_dict() == {"1": "gone", "0-2": "hot", "13-1": "late"}

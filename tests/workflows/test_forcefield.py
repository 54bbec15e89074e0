"""Rounds of learning of a force field, each driven by the fit before; what they refuse to label."""

import numpy as np
import pytest
from aiida.engine import run_get_node
from ase.build import molecule
from ase.collections import g2

from aiida_elyte.data.frames import FramesData
from aiida_elyte.plugins import configure_all
from aiida_elyte.science.frames import attach_labels, first_frames
from aiida_elyte.science.learning.filters import filter_frames
from aiida_elyte.workflows.forcefield import ForceFieldWorkChain
from tests.ions import clusters

OVERRIDES = {
    "ensemble": {"max_in_flight": 1, "train": {"settings": {"fit": {"n_steps": 4}}}},
    "learning": {
        "max_rounds": 2,
        "label_budget": 20,
        "uncertain_share": 0.0,
        # The error may grow tenfold: rounds end by their number.
        "least_gain": -10.0,
        "sampling": {"n_replicas": 2, "n_steps": 400, "sample_stride": 100},
        "selection": {"n_select": 3, "selection": {"threshold_eV_A": 1e-6}},
    },
}


def labelled_clusters():
    """Return six clusters in two geometries each, labelled."""
    tblite = pytest.importorskip("tblite.ase")
    rng = np.random.default_rng(0)
    frames = []
    for cluster in clusters(6):
        for index in range(2):
            frame = cluster.copy()
            frame.positions += rng.normal(0, 0.04, frame.positions.shape)
            frame.calc = tblite.TBLite(method="GFN2-xTB", verbosity=0)
            energy, forces, charges = frame.get_potential_energy(), frame.get_forces(), frame.get_charges()
            block = str(cluster.info["origin"]).split("#")[0]
            frame.info |= {"origin": f"{block}#{index}", "charge_method": "Mulliken (GFN2-xTB)"}
            frame.info["level_of_theory"] = "GFN2-xTB (tblite)"
            frames.append(attach_labels(frame, energy=energy, forces=forces, charges=charges))
    return frames


@pytest.mark.engine("lmp")
def test_each_round_is_driven_by_the_fit_of_the_one_before(python_code, lammps_code):
    frames = labelled_clusters()
    builder = ForceFieldWorkChain.get_builder_from_protocol(
        {"python": python_code, "engine": lammps_code},
        FramesData(first_frames(frames)),
        FramesData(frames),
        protocol="fast",
        overrides=OVERRIDES,
    )
    outputs, node = run_get_node(builder)
    assert node.is_finished_ok, node.exit_message

    called = {link.link_label: link.node for link in node.base.links.get_outgoing().all()}
    samplings = [called[f"round_{number:02d}_sample"] for number in (1, 2)]
    fits = [called[f"round_{number:02d}_train"] for number in (0, 1, 2)]
    for sampling, fit in zip(samplings, fits, strict=False):
        assert {name: one.uuid for name, one in sampling.inputs.potentials.items()} == {
            name: one.uuid for name, one in fit.outputs.potentials.items()
        }
    assert fits[0].outputs.potentials.m00.uuid != fits[1].outputs.potentials.m00.uuid
    assert outputs["potentials"]["m00"].uuid == fits[2].outputs.potentials.m00.uuid

    history = outputs["history"].get_dict()
    rounds = history["rounds"]
    n_labelled = [one["n_labelled"] for one in rounds]
    assert min(n_labelled) > 0
    sizes = [len(fit.inputs.dataset) for fit in fits]
    assert sizes == [12, 12 + n_labelled[0], 12 + sum(n_labelled)]
    assert len(outputs["dataset"]) == sizes[-1]

    splits = [fit.outputs.summary["m00"]["split"] for fit in fits]
    assert len(splits[0]["test_clusters"]) == 1
    assert [one["test_clusters"] for one in splits] == [splits[0]["test_clusters"]] * 3
    assert [one["n_train"] for one in splits] == [size - 4 for size in sizes]
    tested = [fit.outputs.summary[name]["errors"]["test"]["overall"] for fit in fits[1:] for name in ("m00", "m01")]
    errors = np.reshape([one["force_rmse_kcal_mol_A"] for one in tested], (2, 2)).mean(1)
    np.testing.assert_allclose([one["held_out_error"] for one in rounds], errors)
    assert "all 2 rounds are spent" in history["reason"]
    assert "the held-out error by" in history["reason"]


def test_collisions_are_refused_and_molecules_are_not():
    chosen = ForceFieldWorkChain.get_protocol_inputs("balanced")["learning"]["selection"]["filters"]
    filters = configure_all("filters", chosen, "filters")
    molecules = [each for each in map(molecule, g2.names) if len(each) > 1]
    kept, refused = filter_frames(molecules, molecules[0], filters)
    assert len(kept) == len(molecules), refused
    # A bond of 1.43 Å, 1.03 times the covalent radii of C and O, at half its length.
    ether = molecule("CH3OCH3")
    carbon, oxygen = (int(np.flatnonzero(ether.symbols == symbol)[0]) for symbol in "CO")
    ether.set_distance(oxygen, carbon, 0.5 * ether.get_distance(oxygen, carbon), fix=0)
    assert "collision" in filter_frames([ether], ether, filters)[1][0]

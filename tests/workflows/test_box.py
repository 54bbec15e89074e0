"""A box from its recipe to its displacements; the street above it with force fields that are given."""

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from scipy.constants import Avogadro

from aiida_elyte.calculations.functions.transport import transport
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.provenance.street import read_street
from aiida_elyte.report.html import write_report
from aiida_elyte.science.transport.estimates import estimate_transport
from aiida_elyte.science.verdict import quantities_of
from aiida_elyte.workflows.box import BoxWorkChain
from aiida_elyte.workflows.polymer import PolymerWorkChain
from tests.call_labels import unknown_calls
from tests.ions import RECIPE, begun_force_field

pytestmark = [pytest.mark.engine("lmp"), pytest.mark.engine("packmol")]

BOX = {
    "compression": {"compression_ps": 2.0, "settling_ps": 1.0, "push_off_ps": 0.5, "loose_ps": 0.5, "cutoff_A": 7.0},
    "settling": {"max_extensions": 1, "extension_ps": 1.0, "is_required": False},
    "production": {"thermalise_ps": 0.2, "length_ps": 1.0, "frame_ps": 0.02},
}
SALTY = {**RECIPE, "salt": {"name": "LiCl", "molality_mol_kg": 4.0}}


@pytest.fixture
def codes(python_code, lammps_code):
    return {"python": python_code, "engine": lammps_code}


@pytest.fixture
def force_field():
    return ForceFieldData(begun_force_field().to_json())


def run_box(codes, force_field, **settling):
    overrides = {**BOX, "settling": {**BOX["settling"], **settling}}
    builder = BoxWorkChain.get_builder_from_protocol(codes, SALTY, force_field, "fast", overrides)
    return run_get_node(builder)[1]


def page_of(node, folder):
    write_report(node, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def stages(node):
    return [child for child in node.called if child.process_label == "LammpsBaseWorkChain"]


def test_a_box_that_has_not_settled_is_extended_and_then_told(codes, force_field):
    node = run_box(codes, force_field)
    assert node.is_finished_ok, node.exit_message
    settle, extended, production = sorted(stages(node), key=lambda child: child.pk)
    # 1 ps of settling, and 1 ps more in a run that goes on where the first ended.
    assert extended.inputs.settings["stages"][-1]["n_steps"] == settle.inputs.settings["stages"][-1]["n_steps"] + 1000
    assert extended.outputs.results["resumed_from_step"] == settle.outputs.results["step"]
    assert node.outputs.equilibrium["refused"]
    # The box that has not settled says so, and that its molecules stayed whole: DME at 350 K tears no bond in 1 ps.
    verdict = node.outputs.qualification.get_dict()
    assert (verdict["verdict"], len(verdict["reasons"])) == ("not settled", 1)
    assert verdict["tests"]["bonds"]["passed"] is True
    assert 1.0 < verdict["tests"]["bonds"]["value"] < 1.4
    assert production.inputs.data.get_content() == extended.outputs.final.get_content()
    (series,) = node.outputs.series.get_series()
    assert (
        dict(zip(series.species, series.counts.tolist(), strict=True))["Li"]
        == node.outputs.box["amounts"]["molecules"]["[Li+]"]
    )
    # 1 ps at a frame every 20 fs, the start included.
    assert len(series.time_fs) == 51
    assert series.interval_fs == pytest.approx(20.0)
    shells = node.outputs.solvation.get_dict()
    assert (shells["centre"], shells["anion"], shells["n_frames"]) == ("Li", "Cl of Cl", 51)
    assert set(shells["sites"]) == set(node.outputs.box["solvation"]["sites"])
    for site in shells["sites"].values():
        assert site["coordination"].get("value", 0.0) >= 0.0
        assert (node.outputs.solvation_curves.get_array(f"n_{site['array']}")[-1] > 0) or site["first_peak_A"] is None


def test_a_box_that_has_not_settled_ends_where_that_is_required(codes, force_field):
    node = run_box(codes, force_field, max_extensions=0, is_required=True)
    assert node.exit_status == 510
    assert "raise `settling.max_extensions`" in node.exit_message
    assert "equilibrium" in node.outputs
    assert len(stages(node)) == 1


def test_the_street_pools_boxes_of_the_force_fields_given(codes, force_field, tmp_path):
    builder = PolymerWorkChain.get_builder_from_protocol(codes, SALTY, protocol="fast", overrides={"box": BOX})
    builder.force_fields = {"m00": force_field, "m01": ForceFieldData(begun_force_field(0.05).to_json())}
    builder.n_boxes = orm.Int(2)
    builder.allow_unqualified = orm.Bool(True)
    node = run_get_node(builder)[1]
    assert node.is_finished_ok, node.exit_message
    pooled = node.outputs.series.get_series()
    assert [(one.replica, one.member) for one in pooled] == [("m00_b00", "m00"), ("m01_b01", "m01")]
    assert set(node.outputs.boxes) == {"m00_b00", "m01_b01"}
    assert unknown_calls(node) == []
    assert [box.name for box in read_street(node).boxes] == ["m00_b00", "m01_b01"]
    for one in pooled:
        box = node.outputs.boxes[one.replica]
        (own,) = box.series.get_series()
        molecules = box.box["amounts"]["molecules"]
        counts = dict(zip(one.species, one.counts.tolist(), strict=True))
        assert (counts["Li"], counts["Cl"]) == (molecules["[Li+]"], molecules["[Cl-]"])
        assert one.tracked.count("Li") == counts["Li"] > 1
        np.testing.assert_array_equal(one.displacements_A, own.displacements_A)
        # Production is at the mean density of settling, not at its last; files round the edges.
        density, *_, last = box.equilibrium["means"]["density_g_cm3"]["value"], *box.thermo.get_array("density_g_cm3")
        mass_g = float(one.counts @ one.masses) / Avogadro
        np.testing.assert_allclose(one.volume_A3, mass_g / density * 1e24, rtol=1e-5)
        assert abs(last / density - 1) > 1e-4
    assert pooled[0].volume_A3[0] != pooled[1].volume_A3[0]
    assert not np.array_equal(pooled[0].displacements_A, pooled[1].displacements_A)
    found = node.outputs.transport.get_dict()
    both, alone = (
        {name: one.as_dict() for name, one in estimate_transport(series, {"Li": 1.0, "Cl": -1.0}, 350.0).items()}
        for series in (pooled, pooled[:1])
    )
    both = orm.Dict(both).store().get_dict()  # which rounds to 14 digits
    assert {name: found[name] for name in both} == both
    # Boxes of a picosecond have not settled, force fields that were not fitted have no error: the numbers are marked.
    assert found["verdict"] == node.outputs.qualification["verdict"] == "unqualified"
    assert any("held out" in reason for reason in found["reasons"])
    assert any("m01_b01" in reason for reason in found["reasons"])
    settings = {"charges": {"Li": 1.0, "Cl": -1.0}, "temperature_K": 350.0}
    refused = transport(node.outputs.series, orm.Dict(settings), qualification=node.outputs.qualification).get_dict()
    assert all(one["refused"].startswith("unqualified: ") for one in quantities_of(refused).values())
    assert refused["verdict"] == "unqualified"
    assert found["tracer_diffusion_Li"] != orm.Dict(alone).store()["tracer_diffusion_Li"]
    # Picoseconds carry little: what has no number tells why, what has one tells its error.
    assert all(one.get("refused") or one["std"] > 0 for one in both.values())
    assert found["conditions"]["temperature_K"] == 350
    assert node.outputs.solvation["n_boxes"] == 2
    text = page_of(node, tmp_path)
    assert "m01_b01" in text
    assert "Who surrounds Li" in text
    assert "<b>Unqualified</b> at 350 K:" in text
    assert "Qualification of the force fields and the boxes" in text


def test_a_force_field_without_the_types_of_the_recipe_is_told(codes, force_field):
    other = {**SALTY, "solvents": {"EC": {"smiles": "C1COC(=O)O1"}}}
    builder = PolymerWorkChain.get_builder_from_protocol(codes, other, protocol="fast", overrides={"box": BOX})
    builder.force_fields = {"m00": force_field}
    node = run_get_node(builder)[1]
    assert node.exit_status == 453
    assert "lacks" in node.exit_message
    assert "fit with frames of such molecules too" in node.exit_message


def test_a_recipe_without_salt_is_refused_before_anything_runs(codes):
    bare = {key: value for key, value in RECIPE.items() if key != "salt"}
    builder = PolymerWorkChain.get_builder_from_protocol(codes, bare, protocol="fast")
    with pytest.raises(ValueError, match="recipe has no salt"):
        run_get_node(builder)

"""``analyse`` on small trajectories of known transport: crystals, molecular ions, replicas."""

import json
from dataclasses import replace

import numpy as np
import pytest

import aiida_elyte as elyte
from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import Refusal, result_from_dict
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.reduction import pack_series
from aiida_elyte.science.transport.synthetic import ballistic_then_diffusive
from tests.trajectories import (
    DIFFUSION,
    INTERVAL_FS,
    MS_CM_PER_ION,
    N_SALT,
    SIDE,
    bare,
    extxyz,
    solid,
    write_solid,
    xdatcar,
)

CRYSTAL = {"charges": {"Li": 1}, "temperature_K": 600.0, "timestep_fs": INTERVAL_FS}
LIQUID = {"charges": {"Li": 1, "TFSI": -1}, "temperature_K": 400.0, "timestep_fs": INTERVAL_FS}


def test_a_crystal_gives_the_truth(crystal_file):
    found = elyte.analyse(crystal_file, **CRYSTAL)
    truth = 24 * MS_CM_PER_ION
    for estimate, value in ((found.diffusion["Li"], 1e-5), (found.conductivity, truth), (found.haven_ratio, 1.0)):
        assert estimate.value == pytest.approx(value, rel=0.15)
        assert estimate.ci95[0] < value < estimate.ci95[1]
    assert found.transference == {}
    assert found.species == ("Li",)
    assert (found.background.species, found.background.charge_e) == (("S",), -24.0)
    assert found.frame == "centre of mass of the framework (S) at rest"
    assert found.warnings == ()
    assert found.series[0].species == ("Li", "S")


def test_the_dictionary_is_the_json_and_gives_the_quantities_back(crystal_file):
    found = elyte.analyse(str(crystal_file), **CRYSTAL)
    content = json.loads(json.dumps(found.as_dict()))
    assert {name: result_from_dict(one) for name, one in content["quantities"].items()} == found.quantities
    assert content["neutralising_background"] == {"species": ["S"], "charge_e": -24.0}
    assert content["trajectories"][0]["path"] == str(crystal_file)
    assert content["version"] == elyte.__version__


def test_formats_and_reduced_series_give_the_same(crystal_file, tmp_path):
    (tmp_path / "XDATCAR").write_text(xdatcar(*solid()))
    series, _ = reduce_trajectory(open_trajectory(crystal_file, timestep_fs=INTERVAL_FS))
    np.savez(tmp_path / "series.npz", **pack_series([series]))
    expected = elyte.analyse(crystal_file, **CRYSTAL)
    for name, options in (("XDATCAR", CRYSTAL), ("series.npz", {**CRYSTAL, "timestep_fs": None})):
        found = elyte.analyse(tmp_path / name, **options)
        for key, one in expected.quantities.items():
            assert found.quantities[key].value == pytest.approx(one.value, rel=1e-4), key
        assert found.replicas[0].n_frames == 300


def test_a_folder_of_parts_is_one_replica(liquid_files, tmp_path):
    whole = liquid_files / "litfsi.lammpstrj"
    head, *frames = whole.read_text().split("ITEM: TIMESTEP\n")
    assert not head
    parts = tmp_path / "run"
    parts.mkdir()
    for name, some in (("part_000", frames[:120]), ("part_001", frames[90:])):  # killed, then from a restart file
        (parts / f"{name}.lammpstrj").write_text("".join(f"ITEM: TIMESTEP\n{frame}" for frame in some))
    options = {**LIQUID, "timestep_fs": 1.0, "topology": liquid_files / "litfsi.gro"}
    of_whole, of_parts = (elyte.analyse(path, **options) for path in (whole, parts))
    assert of_parts.replicas[0].n_frames == len(frames)
    assert of_parts.quantities == of_whole.quantities


def test_replicas_sharpen_the_interval(tmp_path):
    paths = [write_solid(tmp_path / f"run{k}.extxyz", seed=k, n_frames=150) for k in range(3)]
    one, three = (elyte.analyse(some, **CRYSTAL) for some in (paths[0], paths))
    relative = [found.conductivity.std / found.conductivity.value for found in (one, three)]
    assert relative[1] < 0.8 * relative[0]
    assert [replica.path for replica in three.replicas] == list(map(str, paths))


def test_replicas_that_do_not_agree_are_warned_of(tmp_path):
    runs = [write_solid(tmp_path / f"run{k}.extxyz", seed=k, diffusion=DIFFUSION * (1 + 2 * k)) for k in range(2)]
    (warning,) = elyte.analyse(runs, **CRYSTAL).warnings
    assert warning.startswith("replicas do not agree on tracer_diffusion_Li")


def test_stride_and_replicas_left_out_are_noted(crystal_file, tmp_path):
    short = write_solid(tmp_path / "short.extxyz", seed=1, n_frames=40)
    found = elyte.analyse([crystal_file, short], **CRYSTAL, stride=2)
    assert [replica.interval_fs for replica in found.replicas] == [100.0, 100.0]
    assert [replica.n_frames for replica in found.replicas] == [150, 20]
    assert "of every 2 frames one was read" in found.notes
    assert "1 of 2 replicas left out, as shorter than half the longest" in found.notes


def test_a_last_frame_cut_short_is_left_out_and_noted(tmp_path):
    path = write_solid(tmp_path / "cut.extxyz", n_frames=100)
    path.write_text(path.read_text()[:-40])
    found = elyte.analyse(path, **CRYSTAL)
    assert found.replicas[0].n_frames == 99
    assert "cut.extxyz ends within frame 99, which is left out" in found.notes[0]


def test_caged_ions_are_refused_with_an_upper_bound(tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "caged.extxyz"
    path.write_text(extxyz(["Li"] * 8 + ["S"] * 8, rng.normal(0, 0.3, (200, 16, 3)) + rng.uniform(0, SIDE, (16, 3))))
    found = elyte.analyse(path, **CRYSTAL).conductivity
    assert isinstance(found, Refusal)
    assert "not diffusive" in found.reason
    assert found.upper_bound.value > 0


@pytest.mark.parametrize(("timestep_fs", "warning"), [(0.05, "times as far as free flight"), (50.0, None)])
def test_an_absurd_time_step_is_warned_of(crystal_file, timestep_fs, warning):
    found = elyte.analyse(crystal_file, {"Li": 1}, 600.0, timestep_fs=timestep_fs).warnings
    assert len(found) == (warning is not None)
    assert warning is None or warning in found[0]


def test_currents_that_contradict_the_displacements_are_warned_of(tmp_path):
    """Ornstein–Uhlenbeck ions obey Green and Kubo; with currents halved their integral is a quarter of σ."""
    rng = np.random.default_rng(1)
    replicas = [ballistic_then_diffusive(rng, 4000, 20, 1e-3, 50.0, 10.0, replica=f"r{k}") for k in range(4)]
    lines = {}
    for factor in (1.0, 0.5):
        scaled = [replace(one, currents_A_fs=factor * one.currents_A_fs) for one in replicas]
        np.savez(tmp_path / "series.npz", **pack_series(scaled))
        warnings = elyte.analyse(tmp_path / "series.npz", {"Li": 1}, 600.0).warnings
        lines[factor] = [line for line in warnings if "Einstein" in line]
    assert lines[1.0] == []
    (line,) = lines[0.5]
    assert line.startswith("conductivity_green_kubo disagrees with Einstein's relation: ")


def test_liquid_of_molecular_ions_by_residue(liquid_files):
    found = elyte.analyse(
        liquid_files / "litfsi.extxyz", topology=liquid_files / "litfsi.gro", frame="solvent:G4", **LIQUID
    )
    assert found.frame == "centre of mass of the solvent (G4) at rest"
    assert found.background is None
    assert found.diffusion["TFSI"].value == pytest.approx(0.59e-5, rel=0.1)
    for name, truth in (("Li", 0.707), ("TFSI", 0.293)):
        assert found.transference[name].value == pytest.approx(truth, abs=0.12)
        assert found.transference[name].ci95[0] < truth < found.transference[name].ci95[1]
    assert any("guessed from atom names" in note for note in found.notes)


def test_molecules_by_selection_are_those_by_residue(liquid_files):
    files = {"trajectories": liquid_files / "litfsi.extxyz", "topology": liquid_files / "litfsi.gro"}
    by_residue = elyte.analyse(**files, **LIQUID)
    renamed = {**LIQUID, "charges": {"Li": 1, "anion": -1}}
    by_selection = elyte.analyse(**files, **renamed, molecules={"anion": "resname TFSI"})
    assert by_selection.diffusion["anion"].value == by_residue.diffusion["TFSI"].value


def test_charges_of_the_topology(liquid_files):
    found = elyte.analyse(
        liquid_files / "litfsi.lammpstrj",
        "topology",
        400.0,
        timestep_fs=1.0,
        topology=liquid_files / "litfsi.data",
        molecules={"TFSI": "type 2 3"},
        species=["Li", "TFSI"],
    )
    assert found.charges == {"TFSI": -0.99, "Li": 0.99, "O": 0.0}
    assert found.species == ("Li", "TFSI")
    assert found.replicas[0].interval_fs == 50.0
    assert found.transference["Li"].value == pytest.approx(0.707, abs=0.12)


def test_species_restrict_what_is_analysed(liquid_files):
    found = elyte.analyse(
        liquid_files / "litfsi.extxyz", topology=liquid_files / "litfsi.gro", species=["Li"], **LIQUID
    )
    assert found.species == ("Li",)
    assert (found.background.species, found.background.charge_e) == (("TFSI", "O"), -N_SALT)
    assert not [name for name in found.quantities if "TFSI" in name]


def test_a_cell_that_is_given_gives_the_numbers_of_one_in_the_file(crystal_file, tmp_path):
    path = bare(tmp_path / "bare.xyz")
    expected = elyte.analyse(crystal_file, **CRYSTAL).quantities
    cells = ("12,12,12", "12 12 12 90 90 90", "12,0,0,0,12,0,0,0,12", crystal_file, 12.0 * np.eye(3))
    for cell in cells:
        assert elyte.analyse(path, **CRYSTAL, cell=cell).quantities == expected
    found = elyte.analyse(path, **CRYSTAL, topology=crystal_file)
    assert found.quantities == expected
    said = "the file has no cell; that of solid.extxyz is taken: 12 × 12 × 12 Å, right angles"
    assert any(said in note for note in found.notes)


def test_elements_by_type_and_in_the_order_of_types_are_the_same(liquid_files):
    path = liquid_files / "litfsi.lammpstrj"
    options = {"charges": {"Li": 1}, "temperature_K": 400.0, "timestep_fs": 1.0}
    named = elyte.analyse(path, **options, elements={"1": "Li", "2": "N", "3": "S", "4": "O"})
    assert elyte.analyse(path, **options, elements=["Li", "N", "S", "O"]).quantities == named.quantities
    with pytest.raises(InputError, match="names 'Xx'; expected chemical symbols"):
        elyte.analyse(path, **options, elements=["Xx"])


def test_a_time_that_overrules_the_file_is_warned_of(tmp_path):
    symbols, positions = solid()
    path = tmp_path / "timed.extxyz"
    path.write_text(extxyz(symbols, positions, times=INTERVAL_FS * np.arange(len(positions)) * 48.88821))
    found = elyte.analyse(path, **CRYSTAL)
    assert found.replicas[0].interval_fs == 50.0
    assert found.replicas[0].times == "frames 50 fs apart, 300 frames, 14.95 ps"
    (warning,) = found.warnings
    assert "the file says that frames are 2444.41 fs apart; --timestep-fs 50 makes them 50 fs" in warning


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trajectories": []}, "trajectories is empty"),
        ({"charges": {}}, "`charges` is missing"),
        ({"charges": "formal"}, "charges is 'formal'; expected species → charge"),
        ({"temperature_K": -3.0}, "temperature_K is -3"),
        ({"temperature_K": 1e300}, r"temperature_K is 1e\+300; expected a positive number, in K, from 0.001 to 1e\+06"),
        ({"temperature_K": 1e-300}, "temperature_K is 1e-300"),
        ({"temperature_K": True}, "temperature_K is True"),
        ({"charges": {"Li": 1e150}}, r"charges gives Li 1e\+150; expected elementary charges, 0 or of magnitude 1e-06"),
        ({"charges": {"Li": 1e9}}, "charges gives Li 1000000000"),
        ({"charges": {"Li": 1e-200}}, "charges gives Li 1e-200"),
        ({"charges": {"Li": 10**400}}, "charges gives Li 1000"),
        ({"charges": {"Li": True}}, "charges gives Li True"),
        ({"viscosity_mPa_s": 1e-300}, "viscosity_mPa_s is 1e-300"),
        ({"timestep_fs": 1e300}, r"timestep_fs is 1e\+300"),
        ({"timestep_fs": 1e-300}, "timestep_fs is 1e-300"),
        ({"timestep_fs": -1.0}, "timestep_fs is -1"),
        ({"stride": 0}, "stride is 0"),
        ({"lammps_units": "lj"}, "lammps_units is 'lj'"),
        ({"cell": "moon"}, "--cell is 'moon'"),
        ({"frame": "moon"}, "frame is 'moon'"),
        ({"species": ["S"]}, "`species` names S, without a charge"),
    ],
)
def test_what_cannot_be_used_is_rejected_with_its_name(crystal_file, options, message):
    with pytest.raises(InputError, match=message):
        elyte.analyse(**{"trajectories": crystal_file, **CRYSTAL, **options})


def test_an_analysis_prints_short(crystal_file):
    assert "array" not in repr(elyte.analyse(crystal_file, **CRYSTAL))

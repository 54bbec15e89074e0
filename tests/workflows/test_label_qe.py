"""The labeller ``qe`` against pw.x run by hand."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.build import bulk
from ase.io import read
from ase.io.espresso import write_espresso_in
from ase.spacegroup import crystal

from aiida_elyte.contracts.labeller import LabellerContract
from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import labels_of, round_frame
from aiida_elyte.science.labels.outputs.reading import read_output
from aiida_elyte.science.labels.theory import LevelOfTheory, difference
from aiida_elyte.units import BOHR_A, RYDBERG_EV
from aiida_elyte.workflows.label.qe import QeLabelWorkChain, _level_of_theory, _recommend_cutoffs

ELEMENTS = ("Cl", "Li", "P", "S")
ECUTWFC, ECUTRHO = 25.0, 100.0
"""Low cutoffs [Ry]: both sides of a comparison use the same."""
CONV_THR = 1e-10
"""[Ry]; forces of both runs then agree far below 1e-6 Ry/bohr."""
OVERRIDES = {
    "max_in_flight": 2,
    "scf": {
        "kpoints_distance": 2.0,
        "conv_thr_per_atom": CONV_THR / 13,
        "parameters": {"SYSTEM": {"ecutwfc": ECUTWFC, "ecutrho": ECUTRHO}},
    },
}


@pytest.fixture(scope="session")
def pseudo_folder() -> Path:
    """Folder with one UPF file an element."""
    folder = Path(os.environ.get("ELYTE_PSEUDOS", "no folder"))
    if not all((folder / f"{element}.upf").exists() for element in ELEMENTS):
        reason = f"no pseudopotentials in ELYTE_PSEUDOS={folder}; run `python examples/pseudopotentials.py FOLDER`"
        if os.environ.get("ELYTE_REQUIRE_ENGINES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture
def family(aiida_profile_clean, pseudo_folder) -> str:
    """The pseudopotentials as a family of the profile."""
    path = Path(__file__).parents[2] / "examples" / "pseudopotentials.py"
    spec = importlib.util.spec_from_file_location("pseudopotentials", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.register(pseudo_folder)


@pytest.fixture
def pw(family, aiida_localhost) -> orm.InstalledCode:
    """pw.x as a serial code on localhost."""
    return orm.InstalledCode(
        label="pw",
        computer=aiida_localhost,
        filepath_executable=shutil.which("pw.x") or "/nowhere/pw.x",
        default_calc_job_plugin="quantumespresso.pw",
        with_mpi=False,
    ).store()


def argyrodite(count: int, stdev: float = 0.08) -> list[Atoms]:
    """Rattled copies of the primitive cell of Li6PS5Cl with Li on 24g."""
    perfect = crystal(
        ["P", "S", "S", "Cl", "Li"],
        basis=[(0.5, 0.5, 0.5), (0.618, 0.618, 0.618), (0.25, 0.25, 0.25), (0, 0, 0), (0.02, 0.25, 0.25)],
        spacegroup=216,
        cellpar=[9.86, 9.86, 9.86, 90, 90, 90],
        primitive_cell=True,
    )
    frames = []
    for seed in range(count):
        frame = perfect.copy()
        frame.rattle(stdev, seed=seed)
        frame.info = {"origin": f"rattled#{seed}"}
        frames.append(frame)
    return frames


def run_pw_by_hand(frame: Atoms, folder: Path, pseudo_folder: Path) -> tuple[ElementTree.Element, Atoms]:
    """Run pw.x without AiiDA; return the output of its XML file and what ASE reads from its text."""
    namelists = {
        "control": {
            "calculation": "scf",
            "tprnfor": True,
            "tstress": True,
            "pseudo_dir": str(pseudo_folder),
            "outdir": "out",
        },
        "system": {"ecutwfc": ECUTWFC, "ecutrho": ECUTRHO, "occupations": "fixed"},
        "electrons": {"conv_thr": CONV_THR, "mixing_beta": 0.4},
    }
    folder.mkdir()
    with (folder / "pw.in").open("w") as handle:
        upf = {element: f"{element}.upf" for element in ELEMENTS}
        write_espresso_in(handle, frame, input_data=namelists, pseudopotentials=upf, kpts=None)
    with (folder / "pw.out").open("w") as handle:
        subprocess.run(["pw.x", "-in", "pw.in"], cwd=folder, stdout=handle, check=True)
    xml = ElementTree.parse(folder / "out" / "pwscf.save" / "data-file-schema.xml")
    return xml.getroot().find("output"), read(folder / "pw.out", format="espresso-out")


@pytest.mark.engine("pw.x")
def test_labels_equal_a_direct_run(pw, pseudo_folder, tmp_path):
    given = argyrodite(3)
    builder = QeLabelWorkChain.get_builder_from_protocol(pw, FramesData(given), "fast", OVERRIDES)
    outputs, node = run_get_node(builder)

    assert node.is_finished_ok
    assert outputs["refused"].get_dict() == {}
    children = sorted(
        (called for called in node.called if called.process_label == "PwBaseWorkChain"), key=lambda c: c.pk
    )
    ends = [child.outputs.retrieved.ctime for child in children[:2]]
    assert children[2].ctime > min(ends), "with max_in_flight 2 the third frame waits for one of the first two"
    labelled = outputs["frames"].get_frames()
    assert [frame.info["origin"] for frame in labelled] == ["rattled#0", "rattled#1", "rattled#2"]
    for index, frame in enumerate(labelled):
        output, by_ase = run_pw_by_hand(round_frame(given[index]), tmp_path / str(index), pseudo_folder)
        labels = labels_of(frame)
        energy_Ry = 2 * float(output.findtext("total_energy/etot"))
        forces_Ry_bohr = 2 * np.array(output.findtext("forces").split(), float).reshape(-1, 3)
        assert labels["energy"] / RYDBERG_EV == pytest.approx(energy_Ry, abs=1e-6, rel=0)
        np.testing.assert_allclose(labels["forces"] * BOHR_A / RYDBERG_EV, forces_Ry_bohr, atol=1e-6, rtol=0)
        # ASE reads the printed stress, rounded, with its own constants: this compares sign, order and unit.
        np.testing.assert_allclose(labels["stress"], by_ase.get_stress(), atol=2e-5)
        assert np.abs(labels["stress"]).max() > 1e-3

        # What `aiida-elyte import` makes of the printed output: the numbers of the XML file, to the printed digits.
        (imported,) = read_output(tmp_path / str(index) / "pw.out").frames
        read_back = labels_of(imported)
        assert read_back["energy"] / RYDBERG_EV == pytest.approx(energy_Ry, abs=2e-8, rel=0)
        np.testing.assert_allclose(read_back["forces"] * BOHR_A / RYDBERG_EV, forces_Ry_bohr, atol=2e-8, rtol=0)
        level = imported.info["level_of_theory"]
        assert level.startswith("PBE, 25/100 Ry, k-spacing ")
        assert "fixed occupations, unpolarised, Cl: Cl.upf#" in level
        assert difference(level, frame.info["level_of_theory"]) is None

        job = orm.load_node(frame.info["labelled_by"])
        assert job.process_label == "PwCalculation"
        assert job.inputs.kpoints.get_kpoints_mesh()[0] == [1, 1, 1]
        assert LevelOfTheory.parse(frame.info["level_of_theory"]).kpoints == (2.0, 2.0)


@pytest.mark.engine("pw.x")
def test_unconverged_frame_is_set_aside_with_its_reason(pw):
    overrides = {
        **OVERRIDES,
        "scf": {
            **OVERRIDES["scf"],
            "max_iterations": 1,
            "parameters": {"ELECTRONS": {"electron_maxstep": 1}, "SYSTEM": {"ecutwfc": 20.0, "ecutrho": 80.0}},
        },
    }
    builder = QeLabelWorkChain.get_builder_from_protocol(pw, FramesData(argyrodite(1)), "fast", overrides)
    outputs, node = run_get_node(builder)
    assert node.exit_status == 420
    assert "self-consistency" in outputs["refused"]["0"]
    assert "frames" not in outputs


@pytest.mark.engine("pw.x")
class TestQeLabeller(LabellerContract):
    """The contract of the door, with rattled LiCl; two frames are in flight at a time."""

    # At 25 Ry the derivative of the energy lacks the Pulay stress; the comparison with a direct run checks the stress.
    stress_is_derivative = False

    @pytest.fixture
    def build(self, pw):
        scf = {**OVERRIDES["scf"], "max_iterations": 1}

        def build(frames: FramesData):
            return QeLabelWorkChain.get_builder_from_protocol(pw, frames, "fast", {**OVERRIDES, "scf": scf})

        return build

    @pytest.fixture
    def frame(self):
        frame = bulk("LiCl", "rocksalt", a=5.14)
        frame.rattle(0.2, seed=1)
        return frame

    @pytest.fixture
    def broken(self):
        return Atoms("LiCl", np.zeros((2, 3)), cell=np.eye(3) * 4.0, pbc=True)

    @pytest.fixture
    def beyond(self, pw):
        builder = QeLabelWorkChain.get_builder_from_protocol(pw)
        return builder, Atoms("LiBr", [(0, 0, 0), (2.7, 0, 0)], cell=[5.5] * 3, pbc=True)


def test_data_of_another_level_are_rejected_before_labels(pw):
    inputs = QeLabelWorkChain.get_builder_from_protocol(pw)._inputs(prune=True)

    def compare(level, elements=("Cl", "Li")):
        return QeLabelWorkChain.validate_level(inputs, level, elements)

    assert QeLabelWorkChain.level_of_theory(inputs) is None, "the functional is known once pw.x has run"
    assert "the cut-off is unstated in one" in compare("GFN2-xTB")
    own = _level_of_theory(inputs["scf"].get_dict(), (74.0, 296.0), ["Cl", "Li"])
    for functional in ("PBE", "PBEsol + D3(BJ)"):
        assert compare(own.replace("functional of pw.x", functional)) is None
    assert "the cut-off is 60" in compare(own.replace("74/296", "60/240"))
    assert "the spacing of k-points is 0.2" in compare(own.replace("k-spacing 0.4", "k-spacing 0.2"))
    assert "the pseudopotentials are" in compare(own.replace("Li.upf", "Li_other.upf").replace("#", "_"))
    assert "no pseudopotential for Br" in compare(own, ("Br", "Li"))


def test_time_of_a_label_is_that_measured():
    for n_atoms, seconds in ((8, 1.1), (16, 3.4), (32, 11.0), (52, 40.0)):
        assert QeLabelWorkChain.seconds({}, n_atoms) == pytest.approx(seconds, rel=0.5)


def test_engine_without_a_code_is_rejected(pw):
    assert QeLabelWorkChain.pick_code("qe", {"python": 1, "qe": pw}) is pw
    with pytest.raises(InputError, match="codes are given for python; expected one for 'qe' too"):
        QeLabelWorkChain.pick_code("qe", {"python": pw})


def test_element_missing_from_the_family_is_refused_before_submission(pw):
    frames = FramesData([Atoms("LiBr", [(0, 0, 0), (2.7, 0, 0)], cell=[5.5] * 3, pbc=True)])
    with pytest.raises(InputError, match=r"PseudoDojo.* has no pseudopotential for Br; expected .*; choose a family"):
        QeLabelWorkChain.get_builder_from_protocol(pw, frames)
    builder = QeLabelWorkChain.get_builder_from_protocol(pw)
    builder.frames = frames
    with pytest.raises(ValueError, match="has no pseudopotential for Br"):
        run_get_node(builder)


def test_unknown_family_and_stringency_are_refused(pw):
    with pytest.raises(InputError, match=r"'SSSP/9\.9' is not installed"):
        QeLabelWorkChain.get_builder_from_protocol(pw, overrides={"scf": {"pseudo_family": "SSSP/9.9"}})
    with pytest.raises(InputError, match="has cutoffs for low, normal, high"):
        QeLabelWorkChain.get_builder_from_protocol(pw, overrides={"scf": {"cutoff_stringency": "extreme"}})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kpoint_distance": 0.2}, "scf has the unknown key 'kpoint_distance'.*did you mean kpoints_distance"),
        ({"electronic_type": "isolator"}, "scf.electronic_type is 'isolator'; expected one of"),
        ({"kpoints_distance": 0}, "scf.kpoints_distance is 0; expected a positive number"),
    ],
)
def test_mistaken_settings_are_refused_before_submission(pw, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        QeLabelWorkChain.get_builder_from_protocol(pw, overrides={"scf": change})


def test_cluster_is_refused(pw):
    frames = FramesData([Atoms("LiCl", [(0, 0, 0), (2.0, 0, 0)])])
    builder = QeLabelWorkChain.get_builder_from_protocol(pw)
    with pytest.raises(ValueError, match="frame 0 is not periodic"):
        builder.frames = frames


@pytest.mark.parametrize(("protocol", "ecutwfc"), [("fast", 66.0), ("balanced", 74.0), ("stringent", 82.0)])
def test_protocols_take_the_hints_of_the_hardest_element(pw, protocol, ecutwfc):
    builder = QeLabelWorkChain.get_builder_from_protocol(pw, FramesData(argyrodite(1)), protocol)
    assert _recommend_cutoffs(builder.scf.get_dict(), list(ELEMENTS)) == pytest.approx((ecutwfc, 4 * ecutwfc))

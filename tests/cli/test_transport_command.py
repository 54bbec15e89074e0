"""``aiida-elyte transport`` on small trajectories of known transport, on broken ones, and on the docs' examples."""

import gzip
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from aiida_elyte.cli import main
from aiida_elyte.science.statistics.estimate import Estimate, result_from_dict
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.reduction import pack_series

DOCS = Path(__file__).parents[2] / "docs" / "transport.md"
INTERVAL_FS = 50.0
DIFFUSION = 1e-4
"""Å²/fs: 1e-5 cm²/s."""
SIDE = 12.0
COMMON = ("--charges", "Li=1", "--temperature-K", "600", "--timestep-fs", "50")
LIQUID = ("--temperature-K", "400", "--timestep-fs", "50")
# e² N D / V kT for N ions of D = 1e-5 cm²/s at 600 K in 1000 Å³ is N × 30.99 mS/cm
MS_CM_PER_ION = 30.99 * 1000 / SIDE**3


def walk(rng, n_frames, n, diffusion=DIFFUSION):
    steps = rng.normal(0.0, np.sqrt(2 * diffusion * INTERVAL_FS), (n_frames, n, 3))
    steps[0] = 0.0
    return np.cumsum(steps, axis=0) + rng.uniform(0, SIDE, (n, 3))


def rattle(rng, n_frames, n):
    """Return atoms about their places, their centre at rest."""
    moved = rng.normal(0.0, 0.05, (n_frames, n, 3))
    return moved - moved.mean(axis=1, keepdims=True) + rng.uniform(0, SIDE, (n, 3))


def extxyz(symbols, positions, order=None, times=None):
    text = []
    for index, frame in enumerate(positions % SIDE):
        told = "" if times is None else f" time_fs={times[index]}"
        text.append(
            f'{len(symbols)}\nLattice="{SIDE} 0 0 0 {SIDE} 0 0 0 {SIDE}" Properties=species:S:1:pos:R:3{told}\n'
        )
        rows = [f"{symbol} {x:.5f} {y:.5f} {z:.5f}\n" for symbol, (x, y, z) in zip(symbols, frame, strict=True)]
        text += rows if order is None else [rows[atom] for atom in order[index]]
    return "".join(text)


def solid(n_frames=300, n_ions=24, seed=0, diffusion=DIFFUSION):
    """Return the atoms of Brownian Li in a framework of S, and their positions."""
    rng = np.random.default_rng(seed)
    return ["Li"] * n_ions + ["S"] * 6, np.concatenate(
        [walk(rng, n_frames, n_ions, diffusion), rattle(rng, n_frames, 6)], axis=1
    )


def write_solid(path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(extxyz(*solid(**options)))
    return path


def xdatcar(symbols, positions):
    head = f"solid\n1.0\n{SIDE} 0 0\n0 {SIDE} 0\n0 0 {SIDE}\nLi S\n{symbols.count('Li')} {symbols.count('S')}\n"
    frames = [
        f"Direct configuration= {k + 1:5d}\n" + "".join(f"{x:.8f} {y:.8f} {z:.8f}\n" for x, y, z in frame)
        for k, frame in enumerate(positions / SIDE % 1)
    ]
    return head + "".join(frames)


N_SALT, N_SOLVENT = 16, 8
LIQUID_SYMBOLS = ["Li"] * N_SALT + ["N", "S", "S"] * N_SALT + ["O"] * N_SOLVENT
RESIDUES = [("LI", i) for i in range(N_SALT)]
RESIDUES += [("TFSI", N_SALT + i) for i in range(N_SALT) for _ in range(3)]
RESIDUES += [("G4", 2 * N_SALT + i) for i in range(N_SOLVENT)]
TYPES = {"Li": 1, "N": 2, "S": 3, "O": 4}
PER_ATOM = {"Li": 0.99, "N": -0.59, "S": -0.2, "O": 0.0}


def liquid(n_frames=300, seed=4):
    """Return positions of LiTFSI, TFSI of three atoms that tumbles, following 0.3 of the motion of a cation each.

    Λ ∝ [[1, 0.3], [0.3, 0.5 + 0.09]]: t(Li) = (1 - 0.3)/(1 - 0.6 + 0.59) = 0.707, D(TFSI) = 0.59 D(Li).
    """
    rng = np.random.default_rng(seed)
    cations = walk(rng, n_frames, N_SALT)
    anions = walk(rng, n_frames, N_SALT, 0.5 * DIFFUSION) + 0.3 * (cations - cations[0])
    axis = rng.normal(size=(n_frames, N_SALT, 1, 3))
    axis *= 0.4 / np.linalg.norm(axis, axis=-1, keepdims=True)
    atoms = anions[:, :, None] + axis * np.array([0.0, 1.0, -1.0])[:, None]  # S, S opposite to each other about N
    return np.concatenate([cations, atoms.reshape(n_frames, -1, 3), rattle(rng, n_frames, N_SOLVENT)], axis=1)


def gro():
    names = {"Li": "LI", "N": "N1", "S": "S1", "O": "O1"}
    rows = [
        f"{number + 1:5d}{name:5s}{names[symbol]:>5s}{k + 1:5d}{0:8.3f}{0:8.3f}{0:8.3f}"
        for k, (symbol, (name, number)) in enumerate(zip(LIQUID_SYMBOLS, RESIDUES, strict=True))
    ]
    return "\n".join(["liquid", str(len(rows)), *rows, "   1.2   1.2   1.2", ""])


def lammps_data(charges=PER_ATOM):
    masses = {"Li": 6.94, "N": 14.007, "S": 32.06, "O": 15.999}
    bonds = [(N_SALT + 3 * k + 1, N_SALT + 3 * k + j) for k in range(N_SALT) for j in (2, 3)]
    lines = ["liquid", "", f"{len(RESIDUES)} atoms", f"{len(bonds)} bonds", "4 atom types", "1 bond types", ""]
    lines += [f"0 {SIDE} {axis}lo {axis}hi" for axis in "xyz"]
    lines += ["", "Masses", "", *(f"{TYPES[symbol]} {mass}" for symbol, mass in masses.items())]
    lines += ["", "Atoms # full" if charges else "Atoms # molecular", ""]
    for k, (symbol, (_, number)) in enumerate(zip(LIQUID_SYMBOLS, RESIDUES, strict=True)):
        charge = f" {charges[symbol]}" if charges else ""
        lines.append(f"{k + 1} {number + 1} {TYPES[symbol]}{charge} 0 0 0")
    return "\n".join([*lines, "", "Bonds", "", *(f"{k + 1} 1 {a} {b}" for k, (a, b) in enumerate(bonds)), ""])


def dump(positions, every=50):
    text = []
    for k, frame in enumerate(positions % SIDE):
        text.append(f"ITEM: TIMESTEP\n{k * every}\nITEM: NUMBER OF ATOMS\n{len(frame)}\nITEM: BOX BOUNDS pp pp pp\n")
        text.append(f"0 {SIDE}\n" * 3 + "ITEM: ATOMS id type x y z\n")
        rows = zip(LIQUID_SYMBOLS, frame, strict=True)
        text += [f"{i + 1} {TYPES[symbol]} {x:.5f} {y:.5f} {z:.5f}\n" for i, (symbol, (x, y, z)) in enumerate(rows)]
    return "".join(text)


def run(*words):
    result = CliRunner().invoke(main, ["transport", *map(str, words)])
    assert result.exit_code == 0, result.stderr or result.exception
    return result


def analyse(tmp_path, *words):
    """Return what the JSON of a run holds, and the run."""
    result = run(*words, "--json-out", tmp_path / "out.json")
    return json.loads((tmp_path / "out.json").read_text()), result


@pytest.fixture(scope="module")
def crystal_file(tmp_path_factory):
    return write_solid(tmp_path_factory.mktemp("solid") / "solid.extxyz")


@pytest.fixture(scope="module")
def liquid_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("liquid")
    (folder / "litfsi.extxyz").write_text(extxyz(LIQUID_SYMBOLS, liquid()))
    (folder / "litfsi.gro").write_text(gro())
    (folder / "litfsi.data").write_text(lammps_data())
    (folder / "litfsi.lammpstrj").write_text(dump(liquid()))
    return folder


def test_solid_gives_the_truth(crystal_file, tmp_path):
    content, result = analyse(tmp_path, crystal_file, *COMMON)
    found = {name: result_from_dict(one) for name, one in content["quantities"].items()}
    truth = {"tracer_diffusion_Li": 1e-5, "conductivity_nernst_einstein": 24 * MS_CM_PER_ION, "haven_ratio": 1.0}
    truth["conductivity"] = truth["conductivity_nernst_einstein"]
    for name, value in truth.items():
        assert found[name].value == pytest.approx(value, rel=0.15)
        assert found[name].ci95[0] < value < found[name].ci95[1]
        assert f"{name} " in result.stdout
    assert content["frame"] == "centre of mass of the framework (S) at rest"
    assert content["charges"] == {"Li": 1.0}
    assert content["neutralising_background"] == {"species": ["S"], "charge_e": -24.0}
    assert content["temperature_K"] == 600.0
    assert content["warnings"] == []
    told = {"n_frames": 300, "interval_fs": 50.0, "duration_ps": pytest.approx(14.95), "notes": [], "warnings": []}
    told |= {"format": "extended XYZ", "formula": "Li24S6", "n_atoms": 30, "n_frames_left_out": 0}
    told |= {"time_source": "--timestep-fs 50", "cell_A_deg": [12, 12, 12, 90, 90, 90], "kinetic_temperature_K": None}
    told["volume_A3"] = dict.fromkeys(("mean", "min", "max"), pytest.approx(1728.0))
    assert content["trajectories"] == [{"path": str(crystal_file), **told}]
    assert result.stderr.splitlines()[:2] == [
        f"{crystal_file}: frames 50 fs apart, --timestep-fs 50",
        "extended XYZ, Li24S6 (30 atoms); 300 frames, 14.95 ps; cell 12 12 12 Å, 90 90 90°",
    ]
    assert result.stdout.splitlines()[0] == "frames 50 fs apart, 300 frames, 14.95 ps"
    assert "neutralising background of -24 e" in result.stderr
    assert "every" not in result.stderr


def test_formats_and_reduced_series_give_the_same(crystal_file, tmp_path):
    (tmp_path / "XDATCAR").write_text(xdatcar(*solid()))
    series, _ = reduce_trajectory(open_trajectory(crystal_file, timestep_fs=INTERVAL_FS))
    np.savez(tmp_path / "series.npz", **pack_series([series]))
    expected, _ = analyse(tmp_path, crystal_file, *COMMON)
    for words in (("XDATCAR", *COMMON), ("series.npz", *COMMON[:4])):
        content, _ = analyse(tmp_path, tmp_path / words[0], *words[1:])
        for name, one in expected["quantities"].items():
            assert content["quantities"][name]["value"] == pytest.approx(one["value"], rel=1e-4), name
        assert content["trajectories"][0]["n_frames"] == 300


def test_a_folder_of_parts_is_one_replica(liquid_files, tmp_path):
    words = ("--charges", "Li=1,TFSI=-1", *LIQUID[:2], "--timestep-fs", "1", "--topology", liquid_files / "litfsi.gro")
    whole = liquid_files / "litfsi.lammpstrj"
    head, *frames = whole.read_text().split("ITEM: TIMESTEP\n")
    assert not head
    parts = tmp_path / "run"
    parts.mkdir()
    for name, some in (("part_000", frames[:120]), ("part_001", frames[90:])):  # killed, then from a restart file
        (parts / f"{name}.lammpstrj").write_text("".join(f"ITEM: TIMESTEP\n{frame}" for frame in some))
    of_whole, of_parts = (analyse(tmp_path, path, *words)[0] for path in (whole, parts))
    assert of_parts["trajectories"][0]["n_frames"] == len(frames)
    assert of_parts["quantities"] == of_whole["quantities"]


def test_replicas_sharpen_the_interval(tmp_path):
    paths = [write_solid(tmp_path / f"run{k}.extxyz", seed=k, n_frames=150) for k in range(3)]
    one, _ = analyse(tmp_path, paths[0], *COMMON)
    content, _ = analyse(tmp_path, *paths, *COMMON)
    three = content["quantities"]["conductivity"]
    assert three["std"] / three["value"] < 0.8 * (
        one["quantities"]["conductivity"]["std"] / one["quantities"]["conductivity"]["value"]
    )
    assert [told["path"] for told in content["trajectories"]] == list(map(str, paths))


def test_replicas_that_do_not_agree_are_warned_of(tmp_path):
    runs = [write_solid(tmp_path / f"run{k}.extxyz", seed=k, diffusion=DIFFUSION * (1 + 2 * k)) for k in range(2)]
    content, result = analyse(tmp_path, *runs, *COMMON)
    assert "Warning: replicas do not agree on tracer_diffusion_Li" in result.stderr
    assert "do not agree" in content["warnings"][-1]


def test_stride_and_replicas_left_out_are_told(crystal_file, tmp_path):
    short = write_solid(tmp_path / "short.extxyz", seed=1, n_frames=40)
    content, result = analyse(tmp_path, crystal_file, short, *COMMON, "--stride", "2")
    assert [told["interval_fs"] for told in content["trajectories"]] == [100.0, 100.0]
    assert [told["n_frames"] for told in content["trajectories"]] == [150, 20]
    assert "of every 2 frames one was read" in result.stderr
    assert "1 of 2 replicas left out, as shorter than half the longest" in result.stderr


def test_a_last_frame_cut_short_is_left_out_and_told(tmp_path):
    path = write_solid(tmp_path / "cut.extxyz", n_frames=100)
    path.write_text(path.read_text()[:-40])
    content, result = analyse(tmp_path, path, *COMMON)
    assert content["trajectories"][0]["n_frames"] == 99
    assert "cut.extxyz ends within frame 99, which is left out" in content["trajectories"][0]["notes"][0]
    assert "ends within frame 99" in result.stderr


def test_caged_ions_are_refused_with_an_upper_bound(tmp_path):
    rng = np.random.default_rng(1)
    positions = rng.normal(0, 0.3, (200, 16, 3)) + rng.uniform(0, SIDE, (16, 3))
    path = tmp_path / "caged.extxyz"
    path.write_text(extxyz(["Li"] * 8 + ["S"] * 8, positions))
    content, result = analyse(tmp_path, path, *COMMON)
    found = content["quantities"]["conductivity"]
    assert "not diffusive" in found["refused"]
    assert found["upper_bound"]["value"] > 0
    assert re.search(r"tracer_diffusion_Li +refused, below .* cm2/s", result.stdout)
    assert result.stdout.count("is not diffusive") <= 2


@pytest.mark.parametrize(("timestep", "told"), [("0.05", "times as far as free flight"), ("50", None)])
def test_an_absurd_time_step_is_warned_of(crystal_file, tmp_path, timestep, told):
    words = ("--charges", "Li=1", "--temperature-K", "600", "--timestep-fs", timestep)
    content, result = analyse(tmp_path, crystal_file, *words)
    assert ("Warning: " in result.stderr) == (told is not None)
    assert len(content["warnings"]) == (told is not None)
    assert told is None or told in result.stderr


def test_liquid_of_molecular_ions_by_residue(liquid_files, tmp_path):
    content, result = analyse(
        tmp_path, liquid_files / "litfsi.extxyz", "--topology", liquid_files / "litfsi.gro", *LIQUID,
        "--charges", "Li=1,TFSI=-1", "--frame", "solvent:G4",
    )  # fmt: skip
    found = {name: result_from_dict(one) for name, one in content["quantities"].items()}
    assert content["frame"] == "centre of mass of the solvent (G4) at rest"
    assert content["neutralising_background"] is None
    assert content["charges"] == {"Li": 1.0, "TFSI": -1.0}
    assert found["tracer_diffusion_TFSI"].value == pytest.approx(0.59e-5, rel=0.1)
    for name, truth in (("transference_Li", 0.707), ("transference_TFSI", 0.293)):
        assert found[name].value == pytest.approx(truth, abs=0.12)
        assert found[name].ci95[0] < truth < found[name].ci95[1]
    assert "guessed from atom names" in result.stderr


def test_molecules_by_selection_are_those_by_residue(liquid_files, tmp_path):
    words = (liquid_files / "litfsi.extxyz", "--topology", liquid_files / "litfsi.gro", *LIQUID)
    by_residue, _ = analyse(tmp_path, *words, "--charges", "Li=1,TFSI=-1")
    by_selection, _ = analyse(tmp_path, *words, "--charges", "Li=1,anion=-1", "--molecule", "anion=resname TFSI")
    assert (
        by_selection["quantities"]["tracer_diffusion_anion"]["value"]
        == by_residue["quantities"]["tracer_diffusion_TFSI"]["value"]
    )


def test_charges_of_the_topology(liquid_files, tmp_path):
    content, _ = analyse(
        tmp_path, liquid_files / "litfsi.lammpstrj", "--topology", liquid_files / "litfsi.data", *LIQUID[:2],
        "--timestep-fs", "1", "--charges", "topology", "--molecule", "TFSI=type 2 3", "--species", "Li,TFSI",
    )  # fmt: skip
    assert content["charges"] == {"TFSI": -0.99, "Li": 0.99, "O": 0.0}
    assert content["species"] == ["Li", "TFSI"]
    assert content["trajectories"][0]["interval_fs"] == 50.0
    assert content["quantities"]["transference_Li"]["value"] == pytest.approx(0.707, abs=0.12)


def test_species_restrict_what_is_analysed(liquid_files, tmp_path):
    content, _ = analyse(
        tmp_path, liquid_files / "litfsi.extxyz", "--topology", liquid_files / "litfsi.gro", *LIQUID,
        "--charges", "Li=1,TFSI=-1", "--species", "Li",
    )  # fmt: skip
    assert content["species"] == ["Li"]
    assert content["neutralising_background"] == {"species": ["TFSI", "O"], "charge_e": -N_SALT}
    assert not [name for name in content["quantities"] if "TFSI" in name]


def test_pictures_and_json_are_there_and_aiida_is_not(liquid_files, tmp_path):
    words = [
        "transport", liquid_files / "litfsi.extxyz", "--topology", liquid_files / "litfsi.gro", *LIQUID, "--charges",
        "Li=1,TFSI=-1", "--json-out", tmp_path / "new" / "out.json", "--plots", tmp_path / "plots",
    ]  # fmt: skip
    code = (
        "import sys; from click.testing import CliRunner; from aiida_elyte.cli import main;"
        f"done = CliRunner().invoke(main, {list(map(str, words))!r});"
        "print(done.exit_code, 'aiida' in sys.modules, done.stderr.count('Traceback'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "False", "0"], done.stdout
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"msd.png", "spectrum.png", "onsager.png"}
    assert isinstance(
        result_from_dict(json.loads((tmp_path / "new" / "out.json").read_text())["quantities"]["haven_ratio"]), Estimate
    )


def test_help_imports_no_science():
    code = (
        "import sys; from click.testing import CliRunner; from aiida_elyte.cli import main;"
        "print(CliRunner().invoke(main, ['transport', '--help']).exit_code, 'aiida' in sys.modules,"
        "'numpy' in sys.modules, 'MDAnalysis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "False", "False", "False"]


def _broken(kind):
    symbols, positions = solid(n_frames=30, n_ions=4)
    positions = positions.copy()
    if kind == "nan":
        positions[7, 2, 1] = np.nan
    if kind == "jump":
        positions[9:, 3] += [0.5 * SIDE, 0, 0]
    if kind == "one":
        positions = positions[:1]
    shuffled = [range(len(symbols))] * 20 + [[len(symbols) - 1, *range(len(symbols) - 1)]] * 10
    times = INTERVAL_FS * np.arange(30) + 10.0 * (np.arange(30) > 12)
    if kind == "empty":
        return ""
    return extxyz(symbols, positions, shuffled if kind == "shuffled" else None, times if kind == "uneven" else None)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nan", "frame 7 of .* has positions that are not finite"),
        ("jump", r"frame 9 of replica .* moves atom 3 by 0\.\d+ of the cell"),
        ("one", "holds one whole frame"),
        ("shuffled", "frame 20 of .* lists its atoms in another order"),
        ("uneven", "frame 13 of .* comes 60 fs after the one before"),
        ("empty", "is empty; expected a trajectory"),
    ],
)
def test_broken_trajectories_end_in_one_line_and_leave_nothing(refuse, tmp_path, kind, said):
    path, out, plots = tmp_path / "broken.extxyz", tmp_path / "out.json", tmp_path / "plots"
    path.write_text(_broken(kind))
    words = COMMON[:4] if kind == "uneven" else COMMON
    assert re.search(said, refuse("transport", path, *words, "--json-out", out, "--plots", plots))
    assert {one.name for one in tmp_path.iterdir()} == {"broken.extxyz"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--temperature-K", "600"), "--charges is missing"),
        (("--charges", "Li=1"), "--temperature-K"),
        (("--charges", "Li", "--temperature-K", "600"), "expected NAME=VALUE"),
        (("--charges", "Li=x", "--temperature-K", "600"), "expected a number"),
        (("--charges", "Li=0", *COMMON[2:]), "charges are all zero"),
        (("--charges", "Li=1,Li=2", *COMMON[2:]), "--charges gives Li twice"),
        (("--charges", "Li=1,S=-1", *COMMON[2:]), "charges of all species sum to 18 e"),
        (("--charges", "Li=1,S=-1", "--species", "Li", *COMMON[2:]), "charges of all species sum to 18 e"),
        (("--charges", "Na=1", *COMMON[2:]), "Na is neither an element of .* nor a molecule .* give --molecule Na="),
        ((*COMMON, "--species", "S"), "--species names S, without a charge"),
        ((*COMMON, "--species", "Cl"), "--species names Cl, without a charge"),
        ((*COMMON, "--frame", "moon"), "frame is 'moon'"),
        ((*COMMON, "--frame", "framework:Se"), "Se is neither an element"),
        ((*COMMON, "--molecule", "TFSI"), "expected NAME=SELECTION"),
        ((*COMMON, "--molecule", "TFSI=all"), "needs a topology"),
        ((*COMMON, "--molecule", "A=all", "--molecule", "A=all"), "names A twice"),
        (("--charges", "topology", *COMMON[2:]), "carries no charges"),
        ((*COMMON, "--topology", "none.gro"), "topology none.gro is not there"),
        (COMMON[:4], "give --timestep-fs"),
        ((*COMMON, "--timestep-fs", "0"), "--timestep-fs"),
        ((*COMMON, "--temperature-K", "nan"), "temperature_K is nan"),
        ((*COMMON, "--stride", "1000"), "holds one whole frame at stride 1000"),
    ],
)
def test_bad_words_end_in_one_line_and_leave_nothing(refuse, crystal_file, tmp_path, words, said):
    line = refuse("transport", crystal_file, *words, "--json-out", tmp_path / "out.json", "--plots", tmp_path / "plots")
    assert re.search(said, line), line
    assert list(tmp_path.iterdir()) == []


def test_a_file_given_twice(refuse, crystal_file):
    assert "is given twice" in refuse("transport", crystal_file, crystal_file, *COMMON)


COPIES = {
    "compressed": ("copy.extxyz.gz", lambda text: gzip.compress(text.encode())),
    "a part": ("part.extxyz", lambda text: "".join(text.splitlines(keepends=True)[: 32 * 150]).encode()),
    "another format": ("XDATCAR", lambda _: xdatcar(*solid()).encode()),
}


@pytest.mark.parametrize(("name", "content"), COPIES.values(), ids=COPIES)
def test_a_copy_is_no_replica(refuse, crystal_file, tmp_path, name, content):
    (tmp_path / name).write_bytes(content(crystal_file.read_text()))
    line = refuse("transport", crystal_file, tmp_path / name, *COMMON)
    assert f"{tmp_path / name} holds the motion of {crystal_file}" in line
    assert "leave one out" in line


def bare(path):
    """Write the solid without its cell."""
    symbols, positions = solid()
    rows = []
    for frame in positions % SIDE:
        atoms = zip(symbols, frame, strict=True)
        rows.append("30\nProperties=species:S:1:pos:R:3\n")
        rows += [f"{symbol} {x:.5f} {y:.5f} {z:.5f}\n" for symbol, (x, y, z) in atoms]
    path.write_text("".join(rows))
    return path


def test_a_cell_from_an_option_gives_the_numbers_of_one_in_the_file(crystal_file, tmp_path):
    expected, _ = analyse(tmp_path, crystal_file, *COMMON)
    for cell in ("12,12,12", "12 12 12 90 90 90", "12,0,0,0,12,0,0,0,12", crystal_file):
        content, _ = analyse(tmp_path, bare(tmp_path / "bare.xyz"), *COMMON, "--cell", cell)
        assert content["quantities"] == expected["quantities"]
    content, result = analyse(tmp_path, tmp_path / "bare.xyz", *COMMON, "--topology", crystal_file)
    assert content["quantities"] == expected["quantities"]
    assert "the file has no cell; that of solid.extxyz is taken: 12 × 12 × 12 Å, right angles" in result.stderr


def test_cells_that_are_missing_or_not_those_of_the_file(refuse, crystal_file, tmp_path):
    line = refuse("transport", bare(tmp_path / "bare.xyz"), *COMMON)
    assert "has no cell; expected three cell vectors; give --cell" in line
    assert "leave --cell out" in refuse("transport", crystal_file, *COMMON, "--cell", "13,12,12")
    assert "--cell is 'moon'" in refuse("transport", crystal_file, *COMMON, "--cell", "moon")


@pytest.mark.parametrize(("text", "said"), [("1=Xx", "names 'Xx'; expected chemical symbols"), ("Li,=", "NAME=VALUE")])
def test_elements_that_are_none(refuse, crystal_file, text, said):
    assert said in refuse("transport", crystal_file, *COMMON, "--elements", text)


def test_a_time_that_overrules_the_file_is_in_every_output(tmp_path):
    symbols, positions = solid()
    path = tmp_path / "timed.extxyz"
    path.write_text(extxyz(symbols, positions, times=INTERVAL_FS * np.arange(len(positions)) * 48.88821))
    content, result = analyse(tmp_path, path, *COMMON)
    assert content["trajectories"][0]["interval_fs"] == 50.0
    assert "frames 50 fs apart" in result.stderr.splitlines()[0]
    assert "frames 50 fs apart" in result.stdout.splitlines()[0]
    (warning,) = content["warnings"]
    assert "the file says that frames are 2444.41 fs apart; --timestep-fs 50 makes them 50 fs" in warning
    assert f"Warning: {warning}" in result.stderr


def test_a_missing_file(refuse, tmp_path):
    assert "is not there" in refuse("transport", tmp_path / "none.xtc", *COMMON)


def test_other_atoms_are_no_replica(refuse, crystal_file, tmp_path):
    other = write_solid(tmp_path / "other.extxyz", n_ions=20)
    assert "has other atoms than" in refuse("transport", crystal_file, other, *COMMON)


def test_a_place_that_cannot_be_written(refuse, crystal_file, tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be written" in refuse("transport", crystal_file, *COMMON, "--json-out", tmp_path / "file" / "out.json")


def test_molecules_that_are_no_residue(refuse, liquid_files):
    words = (liquid_files / "litfsi.extxyz", "--topology", liquid_files / "litfsi.gro", *LIQUID)
    line = refuse("transport", *words, "--charges", "Li=1,PF6=-1")
    assert "residues LI, TFSI, G4 of its topology" in line
    assert "--molecule PF6='SELECTION'" in line


def test_a_species_that_is_nowhere(refuse, liquid_files):
    words = (liquid_files / "litfsi.lammpstrj", "--topology", liquid_files / "litfsi.data", *LIQUID[:2])
    line = refuse("transport", *words, "--timestep-fs", "1", "--charges", "topology", "--species", "F")
    assert "F is neither an element" in line


def test_charges_that_differ_within_a_species(refuse, liquid_files, tmp_path):
    text = lammps_data().splitlines()
    start = text.index("Atoms # full") + 2
    text[start] = text[start].replace(" 0.99 ", " 0.5 ")
    (tmp_path / "uneven.data").write_text("\n".join(text) + "\n")
    words = (liquid_files / "litfsi.lammpstrj", "--topology", tmp_path / "uneven.data", *LIQUID[:2])
    line = refuse("transport", *words, "--timestep-fs", "1", "--charges", "topology", "--species", "Li")
    assert "charges of Li in the topology range from 0.5 to 0.99 e" in line


def test_a_topology_without_charges(refuse, liquid_files, tmp_path):
    (tmp_path / "bare.data").write_text(lammps_data(charges=None))
    words = (liquid_files / "litfsi.lammpstrj", "--topology", tmp_path / "bare.data", *LIQUID[:2])
    assert "carries no charges" in refuse("transport", *words, "--timestep-fs", "1", "--charges", "topology")


def test_options_that_come_too_late_for_a_reduced_series(refuse, crystal_file, tmp_path):
    series, _ = reduce_trajectory(open_trajectory(crystal_file, timestep_fs=INTERVAL_FS))
    np.savez(tmp_path / "series.npz", **pack_series([series]))
    line = refuse("transport", tmp_path / "series.npz", *COMMON, "--stride", "2")
    assert "--timestep-fs, --stride cannot apply" in line


@pytest.mark.parametrize("arrays", [{"x": np.zeros(2)}, {"r0/time_fs": np.zeros(2)}])
def test_archives_that_are_no_series(refuse, tmp_path, arrays):
    np.savez(tmp_path / "other.npz", **arrays)
    assert "series lacks" in refuse("transport", tmp_path / "other.npz", *COMMON[:4])


def test_every_block_of_the_docs_runs(liquid_files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for path in liquid_files.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "XDATCAR").write_text(xdatcar(*solid()))
    for seed, (name, diffusion) in enumerate((("run1", 1e-4), ("run2", 1e-4), ("700K", 1.8e-4), ("800K", 2.8e-4))):
        write_solid(tmp_path / f"{name}.extxyz", diffusion=diffusion, seed=4 + seed)
    blocks = re.findall(r"```(\w*)\n(.*?)```", DOCS.read_text(), flags=re.DOTALL)
    assert {language for language, _ in blocks} == {"bash", "python"}
    for language, block in blocks:
        if language == "python":
            exec(compile(block, "docs/transport.md", "exec"), {})
            continue
        for line in block.replace("\\\n", " ").splitlines():
            program, *words = shlex.split(line)
            assert (program, words[0]) == ("aiida-elyte", "transport")
            run(*words[1:])
    assert "conductivity" in (tmp_path / "600K.json").read_text()
    assert (tmp_path / "liquid" / "onsager.png").is_file()
    assert "unit='eV'" in capsys.readouterr().out

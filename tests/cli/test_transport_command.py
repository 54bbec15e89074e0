"""``aiida-elyte transport`` on small trajectories of known transport, on broken ones, and on the docs' examples."""

import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from aiida_elyte.cli import main
from aiida_elyte.science.statistics.estimate import Estimate, result_from_dict
from tests.interpreter import run_python
from tests.trajectories import (
    INTERVAL_FS,
    MS_CM_PER_ION,
    SIDE,
    extxyz,
    solid,
    write_solid,
    xdatcar,
)

DOCS = Path(__file__).parents[2] / "docs" / "transport.md"
COMMON = ("--charges", "Li=1", "--temperature-K", "600", "--timestep-fs", "50")
LIQUID = ("--temperature-K", "400", "--timestep-fs", "50")


def run(*words):
    result = CliRunner().invoke(main, ["transport", *map(str, words)])
    assert result.exit_code == 0, result.stderr or result.exception
    return result


def analyse(tmp_path, *words):
    """Return what the JSON of a run holds, and the run."""
    result = run(*words, "--json-out", tmp_path / "out.json")
    return json.loads((tmp_path / "out.json").read_text()), result


def test_solid_gives_the_truth(crystal_file, tmp_path):
    content, result = analyse(tmp_path, crystal_file, *COMMON)
    found = {name: result_from_dict(one) for name, one in content["quantities"].items()}
    truth = {"tracer_diffusion_Li": 1e-5, "conductivity_nernst_einstein": 24 * MS_CM_PER_ION, "haven_ratio": 1.0}
    truth["conductivity"] = truth["conductivity_nernst_einstein"]
    for name, value in truth.items():
        assert found[name].value == pytest.approx(value, rel=0.15)
        assert found[name].ci95[0] < value < found[name].ci95[1]
        assert (f"{name} " in result.stdout) == (name != "conductivity_nernst_einstein")
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


def test_notes_go_to_standard_error(crystal_file, tmp_path):
    short = write_solid(tmp_path / "short.extxyz", seed=1, n_frames=40)
    content, result = analyse(tmp_path, crystal_file, short, *COMMON, "--stride", "2")
    assert [told["interval_fs"] for told in content["trajectories"]] == [100.0, 100.0]
    assert [told["n_frames"] for told in content["trajectories"]] == [150, 20]
    assert "of every 2 frames one was read" in result.stderr
    assert "1 of 2 replicas left out, as shorter than half the longest" in result.stderr


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


def test_what_is_looked_for_is_printed_first_and_the_rest_on_demand(liquid_files):
    words = (liquid_files / "litfsi.extxyz", "--topology", liquid_files / "litfsi.gro", *LIQUID)
    words = (*words, "--charges", "Li=1,TFSI=-1")
    first = ["conductivity", "tracer_diffusion_Li", "tracer_diffusion_TFSI", "transference_Li", "transference_TFSI"]
    first.append("haven_ratio")
    rest = ["conductivity_nernst_einstein", "onsager_Li_Li", "onsager_Li_TFSI", "onsager_TFSI_TFSI"]
    lines = run(*words).stdout.splitlines()
    assert [line.split()[0] for line in lines[2:-1]] == first
    assert lines[-1] == "4 more quantities, and the methods, with --all"
    lines = run(*words, "--all").stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == first + rest
    assert lines[1].split()[-1] == "method"
    assert all("spectrum" in line for line in lines if line.startswith(("tracer", "onsager")))


def test_json_is_all_of_the_standard_output_and_that_of_the_file(crystal_file, tmp_path):
    result = run(crystal_file, *COMMON, "--json", "--json-out", tmp_path / "out.json")
    assert result.stdout == (tmp_path / "out.json").read_text()
    assert "haven_ratio" in json.loads(result.stdout)["quantities"]
    assert "frame of reference" in result.stderr


def test_a_conductivity_that_needs_all_atoms_leaves_that_of_nernst_and_einstein(tmp_path):
    symbols, positions = solid()
    path = tmp_path / "ions.extxyz"
    path.write_text(extxyz(symbols[:24], positions[:, :24]))
    result = run(path, *COMMON, "--frame", "lab")
    rows = [line.split()[:2] for line in result.stdout.splitlines()[2:4]]
    assert rows[0] == ["conductivity", "refused"]
    assert rows[1][0] == "conductivity_nernst_einstein"
    assert "refused: needs all atoms" in result.stdout


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
    assert run_python(code).split() == ["0", "False", "0"]
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
    assert run_python(code).split() == ["0", "False", "False", "False"]


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


def test_other_atoms_are_no_replica(refuse, crystal_file, tmp_path):
    other = write_solid(tmp_path / "other.extxyz", n_ions=20)
    assert "has other atoms than" in refuse("transport", crystal_file, other, *COMMON)


def test_a_place_that_cannot_be_written(refuse, crystal_file, tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be written" in refuse(
        "transport", crystal_file, *COMMON, "--json-out", tmp_path / "file" / "out.json"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--json-out", "solid.extxyz"), "solid.extxyz is read too"),
        (("--json-out", "link.extxyz"), "link.extxyz is read too"),
        (("--json-out", "cell.extxyz", "--cell", "cell.extxyz"), "cell.extxyz is read too"),
        (("--json-out", ""), "is a folder; expected a file to write"),
        (("--json-out", "pipe"), "pipe is not a regular file"),
        (("--plots", "solid.extxyz/pictures"), "cannot be written (Not a directory)"),
    ],
)
def test_an_output_that_would_destroy_something_is_rejected(refuse, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    before = write_solid(tmp_path / "solid.extxyz", n_frames=3).read_bytes()
    (tmp_path / "link.extxyz").symlink_to("solid.extxyz")
    (tmp_path / "cell.extxyz").write_bytes(before)
    os.mkfifo("pipe")
    assert said in refuse("transport", "solid.extxyz", *COMMON, *words)
    assert (tmp_path / "solid.extxyz").read_bytes() == (tmp_path / "cell.extxyz").read_bytes() == before
    assert Path("pipe").is_fifo()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--temperature-K", "1e300"), "temperature_K is 1e+300"),
        (("--charges", "Li=1e9"), "charges gives Li 1000000000.0"),
        (("--timestep-fs", "1e-300"), "timestep_fs is 1e-300"),
    ],
)
def test_numbers_that_none_can_have_are_rejected(refuse, crystal_file, words, said):
    given = {**dict(zip(COMMON[::2], COMMON[1::2], strict=True)), words[0]: words[1]}
    assert said in refuse("transport", crystal_file, *(word for pair in given.items() for word in pair))


def test_a_species_that_is_nowhere(refuse, liquid_files):
    words = (liquid_files / "litfsi.lammpstrj", "--topology", liquid_files / "litfsi.data", *LIQUID[:2])
    line = refuse("transport", *words, "--timestep-fs", "1", "--charges", "topology", "--species", "F")
    assert "F is neither an element" in line


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

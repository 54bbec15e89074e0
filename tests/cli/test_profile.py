"""What needs a profile, as a user types it."""

import json
import sys
from pathlib import Path

import pytest

from tests.cli.commandline import one_line, run_command
from tests.interpreter import run_python

TINY = ("--charges", "Li=1", "--protocol", "fast", "--dry-run")


def refused(done):
    return one_line(done.returncode, done.stdout, done.stderr)


def test_help_is_fast_and_imports_no_aiida(tmp_path):
    code = (
        "import sys, time; start = time.process_time();"
        "from click.testing import CliRunner; from aiida_elyte.cli import main;"
        "print(CliRunner().invoke(main, ['--help']).exit_code, time.process_time() - start < 1, 'aiida' in sys.modules)"
    )
    assert run_python(code).split() == ["0", "True", "False"]


def test_setup_makes_everything_once(home, command):
    first = json.loads((home / "setup.json").read_text())
    assert first["made"][:3] == ["profile elyte", "computer localhost", "code python@localhost"]
    assert first["codes"]["python@localhost"] == sys.executable
    assert Path(first["folder"]).is_relative_to(home)
    second = json.loads(command("setup", "--json").stdout)
    assert second["made"] == []
    assert second["codes"] == first["codes"]


def test_setup_enables_caching_for_our_processes_only(home):
    config = json.loads((home / ".aiida" / "config.json").read_text())
    enabled = config["profiles"]["elyte"]["options"]["caching.enabled_for"]
    assert "aiida.calculations:elyte.*" in enabled
    from aiida.manage.caching import _match_wildcard

    name = "aiida_elyte.calculations.functions.frames.merge_frames"
    assert any(_match_wildcard(string=name, pattern=pattern) for pattern in enabled)
    assert not any(_match_wildcard(string="aiida.calculations:core.arithmetic.add", pattern=p) for p in enabled)


def test_without_a_profile_the_remedy_is_told(tmp_path):
    assert "aiida-elyte setup" in refused(run_command("status", "1", home=tmp_path))


def test_unknown_profile(command):
    assert "profile 'nope' does not exist" in refused(command("-p", "nope", "status", "1"))


@pytest.mark.parametrize("words", [("status",), ("resume",), ("report",), ("clean",)])
def test_unknown_pk(command, words):
    assert "node 123456 does not exist" in refused(command(*words, "123456"))


def test_a_pk_that_is_no_process(command, frames_file):
    pk = json.loads(command("import", frames_file(), "--json").stdout)["pk"]
    assert "is FramesData; expected a WorkChain" in refused(command("status", pk))


def test_import_keeps_labels_level_and_origin(command, frames_file):
    node = json.loads(command("import", frames_file(level=None), "--level-of-theory", "PBE", "--json").stdout)
    assert node["count"] == 4
    assert node["levels_of_theory"] == ["PBE"]
    assert node["label_counts"] == {"energy": 4, "forces": 4}
    assert node["blocks"] == {"frames.extxyz-0": 2, "frames.extxyz-1": 2}


def test_import_of_an_ase_trajectory(command, tmp_path, crystal):
    from ase.calculators.lj import LennardJones
    from ase.io import write

    frames = []
    for index in range(3):
        frame = crystal.copy()
        frame.rattle(0.1, seed=index)
        frame.calc = LennardJones()
        frame.get_forces()
        frames.append(frame)
    write(tmp_path / "run.traj", frames)
    node = json.loads(command("import", tmp_path / "run.traj", "--level-of-theory", "LJ", "--json").stdout)
    assert node["count"] == 3
    assert {"energy", "forces"} <= set(node["labels"])
    assert node["blocks"] == {"run.traj": 3}


def test_import_of_vasprun_xml_reads_its_level_of_theory(command):
    import ase.test

    path = Path(ase.test.__file__).parent / "testdata" / "vasp" / "vasprun_dfpt.xml"
    node = json.loads(command("import", path, "--json").stdout)
    assert node["count"] == 1
    (level,) = node["levels_of_theory"]
    assert level.startswith("PBE, 400 eV, ")
    assert level.endswith("Cl: PAW_PBE Cl 06Sep2000 + Na: PAW_PBE Na 08Apr2002")
    assert {"energy", "forces", "stress"} <= set(node["labels"])
    named = json.loads(command("import", path, "--level-of-theory", "PBE", "--json").stdout)
    assert named["levels_of_theory"] == ["PBE"]


def test_dry_run_counts_labels_and_steps_and_submits_nothing(command, cif):
    cost = json.loads(command("launch", "crystal", cif, *TINY, "--json").stdout)
    assert cost["labels"] > 0
    assert cost["md_steps"] > 0
    assert cost["seconds"] > 0
    assert cost["disk_bytes"] > 0
    assert "nothing was submitted" in command("launch", "crystal", cif, *TINY).stdout
    assert "does not exist" in refused(command("status", "100000"))


def test_unlabelled_data_set(command, cif, frames_file):
    path = frames_file(labelled=False)
    assert "has no energy" in refused(command("launch", "crystal", cif, *TINY, "--dataset", path))


def test_mixed_data_set(command, cif, frames_file, tmp_path):
    path = tmp_path / "mixed.extxyz"
    path.write_text(frames_file("a.extxyz", level="PBE").read_text() + frames_file("b.extxyz").read_text())
    assert "mixes levels of theory" in refused(command("launch", "crystal", cif, *TINY, "--dataset", path))


def test_mixed_data_set_that_the_overrides_allow(command, cif, frames_file, tmp_path):
    path, overrides = tmp_path / "mixed.extxyz", tmp_path / "overrides.yaml"
    path.write_text(frames_file("a.extxyz", level="PBE").read_text() + frames_file("b.extxyz").read_text())
    overrides.write_text("active_learning: {ensemble: {train: {settings: {allow_mixed_levels: true}}}}\n")
    done = command("launch", "crystal", cif, *TINY, "--dataset", path, "--overrides", overrides)
    assert "nothing was submitted" in done.stdout, done.stderr


def test_data_set_of_unstated_level(command, cif, frames_file):
    path = frames_file(level=None)
    assert "states no level of theory" in refused(command("launch", "crystal", cif, *TINY, "--dataset", path))


def test_data_set_of_another_level_than_the_labels_to_come(command, cif, frames_file, tmp_path):
    words = ("launch", "crystal", cif, *TINY, "--dataset")
    line = refused(command(*words, frames_file(level="PBE")))
    assert "level of theory 'PBE'; expected GFN1-xTB (tblite, Gamma point), which" in line
    same = command(*words, frames_file(level="GFN1-xTB (tblite, Gamma point)"))
    assert "nothing was submitted" in same.stdout, same.stderr
    overrides = tmp_path / "overrides.yaml"
    overrides.write_text("active_learning: {learning: {max_rounds: 0}}\n")
    alone = command(*words, frames_file(level="PBE"), "--overrides", overrides)
    assert "nothing was submitted" in alone.stdout, alone.stderr


def test_one_potential_where_learning_needs_a_committee(command, cif, tmp_path):
    from aiida_elyte.science.potentials.painn.model import build_painn
    from aiida_elyte.science.potentials.painn.storage import save_painn

    potential = build_painn(
        {"n_features": 4, "n_layers": 1, "n_rbf": 4, "cutoff_A": 3.0}, energy_reference=["Li", "Cl"]
    )
    save_painn(potential, tmp_path / "m00.pt")
    assert "expected at least two" in refused(command("launch", "crystal", cif, *TINY, "--potentials", tmp_path))


def test_element_beyond_the_engine(command, tmp_path):
    from ase.build import bulk

    path = tmp_path / "actinium.cif"
    bulk("AcF", "rocksalt", a=6.0, cubic=True).write(path)
    line = refused(command("launch", "crystal", path, "--charges", "F=-1", "--protocol", "fast", "--dry-run"))
    assert "calculator tblite of the labeller lacks Ac; expected elements up to Rn" in line


def test_data_set_without_an_element(command, cif, frames_file):
    path = frames_file(symbols=["Na", "Cl"] * 4)
    assert "has no frame with Li" in refused(command("launch", "crystal", cif, *TINY, "--dataset", path))


def test_misspelt_override(command, cif, tmp_path):
    path = tmp_path / "overrides.yaml"
    path.write_text("active_learning: {lerning: {max_rounds: 1}}\n")
    assert "did you mean learning?" in refused(command("launch", "crystal", cif, *TINY, "--overrides", path))


def test_unknown_protocol(command, cif):
    line = refused(command("launch", "crystal", cif, "--charges", "Li=1", "--protocol", "quick", "--dry-run"))
    assert "expected one of fast, balanced, stringent" in line


def test_unknown_code(command, cif):
    assert "code 'python@moon' is unknown" in refused(
        command("launch", "crystal", cif, *TINY, "--code", "python=python@moon")
    )


def test_unknown_code_names_codes_and_no_other_data(command, cif, frames_file):
    command("import", frames_file())
    line = refused(command("launch", "crystal", cif, *TINY, "--code", "python=nope@localhost"))
    assert "python@localhost" in line
    line = refused(command("launch", "crystal", cif, *TINY, "--labeller", "qe", "--code", "qe=nope@localhost"))
    assert "code 'nope@localhost' is unknown" in line


def test_code_for_an_unknown_role(command, cif):
    line = refused(command("launch", "crystal", cif, *TINY, "--code", "pyton=python@localhost"))
    assert "'pyton'; expected python or ase; did you mean python?" in line


def test_code_that_is_no_python(command, cif, home):
    _make_code(home, "silent", "/bin/true")
    line = refused(command("launch", "crystal", cif, *TINY, "--code", "python=silent@localhost"))
    assert "does not answer as a Python" in line


def test_code_that_is_not_runnable(command, cif, home, tmp_path):
    gone = tmp_path / "python-gone"
    _make_code(home, "gone", gone)
    line = refused(command("launch", "crystal", cif, *TINY, "--code", "python=gone@localhost"))
    assert f"{gone} is not an executable file" in line


def test_python_without_the_modules(command, cif, home, tmp_path):
    bare = tmp_path / "python-bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E "$@"\n')
    bare.chmod(0o755)
    _make_code(home, "bare", bare)
    line = refused(command("launch", "crystal", cif, *TINY, "--code", "python=bare@localhost"))
    assert "lacks torch schnetpack torch_sim" in line


def test_missing_pseudopotentials(command, cif, home):
    _make_code(home, "pw-here", "/bin/true")
    line = refused(command("launch", "crystal", cif, *TINY, "--labeller", "qe", "--code", "qe=pw-here@localhost"))
    assert "is not installed" in line


def test_pseudo_family_for_a_labeller_without_pseudopotentials(command, cif):
    line = refused(command("launch", "crystal", cif, *TINY, "--pseudo-family", "SSSP"))
    assert "the labeller 'ase' has no pseudopotentials" in line


def test_nothing_to_clean(command):
    assert command("clean").stdout == "Nothing to clean.\n"


def _make_code(home, label, path):
    script = (
        "from aiida import load_profile, orm; load_profile();"
        f"orm.InstalledCode(label={label!r}, computer=orm.load_computer('localhost'), "
        f"filepath_executable={str(path)!r}).store()"
    )
    run_python(script, home)


@pytest.mark.parametrize("name", [300 * "a", "../x", "", "default\n", ".hidden", "a/b"])
def test_a_name_that_no_profile_can_have_is_rejected_and_leaves_nothing_behind(command, home, name):
    def made():
        folder = home / ".aiida"
        profiles = json.loads((folder / "config.json").read_text())["profiles"]
        return sorted(profiles), sorted(path.name for path in (folder / "access").iterdir())

    before = made()
    for words in (("-p", name, "setup"), ("setup", "--profile", name)):
        assert "expected letters, digits, dots, hyphens and underscores" in refused(command(*words))
    line = refused(command("-p", name, "status", "1"))
    assert "does not exist; expected one of `verdi profile list`; name one of those" in line
    assert made() == before

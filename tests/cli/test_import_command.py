"""``aiida-elyte import``: what is stored, what is told, what is rejected."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import content_hash, labels_of, read_frames, require_labels

HEADER = 'Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3:{forces}:R:3 {energy}={value} pbc="T T T"'


@pytest.fixture
def dataset(tmp_path):
    """Return a function that writes frames of Li2 with names of choice and gives their path."""

    def write_set(name="set.extxyz", energy="energy", forces="forces", values=(-1.0, -1.1, -1.2), shift=0.0):
        text = ""
        for index, value in enumerate(values):
            header = HEADER.format(energy=energy, forces=forces, value=value)
            text += f"2\n{header}\nLi 0 0 {shift + 0.1 * index:.2f} 0.5 0 0\nLi 2 2 2 -0.5 0 {0.1 * index:.2f}\n"
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write_set


def test_user_sees_what_was_read(command, dataset):
    done = command("import", dataset(shift=0.01), "--level-of-theory", "PBE")
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines()[1:])
    assert lines["formula"] == "Li2"
    assert lines["atoms"] == "2"
    assert lines["cell"] == "4.000 4.000 4.000 Å, 90.00 90.00 90.00°"
    assert lines["energy"] == "-0.6000 to -0.5000 eV/atom"
    # Components: six of ±0.5 and 0, 0.1, 0.2 among eighteen.
    assert lines["forces"] == f"rms {np.sqrt((6 * 0.25 + 0.05) / 18):.3f} eV/Å a component, largest 0.539 eV/Å"
    assert lines["labels"] == "energy of 3, forces of 3"
    assert lines["level"] == "of theory  PBE"
    assert lines["node"].startswith("stored as ")


def test_a_level_that_the_file_contradicts_is_warned_of(command, dataset):
    path = dataset("stated.extxyz", shift=0.03)
    path.write_text(path.read_text().replace("pbc=", "level_of_theory=PBE pbc="))
    done = command("import", path, "--level-of-theory", "SCAN")
    assert "'SCAN' is given, and the file states 'PBE', which is kept; --level-of-theory is for frames" in done.stderr
    assert "level of theory  PBE" in done.stdout


def test_molecules_have_no_cell(command, tmp_path):
    frame = Atoms("LiF", [[0, 0, 0], [1.6, 0, 0]])
    frame.calc = SinglePointCalculator(frame, energy=-1.0, forces=np.ones((2, 3)))
    write(tmp_path / "m.extxyz", frame)
    done = command("import", tmp_path / "m.extxyz", "--level-of-theory", "PBE")
    assert "no cell, not periodic" in done.stdout


def test_same_frames_under_another_name_are_the_stored_node(command, dataset):
    def node(path, *words):
        return json.loads(command("import", path, "--level-of-theory", "PBE", "--json", *words).stdout)

    first = node(dataset("one.extxyz", shift=0.02))
    again = node(dataset("two.extxyz", shift=0.02), "--label", "another")
    assert (first["already_stored"], again["already_stored"]) == (False, True)
    assert again["uuid"] == first["uuid"]
    done = command("import", dataset("two.extxyz", shift=0.02), "--level-of-theory", "PBE")
    assert f"already stored as {first['pk']}, {first['uuid']}" in done.stdout
    other = json.loads(
        command("import", dataset("one.extxyz", shift=0.02), "--level-of-theory", "PBE0", "--json").stdout
    )
    assert other["uuid"] != first["uuid"]


def test_several_files_are_one_node_with_a_block_each(command, dataset):
    paths = [dataset("a.extxyz", shift=0.03), dataset("b.extxyz", "REF_energy", "REF_forces", shift=0.04)]
    node = json.loads(command("import", *paths, "--level-of-theory", "PBE", "--json").stdout)
    assert node["blocks"] == {"a.extxyz": 3, "b.extxyz": 3}
    assert node["label_counts"] == {"energy": 6, "forces": 6}
    assert node["label_sources"][str(paths[1])]["forces"] == {"REF_forces": 3}


def test_file_without_a_known_label_is_rejected_with_its_names(refuse, dataset):
    line = refuse("import", dataset(energy="my_E", forces="my_F"), "--level-of-theory", "PBE")
    assert "no frame has a label under a known name; the file has my_E, my_F" in line
    assert "--labels" in line
    assert "--unlabelled" in line


def test_names_of_the_user_are_taken(command, dataset):
    path = dataset(energy="my_E", forces="my_F", shift=0.05)
    names = "energy=my_E[Hartree],forces=my_F"
    node = json.loads(command("import", path, "--level-of-theory", "PBE", "--labels", names, "--json").stdout)
    assert node["label_counts"] == {"energy": 3, "forces": 3}
    assert node["energy_eV_atom"] == pytest.approx([-1.2 * 27.211386246 / 2, -27.211386246 / 2])


def test_bare_geometries_are_imported_where_asked_for(command, tmp_path):
    write(tmp_path / "bare.extxyz", Atoms("Li2", [[0, 0, 0], [2, 2, 2.5]]))
    assert command("import", tmp_path / "bare.extxyz").returncode == 2
    done = command("import", tmp_path / "bare.extxyz", "--unlabelled")
    assert done.returncode == 0, done.stderr
    assert "labels           none" in done.stdout


def test_name_that_is_not_in_the_file_is_rejected(refuse, dataset):
    line = refuse("import", dataset(), "--level-of-theory", "PBE", "--labels", "energy=none")
    assert "--labels names none, which is not in" in line
    assert "expected one of energy, forces" in line


def test_labels_that_disagree_are_rejected(refuse, dataset):
    path = dataset()
    path.write_text(path.read_text().replace("energy=-1.1", "energy=-1.1 REF_energy=-7.5"))
    line = refuse("import", path, "--level-of-theory", "PBE")
    assert "frame 1 has REF_energy and energy, which differ by up to 6.4" in line


def test_unknown_label_beside_known_ones_is_named(command, dataset):
    path = dataset(shift=0.06)
    path.write_text(path.read_text().replace("pbc=", "my_virial=3.5 pbc="))
    done = command("import", path, "--level-of-theory", "PBE")
    assert "not taken as labels: my_virial (in 3 frames)" in done.stderr


def test_cut_file_keeps_its_whole_frames(command, dataset):
    path = dataset(shift=0.07)
    path.write_text(path.read_text()[:-20])
    done = command("import", path, "--level-of-theory", "PBE")
    assert "FramesData" in done.stdout
    assert ": 2 frames" in done.stdout
    assert "frame 2 is left out: " in done.stdout


def vasprun(folder, *steps):
    """Write a vasprun.xml of a fixed atom and a free one, cut behind steps of these energies, forces and iterations."""
    structure = """<structure><crystal><varray name="basis"><v>4 0 0</v><v>0 4 0</v><v>0 0 4</v></varray></crystal>
  <varray name="positions"><v>0 0 0</v><v>0.5 0.5 {z}</v></varray></structure>"""
    calculations = "".join(
        f"<calculation>{count * '<scstep></scstep>'}{structure.format(z=0.5 + 0.01 * index)}"
        f'<varray name="forces"><v>0 0 {force}</v><v>0 0 {-force}</v></varray>'
        f'<energy><i name="e_fr_energy">{energy}</i></energy></calculation>\n'
        for index, (energy, force, count) in enumerate(steps)
    )
    path = folder / "vasprun.xml"
    path.write_text(
        f"""<modeling><parameters><i name="ENMAX">520</i><i name="NELM">60</i><i name="GGA">PE</i></parameters>
<atominfo><array name="atoms"><set><rc><c>Li</c><c>1</c></rc><rc><c>Cl</c><c>2</c></rc></set></array>
<array name="atomtypes"><set><rc><c>1</c><c>Li</c><c>1</c><c>1</c><c>PAW_PBE Li</c></rc><rc><c>1</c><c>Cl</c>
<c>1</c><c>1</c><c>PAW_PBE Cl</c></rc></set></array></atominfo>
<structure><varray name="selective"><v>F F F</v><v>T T T</v></varray></structure>
{calculations}"""
    )
    return path


STEPS = ((-10.0, 0.1, 3), (-10.1, 0.2, 60), (-10.2, 0.3, 3), (-10.3, 2000.0, 3), (-10.4, 0.5, 3), (-10.5, 150.0, 3))


def test_frames_of_an_output_have_their_number_in_the_file_whatever_left_others_out(command, tmp_path):
    path = vasprun(tmp_path, *STEPS)
    done = command("import", path)
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=1) for line in done.stdout.replace("left out  ", "left_out  ").splitlines()[1:]]
    left_out = [words for heading, words in lines if heading == "left_out"]
    assert left_out[0] == f"{path}: frame 1 is left out: its electrons did not converge (60 iterations of NELM = 60)"
    assert left_out[1].startswith(f"{path}: frame 3 is left out: its forces reach 2000 eV/Å")
    assert len(left_out) == 2
    assert "frame 5 is kept with forces of up to 150 eV/Å" in done.stderr
    notes = [words for heading, words in lines if heading == "note"]
    assert [note.removeprefix(f"{path}: ").split(";")[0] for note in notes] == [
        "the run was cut short or is not finished",
        "atoms are fixed by selective dynamics",
    ]


def test_notes_on_an_output_stand_apart_from_what_is_left_out(command, tmp_path):
    done = command("import", vasprun(tmp_path, *STEPS), "--json")
    node = json.loads(done.stdout)
    assert [len(node[name]) for name in ("notes", "left_out", "warnings")] == [2, 2, 1]
    assert "atoms are fixed by selective dynamics" in node["notes"][1]
    assert "Note: " in done.stderr
    assert "Warning: " in done.stderr


def test_content_hash_sees_blocks_and_levels_and_no_file_names(dataset):
    def frames(**info):
        found = read_frames(dataset())
        for number, frame in enumerate(found):
            frame.info.update({key: value(number) if callable(value) else value for key, value in info.items()})
        return found

    one = content_hash(frames(origin=lambda number: f"a.xyz#{number}"))
    assert one == content_hash(frames(origin=lambda number: f"b.xyz#{number}"))
    assert one != content_hash(frames(origin=lambda number: f"b{number}.xyz#{number}"))
    assert one != content_hash(frames(origin="a#0", level_of_theory="PBE"))
    assert one != content_hash(frames(origin="a#0")[::-1])


def test_labels_that_are_not_finite_are_rejected_in_a_node_too(dataset):
    frames = read_frames(dataset(values=(-1.0, "nan")))
    assert np.isnan(labels_of(frames[1])["energy"])
    with pytest.raises(InputError, match="the energy of frame 1 is nan"):
        require_labels(frames)

"""Data sets as people keep them, read with an account of what was taken."""

import bz2
import gzip
import lzma
import time
from contextlib import suppress

import numpy as np
import pytest
import zstandard
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms, FixCartesian
from ase.db import connect
from ase.io import read, write

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_committee, labels_of, write_frames
from aiida_elyte.science.labels.naming import parse_label_names
from aiida_elyte.science.labels.reading import read_dataset

PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.compress}
ENERGIES, STRESS = [-40.0, -40.1, -40.2], np.array([1, 2, 3, 4, 5, 6]) * 1e-3


def make(constraint=None):
    frames = []
    for index, energy in enumerate(ENERGIES):
        atoms = bulk("LiF", "rocksalt", a=4.03, cubic=True)
        atoms.rattle(0.05, seed=index)
        forces = np.random.default_rng(index).normal(size=(8, 3))
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=STRESS)
        atoms.set_constraint(constraint)
        frames.append(atoms)
    return frames


def forces(index):
    return np.random.default_rng(index).normal(size=(8, 3))


@pytest.mark.parametrize("name", ["set.extxyz", "set.xyz", "set.extxyz.gz", "set.traj", "set.db"])
@pytest.mark.parametrize("constraint", [None, FixAtoms([0, 1]), FixCartesian(2, (True, False, True))])
def test_every_format_gives_the_forces_that_were_written(tmp_path, name, constraint):
    path = tmp_path / name
    write(path, make(constraint))
    found = read_dataset(path)
    assert found.taken is None
    assert (found.left_out, found.warnings, found.numbers) == ([], [], [0, 1, 2])
    for index, frame in enumerate(found.frames):
        labels = labels_of(frame)
        assert labels["energy"] == pytest.approx(ENERGIES[index])
        if not (constraint and "xyz" in name):  # ASE writes to extxyz what constraints leave of forces
            np.testing.assert_allclose(labels["forces"], forces(index), atol=1e-7)
        np.testing.assert_allclose(labels["stress"], STRESS, atol=1e-8)
        assert not frame.constraints


@pytest.mark.parametrize("name", ["a.xyz", "a.txt"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_marks_blank_lines_line_ends_and_exponents_of_fortran_are_read_in_silence(tmp_path, name, end, mark):
    header = 'Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3:forces:R:3 energy=-1.0D+00'
    frame = [f"2\n{header}\nLi 0 0 0.{index} 1.0D-03 0 0\nLi 2 2 2 -1.0D-03 0 0\n" for index in (1, 2, 3)]
    text = mark + frame[0] + "\n" + frame[1] + " \n\n" + frame[2] + "\n\n"
    (tmp_path / name).write_bytes(text.replace("\n", end).encode())
    found = read_dataset(tmp_path / name)
    assert (found.numbers, found.left_out, found.warnings) == ([0, 1, 2], [], [])
    assert [labels_of(frame)["forces"][0, 0] for frame in found.frames] == [1e-3] * 3
    assert [labels_of(frame)["energy"] for frame in found.frames] == [-1.0] * 3


@pytest.mark.parametrize("held", ["x y z", "z"])
def test_frames_whose_forces_a_mask_has_zeroed_are_left_out_one_by_one(tmp_path, held):
    """The second of three frames holds its first atom; the third holds it too, and has its forces all the same."""
    width, mask = (1, {"F": "F", "T": "T"}) if held == "x y z" else (3, {"F": "T T F", "T": "T T T"})
    text = ""
    for index, zeroed in enumerate((False, True, False)):
        first = "0 0 0" if zeroed and width == 1 else "0.5 0.25 0" if zeroed else "0.5 0.25 0.125"
        moves = mask["F" if index else "T"]
        text += '2\nLattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3:forces:R:3:move_mask:L:'
        text += f"{width} energy={index}.5\nLi 0 0 {index / 10} {first} {moves}\nF 2 2 2 0.1 0.2 0.3 {mask['T']}\n"
    (tmp_path / "held.xyz").write_text(text)
    found = read_dataset(tmp_path / "held.xyz")
    assert found.numbers == [0, 2]
    assert "frame 1 is left out: its forces on the atoms that move_mask holds are zero" in found.left_out[0]


def test_forces_of_a_committee_are_neither_taken_nor_missed(tmp_path):
    frames = make()
    for frame in frames:
        frame.calc = None
        attach_committee(frame, np.ones((8, 3)), np.ones(8))
    (tmp_path / "sampled.extxyz").write_text(write_frames(frames))
    found = read_dataset(tmp_path / "sampled.extxyz")
    assert all(labels_of(frame) == {} for frame in found.frames)
    assert (found.sources, found.keys) == ({}, [])
    assert not any("not taken" in warning for warning in found.warnings)


def test_free_energy_of_a_traj_goes_before_its_energy(tmp_path):
    frames = make()
    for frame in frames:
        frame.calc.results["free_energy"] = frame.calc.results["energy"] - 0.5
    write(tmp_path / "a.traj", frames)
    found = read_dataset(tmp_path / "a.traj")
    assert [labels_of(frame)["energy"] for frame in found.frames] == [energy - 0.5 for energy in ENERGIES]
    assert "labels taken: energy from free_energy" in found.taken
    assert "free_energy and energy differ; free_energy is taken" in found.warnings[0]
    assert "(frames 0-2)" in found.warnings[0]


def test_names_of_mace_in_a_database_are_taken(tmp_path):
    with connect(tmp_path / "a.db") as database:
        for frame in make():
            given = labels_of(frame)
            database.write(
                Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True),
                key_value_pairs={"REF_energy": given["energy"]},
                data={"REF_forces": given["forces"]},
            )
    found = read_dataset(tmp_path / "a.db")
    assert found.taken == "labels taken: energy from REF_energy, forces from REF_forces"
    np.testing.assert_allclose(labels_of(found.frames[2])["forces"], forces(2))


@pytest.mark.parametrize("kind", ["npy", "raw"])
def test_folder_of_deepmd(tmp_path, kind):
    folder = tmp_path / "system" / "a"
    place = folder / "set.000" if kind == "npy" else folder
    place.mkdir(parents=True)
    frames = make()
    (folder / "type.raw").write_text("\n".join("0" if symbol == "Li" else "1" for symbol in frames[0].symbols))
    (folder / "type_map.raw").write_text("Li\nF\n")
    volume = 4.03**3
    virial = -volume * STRESS[[0, 5, 4, 5, 1, 3, 4, 3, 2]]
    arrays = {
        "coord": [frame.positions.ravel() for frame in frames],
        "box": [frame.cell.array.ravel() for frame in frames],
        "energy": ENERGIES,
        "force": [forces(index).ravel() for index in range(3)],
        "virial": [virial] * 3,
    }
    for name, values in arrays.items():
        np.save(place / f"{name}.npy", values) if kind == "npy" else np.savetxt(place / f"{name}.raw", values)
    found = read_dataset(tmp_path / "system")
    assert found.taken == "labels taken: energy from energy, forces from force, stress from virial"
    assert [frame.info["origin"] for frame in found.frames] == [f"system/a#{index}" for index in range(3)]
    for index, frame in enumerate(found.frames):
        np.testing.assert_allclose(labels_of(frame)["forces"], forces(index))
        np.testing.assert_allclose(labels_of(frame)["stress"], STRESS)
        assert frame.get_chemical_symbols() == frames[0].get_chemical_symbols()
    suffix = "npy" if kind == "npy" else "raw"
    (np.save if kind == "npy" else np.savetxt)(place / f"force.{suffix}", np.zeros((2, 24)))
    with pytest.raises(InputError, match=r"force\.\w+ holds 48 values; expected 3 × 8 × 3"):
        read_dataset(tmp_path / "system")


def test_cut_traj_keeps_what_is_whole_or_is_one_line(tmp_path):
    write(tmp_path / "a.traj", make())
    content = (tmp_path / "a.traj").read_bytes()
    for cut in range(1, len(content), 97):
        (tmp_path / "cut.traj").write_bytes(content[:cut])
        with suppress(InputError):
            found = read_dataset(tmp_path / "cut.traj")
            for frame, number in zip(found.frames, found.numbers, strict=True):
                np.testing.assert_array_equal(labels_of(frame)["forces"], forces(number))


def test_frames_of_the_file_keep_their_numbers(tmp_path):
    write(tmp_path / "a.extxyz", make())
    text = (tmp_path / "a.extxyz").read_text().replace("energy=-40.1", "energy=nan")
    (tmp_path / "a.extxyz").write_text(text)
    found = read_dataset(tmp_path / "a.extxyz")
    assert found.numbers == [0, 2]
    assert found.left_out == [f"{tmp_path / 'a.extxyz'}: frame 1 is left out: its energy is nan"]


@pytest.mark.parametrize(("suffix", "pack"), PACK.items())
def test_archive_that_is_cut_keeps_the_frames_before_the_cut(tmp_path, suffix, pack):
    rng = np.random.default_rng(0)
    header = '200\nProperties=species:S:1:pos:R:3:forces:R:3 Lattice="20 0 0 0 20 0 0 0 20" energy={}\n'
    rows = ["".join(f"Li {' '.join(map(str, row))}\n" for row in rng.random((200, 6))) for _ in range(60)]
    packed = pack("".join(header.format(-number) + table for number, table in enumerate(rows)).encode())
    path = tmp_path / f"a.xyz{suffix}"
    path.write_bytes(packed[: 3 * len(packed) // 4])
    found = read_dataset(path)
    assert 10 < len(found.frames) < 60
    assert [labels_of(frame)["energy"] for frame in found.frames] == [-number for number in range(len(found.frames))]
    assert any("archive is cut short" in warning for warning in found.warnings)
    path.write_bytes(packed[:12])
    with pytest.raises(InputError, match=rf"a\.xyz{suffix} is empty|cannot be read"):
        read_dataset(path)


def test_archives_are_read_whatever_they_are_called(tmp_path):
    write(tmp_path / "a.extxyz", make())
    (tmp_path / "b.xyz").write_bytes(gzip.compress((tmp_path / "a.extxyz").read_bytes()))
    assert [labels_of(frame)["energy"] for frame in read_dataset(tmp_path / "b.xyz").frames] == ENERGIES


@pytest.mark.parametrize("name", ["a.extxyz", "a.traj", "a.db", "a.json", "a.dat", "a.cif"])
@pytest.mark.parametrize("content", [b"once upon a time\n", b"\x00\xff\xfe" * 99, b"\n\n"])
def test_nonsense_is_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        read_dataset(tmp_path / name)
    assert "\n" not in str(caught.value).strip()


def test_name_that_is_not_in_the_file_is_rejected_with_those_that_are(tmp_path):
    write(tmp_path / "a.extxyz", make())
    with pytest.raises(InputError, match=r"names my_E, which is not in .*; expected one of energy, forces, stress"):
        read_dataset(tmp_path / "a.extxyz", parse_label_names("energy=my_E"))


def test_data_set_is_read_no_slower_than_by_ase(tmp_path):
    path = tmp_path / "many.extxyz"
    atoms = bulk("LiF", "rocksalt", a=4.03, cubic=True) * (2, 2, 3)
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(150):
        frame = atoms.copy()
        frame.calc = SinglePointCalculator(frame, energy=float(rng.normal()), forces=rng.normal(size=(96, 3)))
        frames.append(frame)
    write(path, frames)

    def seconds(function):
        begun = time.perf_counter()
        function()
        return time.perf_counter() - begun

    pairs = [(seconds(lambda: read_dataset(path)), seconds(lambda: read(path, index=":"))) for _ in range(5)]
    ours, theirs = (min(times) for times in zip(*pairs, strict=True))
    assert ours < 1.5 * theirs


HEADER = 'Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3:force:R:3 pbc="T T T"'


def write_tagged(folder, tags):
    path = folder / "tagged.xyz"
    path.write_text(f"1\n{HEADER} {tags}\nLi 0 0 0 0.1 0.2 0.3\n")
    return path


@pytest.mark.parametrize("mark", ["-", "_", ""])
def test_tags_of_units_may_be_hyphenated(tmp_path, mark):
    tags = f"energy=-2.0 energy{mark}unit=hartree force{mark}unit=hartree/bohr stress{mark}unit=au/bohr^3"
    path = write_tagged(tmp_path, tags + ' stress="0.01 0 0 0 0.01 0 0 0 0.01"')
    labels = labels_of(read_dataset(path).frames[0])
    assert labels["energy"] == pytest.approx(-2 * 27.211386246)
    np.testing.assert_allclose(labels["forces"], [[5.14220675, 10.2844135, 15.42662024]], rtol=1e-7)
    np.testing.assert_allclose(labels["stress"], [1.836315353] * 3 + [0] * 3, rtol=1e-6)


def test_virial_has_the_unit_of_the_energy(tmp_path):
    path = write_tagged(tmp_path, 'energy=-2.0 energy_unit=hartree force_unit=hartree/bohr virial="1 0 0 0 1 0 0 0 1"')
    stress = labels_of(read_dataset(path).frames[0])["stress"]
    np.testing.assert_allclose(stress, [-27.211386246 / 64] * 3 + [0] * 3, rtol=1e-8)


def test_forces_beside_an_energy_of_another_unit_need_their_own(tmp_path):
    path = write_tagged(tmp_path, "energy=-2.0 energy_unit=hartree")
    with pytest.raises(InputError, match=r"no unit of force; .* --labels forces=force\[Hartree/Bohr\]"):
        read_dataset(path)
    found = read_dataset(path, parse_label_names("forces=force[eV/A]"))
    np.testing.assert_allclose(labels_of(found.frames[0])["forces"], [[0.1, 0.2, 0.3]])


DUMP = """ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 4
0 4
0 4
ITEM: ATOMS id {column} x y z fx fy fz
1 {one} 0 0 0 1 2 3
2 {two} 2 2 2 -1 -2 -3
"""


def test_types_of_a_lammps_dump_are_no_elements_and_its_forces_no_labels(tmp_path):
    path = tmp_path / "run.dump"
    path.write_text(DUMP.format(column="type", one=1, two=2))
    with pytest.raises(InputError, match="id type x y z fx fy fz; expected elements"):
        read_dataset(path)
    path.write_text(DUMP.format(column="element", one="Li", two="Cl"))
    (frame,) = read_dataset(path).frames
    assert frame.get_chemical_symbols() == ["Li", "Cl"]
    assert labels_of(frame) == {}

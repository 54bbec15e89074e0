"""The text reader against ASE's on whole files, and on files that are broken in known places."""

import io

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import read, write

from aiida_elyte.science.labels.extxyz import read_extxyz


def frames(count=4, seed=0):
    rng = np.random.default_rng(seed)
    made = []
    for index in range(count):
        atoms = bulk("LiF", "rocksalt", a=4.03, cubic=True) * (1 + index % 2, 1, 1)
        atoms.rattle(0.05, seed=seed + index)
        forces = rng.normal(size=(len(atoms), 3))
        atoms.calc = SinglePointCalculator(atoms, energy=-5.0 * len(atoms) - 0.1 * index, forces=forces)
        atoms.info["config_type"] = "thermal run"
        made.append(atoms)
    return made


def as_text(made):
    buffer = io.StringIO()
    write(buffer, made, format="extxyz")
    return buffer.getvalue()


def same(raw, expected):
    np.testing.assert_array_equal(raw.atoms.numbers, expected.numbers)
    np.testing.assert_array_equal(raw.atoms.positions, expected.positions)
    np.testing.assert_array_equal(raw.atoms.cell.array, expected.cell.array)
    np.testing.assert_array_equal(raw.atoms.pbc, expected.pbc)
    for name, value in expected.calc.results.items():
        np.testing.assert_array_equal(raw.columns[name] if name == "forces" else raw.info[name], value)
    return True


def test_whole_file_is_read_as_ase_reads_it():
    text = as_text(frames(5))
    found, left_out, notes = read_extxyz(text)
    expected = read(io.StringIO(text), index=":", format="extxyz")
    assert len(found) == len(expected) == 5
    assert all(same(*pair) for pair in zip(found, expected, strict=True))
    assert [frame.info["config_type"] for frame in found] == ["thermal run"] * 5
    assert (left_out, notes) == ([], [])


def test_cut_anywhere_keeps_whole_frames_unchanged_and_says_what_is_lost():
    made = frames(3)
    text = as_text(made)
    whole, _, _ = read_extxyz(text)
    ends = np.cumsum([len(as_text([one])) for one in made])
    for cut in range(1, len(text), 7):
        found, left_out, notes = read_extxyz(text[:cut])
        n_whole = int((ends <= cut).sum())
        assert len(found) in (n_whole, n_whole + (cut + 1 in ends))
        for one, other in zip(found, whole[: len(found)], strict=True):
            np.testing.assert_array_equal(one.atoms.positions, other.atoms.positions)
            np.testing.assert_array_equal(one.columns["forces"], other.columns["forces"])
            assert one.info["energy"] == other.info["energy"]
        if len(found) < 3 and cut not in ends and cut + 1 not in ends:
            assert left_out or notes


def test_last_number_of_varying_digits_without_line_break_is_not_trusted():
    text = "Li 0 0 0 -1.25\nLi 0 0 1 0.5\nLi 0 0 2 0.123"
    header = "3\nProperties=species:S:1:pos:R:3:q:R:1\n"
    found, left_out, _ = read_extxyz(header + text)
    assert found == []
    assert "may have lost digits" in left_out[0].reason
    assert len(read_extxyz(header + text + "\n")[0]) == 1


def test_middle_frame_with_stars_is_named_and_the_others_stay():
    made = frames(4)
    lines = as_text(made).split("\n")
    third = sum(len(one) + 2 for one in made[:2])
    words = lines[third + 2].split()
    words[5] = "********"
    lines[third + 2] = " ".join(words)
    found, left_out, _ = read_extxyz("\n".join(lines))
    assert [frame.index for frame in found] == [0, 1, 3]
    assert [(one.index, one.reason) for one in left_out] == [(2, "the forces of atom 0 is '********'")]


def test_touching_numbers_leave_their_frame_out():
    lines = as_text(frames(2)).split("\n")
    lines[2] = lines[2].replace("     ", "", 3)
    lines[3] = "F 1.0-2.0 3.0 0 0 0 0"
    found, left_out, _ = read_extxyz("\n".join(lines))
    assert [frame.index for frame in found] == [1]
    assert left_out[0].index == 0


@pytest.mark.parametrize("lost", [1, 3])
def test_frame_that_lacks_rows_does_not_swallow_the_next(lost):
    lines = as_text(frames(3)).split("\n")
    del lines[4 : 4 + lost]
    found, left_out, _ = read_extxyz("\n".join(lines))
    assert [frame.index for frame in found] == [1, 2]
    assert f"{8 - lost} rows follow where it counts 8 atoms" in left_out[0].reason


def test_frame_with_more_rows_than_it_counts_is_left_out():
    lines = as_text(frames(3)).split("\n")
    lines.insert(4, "Li 9 9 9 0 0 0")
    found, left_out, notes = read_extxyz("\n".join(lines))
    assert [frame.index for frame in found] == [1, 2]
    assert "more rows follow than the 8 atoms" in left_out[0].reason
    assert notes == []


def test_repeated_block_of_lines_makes_no_frame_of_two_others():
    """Rows 3 … of the first frame to row 2 of the second come twice: between them stands a frame that never was."""
    rng = np.random.default_rng(3)
    made = [Atoms("Li4", rng.random((4, 3)) * 4) for _ in range(3)]
    for number, atoms in enumerate(made):
        atoms.calc = SinglePointCalculator(atoms, energy=-1.0 * number, forces=rng.normal(size=(4, 3)))
    lines = as_text(made).split("\n")
    block = lines[4:10]
    found, left_out, _ = read_extxyz("\n".join(lines[:10] + block + lines[10:]))
    originals = [atoms.positions for atoms in made]
    assert len(left_out) == 1
    assert "lines of the file are repeated" in left_out[0].reason
    assert [any(np.allclose(frame.atoms.positions, one, atol=1e-7) for one in originals) for frame in found] == [
        True
    ] * 3


def test_blank_lines_windows_line_ends_are_no_frames():
    text = as_text(frames(2))
    assert len(read_extxyz(text + "\n\n  \n")[0]) == 2
    assert len(read_extxyz("\n" + text)[0]) == 2


def test_lower_case_keys_and_types_of_gpumd():
    header = 'energy=-1.5 lattice="5 0 0 0 5 0 0 0 5" properties=species:s:1:pos:r:3:force:r:3'
    text = f"2\n{header}\nli 0 0 0 1 2 3\nF 1 1 1 -1 -2 -3\n"
    (frame,), left_out, _ = read_extxyz(text)
    assert left_out == []
    assert frame.atoms.pbc.all()
    assert frame.atoms.get_chemical_symbols() == ["Li", "F"]
    np.testing.assert_array_equal(frame.columns["force"], [[1, 2, 3], [-1, -2, -3]])


def test_rows_of_the_lattice_are_vectors():
    text = '1\nLattice="1 2 3 4 5 6 7 8 10" Properties=species:S:1:pos:R:3\nLi 0 0 0\n'
    np.testing.assert_array_equal(read_extxyz(text)[0][0].atoms.cell.array, [[1, 2, 3], [4, 5, 6], [7, 8, 10]])
    np.testing.assert_array_equal(
        read(io.StringIO(text), format="extxyz").cell.array, [[1, 2, 3], [4, 5, 6], [7, 8, 10]]
    )


def test_move_mask_stays_a_column_and_zeroes_no_force():
    atoms = frames(1)[0]
    atoms.set_constraint(FixAtoms([0, 1]))
    buffer = io.StringIO()
    write(buffer, atoms, format="extxyz", columns=["symbols", "positions", "move_mask"], write_results=False)
    text = buffer.getvalue().replace("move_mask:L:1", "move_mask:L:1:forces:R:3")
    lines = text.rstrip("\n").split("\n")
    text = "\n".join(lines[:2] + [f"{line} 1.5 0.5 0.25" for line in lines[2:]]) + "\n"
    (frame,), _, _ = read_extxyz(text)
    assert not frame.atoms.constraints
    np.testing.assert_array_equal(frame.columns["forces"], [[1.5, 0.5, 0.25]] * 8)


@pytest.mark.parametrize(
    ("header", "row", "reason"),
    [
        ('Lattice="4 0 0 0 4 0 0 0', "Li 0 0 0", "quotation mark that is not closed"),
        ('Lattice="4 0 0 0 4 0 0 0"', "Li 0 0 0", "not nine numbers"),
        ('Lattice="4 0 0 0 4 0 0 0 nan"', "Li 0 0 0", "not nine numbers"),
        ('Lattice="4 0 0 0 4 0 4 4 0"', "Li 0 0 0", "without a volume"),
        ('pbc="T T T"', "Li 0 0 0", "has no Lattice"),
        ("Properties=species:S:1:pos:R", "Li 0 0 0", "triples NAME:TYPE:COLUMNS"),
        ("Properties=species:S:1:pos:Q:3", "Li 0 0 0", "types are S, R, I and L"),
        ("energy=1 energy=2", "Li 0 0 0", "gives energy twice"),
        ("energy=1", "Xx 0 0 0", "not an element"),
        ("energy=1", "Li 0 nan 0", "position of atom 0"),
        ("energy=1", "Li 0 0", "holds 3 values, not 4"),
    ],
)
def test_broken_frame_is_named_with_its_reason(header, row, reason):
    found, left_out, _ = read_extxyz(f"1\nenergy=-3.5\nLi 0 0 0\n1\n{header}\n{row}\n1\nenergy=-4.5\nF 0 0 0\n")
    assert [frame.info["energy"] for frame in found] == [-3.5, -4.5]
    assert [one.index for one in left_out] == [1]
    assert reason in left_out[0].reason


def test_fortran_exponents_and_escapes_are_read():
    text = '1\nenergy=-1.5D+02 note="a \\"soft\\" = 50 \\\\ b" list=[1,2,3]\nLi 1.0d0 2.0D-1 3\n'
    (frame,), _, _ = read_extxyz(text)
    assert frame.info["energy"] == -150.0
    assert frame.info["note"] == 'a "soft" = 50 \\ b'
    assert frame.info["list"].tolist() == [1, 2, 3]
    assert frame.atoms.positions[0].tolist() == [1.0, 0.2, 3.0]


def test_columns_that_are_not_declared_are_told():
    found, _, notes = read_extxyz("1\ncomment\nLi 0 0 0 9 9 9\n")
    assert len(found) == 1
    assert "3 columns after those that Properties declares" in notes[0]


def test_text_that_is_no_xyz_holds_no_frame():
    found, left_out, notes = read_extxyz("once upon a time\nthere was\n")
    assert (found, left_out) == ([], [])
    assert "line 1 is 'once upon a time'" in notes[0]


@pytest.mark.parametrize(
    "value", ["[[1,2,3],[4,5,6],[7,8,9]]", '"[[1, 2, 3], [4, 5, 6], [7, 8, 9]]"', "[[1 2 3], [4 5 6], [7 8 9]]"]
)
def test_nested_arrays_are_read(value):
    (frame,), _, _ = read_extxyz(f"1\nstress={value} energy=[-1.5]\nLi 0 0 0\n")
    assert frame.info["stress"].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert frame.info["energy"] == -1.5


def test_types_are_no_atomic_numbers():
    header = "2\nProperties=species:S:1:pos:R:3 energy=-1\n"
    found, left_out, _ = read_extxyz(f"{header}1 0 0 0\n2 1 1 1\n{header}3 0 0 0\n9 1 1 1\n")
    assert [one.atoms.get_chemical_symbols() for one in found] == [["Li", "F"]]
    assert [(one.index, one.reason) for one in left_out] == [
        (0, "its species are the numbers 1 to 2, types of no known element")
    ]

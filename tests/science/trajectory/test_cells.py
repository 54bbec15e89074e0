"""Cells given as numbers, by structures and by CP2K: the vectors that were written, or one line."""

import re

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.cells import cell_of_structure, parse_cells, read_cells
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.reduction import Reducer

LOWER = np.array([[11.0, 0, 0], [2.0, 12.0, 0], [-1.0, 3.0, 13.0]])
SYMBOLS = ["Li", "Li", "S"]
HEAD = "#   Step   Time [fs]       Ax [Angstrom]       Ay [Angstrom]       Az [Angstrom]       Bx [Angstrom]  Volume\n"


def cp2k(cells, steps=None, times=None):
    """Return the text of a .cell file with a line for each step."""
    steps = range(0, 10 * len(cells), 10) if steps is None else steps
    times = [0.5 * step for step in steps] if times is None else times
    rows = [
        f"{step:8d} {time:12.3f} " + " ".join(f"{x:.10f}" for x in cell.ravel()) + f" {np.linalg.det(cell):.10f}\n"
        for step, time, cell in zip(steps, times, cells, strict=True)
    ]
    return HEAD + "".join(rows)


def structures(folder):
    """Write one cell in every format that carries it; return the files."""
    atoms = Atoms(SYMBOLS, positions=np.eye(3), cell=LOWER, pbc=True)
    for name in ("a.extxyz", "POSCAR", "a.traj", "a.cif"):
        write(folder / name, atoms)
    a, b, c = LOWER
    (folder / "a.data").write_text(
        f"box\n\n3 atoms\n2 atom types\n\n-1 {a[0] - 1} xlo xhi\n0 {b[1]} ylo yhi\n2.5 {c[2] + 2.5} zlo zhi\n"
        f"{b[0]} {c[0]} {c[1]} xy xz yz\n\nAtoms # atomic\n\n1 1 0 0 0\n"
    )
    general = "".join(
        f"{' '.join(map(str, row))} {name}\n" for row, name in zip(LOWER, ("avec", "bvec", "cvec"), strict=True)
    )
    (folder / "general.data").write_text(f"box\n\n3 atoms\n2 atom types\n\n{general}0 0 0 abc origin\n\nAtoms\n\n")
    nm = LOWER / 10
    rows = "".join(f"    1LI     LI{k + 1:5d}   0.000   0.000   0.000\n" for k in range(3))
    order = [nm[0, 0], nm[1, 1], nm[2, 2], nm[0, 1], nm[0, 2], nm[1, 0], nm[1, 2], nm[2, 0], nm[2, 1]]
    (folder / "a.gro").write_text(f"box\n3\n{rows}{' '.join(f'{x:.5f}' for x in order)}\n")
    lengths = np.linalg.norm(LOWER, axis=1)
    angles = [np.degrees(np.arccos(LOWER[i] @ LOWER[j] / lengths[i] / lengths[j])) for i, j in ((1, 2), (0, 2), (0, 1))]
    (folder / "a.pdb").write_text(
        "TITLE     BOX\nCRYST1"
        + "".join(f"{x:9.3f}" for x in lengths)
        + "".join(f"{x:7.2f}" for x in angles)
        + " P 1\n"
    )
    return [path for path in folder.iterdir() if path.is_file()]


def test_structures_give_the_cell_that_was_written(tmp_path):
    files = structures(tmp_path)
    assert len(files) == 8
    for path in files:
        tolerance = 5e-3 if path.suffix == ".pdb" else 1e-4  # a hundredth of a degree
        np.testing.assert_allclose(cell_of_structure(path), LOWER, atol=tolerance, err_msg=str(path))
        np.testing.assert_allclose(read_cells(path).vectors_A, LOWER[None], atol=tolerance)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.pdb", "CRYST1    1.000    1.000    1.000  90.00  90.00  90.00 P 1\nATOM\n"),
        ("a.pdb", "ATOM\n"),
        ("a.gro", "box\n0\n0 0 0\n"),
        ("a.xyz", "1\n\nLi 0 0 0\n"),
        ("a.psf", "PSF\n\n       1 !NATOM\n"),
    ],
)
def test_files_without_a_cell_give_none(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert cell_of_structure(tmp_path / name) is None
    with pytest.raises(InputError, match=r"tells no cell; expected a,b,c or"):
        read_cells(tmp_path / name)


def test_numbers_are_edges_angles_or_vectors():
    np.testing.assert_allclose(parse_cells("11, 12,13").vectors_A, [np.diag([11, 12, 13])])
    np.testing.assert_allclose(parse_cells("10,10,10,90,90,60").vectors_A[0][1], [5, 10 * np.sqrt(0.75), 0], atol=1e-12)
    np.testing.assert_allclose(parse_cells(" ".join(map(str, LOWER.ravel()))).vectors_A, LOWER[None])


@pytest.mark.parametrize(
    "text", ["12", "1,2", "1,2,3,4", "0,1,2", "10,10,10,10,10,170", "nan,1,1", "-5,5,5", "", "no.cif"]
)
def test_other_words_are_rejected(text):
    with pytest.raises(InputError, match=r"expected a,b,c or a,b,c,alpha,beta,gamma .*CP2K's .cell") as error:
        parse_cells(text)
    assert "\n" not in str(error.value)


def write_bare(path, positions, comment):
    """Write extended XYZ without a cell."""
    rows = []
    for index, frame in enumerate(positions):
        lines = (f"{s} {x:.8f} {y:.8f} {z:.8f}\n" for s, (x, y, z) in zip(SYMBOLS, frame, strict=True))
        rows.append(f"3\n{comment.format(index=index)}\n" + "".join(lines))
    path.write_text("".join(rows))


def walk(cells):
    steps = np.random.default_rng(1).normal(0, 0.02, (len(cells), 3, 3))
    return np.einsum("tai,tij->taj", 0.5 + np.cumsum(steps, axis=0), cells)


def test_cells_of_cp2k_are_matched_by_time_frame_by_frame(tmp_path):
    cells = LOWER * (1 + 0.01 * np.sin(np.arange(30)))[:, None, None]
    positions = walk(cells)
    text = cp2k(cells)
    lines = text.splitlines(keepends=True)
    (tmp_path / "run.cell").write_text("".join([*lines[:12], *lines[9:]]) + lines[-1][:20])  # a restart, and a cut
    write_bare(tmp_path / "run.xyz", positions[::2], "Properties=species:S:1:pos:R:3 time_fs={index}0")
    trajectory = open_trajectory(tmp_path / "run.xyz", cell_A=read_cells(tmp_path / "run.cell"))
    reducer = Reducer(SYMBOLS, trajectory.masses, 10.0)
    for place, cell in zip(positions[::2], cells[::2], strict=True):
        reducer.add(place, cell)
    series, _ = reduce_trajectory(trajectory)
    np.testing.assert_allclose(series.volume_A3, [np.linalg.det(cell) for cell in cells[::2]], rtol=1e-8)
    np.testing.assert_allclose(series.collective_A, reducer.finish().collective_A, atol=1e-6)


def test_cells_that_change_need_a_step_or_time_of_theirs(tmp_path):
    cells = LOWER * (1 + 0.01 * np.arange(5))[:, None, None]
    (tmp_path / "run.cell").write_text(cp2k(cells))
    given = read_cells(tmp_path / "run.cell")
    write_bare(tmp_path / "run.xyz", walk(cells), "Properties=species:S:1:pos:R:3")
    with pytest.raises(
        InputError, match=r"frame 0 of \S+ tells neither step nor time, and \S+run.cell holds cells that"
    ):
        open_trajectory(tmp_path / "run.xyz", cell_A=given, timestep_fs=5.0)
    write_bare(tmp_path / "run.xyz", walk(cells), "Properties=species:S:1:pos:R:3 time_fs={index}")
    with pytest.raises(InputError, match=r"frame 1 of \S+ is at 1 fs, of which \S+run.cell holds no cell"):
        reduce_trajectory(open_trajectory(tmp_path / "run.xyz", cell_A=given))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "holds no cells"),
        (HEAD + "0 0 1 2\n1 0.5 1 2\n", "cannot be read"),
        (HEAD + "0 0 12 0 0 0 12 0 0 0 12 1000\n", "gives a volume of 1000 Å³ at step 0 beside vectors of 1728 Å³"),
        (cp2k([LOWER, LOWER, 1.1 * LOWER], [0, 10, 10]), "gives two cells for step 10"),
    ],
)
def test_broken_files_of_cp2k_end_in_one_line(tmp_path, text, said):
    (tmp_path / "run.cell").write_text(text)
    with pytest.raises(InputError, match=re.escape(said)) as error:
        read_cells(tmp_path / "run.cell")
    assert "\n" not in str(error.value)


def test_a_constant_cell_of_cp2k_needs_no_times(tmp_path):
    (tmp_path / "run.cell").write_text(cp2k([LOWER, LOWER]))
    assert read_cells(tmp_path / "run.cell").is_constant


def test_a_topology_lends_its_cell_with_a_note(tmp_path):
    write_bare(tmp_path / "run.xyz", walk(np.tile(LOWER, (5, 1, 1))), "Properties=species:S:1:pos:R:3")
    write(tmp_path / "top.extxyz", Atoms(SYMBOLS, cell=LOWER, pbc=True))
    trajectory = open_trajectory(tmp_path / "run.xyz", timestep_fs=1.0, topology=tmp_path / "top.extxyz")
    np.testing.assert_allclose(next(iter(trajectory)).cell_A, LOWER)
    (note,) = trajectory.notes
    assert note.startswith("the file has no cell; that of top.extxyz is taken: 11 × 12.17 × 13.38 Å")
    other = open_trajectory(tmp_path / "run.xyz", timestep_fs=1.0, topology=tmp_path / "top.extxyz", cell_A=2 * LOWER)
    np.testing.assert_allclose(next(iter(other)).cell_A, 2 * LOWER)


@pytest.mark.parametrize("factor", [0.1, 100.0], ids=["nm for Å", "pm for Å"])
def test_a_cell_that_cannot_hold_the_atoms_is_rejected(tmp_path, factor):
    write_bare(tmp_path / "run.xyz", walk(np.tile(LOWER, (5, 1, 1))), "Properties=species:S:1:pos:R:3")
    write(tmp_path / "top.extxyz", Atoms(SYMBOLS, cell=factor * LOWER, pbc=True))
    with pytest.raises(
        InputError, match=r"the cell of \S+top.extxyz has a volume of .* for 3 atoms.*give the right one with --cell"
    ):
        open_trajectory(tmp_path / "run.xyz", timestep_fs=1.0, topology=tmp_path / "top.extxyz")

"""What each format says of times, cells, elements and units; and what is rejected, in words that name the remedy."""

import re
import struct
from contextlib import suppress

import numpy as np
import pytest
from ase import Atoms, units
from ase.io import Trajectory
from MDAnalysis.lib.formats.libmdaxdr import XTCFile

from aiida_elyte.errors import InputError
from tests.science.trajectory import walks
from tests.science.trajectory.walks import CUBIC, N_FRAMES, SYMBOLS, bytes_of, frames_of, written

# --- CP2K


def test_xyz_of_cp2k_tells_steps_and_times_and_no_cell(tmp_path, run):
    path = written(tmp_path, "glass-pos-1.xyz", walks.cp2k_xyz(*run))
    frames, notes = frames_of(path)
    assert [(frame.step, frame.time_fs) for frame in frames] == [(100 * k, 50.0 * k) for k in range(N_FRAMES)]
    assert all(frame.cell_A is None for frame in frames)
    assert frames[0].symbols.tolist() == list(SYMBOLS)
    np.testing.assert_allclose([frame.positions_A for frame in frames], walks.wrapped(*run), atol=1e-10)
    assert notes == []


def test_other_quantities_of_cp2k_are_no_positions(tmp_path, run):
    for name, quantity in (("a-vel-1.xyz", "velocities"), ("a-frc-1.xyz", "forces")):
        path = written(tmp_path, name, walks.cp2k_xyz(*run))
        with pytest.raises(InputError, match=rf"{name} holds {quantity}; expected positions; give the -pos-1.xyz"):
            frames_of(path)
    walks.write_dcd(tmp_path / "pos.dcd", *run)
    content = (tmp_path / "pos.dcd").read_bytes()
    path = written(tmp_path, "vel.dcd", content.replace(b"CORD", b"VEL ", 1))
    with pytest.raises(InputError, match=r"vel.dcd holds velocities; expected positions"):
        frames_of(path)


@pytest.mark.parametrize(("delta", "every"), [(0.5, 100), (1.0, 1), (2.0, 10)])
def test_dcd_of_cp2k_counts_in_fs(tmp_path, run, delta, every):
    path = tmp_path / "cp2k.dcd"
    remarks = "REMARK CORD DCD file created by CP2K version 2024.1 (revision d6ba9f9)"
    walks.write_dcd(path, *run, delta=delta, every=every, remarks=remarks)
    frames, _ = frames_of(path)
    assert frames[1].time_fs - frames[0].time_fs == pytest.approx(delta * every)
    assert frames[0].time_source == "DELTA of the DCD header in fs, as CP2K writes it"


def test_pdb_of_cp2k_and_ipi_tell_their_times(tmp_path, run):
    cp2k = walks.pdb(*run, title="REMARK    Step {step}, time = {fs:.3f}, E = -17.1")
    frames, _ = frames_of(written(tmp_path, "cp2k.pdb", cp2k))
    assert [(frame.step, frame.time_fs) for frame in frames[:3]] == [(0, 0.0), (100, 50.0), (200, 100.0)]
    ipi = walks.pdb(*run, title="TITLE    cell{{angstrom}}  Traj: positions{{angstrom}} Step:  {step}  Bead:  0 ")
    frames, _ = frames_of(written(tmp_path, "ipi.pdb", ipi))
    assert [(frame.step, frame.time_fs) for frame in frames[:3]] == [(0, None), (100, None), (200, None)]
    np.testing.assert_allclose(frames[0].cell_A, CUBIC, atol=1e-6)
    nameless, _ = frames_of(written(tmp_path, "names.pdb", walks.pdb(*run, has_elements=False)))
    assert nameless[0].symbols.tolist() == list(SYMBOLS)


# --- i-PI


def test_lengths_of_ipi_are_those_of_its_braces_and_else_atomic(tmp_path, run):
    expected = walks.wrapped(*run)
    for text, length in (
        (walks.ipi_xyz(*run), 1.0),
        (walks.ipi_xyz(*run, units="cell{}  Traj: x_centroid{}", length=1 / units.Bohr), 1.0),
        (walks.ipi_xyz(*run, units="x_centroid{nanometer} cell{nanometer}", length=0.1), 1.0),
        (walks.ipi_xyz(*run, units="", length=1 / units.Bohr), 1.0),
    ):
        frames, notes = frames_of(written(tmp_path, "run.pos_0.xyz", text))
        np.testing.assert_allclose([frame.positions_A for frame in frames], expected * length, atol=1e-8)
        np.testing.assert_allclose(frames[0].cell_A, CUBIC, atol=1e-8)
        assert frames[3].step == 300
        assert bool(notes) == ("{" not in text)
    mixed = walks.ipi_xyz(*run, units="positions{angstrom}").replace("8.0 8.0 8.0", " ".join(["15.1178"] * 3))
    frames, _ = frames_of(written(tmp_path, "mixed.xyz", mixed))  # cell without braces is in bohr
    np.testing.assert_allclose(frames[0].cell_A, CUBIC, atol=1e-4)


def test_ipi_files_of_other_quantities_and_of_many_beads_are_rejected(tmp_path, run):
    text = walks.ipi_xyz(*run)
    path = written(tmp_path, "a.xyz", text.replace("positions{angstrom}", "velocities{atomic_unit}"))
    with pytest.raises(InputError, match=r"frame 0 of .* holds velocities; expected positions or x_centroid"):
        frames_of(path)
    path = written(tmp_path, "a.xyz", text.replace("Bead:       0", "Bead:       1", 2).replace("1 pos", "0 pos", 1))
    with pytest.raises(InputError, match=r"frame 1 of .* is of bead 1, the first of bead 0; expected one bead a file"):
        frames_of(path)
    path = written(tmp_path, "a.xyz", text.replace("cell{angstrom}", "cell{furlong}"))
    with pytest.raises(InputError, match=r"has lengths in furlong; expected angstrom"):
        frames_of(path)


# --- GROMACS


def test_gro_tells_time_and_step_and_a_box_of_zeros_is_no_cell(tmp_path, run):
    frames, _ = frames_of(written(tmp_path, "a.gro", walks.gro(*run)))
    assert [(frame.step, frame.time_fs) for frame in frames[:2]] == [(0, 0.0), (100, 50.0)]
    text = re.sub(r"(?m)^0\.8 0\.8 0\.8$", "   0.00000   0.00000   0.00000", walks.gro(*run))
    frames, _ = frames_of(written(tmp_path, "a.gro", text))
    assert frames[0].cell_A is None
    with XTCFile(str(tmp_path / "a.xtc"), "w") as file:
        for index, positions in enumerate(walks.wrapped(*run)):
            file.write(positions / 10, np.zeros((3, 3)), index, 0.05 * index, 1e4)
    assert frames_of(tmp_path / "a.xtc")[0][0].cell_A is None


def test_gro_whose_names_do_not_tell_elements_says_so(tmp_path, run):
    text = walks.gro(*run).replace("LI      LI", "LI      QX")
    frames, notes = frames_of(written(tmp_path, "a.gro", text))
    assert frames[0].symbols is None
    assert notes == ["atom names QX do not tell their elements"]


def test_gro_columns_that_touch_are_taken_apart_by_width(tmp_path):
    rows = [f"{1:5d}LI      LI{n:5d}{x:8.3f}{-999.125:8.3f}{x:8.3f}\n" for n, x in ((1, 1234.567), (99999, 1000.25))]
    text = "".join(f"t= {k}.0\n    2\n{''.join(rows)}   2000.0 2000.0 2000.0\n" for k in range(2))
    frames, _ = frames_of(written(tmp_path, "a.gro", text))
    np.testing.assert_allclose(frames[1].positions_A[0], [12345.67, -9991.25, 12345.67])


# --- AMBER


def test_netcdf_that_is_cut_keeps_its_whole_frames(tmp_path, run):
    path = tmp_path / "a.nc"
    content = bytes_of(walks.write_netcdf, path, run)
    frame = 4 + 4 * 3 * len(SYMBOLS) + 8 * 6
    path.write_bytes(content[:-10])
    frames, notes = frames_of(path)
    assert len(frames) == N_FRAMES - 1
    assert notes == ["a.nc ends within frame 11, which is left out"]
    path.write_bytes(content[: -4 * frame])
    frames, notes = frames_of(path)
    assert len(frames) == N_FRAMES - 4
    assert "the header of a.nc counts 12 frames; 8 are there" in notes
    path.write_bytes(content[:60])
    with pytest.raises(InputError, match=r"a.nc cannot be read \(.*expected a NetCDF file"):
        frames_of(path)


def test_netcdf_of_other_content_is_rejected(tmp_path, run):
    path = tmp_path / "a.nc"
    content = bytes_of(walks.write_netcdf, path, run)
    path.write_bytes(content.replace(b"coordinates", b"koordinates", 1))
    with pytest.raises(InputError, match=r"lacks coordinates; expected a trajectory of AMBER's convention"):
        frames_of(path)
    path.write_bytes(content.replace(b"angstrom", b"parsec\0\0", 1))
    with pytest.raises(InputError, match=r"has coordinates in parsec.*; expected angstrom, nanometer"):
        frames_of(path)


# --- DCD


def test_a_dcd_that_lost_whole_frames_says_so(tmp_path, run):
    path = tmp_path / "a.dcd"
    content = bytes_of(walks.write_dcd, path, run)
    frame = 56 + 3 * (4 * len(SYMBOLS) + 8)
    path.write_bytes(content[: -2 * frame])
    frames, notes = frames_of(path)
    assert len(frames) == N_FRAMES - 2
    assert notes == ["the header of a.dcd counts 12 frames; 10 are there"]


def test_a_dcd_with_a_damaged_header_is_rejected_in_one_line(tmp_path, run):
    path = tmp_path / "a.dcd"
    content = bytearray(bytes_of(walks.write_dcd, path, run))
    for place in range(0, 300, 7):
        damaged = content.copy()
        damaged[place : place + 4] = struct.pack("<i", -5)
        path.write_bytes(damaged)
        with suppress(InputError):  # anything else fails
            frames_of(path)


# --- LAMMPS


def test_types_become_elements_by_what_is_given(tmp_path, run):
    path = written(tmp_path, "dump", walks.dump(*run, columns="id type x y z"))
    assert frames_of(path)[0][0].symbols is None
    given = {"1": "Li", "2": "S", "3": "P"}
    assert frames_of(path, elements=given)[0][0].symbols.tolist() == list(SYMBOLS)
    with pytest.raises(InputError, match=r"frame 0 of .*dump has atoms of type 3; .* name all types with --elements"):
        frames_of(path, elements={"1": "Li", "2": "S"})
    named = walks.dump(*run, columns="id type element x y z")
    assert frames_of(written(tmp_path, "dump", named), elements={**given, "3": "As"})[0][0].symbols[3] == "As"
    upper = walks.dump(*run, columns="id element x y z").replace(" Li ", " LI ")
    assert frames_of(written(tmp_path, "dump", upper))[0][0].symbols.tolist() == list(SYMBOLS)


def test_the_carbons_lammps_writes_for_want_of_elements_are_not_taken(tmp_path, run):
    text = re.sub(r"(?m)^(\d+ \d) (Li|S|P) ", r"\1 C ", walks.dump(*run, columns="id type element x y z"))
    frames, notes = frames_of(written(tmp_path, "dump", text))
    assert frames[0].symbols is None
    assert len(notes) == 1
    assert notes[0].startswith("column element is C for every atom")
    assert frames_of(tmp_path / "dump", elements={"1": "Li", "2": "S", "3": "P"})[0][0].symbols.tolist() == list(
        SYMBOLS
    )


def test_image_flags_count_only_where_they_do(tmp_path, run):
    scaled, cells = run
    whole = walks.dump(scaled, cells, columns="id element x y z ix iy iz")
    zero = re.sub(r"(?m)( -?\d+){3} $", " 0 0 0 ", whole)
    frames, _ = frames_of(written(tmp_path, "dump", zero))
    assert not frames[0].is_unwrapped  # steps between images decide, as without flags
    stale = re.sub(r"(?m)( -?\d+){3} $", " 1 0 0 ", whole)
    with pytest.raises(InputError, match=r"has image flags ix iy iz that are those of the first frame though atoms"):
        frames_of(written(tmp_path, "dump", stale))


def test_an_atom_that_leaves_the_cell_and_comes_back_keeps_its_flags(tmp_path):
    box = "ITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 10\n0 10\n0 10\n"
    text = "".join(
        f"ITEM: TIMESTEP\n{50 * step}\n{box}ITEM: ATOMS id type x y z ix iy iz\n"
        f"1 1 {x} 5 5 {flag} 0 0\n2 1 5 5 5 1 0 0\n"
        for step, (x, flag) in enumerate([(0.2, 0), (9.9, -1), (0.1, 0), (0.3, 0)])
    )
    frames, _ = frames_of(written(tmp_path, "dump", text))
    np.testing.assert_allclose([frame.positions_A[0, 0] for frame in frames], [0.2, -0.1, 0.1, 0.3], atol=1e-12)


def test_extxyz_and_xyz_of_lammps_count_in_its_units(tmp_path, run):
    motion = walks.velocities()
    text = walks.nep(*run, motion=motion * 1000)
    numbered = iter(range(N_FRAMES))
    text = re.sub(r"Time=\S+", lambda _: (k := next(numbered), f"Timestep={100 * k} Time={0.05 * k:.6f}")[1], text)
    frames, _ = frames_of(written(tmp_path, "a.extxyz", text), lammps_units="metal")
    assert [(frame.step, frame.time_fs) for frame in frames[:2]] == [(0, 0.0), (100, 50.0)]
    np.testing.assert_allclose(frames[2].velocities_A_fs, motion[2], rtol=1e-12)
    plain = "".join(f"2\n Atoms. Timestep: {100 * k}\n1 0.5 0.5 0.{k}\n2 1 1 1\n" for k in range(3))
    frames, _ = frames_of(written(tmp_path, "a.xyz", plain), elements={"1": "Li", "2": "Cl"})
    assert [(frame.step, frame.cell_A) for frame in frames] == [(0, None), (100, None), (200, None)]
    assert frames[0].symbols.tolist() == ["Li", "Cl"]


# --- extended XYZ


def test_a_slab_has_no_cell(tmp_path):
    comment = 'Lattice="8 0 0 0 8 0 0 0 0" Properties=species:S:1:pos:R:3 pbc="T T F"'
    frames, _ = frames_of(written(tmp_path, "a.xyz", f"1\n{comment}\nLi 1.0 2.0 3.0\n"))
    assert frames[0].cell_A is None
    with Trajectory(tmp_path / "a.traj", "w") as file:
        file.write(Atoms("Li", cell=[8, 8, 0], pbc=(True, True, False)))
    assert frames_of(tmp_path / "a.traj")[0][0].cell_A is None


def test_keys_of_extended_xyz_are_taken_in_any_case(tmp_path):
    row = "CL 1.0 2.0 3.0 9.0 8.0 7.0\n"
    for comment in (
        'lattice="8 0 0 1 8 0 0 0 8" properties=species:S:1:pos:R:3:force:R:3 Time=10.0',
        'LATTICE="8 0 0 1 8 0 0 0 8" Properties="Species:S:1:Pos:R:3:forces:R:3" Step=     20 Time=    10.000',
        'Lattice="8 0 0 1 8 0 0 0 8" Properties=element:S:1:positions:R:3:f:R:3 time_ps=0.01',
    ):
        frames, _ = frames_of(written(tmp_path, "a.xyz", f"1\n{comment}\n{row}"))
        assert frames[0].symbols.tolist() == ["Cl"]
        np.testing.assert_array_equal(frames[0].positions_A, [[1.0, 2.0, 3.0]])
        np.testing.assert_array_equal(frames[0].cell_A, [[8, 0, 0], [1, 8, 0], [0, 0, 8]])
        assert frames[0].time_fs == 10.0


def test_a_time_without_unit_is_not_taken_and_said_so(tmp_path):
    path = written(tmp_path, "a.xyz", '1\nLattice="8 0 0 0 8 0 0 0 8" time=0.5\nLi 0 0 0\n' * 2)
    frames, notes = frames_of(path)
    assert frames[0].time_fs is None
    assert notes == ["time= tells no unit and is not taken; name it time_fs or time_ps to have it taken"]


def test_unwrapped_positions_of_gpumd_are_taken(tmp_path):
    text = '1\nLattice="8 0 0 0 8 0 0 0 8" Properties=species:S:1:pos:R:3:unwrapped_position:R:3\nLi 1 2 3 9 2 -5\n'
    frames, _ = frames_of(written(tmp_path, "a.xyz", text))
    assert frames[0].is_unwrapped
    np.testing.assert_array_equal(frames[0].positions_A, [[9.0, 2.0, -5.0]])


def test_numbers_that_touch_in_a_column_beside_do_not_shift_positions(tmp_path):
    text = "1\nProperties=species:S:1:forces:R:3:pos:R:3:magmom:R:1\nLi -0.1-0.2 0.3 1 2 3 0.5\n"
    with pytest.raises(InputError, match=r"frame 0 of \S+a.xyz cannot be read"):
        frames_of(written(tmp_path, "a.xyz", text))


# --- XDATCAR


def test_xdatcar_without_symbols_leaves_them_to_a_topology(tmp_path, run):
    text = walks.xdatcar(*run).replace("Li P S\n", "")
    frames, _ = frames_of(written(tmp_path, "XDATCAR", text))
    assert frames[0].symbols is None
    order = np.argsort(SYMBOLS, kind="stable")
    np.testing.assert_allclose(frames[2].positions_A, walks.wrapped(*run)[2][order], atol=1e-12)


def test_xdatcar_of_vasp_4_is_rejected_with_the_remedy(tmp_path):
    text = "  2  2  1\n 0.1E+02 0.5E-09 0.5E-09 0.5E-09 0.2E-14\n 300.0\n  CAR\n glass\n\n" + " 0.1 0.2 0.3\n" * 6
    with pytest.raises(InputError, match=r"is an XDATCAR of VASP 4, which holds neither cell vectors nor elements; .*"):
        frames_of(written(tmp_path, "XDATCAR", text))


def test_titles_and_comments_may_be_long(tmp_path, run):
    text = walks.xdatcar(*run).replace("glass\n", "Li " * 3000 + "\n", 1)
    assert len(frames_of(written(tmp_path, "XDATCAR", text))[0]) == N_FRAMES
    text = walks.extxyz(*run, comment='note="' + "x" * 9000 + '"')
    assert len(frames_of(written(tmp_path, "a.xyz", text))[0]) == N_FRAMES

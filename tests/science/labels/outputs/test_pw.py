"""Text of pw.x: which energy, which geometry, which steps; the same run in text and XML."""

import bz2
import gzip
import lzma
import subprocess

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import labels_of, level_of
from aiida_elyte.science.labels.outputs.reading import is_output, read_output
from aiida_elyte.science.labels.raw import sentences
from aiida_elyte.science.labels.theory import LevelOfTheory, difference
from aiida_elyte.units import BOHR_A, RYDBERG_EV


def read(path):
    """Return the frames of an output, and what is said of those left out and of the file."""
    found = read_output(path)
    return found.frames, [*sentences(found.left_out), *found.notes]


ALAT = 10.0
"""Lattice parameter [bohr]."""
HEADER = """
     Program PWSCF v.7.2 starts on  1Jan2025 at  0: 0: 0

     lattice parameter (alat)  =      10.0000  a.u.
     number of atoms/cell      =            2
     number of atomic types    =            2
     kinetic-energy cutoff     =      40.0000  Ry
     charge density cutoff     =     160.0000  Ry
     Exchange-correlation= SLA  PW   PBX  PBC
                           (   1   4   3   4   0   0   0)
{extra}
     celldm(1)=  10.000000  celldm(2)=   0.000000  celldm(3)=   0.000000

     crystal axes: (cart. coord. in units of alat)
               a(1) = (   1.000000   0.000000   0.000000 )
               a(2) = (   0.000000   1.000000   0.000000 )
               a(3) = (   0.000000   0.000000   1.000000 )

     PseudoPot. # 1 for LI1 read from file:
     ./Li.upf
     MD5 check sum: 0123456789abcdef0123456789abcdef
     PseudoPot. # 2 for CL  read from file:
     ./Cl.upf
     MD5 check sum: fedcba9876543210fedcba9876543210

     atomic species   valence    mass     pseudopotential
        LI1            3.00     6.94000     Li( 1.00)
        CL             7.00    35.45000     Cl( 1.00)

   Cartesian axes

     site n.     atom                  positions (alat units)
         1           LI1 tau(   1) = (   0.0000000   0.0000000   0.0000000  )
         2           CL  tau(   2) = (   0.5000000   0.5000000   0.5000000  )

     number of k points=     1{smearing}
                       cart. coord. in units 2pi/alat
        k(    1) = (   0.0000000   0.0000000   0.0000000), wk =   2.0000000
"""
DONE = "\n=----=\n   JOB DONE.\n=----=\n"
FORCES = np.array([[0.01, -0.02, 0.03], [-0.01, 0.02, -0.03]])


def header(extra="", smearing=""):
    return HEADER.format(extra=extra, smearing=smearing)


def scf(energies, convergence="convergence has been achieved in  9 iterations", forces=FORCES, stress=True):
    """Return the text of one self-consistent field; every energy but the last is of an iteration."""
    lines = ["", "     Self-consistent Calculation", ""]
    lines += [f"!    total energy              ={energy:17.8f} Ry" for energy in energies]
    lines += ["", f"     {convergence}", "", "     Forces acting on atoms (cartesian axes, Ry/au):", ""]
    lines += [
        f"     atom{index:5d} type {index:2d}   force = " + "".join(f"{value:14.8f}" for value in row)
        for index, row in enumerate(forces, 1)
    ]
    lines += ["", "     Total force =     0.010000", ""]
    if stress:
        lines += ["          total   stress  (Ry/bohr**3)                   (kbar)     P=       14.71"]
        lines += ["   0.00010000   0.00000000   0.00000000           14.71        0.00        0.00"]
        lines += ["   0.00000000   0.00010000   0.00000200            0.00       14.71        0.29"]
        lines += ["   0.00000000   0.00000200   0.00010000            0.00        0.29       14.71", ""]
    return "\n".join(lines) + "\n"


def write(folder, text, name="pw.out"):
    path = folder / name
    path.write_text(text)
    return path


def test_labels_are_those_after_convergence_in_our_units(tmp_path):
    (frame,), notes = read(write(tmp_path, header() + scf([-59.5, -59.9, -60.0]) + DONE))
    labels = labels_of(frame)
    assert notes == []
    assert frame.get_chemical_symbols() == ["Li", "Cl"]
    np.testing.assert_allclose(frame.positions[1], [5.0 * BOHR_A] * 3, rtol=1e-12)
    assert labels["energy"] == pytest.approx(-60.0 * RYDBERG_EV, rel=1e-12)
    np.testing.assert_allclose(labels["forces"], FORCES * RYDBERG_EV / BOHR_A, rtol=1e-12)
    # pw.x counts compression positive: 1e-4 Ry/bohr³ along the diagonal, 2e-6 for yz.
    unit = RYDBERG_EV / BOHR_A**3
    np.testing.assert_allclose(labels["stress"], np.array([-1e-4] * 3 + [-2e-6, 0, 0]) * unit, atol=1e-15)


@pytest.mark.parametrize(
    ("cell", "edge", "positions", "expected"),
    [
        ("(alat= 10.00000000)", 1.1, "(crystal)", 0.25 * 11 * BOHR_A),
        ("(bohr)", 12.0, "(bohr)", 0.25 * BOHR_A),
        ("(angstrom)", 6.0, "(angstrom)", 0.25),
        ("(angstrom)", 6.0, "(alat)", 2.5 * BOHR_A),
    ],
)
def test_every_step_has_its_own_cell_and_positions(tmp_path, cell, edge, positions, expected):
    rows = [f"{edge:14.9f}{0:14.9f}{0:14.9f}", f"{0:14.9f}{edge:14.9f}{0:14.9f}", f"{0:14.9f}{0:14.9f}{edge:14.9f}"]
    moved = f"\nCELL_PARAMETERS {cell}\n" + "\n".join(rows) + "\n\n"
    moved += f"ATOMIC_POSITIONS {positions}\nLI1   0.0000000000  0.0000000000  0.0000000000\n"
    moved += "CL    0.2500000000  0.2500000000  0.2500000000\n\n"
    text = header() + scf([-60.0]) + moved + scf([-60.1]) + "\nBegin final coordinates\n" + moved
    frames, _ = read(write(tmp_path, text + "End final coordinates\n" + DONE))
    assert len(frames) == 2
    unit = {"(alat= 10.00000000)": 10 * BOHR_A, "(bohr)": BOHR_A, "(angstrom)": 1.0}[cell]
    np.testing.assert_allclose(frames[0].cell.lengths(), [10 * BOHR_A] * 3, rtol=1e-9)
    np.testing.assert_allclose(frames[1].cell.lengths(), [edge * unit] * 3, rtol=1e-9)
    np.testing.assert_allclose(frames[1].positions[1], [expected] * 3, rtol=1e-9)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"convergence": "convergence NOT achieved after 100 iterations: stopping"}, "did not converge"),
        ({"convergence": ""}, "nothing in the file says that its electrons converged"),
        ({"forces": [[np.nan] * 3, [0.0] * 3]}, "its forces hold stars, NaN or infinity"),
        ({"forces": FORCES[:1]}, "it is incomplete"),
    ],
)
def test_a_step_that_is_no_label_is_named_and_the_others_kept(tmp_path, broken, reason):
    text = header() + scf([-60.0]) + scf([-60.1], **broken) + scf([-60.2]) + DONE
    frames, notes = read(write(tmp_path, text))
    assert [frame.info["origin"].split("#")[1] for frame in frames] == ["0", "2"]
    assert len(notes) == 1
    assert "frame 1 is left out" in notes[0]
    assert reason in notes[0]


def test_stars_in_a_force_leave_that_frame_out(tmp_path):
    text = header() + scf([-60.0]) + scf([-60.1]).replace("   -0.02000000", " *************") + DONE
    frames, notes = read(write(tmp_path, text))
    assert len(frames) == 1
    assert "frame 1 is left out: its forces hold stars" in notes[0]


def test_numbers_that_touch_are_told_apart(tmp_path):
    forces = np.array([[-123.12345678, -234.12345678, 345.12345678], [123.12345678, 234.12345678, -345.12345678]])
    (frame,), _ = read(write(tmp_path, header() + scf([-60.0], forces=forces) + DONE))
    np.testing.assert_allclose(labels_of(frame)["forces"], forces * RYDBERG_EV / BOHR_A, rtol=1e-12)


def read_or_none(path):
    try:
        return read(path)
    except InputError:
        return None


def test_a_cut_at_any_byte_gives_whole_frames_with_their_own_numbers(tmp_path):
    text = header() + scf([-60.0]) + scf([-60.1]) + scf([-60.2]) + DONE
    whole = [labels_of(frame) for frame in read(write(tmp_path, text))[0]]
    counts = set()
    for length in range(len(header()), len(text), 7):
        found = read_or_none(write(tmp_path, text[:length], "cut.out"))
        if found is None:
            continue
        frames, notes = found
        counts.add(len(frames))
        assert notes or length > text.index("JOB DONE")
        for frame, labels in zip(frames, whole, strict=False):
            for name, value in labels_of(frame).items():
                np.testing.assert_array_equal(value, labels[name])
            # Before the second step nothing tells that there will be a stress.
            assert set(labels_of(frame)) == set(labels) or len(frames) == 1
    assert counts == {1, 2, 3}


def test_runs_appended_in_one_file_keep_their_settings(tmp_path):
    other = header().replace("40.0000  Ry", "50.0000  Ry")
    frames, _ = read(write(tmp_path, header() + scf([-60.0]) + DONE + other + scf([-60.1]) + DONE))
    assert len(frames) == 2
    assert "cut-off is 40/160 Ry in one and 50/160 Ry" in difference(*map(level_of, frames))


def test_forces_set_to_zero_on_fixed_atoms_are_no_label(tmp_path):
    forces = np.array([[0.0, 0.0, 0.0], [0.01, 0.0, 0.0]])
    moved = "\nATOMIC_POSITIONS (alat)\nLI1   0.0000000000  0.0000000000  0.0000000000    0   0   0\n"
    moved += "CL    0.5100000000  0.5000000000  0.5000000000\n\n"
    text = header() + scf([-60.0], forces=forces) + moved + scf([-60.1], forces=forces) + DONE
    with pytest.raises(InputError, match="forces on them were set to zero"):
        read(write(tmp_path, text))
    frames, notes = read(write(tmp_path, header() + scf([-60.0]) + moved + scf([-60.1]) + DONE))
    assert len(frames) == 2
    assert "atoms are fixed in the input" in notes[0]


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, {"method": "PBE", "cutoff": (40.0, 160.0), "smearing": ("fixed", 0.0), "spin": "unpolarised"}),
        ({"extra": "     Parameters for DFT-D3 Dispersion Correction:"}, {"dispersion": "D3"}),
        ({"extra": "     Parameters for Dispersion (Grimme-D2) Correction:"}, {"dispersion": "D2"}),
        ({"extra": "     Noncollinear calculation with spin-orbit"}, {"spin": "spin-orbit coupling"}),
        ({"extra": "     Starting magnetic structure"}, {"spin": "collinear spin"}),
        ({"extra": "     Hubbard projectors: atomic\n     U(LI1-2p) =  3.0000"}, {"hubbard": {"Li": "p 3 eV"}}),
        (
            {"smearing": "  Marzari-Vanderbilt smearing, width (Ry)=  0.0200"},
            {"smearing": ("Marzari-Vanderbilt", pytest.approx(0.02 * RYDBERG_EV, rel=1e-3))},
        ),
    ],
)
def test_level_of_theory(tmp_path, given, fields):
    (frame,), _ = read(write(tmp_path, header(**given) + scf([-60.0]) + DONE))
    level = LevelOfTheory.parse(level_of(frame))
    assert {name: getattr(level, name) for name in fields} == fields
    assert level.potentials == {"Li": "Li.upf#01234567", "Cl": "Cl.upf#fedcba98"}


def test_iterations_out_of_order_tell_lines_that_are_missing_or_repeated(tmp_path):
    def numbered(*numbers):
        rows = "".join(f"     iteration # {number:2d}     ecut=    40.00 Ry     beta= 0.70\n" for number in numbers)
        return scf([-60.0 - 0.1 * len(numbers)]).replace("Calculation\n", "Calculation\n" + rows, 1)

    frames, notes = read(write(tmp_path, header() + numbered(1, 2, 3) + numbered(1, 2, 6, 7) + DONE))
    assert len(frames) == 1
    assert "frame 1 is left out: its iterations are out of order" in notes[0]


def pack_zst(data):
    return pytest.importorskip("zstandard").compress(data)


@pytest.mark.parametrize(
    ("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress), ("zst", pack_zst)]
)
def test_packed_file_whole_and_cut_short(tmp_path, suffix, pack):
    steps = "".join(scf([-60.0 - 0.001 * index], forces=FORCES * (1 + index)) for index in range(200))
    packed = pack((header() + steps + DONE).encode())
    path = tmp_path / f"pw.out.{suffix}"
    path.write_bytes(packed)
    assert is_output(path)
    whole, notes = read(path)
    assert (len(whole), notes) == (200, [])
    path.write_bytes(packed[: len(packed) - 20])
    frames = read_or_none(path)
    if frames is not None:  # bzip2 and zstandard pack in blocks, and a block that is cut is lost
        assert [labels_of(frame)["energy"] for frame in frames[0]] == [
            labels_of(frame)["energy"] for frame in whole[: len(frames[0])]
        ]
        assert frames[1]


INPUT = """&control
 calculation='{kind}', tprnfor=.true., tstress=.true., pseudo_dir='{pseudos}', outdir='out', nstep=2 /
&system ibrav=2, celldm(1)=9.7, nat=2, ntyp=2, ecutwfc=16, occupations='smearing', degauss=0.02 /
&electrons conv_thr=1e-9 /
&ions /
&cell /
ATOMIC_SPECIES
LI1 6.94 Li.upf
CL 35.45 Cl.upf
ATOMIC_POSITIONS crystal
LI1 0 0 0
CL 0.52 0.5 0.49
K_POINTS automatic
2 1 1 0 0 0
"""


@pytest.mark.engine("pw.x")
@pytest.mark.parametrize("kind", ["vc-relax", "md"])
def test_text_and_xml_of_a_run_agree(tmp_path, kind, pseudos):
    """Frames, labels and level of theory from both files that one run writes."""
    (tmp_path / "pw.in").write_text(INPUT.format(kind=kind, pseudos=pseudos))
    with (tmp_path / "pw.out").open("w") as handle:
        subprocess.run(["pw.x", "-in", "pw.in"], cwd=tmp_path, stdout=handle, check=False)
    text, _ = read(tmp_path / "pw.out")
    xml, _ = read(next(tmp_path.glob("out/*.save/data-file-schema.xml")))
    assert len(text) == len(xml) >= 2
    for one, other in zip(text, xml, strict=True):
        first, second = labels_of(one), labels_of(other)
        np.testing.assert_allclose(first["energy"], second["energy"], atol=2e-7)
        np.testing.assert_allclose(first["forces"], second["forces"], atol=2e-6)
        np.testing.assert_allclose(one.positions, other.positions, atol=1e-6)
        np.testing.assert_allclose(one.cell.array, other.cell.array, atol=1e-5)
        assert difference(level_of(one), level_of(other)) is None
    np.testing.assert_allclose(labels_of(text[-1])["stress"], labels_of(xml[-1])["stress"], atol=2e-6)

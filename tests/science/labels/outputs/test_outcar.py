"""OUTCAR: every step with its own cell, convergence as for vasprun.xml, numbers that touch, force fields of VASP."""

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import labels_of, level_of
from aiida_elyte.science.labels.outputs.reading import read_output
from aiida_elyte.science.labels.raw import sentences
from aiida_elyte.science.labels.theory import difference
from aiida_elyte.units import GPA
from tests.science.labels.outputs.test_vasprun import vasprun


def read(path):
    """Return the frames of an output, and what is said of those left out and of the file."""
    found = read_output(path)
    return found.frames, [*sentences(found.left_out), *found.notes]


HEADER = """ vasp.5.4.4.18Apr17-6-g9f103f2a35 (build Jan 01 2020 00:00:00) complex

 POTCAR:    PAW_PBE Li_sv 10Sep2004
 POTCAR:    PAW_PBE Cl 06Sep2000
   VRHFIN =Li: s1p0
   TITEL  = PAW_PBE Li_sv 10Sep2004
   VRHFIN =Cl: s2p5
   TITEL  = PAW_PBE Cl 06Sep2000
 generate k-points for:    1    1    1
   ions per type =               1   1
   ISPIN  =      1    spin polarized calculation?
   ENCUT  =  520.0 eV  38.22 Ry    6.18 a.u.   8.26  8.26  8.26*2*pi/ulx,y,z
   NELM   =     15;   NELMIN=  2; NELMDL= -5     # of ELM steps
   ISMEAR =     0;   SIGMA  =   0.05  broadening in eV -4-tet -1-fermi 0-gaus
   GGA     =    --    GGA type
"""
END = " General timing and accounting informations for this job:\n"
FORCES = np.array([[0.1, -0.2, 0.3], [-0.1, 0.2, -0.3]])


def step(number, energy, iterations=3, edge=4.0, forces=FORCES, reached="aborting loop because EDIFF is reached"):
    """Return the text of an ionic step; energies of the iterations are spelt as VASP does."""
    lines = []
    for index in range(1, iterations + 1):
        lines += [f"--------------------------------------- Iteration {number:6d}({index:4d})  -------------------"]
        lines += [f"  free energy    TOTEN  = {energy + 1:20.8f} eV"]
    rows = [
        f" {'':2}{edge * (axis == 0):13.9f}{edge * (axis == 1):13.9f}{edge * (axis == 2):13.9f}" for axis in range(3)
    ]
    lines += [f"------------------------ {reached} ------------------------", ""]
    lines += ["  in kB      16.02177     0.00000     0.00000     1.00000     2.00000     3.00000", ""]
    lines += ["      direct lattice vectors                 reciprocal lattice vectors"]
    lines += [row + "   " + f"{1 / edge:13.9f}" * 3 for row in rows]
    lines += ["", " POSITION                                       TOTAL-FORCE (eV/Angst)", " " + "-" * 83]
    lines += [
        "".join(f"{value:13.5f}" for value in [edge / 2 * index] * 3) + "   " + "".join(f"{one:14.6f}" for one in force)
        for index, force in enumerate(forces)
    ]
    lines += [" " + "-" * 83, "    total drift:     0.000000      0.000000      0.000000", ""]
    lines += [f"  free  energy   TOTEN  = {energy:20.8f} eV", ""]
    return "\n".join(lines) + "\n"


def write(folder, *parts, name="OUTCAR"):
    path = folder / name
    path.write_text(HEADER + "".join(parts))
    return path


def test_labels_and_cell_of_every_step(tmp_path):
    frames, notes = read(write(tmp_path, step(1, -10.0), step(2, -10.5, edge=4.4), END))
    assert notes == []
    assert [labels_of(frame)["energy"] for frame in frames] == [-10.0, -10.5]
    np.testing.assert_allclose([frame.cell.lengths()[0] for frame in frames], [4.0, 4.4])
    np.testing.assert_allclose(frames[1].positions, [[0, 0, 0], [2.2, 2.2, 2.2]], atol=1e-12)
    np.testing.assert_allclose(labels_of(frames[0])["forces"], FORCES, atol=1e-12)
    # kB counts compression positive and is told as xx yy zz xy yz zx; 1 kB = 0.1 GPa.
    np.testing.assert_allclose(labels_of(frames[0])["stress"], -0.1 * GPA * np.array([16.02177, 0, 0, 2, 3, 1]))


def test_the_same_run_as_vasprun_xml_is_of_one_level(tmp_path):
    (tmp_path / "vasprun.xml").write_text(
        vasprun(extra='<i name="ISMEAR">0</i><i name="SIGMA">0.05</i><i name="ISPIN">1</i>')
    )
    (one,), _ = read(tmp_path / "vasprun.xml")
    (other,), _ = read(write(tmp_path, step(1, -10.5), END))
    assert difference(level_of(one), level_of(other)) is None
    for name, value in labels_of(one).items():
        if name != "stress":
            np.testing.assert_allclose(value, labels_of(other)[name], atol=1e-9)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"iterations": 15}, "did not converge (15 iterations of NELM = 15)"),
        ({"reached": "aborting loop EDIFF was not reached (unconverged)"}, "did not converge (VASP says so)"),
        ({"forces": FORCES[:1]}, "it has 1 rows of positions and forces for 2 atoms"),
        ({"forces": FORCES * np.nan}, "its forces hold stars, NaN or infinity"),
    ],
)
def test_a_step_that_is_no_label_is_named_and_the_others_kept(tmp_path, bad, reason):
    frames, notes = read(write(tmp_path, step(1, -10.0), step(2, -10.1, **bad), step(3, -10.2), END))
    assert [labels_of(frame)["energy"] for frame in frames] == [-10.0, -10.2]
    assert len(notes) == 1
    assert "frame 1 is left out" in notes[0]
    assert reason in notes[0]


def test_energy_of_stars(tmp_path):
    starred = step(2, -10.1).replace("=         -10.10000000 eV", "=  ****************** eV")
    frames, notes = read(write(tmp_path, step(1, -10.0), starred, END))
    assert len(frames) == 1
    assert "frame 1 is left out: its energy holds" in notes[0]


def test_numbers_that_touch_are_told_apart(tmp_path):
    forces = np.array([[1234567.123456, -1234567.123456, 1234567.654321], [0.0, 0.0, 0.0]])
    (frame,), _ = read(write(tmp_path, step(1, -10.0, forces=forces), END))
    np.testing.assert_allclose(labels_of(frame)["forces"], forces, rtol=1e-12)


def test_steps_of_the_force_field_that_vasp_learns_are_not_taken(tmp_path):
    learned = step(2, -99.0).replace("TOTAL-FORCE (eV/Angst)", "TOTAL-FORCE (eV/Angst) (ML)")
    learned = learned.replace("free  energy   TOTEN", "free  energy ML TOTEN").replace("Iteration", "No iteration")
    frames, notes = read(write(tmp_path, step(1, -10.0), learned, step(2, -10.1), END))
    assert [labels_of(frame)["energy"] for frame in frames] == [-10.0, -10.1]
    assert "force field that VASP learns" in notes[0]


def test_fixed_charge_density_gives_no_label(tmp_path):
    path = tmp_path / "OUTCAR"
    path.write_text(HEADER + "   ICHARG =     11    charge: 1-file 2-atom 10-const\n" + step(1, -10.0) + END)
    with pytest.raises(InputError, match="ICHARG above 10"):
        read(path)


def test_a_cut_keeps_the_steps_before(tmp_path):
    text = HEADER + step(1, -10.0) + step(2, -10.1)
    for cut in range(len(HEADER + step(1, -10.0)) + 200, len(text) - 8, 31):
        path = tmp_path / "OUTCAR"
        path.write_text(text[:cut])
        frames, notes = read(path)
        assert [labels_of(frame)["energy"] for frame in frames] == [-10.0], cut
        assert "frame 1 is left out: the file ends within it" in notes[0]


def test_six_decimals_of_old_versions_are_read(tmp_path):
    old = step(1, -10.5).replace(f"  free  energy   TOTEN  = {-10.5:20.8f}", f"  free  energy   TOTEN  = {-10.5:18.6f}")
    frames, left_out = read(write(tmp_path, old, END))
    assert left_out == []
    assert labels_of(frames[0])["energy"] == pytest.approx(-10.5, abs=1e-9)


def test_a_functional_cut_to_five_letters_is_that_of_vasprun(tmp_path):
    header = "   METAGGA = R2SCA    LMAXTAU =  6    LMIXTAU =  T\n"
    frames, _ = read(write(tmp_path, header, step(1, -10.5), END))
    assert level_of(frames[0]).startswith("r2SCAN, 520 eV")


@pytest.mark.parametrize("label", [" " * 30, "   ions per type =            "])
def test_more_than_ten_types_go_on_in_a_second_line(tmp_path, label):
    elements = ["H", "Li", "Be", "B", "C", "N", "O", "F", "Na", "Mg", "Al", "Si"]
    titles = "".join(f"   VRHFIN ={name}: s1\n   TITEL  = PAW_PBE {name} 01Jan2001\n" for name in elements)
    counts = "   ions per type =            " + "   1" * 10 + f"\n{label}   2   1\n NGX,Y,Z   is equivalent\n"
    begin, end = HEADER.index("   VRHFIN"), HEADER.index("   ISPIN")
    forces = np.arange(39).reshape(13, 3) / 100
    path = tmp_path / "OUTCAR"
    path.write_text(HEADER[:begin] + titles + counts + HEADER[end:] + step(1, -10.0, forces=forces) + END)
    (frame,), said = read(path)
    assert said == []
    assert frame.get_chemical_symbols() == [*elements[:10], "Al", "Al", "Si"]
    np.testing.assert_allclose(labels_of(frame)["forces"], forces)

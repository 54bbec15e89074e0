"""vasprun.xml: labels, level of theory, and what is rejected."""

import gzip

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import block_of, labels_of, level_of
from aiida_elyte.science.labels.outputs.reading import is_output, read_output
from aiida_elyte.science.labels.raw import sentences


def read(path):
    """Return the frames of an output, and what is said of those left out and of the file."""
    found = read_output(path)
    return found.frames, [*sentences(found.left_out), *found.notes]


FREE, AT_ZERO_SMEARING = -10.5, -10.25
"""Energies of the made-up run [eV]; forces belong to the first."""
FORCES = np.array([[0.1, -0.2, 0.3], [-0.1, 0.2, -0.3]])


def vasprun(*, steps=(3,), nelm=60, gga="PE", extra="", potentials=("PAW_PBE Li_sv 10Sep2004", "PAW_PBE Cl 06Sep2000")):
    """Return a vasprun.xml of LiCl; ``steps`` holds the number of electronic steps of each frame."""
    structure = """
 <structure{name}><crystal><varray name="basis"><v>4 0 0</v><v>0 4 0</v><v>0 0 4</v></varray></crystal>
  <varray name="positions"><v>0 0 0</v><v>0.5 0.5 0.5</v></varray></structure>"""
    energy = f'<i name="e_fr_energy">{FREE}</i><i name="e_0_energy">{AT_ZERO_SMEARING}</i>'
    rows = "".join("<v>" + " ".join(map(str, row)) + "</v>" for row in FORCES)
    calculations = "".join(
        f"<calculation>{f'<scstep><energy>{energy}</energy></scstep>' * count}{structure.format(name='')}"
        f'<varray name="forces">{rows}</varray>'
        '<varray name="stress"><v>-16.02176634 0 0</v><v>0 0 0</v><v>0 0 0</v></varray>'
        f"<energy>{energy}</energy></calculation>"
        for count in steps
    )
    kinds = "".join(f"<rc><c>1</c><c>X</c><c>1</c><c>1</c><c>{name}</c></rc>" for name in potentials)
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <kpoints><varray name="kpointlist"><v>0 0 0</v></varray><varray name="weights"><v>1</v></varray></kpoints>
 <parameters><i name="ENMAX">520.0</i><i name="NELM" type="int">{nelm}</i><i name="GGA" type="string">{gga}</i>
  {extra}</parameters>
 <atominfo>
  <array name="atoms"><set><rc><c>Li</c><c>1</c></rc><rc><c>Cl</c><c>2</c></rc></set></array>
  <array name="atomtypes"><set>{kinds}</set></array>
 </atominfo>
 {structure.format(name=' name="initialpos"')}
 {calculations}
</modeling>"""


def write(folder, text, name="vasprun.xml"):
    path = folder / name
    path.write_text(text)
    return path


def test_energy_is_the_one_the_forces_belong_to(tmp_path):
    frames, left_out = read(write(tmp_path, vasprun()))
    labels = labels_of(frames[0])
    assert left_out == []
    assert frames[0].get_chemical_formula() == "ClLi"
    assert labels["energy"] == pytest.approx(FREE, abs=1e-12)
    np.testing.assert_allclose(labels["forces"], FORCES, atol=1e-12)
    # VASP writes kbar and counts compression positive; 1602.176634 kbar are 1 eV/Å³.
    np.testing.assert_allclose(labels["stress"], [0.01, 0, 0, 0, 0, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "PBE, 520 eV, k-spacing 1.571/Å or more, Cl: PAW_PBE Cl 06Sep2000 + Li: PAW_PBE Li_sv 10Sep2004"),
        ({"gga": "PS"}, "PBEsol, 520 eV"),
        ({"gga": "--"}, "PBE, 520 eV"),
        (
            {"gga": "--", "potentials": ("PAW Li", "PAW Cl")},
            "functional of the POTCAR, 520 eV, k-spacing 1.571/Å or more, Cl: PAW Cl + Li: PAW Li",
        ),
        ({"extra": '<i name="METAGGA" type="string">R2SCAN</i>'}, "r2SCAN, 520 eV"),
        ({"extra": '<i name="IVDW" type="int">12</i>'}, "PBE + D3(BJ), 520 eV"),
        ({"extra": '<i name="IVDW" type="int">0</i>'}, "PBE, 520 eV, k"),
    ],
)
def test_level_of_theory(tmp_path, given, said):
    assert level_of(read(write(tmp_path, vasprun(**given)))[0][0]).startswith(said)


@pytest.mark.parametrize(
    ("screening", "said"),
    [
        ("0.2", "HSE06, 520 eV"),
        ("0.207", "HSE06, 520 eV"),
        ("0.208", "HSE06, 520 eV"),
        ("0.0", "PBE0, 520 eV"),
        ("0.3", "PBE, 520 eV"),
    ],
)
def test_hybrids_are_told_by_exchange_and_screening(tmp_path, screening, said):
    extra = f'<i name="LHFCALC">T</i><i name="AEXX">0.25</i><i name="HFSCREEN">{screening}</i>'
    level = level_of(read(write(tmp_path, vasprun(extra=extra)))[0][0])
    assert level.startswith(said)
    assert ("exact exchange 0.25 screened by 0.3/Å" in level) == (screening == "0.3")


def test_frames_that_did_not_converge_are_left_out_and_named(tmp_path):
    frames, left_out = read(write(tmp_path, vasprun(steps=(3, 60, 5))))
    assert [frame.info["origin"].split("#")[1] for frame in frames] == ["0", "2"]
    assert left_out == ["frame 1 is left out: its electrons did not converge (60 iterations of NELM = 60)"]


def test_no_converged_frame_is_refused(tmp_path):
    with pytest.raises(InputError, match="no converged frame"):
        read(write(tmp_path, vasprun(steps=(60,))))


def test_runs_in_different_folders_are_different_blocks(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (read(write(tmp_path / name, vasprun()))[0][0] for name in ("one", "two"))
    assert block_of(one) == "one/vasprun.xml"
    assert block_of(one) != block_of(two)


def test_compressed_file(tmp_path):
    path = tmp_path / "vasprun.xml.gz"
    path.write_bytes(gzip.compress(vasprun().encode()))
    assert is_output(path)
    assert len(read(path)[0]) == 1


def test_run_cut_short_keeps_its_whole_frames(tmp_path):
    whole = vasprun(steps=(3, 4))
    path = write(tmp_path, whole[: whole.rindex("<energy>")])
    assert len(read(path)[0]) == 1


@pytest.mark.parametrize("text", ["", "no output\n", "<modeling>", "Program PWSCF v.7.2 starts\n"])
def test_broken_files_are_refused_in_one_line(tmp_path, text):
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=r"vasprun\.xml") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_iterations_of_a_linear_response_are_not_those_of_the_electrons(tmp_path):
    # LEPSILON and IBRION = 7, 8 write the steps of the response after forces and energy.
    response = "<scstep><energy></energy></scstep>" * 97
    text = vasprun(steps=(12,)).replace("</calculation>", f"{response}</calculation>")
    frames, left_out = read(write(tmp_path, text))
    assert left_out == []
    assert labels_of(frames[0])["energy"] == pytest.approx(FREE, abs=1e-12)


def test_element_that_vasp_writes_as_one_letter_is_that_of_its_potential(tmp_path):
    text = vasprun(potentials=("PAW_PBE Zr_sv 04Jan2005", "PAW_PBE Cl 06Sep2000"))
    frames, _ = read(write(tmp_path, text.replace("<rc><c>Li</c>", "<rc><c>r </c>")))
    assert frames[0].get_chemical_symbols() == ["Zr", "Cl"]

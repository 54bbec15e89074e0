"""CP2K, FHI-aims and CASTEP: energy, geometry and convergence of every step."""

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import labels_of, level_of
from aiida_elyte.science.labels.outputs.reading import read_output
from aiida_elyte.science.labels.raw import sentences
from aiida_elyte.science.labels.theory import LevelOfTheory
from aiida_elyte.units import BOHR_A, BOLTZMANN_EV_K, GPA, HARTREE_EV


def read(path):
    """Return the frames of an output, and what is said of those left out and of the file."""
    found = read_output(path)
    return found.frames, [*sentences(found.left_out), *found.notes]


FORCES = np.array([[0.01, -0.02, 0.03], [-0.01, 0.02, -0.03]])
POSITIONS = np.array([[0.0, 0.0, 0.0], [1.5, 1.25, 1.0]])

CP2K = """ CP2K| version string:                                       CP2K version 2023.1
 GLOBAL| Project name                                                        run
 GLOBAL| Run type                                                             MD
 CELL| Vector a [angstrom]:       5.000     0.100     0.000   |a| =     5.001000
 CELL| Vector b [angstrom]:       0.000     5.200     0.200   |b| =     5.203845
 CELL| Vector c [angstrom]:       0.000     0.000     5.400   |c| =     5.400000
 DFT| Spin restricted Kohn-Sham (RKS) calculation                            RKS
 FUNCTIONAL| PBE:
 vdW POTENTIAL|          DFT-D3 (Version 3.1)
 vdW POTENTIAL|          BJ Damping: S. Grimme et al, JCC 32: 1456 (2011)
 QS| Method:                                                                 GPW
 QS| Density cutoff [a.u.]:                                                200.0

  1. Atomic kind: Li                                    Number of atoms:       1

     Orbital Basis Set                                       DZVP-MOLOPT-SR-GTH
     GTH Potential information for                                    GTH-PBE-q3

  2. Atomic kind: Cl                                    Number of atoms:       1

     Orbital Basis Set                                       DZVP-MOLOPT-SR-GTH
     GTH Potential information for                                    GTH-PBE-q7

                        Smear method:                                FERMI_DIRAC
                        Electronic temperature [K]:                        300.0

{ensemble}
 MODULE QUICKSTEP: ATOMIC COORDINATES IN ANGSTROM

   Atom Kind Element         X             Y             Z       Z(eff)     Mass
      1    1 Li    3      0.000000      0.000000      0.000000   3.0000   6.9400
      2    2 Cl   17      1.500000      1.250000      1.000000   7.0000  35.4500


"""
CP2K_END = " **** **** ******  **  PROGRAM ENDED AT               2026-01-01 00:00:00.000\n"


def cp2k_step(energy, converged=True, forces=FORCES):
    lines = [" SCF WAVEFUNCTION OPTIMIZATION", ""]
    lines += [
        "  *** SCF run converged in    10 steps ***" if converged else " *** WARNING :: SCF run NOT converged ***"
    ]
    lines += ["", f" ENERGY| Total FORCE_EVAL ( QS ) energy [a.u.]:          {energy:21.15f}", ""]
    if forces is not None:
        lines += [" ATOMIC FORCES in [a.u.]", "", " # Atom   Kind   Element          X              Y              Z"]
        lines += [
            f"{index:7d}{index:7d}      Li      " + "".join(f"{value:15.8f}" for value in row)
            for index, row in enumerate(forces, 1)
        ]
        lines += [" SUM OF ATOMIC FORCES           0.0     0.0      0.0     0.0", ""]
    lines += [" STRESS| Analytical stress tensor [GPa]", " STRESS|                        x             y            z"]
    lines += [" STRESS|      x        1.00000000000E+00   6.00000000000E-01   5.00000000000E-01"]
    lines += [" STRESS|      y        6.00000000000E-01   2.00000000000E+00   4.00000000000E-01"]
    lines += [" STRESS|      z        5.00000000000E-01   4.00000000000E-01   3.00000000000E+00", ""]
    return "\n".join(lines) + "\n"


def cp2k_files(folder, energies, cells=True, name="pos"):
    """Write positions, shifted by 0.1 Å a step, and cells, 1 % larger each step."""
    text = ""
    for number, energy in enumerate(energies):
        text += f"       2\n i = {number:8d}, time = {number:12.3f}, E = {energy:20.10f}\n"
        for symbol, row in zip(("Li", "Cl"), POSITIONS + 0.1 * number, strict=True):
            text += f"  {symbol}" + "".join(f"{value:20.10f}" for value in row) + "\n"
    (folder / f"run-{name}-1.xyz").write_text(text)
    if cells:
        rows = [np.array([5, 0.1, 0, 0, 5.2, 0.2, 0, 0, 5.4]) * 1.01**number for number in range(len(energies))]
        lines = [
            f"{number} {number:.3f} " + " ".join(f"{value:.10f}" for value in row) + " 140.0"
            for number, row in enumerate(rows)
        ]
        (folder / "run-1.cell").write_text("#   Step   Time\n" + "\n".join(lines) + "\n")


def write(folder, text, name="run.out"):
    path = folder / name
    path.write_text(text)
    return path


def test_cp2k_single_point(tmp_path):
    text = CP2K.format(ensemble="") + cp2k_step(-2.5) + CP2K_END
    (frame,), notes = read(write(tmp_path, text))
    labels = labels_of(frame)
    assert notes == []
    assert frame.get_chemical_symbols() == ["Li", "Cl"]
    np.testing.assert_allclose(frame.positions, POSITIONS)
    np.testing.assert_allclose(frame.cell.array, [[5, 0.1, 0], [0, 5.2, 0.2], [0, 0, 5.4]], atol=1e-6)
    assert labels["energy"] == pytest.approx(-2.5 * HARTREE_EV)
    np.testing.assert_allclose(labels["forces"], FORCES * HARTREE_EV / BOHR_A)
    # CP2K counts compression positive.
    np.testing.assert_allclose(labels["stress"], -GPA * np.array([1, 2, 3, 0.4, 0.5, 0.6]))
    level = LevelOfTheory.parse(level_of(frame))
    assert (level.method, level.dispersion, level.cutoff, level.cutoff_unit) == ("PBE", "D3(BJ)", (400.0,), "Ry")
    assert level.smearing == ("Fermi-Dirac", pytest.approx(300 * BOLTZMANN_EV_K, rel=1e-3))
    assert level.potentials["Cl"] == "DZVP-MOLOPT-SR-GTH with GTH-PBE-q7"


def test_cp2k_dynamics_take_positions_and_cells_from_the_files_beside(tmp_path):
    energies = [-2.5, -2.6, -2.7]
    text = CP2K.format(ensemble=" MD_PAR| Ensemble type                        NPT_F\n")
    path = write(tmp_path, text + "".join(map(cp2k_step, energies)) + CP2K_END)
    cp2k_files(tmp_path, energies)
    frames, _ = read(path)
    assert len(frames) == 3
    np.testing.assert_allclose(frames[2].positions, POSITIONS + 0.2)
    np.testing.assert_allclose(frames[2].cell.array[0], np.array([5, 0.1, 0]) * 1.01**2)
    (tmp_path / "run-1.cell").unlink()
    frames, notes = read(path)
    assert len(frames) == 1
    assert "frames 1-2 are left out: its cell is not in the output; expected PROJECT-1.cell" in notes[0]
    (tmp_path / "run-pos-1.xyz").unlink()
    assert "its positions are not in the output" in read(path)[1][0]


def test_cp2k_steps_are_matched_to_positions_by_energy_not_by_count(tmp_path):
    """An optimisation evaluates more often than it writes positions."""
    cp2k_files(tmp_path, [-2.5, -2.7], cells=False)
    text = CP2K.format(ensemble="") + "".join(map(cp2k_step, [-2.5, -2.6, -2.7])) + CP2K_END
    frames, notes = read(write(tmp_path, text))
    assert [frame.info["origin"].split("#")[1] for frame in frames] == ["0", "2"]
    np.testing.assert_allclose(frames[1].positions, POSITIONS + 0.1)
    assert "frame 1 is left out: its positions are not in the output" in notes[0]


def test_cp2k_lengths_in_bohr_are_converted_where_the_file_says_so(tmp_path):
    """PRINT sections take a UNIT: the same atoms, cell and cells of a run, written in bohr."""
    energies = [-2.5, -2.6]
    head = CP2K.format(ensemble=" MD_PAR| Ensemble type                        NPT_F\n")
    head = head.replace("COORDINATES IN ANGSTROM", "COORDINATES IN BOHR").replace("[angstrom]", "[bohr]")
    path = write(tmp_path, head + cp2k_step(-2.5) + CP2K_END)
    (frame,), _ = read(path)
    np.testing.assert_allclose(frame.positions, POSITIONS * 0.529177210903, rtol=1e-7)
    np.testing.assert_allclose(frame.cell.lengths()[2], 5.4 * 0.529177210903, rtol=1e-6)
    cp2k_files(tmp_path, energies)
    cells = (tmp_path / "run-1.cell").read_text().replace("Time", "Time [fs]       Ax [bohr]")
    (tmp_path / "run-1.cell").write_text(cells)
    frames, _ = read(write(tmp_path, head.replace("IN BOHR", "IN ANGSTROM") + "".join(map(cp2k_step, energies))))
    np.testing.assert_allclose(frames[1].cell.lengths()[2], 5.4 * 1.01 * 0.529177210903, rtol=1e-7)


def test_cp2k_trajectory_in_bohr_is_rejected_by_the_positions_of_the_output(tmp_path):
    """The XYZ file itself does not tell its unit: 2.8346 bohr are 1.5 Å."""
    cp2k_files(tmp_path, [-2.5])
    path = write(tmp_path, CP2K.format(ensemble="") + cp2k_step(-2.5) + CP2K_END)
    beside = tmp_path / "run-pos-1.xyz"
    rows = beside.read_text().splitlines()
    rows[3] = "  Cl" + "".join(f"{value / 0.529177210903:20.10f}" for value in POSITIONS[1])
    beside.write_text("\n".join(rows) + "\n")
    with pytest.raises(InputError, match=r"run-pos-1.xyz is in bohr, .*; expected Å"):
        read(path)


def test_cp2k_unconverged_step_and_forces_of_fixed_atoms(tmp_path):
    cp2k_files(tmp_path, [-2.5, -2.6, -2.7])
    head = CP2K.format(ensemble="")
    text = head + cp2k_step(-2.5) + cp2k_step(-2.6, converged=False) + cp2k_step(-2.7) + CP2K_END
    assert "frame 1 is left out: its electrons did not converge" in read(write(tmp_path, text))[1][0]
    fixed = FORCES * [[0], [1]]
    text = head + cp2k_step(-2.5, forces=fixed) + cp2k_step(-2.6, forces=fixed) + CP2K_END
    with pytest.raises(InputError, match="forces on atoms 1 are zero in every step"):
        read(write(tmp_path, text))


AIMS = """          Invoking FHI-aims ...
    xc                 pbe
    spin               none
    occupation_type    gaussian 0.01
    k_grid             2 2 2
    MD_run             0.005 NVE 300
  #  Suggested "light" defaults for H atom (to be pasted into control.in file)
    species        H
  | Number of atoms                   :        2
  | Unit cell:
  |         4.000000         0.000000         0.000000
  |         0.000000         4.000000         0.000000
  |         0.000000         0.000000         4.000000
  | Atomic structure:
  |       Atom                x [A]            y [A]            z [A]
  |    1: Species H              0.000000         0.000000         0.000000
  |    2: Species H              1.500000         1.250000         1.000000

"""
AIMS_END = "          Have a nice day.\n"


def aims_step(energy, shift=0.0, converged=True, told=True):
    """Return a step of dynamics: forces, then the cell and the positions they belong to."""
    lines = ["          Begin self-consistency loop: Re-initialization.", ""]
    lines += [
        "  Self-consistency cycle converged." if converged else " * WARNING! SELF-CONSISTENCY CYCLE DID NOT CONVERGE"
    ]
    lines += ["  |              Analytical stress tensor - Symmetrized               |"]
    lines += ["  |                x                y                z                |"]
    lines += [
        f"  |  {axis}  " + "".join(f"{-0.01 * (axis == other):17.8f}" for other in "xyz") + "    |" for axis in "xyz"
    ]
    lines += ["", f"  | Total energy uncorrected      :         {energy + 0.2:.15E} eV"]
    lines += [f"  | Total energy corrected        :         {energy + 0.1:.15E} eV  <-- do not rely on this value"]
    lines += [f"  | Electronic free energy        :         {energy:.15E} eV"]
    lines += ["  Total atomic forces (unitary forces cleaned) [eV/Ang]:"]
    lines += [f"  |{index:4d} " + "".join(f"{value:30.15E}" for value in row) for index, row in enumerate(FORCES, 1)]
    lines += [""]
    if told:
        lines += ["  Atomic structure (and velocities) as used in the preceding time step:"]
        lines += [f"  lattice_vector {(4 + shift) * (axis == 0):16.8f}{(4 + shift) * (axis == 1):16.8f}"
                  f"{(4 + shift) * (axis == 2):16.8f}" for axis in range(3)]  # fmt: skip
        lines += ["   atom " + "".join(f"{value:18.8f}" for value in row) + "  H" for row in POSITIONS + shift]
        lines += ["------------------------------------------------------------"]
    return "\n".join(lines) + "\n"


def test_aims_dynamics_free_energy_and_geometry_of_every_step(tmp_path):
    frames, notes = read(write(tmp_path, AIMS + aims_step(-20.0) + aims_step(-21.0, shift=0.5) + AIMS_END))
    assert notes == []
    assert [labels_of(frame)["energy"] for frame in frames] == [-20.0, -21.0]
    np.testing.assert_allclose(frames[1].positions, POSITIONS + 0.5)
    np.testing.assert_allclose(frames[1].cell.lengths(), [4.5] * 3)
    np.testing.assert_allclose(labels_of(frames[1])["forces"], FORCES)
    np.testing.assert_allclose(labels_of(frames[1])["stress"], [-0.01] * 3 + [0] * 3)
    level = LevelOfTheory.parse(level_of(frames[0]))
    assert (level.method, level.smearing, level.potentials) == ("PBE", ("Gaussian", 0.01), {"H": "light"})


def test_aims_steps_without_convergence_or_geometry_are_left_out(tmp_path):
    steps = [aims_step(-20.0), aims_step(-21.0, converged=False), aims_step(-22.0, told=False)]
    frames, notes = read(write(tmp_path, AIMS + "".join(steps) + AIMS_END))
    assert len(frames) == 1
    assert "frame 1 is left out: its electrons did not converge" in notes[0]
    assert "frame 2 is left out: its positions are not in the file" in notes[1]
    frames, notes = read(write(tmp_path, AIMS + aims_step(-20.0) + aims_step(-21.0)[:-900]))
    assert len(frames) == 1
    assert "frame 1 is left out: the file ends within it" in notes[0]


def test_aims_forces_on_atoms_that_are_held_are_rejected(tmp_path):
    """A comment in geometry.in that names the keyword holds no atom."""
    title = "Total atomic forces (unitary forces cleaned"
    held = aims_step(-20.0).replace(title, title + ", then relaxation constraints were applied")
    said = "  Found relaxation constraint for atom       1: All coordinates fixed.\n"
    with pytest.raises(InputError, match="remain under the constraints"):
        read(write(tmp_path, AIMS + said + held + AIMS_END))
    comment = "  # constrain_relaxation .true. was tried\n"
    assert len(read(write(tmp_path, AIMS + comment + held + AIMS_END))[0]) == 1


CASTEP = """ | Welcome to Academic Release CASTEP version 16.1 |
 using functional                               : Perdew Burke Ernzerhof
 DFT+D: Semi-empirical dispersion correction    : {dispersion}
                          Dispersion-correction scheme : TS
 plane wave basis set cut-off                   :   150.0000   eV
 treating system as non-spin-polarized
 smearing scheme                                : Gaussian
 smearing width                                 : 0.2500       eV
                          Files used for pseudopotentials:
                                    Si Si_00PBE.usp

                           -------------------------------
                       MP grid size for SCF calculation is  2  2  3
"""


def castep_step(edge=4.0, unconverged=False, dispersion=False, title="Forces", forces=FORCES):
    lines = ["        Real Lattice(A)                      Reciprocal Lattice(1/A)"]
    lines += [
        "".join(f"{edge * (axis == other):12.7f}" for other in range(3)) + "        1.1571244" for axis in range(3)
    ]
    lines += ["", "            x  Element    Atom        Fractional coordinates of atoms  x"]
    lines += ["            x            Number           u          v          w      x", "            x------------x"]
    lines += ["            x  Si           1         0.000000   0.000000   0.000000   x"]
    lines += [
        "            x  Si:a         2         0.375000   0.312500   0.250000   x",
        "            xxxxxxxxxxxxxx",
        "",
    ]
    lines += ["SCF loop      Energy           Fermi           Energy gain       Timer   <-- SCF"]
    if unconverged:
        lines += ["*Warning* max. SCF cycles performed but system has not reached the groundstate."]
    lines += [
        "Final energy, E             =  -855.2511039540     eV",
        "Final free energy (E-TS)    =  -855.2542990165     eV",
    ]
    if dispersion:
        lines += ["Dispersion corrected final energy*, Ecor          =  -856.2511039540     eV"]
        lines += ["Dispersion corrected final free energy* (Ecor-TS) =  -856.2542990165     eV"]
        lines += ["NB dispersion corrected est. 0K energy* (Ecor-0.5TS) =  -856.2527     eV"]
    lines += [f" *********************************** {title} ***********************************"]
    lines += [" *                   x                    y                    z              *"]
    lines += [
        f" * Si        {index} " + "".join(f"{value:20.5f}" for value in row) + "         *"
        for index, row in enumerate(forces, 1)
    ]
    lines += [" " + "*" * 78, "", " ***************** Stress Tensor *****************"]
    lines += [" *             x             y             z     *"]
    lines += [
        " *  x      1.000000      0.600000      0.500000  *",
        " *  y      0.600000      2.000000      0.400000  *",
    ]
    lines += [" *  z      0.500000      0.400000      3.000000  *", " " + "*" * 49, ""]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("dispersion", "energy"), [(False, -855.2542990165), (True, -856.2542990165)])
def test_castep_free_energy_with_its_correction_and_cell_of_every_step(tmp_path, dispersion, energy):
    head = CASTEP.format(dispersion="on" if dispersion else "off")
    text = head + castep_step(dispersion=dispersion) + castep_step(4.4, dispersion=dispersion, forces=2 * FORCES)
    frames, notes = read(write(tmp_path, text + "Total time          =     10.00 s\n"))
    assert notes == []
    assert [labels_of(frame)["energy"] for frame in frames] == [energy] * 2
    np.testing.assert_allclose(frames[1].cell.lengths(), [4.4] * 3)
    np.testing.assert_allclose(frames[1].positions, POSITIONS * 1.1, atol=1e-9)
    np.testing.assert_allclose(labels_of(frames[0])["forces"], FORCES)
    np.testing.assert_allclose(labels_of(frames[0])["stress"], GPA * np.array([1, 2, 3, 0.4, 0.5, 0.6]))
    level = LevelOfTheory.parse(level_of(frames[0]))
    assert (level.method, level.dispersion) == ("PBE", "TS" if dispersion else None)
    assert (level.cutoff, level.smearing, level.potentials) == ((150.0,), ("Gaussian", 0.25), {"Si": "Si_00PBE.usp"})


@pytest.mark.parametrize(
    ("bad", "reason"),
    [({"unconverged": True}, "did not converge"), ({"title": "Constrained Forces"}, "remain under the constraints")],
)
def test_castep_step_that_is_no_label_is_named(tmp_path, bad, reason):
    text = CASTEP.format(dispersion="off") + castep_step() + castep_step(**bad) + castep_step()
    frames, notes = read(write(tmp_path, text + "Total time          =     10.00 s\n"))
    assert len(frames) == 2
    assert "frame 1 is left out" in notes[0]
    assert reason in notes[0]


def test_labels_of_one_geometry_at_another_are_named(tmp_path):
    """Lines that are repeated put the labels of one step behind the geometry of the next."""
    text = CASTEP.format(dispersion="off") + castep_step(4.0) + castep_step(4.4)
    frames, notes = read(write(tmp_path, text + "Total time          =     10.00 s\n"))
    assert len(frames) == 1
    assert "frame 1 is left out: its energy and forces are those of frame 0, at another geometry" in notes[0]

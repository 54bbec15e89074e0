"""What fuzzing found in the readers, each as a test of its own."""

import re
from pathlib import Path

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.crystal_files.read import read_structure
from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.labels.outputs.reading import read_output
from aiida_elyte.science.labels.raw import sentences
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.topology import read_topology
from tests.fuzz import structure_files, trajectory_files, vasp_files
from tests.fuzz.seed_files import SEEDS


def read(path):
    """Return the frames of an output, and what is said of those left out and of the file."""
    found = read_output(path)
    return found.frames, [*sentences(found.left_out), *found.notes]


KEPT = Path(__file__).parent / "seeds"
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def written(folder, name, text):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def replaced(text, pattern, words, number):
    """Return a text with other words for the group of the match of a number."""
    match = list(re.finditer(pattern, text, re.MULTILINE))[number]
    return text[: match.start(1)] + words.rjust(len(match[1])) + text[match.end(1) :]


def seed_of(name):
    seed = next(one for seeds in SEEDS.values() for one in seeds if one.name == name)
    if not seed.is_there:
        pytest.skip(f"{seed.source} is not there")
    return seed.content.decode()


@pytest.mark.parametrize("word", ["-Infinity", "NaN", "*********"])
def test_energy_of_outcar_that_is_none_loses_its_frame_alone(tmp_path, word):
    text = replaced(vasp_files.outcar(), r"free  energy   TOTEN  = +(\S+) eV", word, 1)
    frames, notes = read(written(tmp_path, "OUTCAR", text))
    assert len(frames) == vasp_files.outcar().count("TOTAL-FORCE") - 1
    assert "frame 1 is left out: its energy holds stars, NaN or infinity" in notes[0]


def test_relaxation_of_fhi_aims_with_fixed_atoms_is_rejected(tmp_path):
    """Two of its atoms are held, and the forces printed are those that remain."""
    seed = next(one for one in SEEDS["labels"] if one.name == "FHI-aims relax")
    if not seed.is_there:
        pytest.skip(f"{seed.source} is not there")
    text = seed.greeting + seed.source.read_bytes()
    assert b"Found relaxation constraint for atom" in text
    with pytest.raises(InputError, match="remain under the constraints"):
        read(written(tmp_path, "aims.out", text))


def test_infinite_cell_of_outcar_loses_its_frame(tmp_path):
    text = replaced(vasp_files.outcar(), r"direct lattice vectors.*\n +(\S+)", "Infinity", -1)
    frames, notes = read(written(tmp_path, "OUTCAR", text))
    assert all(np.isfinite(frame.cell.array).all() for frame in frames)
    assert "its cell holds stars, NaN or infinity" in notes[0]


def test_length_of_pw_that_is_none_is_not_replaced_by_a_rounded_one(tmp_path):
    text = replaced((KEPT / "pw_smearing.out").read_text(), r"celldm\(1\)= +(\S+)", "Infinity", 0)
    with pytest.raises(InputError, match=r"holds? stars, NaN or infinity"):
        read(written(tmp_path, "pw.out", text))


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("pw.x md", r"^ATOMIC_POSITIONS.*\n(.{20})"),
        ("FHI-aims md", r"as used in the preceding time step:\n.*\n(.{40})"),
        ("CP2K energy", r"Analytical stress tensor.*\n.*\n(.{20})"),
        ("CASTEP md", r"\*+ Stress Tensor \*+\n(?:.*\n){4}(.{8})"),
    ],
)
def test_run_that_ends_within_a_block_lends_nothing_to_the_run_behind_it(tmp_path, name, pattern):
    text = seed_of(name)
    end = list(re.finditer(pattern, text, re.MULTILINE))[-1].end()
    whole = read(written(tmp_path, "one.out", text))[0] if name != "CP2K md" else []
    frames, _ = read(written(tmp_path, "two.out", text[:end] + "\n" + text))
    for frame in frames:
        assert any(
            np.array_equal(frame.positions, one.positions)
            and np.array_equal(labels_of(frame)["forces"], labels_of(one)["forces"])
            for one in whole
        )
    assert len(frames) >= len(whole)


def test_stress_of_cp2k_that_is_none_is_not_taken_from_what_stands_behind_it(tmp_path):
    for name in ("run-pos-1.xyz", "run-1.cell"):
        written(tmp_path, name, (KEPT / f"cp2k_{name}").read_bytes())
    text = replaced((KEPT / "cp2k_md.out").read_text(), r"^ STRESS\| +x +(-?\d\S+)", "NaN", 0)
    frames, notes = read(written(tmp_path, "run.out", text))
    assert len(frames) == 2
    assert "frame 0 is left out: its stress" in notes[0]


def test_frame_without_the_stress_that_others_have_is_named(tmp_path):
    text = (KEPT / "pw_smearing.out").read_text()
    cut = text[: text.index("total   stress")].rpartition("\n")[0]
    frames, notes = read(written(tmp_path, "pw.out", cut + "\n" + text))
    assert ["stress" in labels_of(frame) for frame in frames] == [False, True]
    assert "frame 0 is taken without stress, which the others have" in notes[0]


@pytest.mark.parametrize(
    ("pattern", "word"), [(r"CELL\(abcABC\): +(\S+)", "********"), (r"Step: +(\d+)", "***"), (r" (90\.\S+) ", "inf")]
)
def test_comment_of_ipi_that_overflowed_is_rejected(tmp_path, pattern, word):
    text = trajectory_files.ipi_xyz()
    pattern = pattern if re.search(pattern, text) else r"CELL\(abcABC\):(?: +\S+){4} +(\S+)"
    with pytest.raises(InputError, match=r"frame 1 of .*run\.pos_0\.xyz"):
        list(open_trajectory(written(tmp_path, "run.pos_0.xyz", replaced(text, pattern, word, 1)), timestep_fs=0.5))


@pytest.mark.parametrize("word", ["inf", "-Infinity", "1E+300"])
def test_infinite_cell_is_left_out_at_the_end_and_rejected_before(tmp_path, word):
    text, pattern = trajectory_files.extxyz_trajectory(), r'Lattice="(\S+)'
    whole = list(open_trajectory(written(tmp_path, "run.extxyz", text)))
    last = open_trajectory(written(tmp_path, "run.extxyz", replaced(text, pattern, word, -1)))
    assert len(list(last)) == len(whole) - 1
    assert "it is left out" in last.notes[-1]
    with pytest.raises(InputError, match=r"frame 2 of .*run\.extxyz has a cell that is not finite, or beyond"):
        list(open_trajectory(written(tmp_path, "run.extxyz", replaced(text, pattern, word, 2))))


def test_infinite_time_is_no_interval(tmp_path):
    text = replaced(trajectory_files.extxyz_trajectory(), r"time_fs=(\S+)", "inf", 1)
    with pytest.raises(InputError, match=r"frame 1 of .*run\.extxyz has a time that is not finite"):
        open_trajectory(written(tmp_path, "run.extxyz", text))


def test_jump_of_an_atom_is_told_with_the_file(tmp_path):
    text = trajectory_files.cp2k_xyz()
    pattern = r"^ *Cl +(\S+)"
    half_a_cell_on = f"{float(re.findall(pattern, text, re.MULTILINE)[-1]) + 4.0:.10f}"
    path = written(tmp_path, "run-pos-1.xyz", replaced(text, pattern, half_a_cell_on, -1))
    with pytest.raises(InputError, match=r"^.*run-pos-1\.xyz: frame \d"):
        reduce_trajectory(open_trajectory(path, cell_A=np.diag([8.0, 8.0, 8.0])))


def test_poscar_cut_within_its_last_number_is_rejected_and_one_without_end_of_line_is_read(tmp_path):
    lines = [line.partition("   T")[0] for line in vasp_files.poscar().splitlines() if "dynamics" not in line]
    whole = read_structure(written(tmp_path, "POSCAR", "\n".join(lines)))
    assert len(whole) == 4
    with pytest.raises(InputError, match="with fewer decimals than the others and no end of line"):
        read_structure(written(tmp_path, "POSCAR", "\n".join(lines)[:-3]))


def test_scale_beyond_all_crystals_is_rejected(tmp_path):
    text = vasp_files.poscar().replace("1.00000000000000", "1E+300", 1)
    with pytest.raises(InputError, match="POSCAR"):
        read_structure(written(tmp_path, "POSCAR", text))


def test_topology_cut_before_or_within_its_bonds_is_rejected(tmp_path):
    psf, data = structure_files.psf(), structure_files.lammps_data()
    n_bonds = len(read_topology(written(tmp_path, "a.psf", psf)).bonds)
    assert n_bonds == len(read_topology(written(tmp_path, "a.data", data)).bonds)
    with pytest.raises(InputError, match=r"b\.psf has no section !NBOND"):
        read_topology(written(tmp_path, "b.psf", psf[: psf.rindex("\n", 0, psf.index("!NBOND")) + 1]))
    with pytest.raises(InputError, match=rf"c\.psf says that it has {n_bonds} bonds, and lists 0"):
        read_topology(written(tmp_path, "c.psf", psf[: psf.index("\n", psf.index("!NBOND")) + 1]))
    with pytest.raises(InputError, match=rf"b\.data says that it has {n_bonds} bonds, and lists 0"):
        read_topology(written(tmp_path, "b.data", data[: data.index("Bonds")]))


@pytest.mark.parametrize("name", ["a.psf", "a.gro"])
def test_topology_cut_in_its_head_is_rejected_in_a_line(tmp_path, name):
    text = structure_files.psf() if name == "a.psf" else trajectory_files.gro()
    with pytest.raises(InputError, match=rf"topology .*{name} cannot be read \(.+\)"):
        read_topology(written(tmp_path, name, text[:20]))


def test_masses_of_lammps_data_without_names_tell_elements_that_are_clear(tmp_path):
    text = structure_files.lammps_data()
    assert re.search(r"^1 6\.94$", text, re.MULTILINE)
    assert set(read_topology(written(tmp_path, "a.data", text)).symbols) == {"Li", "Cl"}


def test_bond_of_an_atom_that_is_not_listed_is_rejected(tmp_path):
    psf = structure_files.psf()
    start = psf.index("\n", psf.index("!NBOND")) + 1
    end = psf.index("\n", start)
    row = re.sub(r"\d+(?=\s*$)", "9", psf[start:end])
    with pytest.raises(InputError, match=r"a\.psf has bonds of atoms that it does not list"):
        read_topology(written(tmp_path, "a.psf", psf[:start] + row + psf[end:]))


def test_lammps_data_cut_within_the_last_number_of_its_last_bond_is_rejected(tmp_path):
    text = structure_files.lammps_data().rstrip()
    n_bonds = len(read_topology(written(tmp_path, "a.data", text + "\n")).bonds)
    with pytest.raises(InputError, match=rf"b\.data says that it has {n_bonds} bonds, and lists {n_bonds - 1}"):
        read_topology(written(tmp_path, "b.data", text))

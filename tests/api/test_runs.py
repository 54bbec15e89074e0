"""The key of a street: what can change a result changes it, and nothing else."""

import shutil
from pathlib import Path

import pytest
from aiida import orm
from aiida.engine import run_get_node
from aiida.manage.caching import enable_caching
from aiida.plugins import WorkflowFactory

import aiida_elyte
from aiida_elyte.api.runs import KEY, forget_jobs, key_of


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


def test_jobs_of_a_street_that_is_forced_are_computed_again(aiida_profile_clean, aiida_localhost):
    builder = WorkflowFactory("core.arithmetic.multiply_add").get_builder()
    builder.x, builder.y, builder.z = orm.Int(2), orm.Int(3), orm.Int(4)
    builder.code = orm.InstalledCode(label="add", computer=aiida_localhost, filepath_executable="/bin/bash").store()

    def is_from_cache():
        with enable_caching():
            _, street = run_get_node(builder)
        street.base.extras.set(KEY, "key of these inputs")
        (job,) = (called for called in street.called if isinstance(called, orm.CalcJobNode))
        return job.base.caching.is_created_from_cache

    assert [is_from_cache(), is_from_cache()] == [False, True]
    forget_jobs("key of these inputs")
    assert not is_from_cache()

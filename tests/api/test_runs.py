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
from tests.plugin_package.installed import install


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return a copy of the package whose modules the keys are made of."""
    root = Path(aiida_elyte.__file__).parent
    copy = tmp_path / "aiida_elyte"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(aiida_elyte, "__file__", str(copy / "__init__.py"))
    return copy


def is_key_changed_by(path):
    """Add a byte to a file."""
    builder = WorkflowFactory("core.arithmetic.multiply_add").get_builder()
    before = key_of(builder)
    path.write_bytes(path.read_bytes() + b"\n")
    return key_of(builder) != before


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Return the folder of an installed plug-in."""
    install(tmp_path / "site-packages")
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    return tmp_path / "site-packages/elyte_toy_plugin"


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
    assert is_key_changed_by(tree / module) == counts


@pytest.mark.parametrize(
    ("module", "counts"),
    [("calculator.py", True), ("trainer.py", True), ("label_soft.yaml", False)],
)
def test_one_byte_of_a_module_of_a_plug_in_gives_another_key(aiida_profile, plugin, module, counts):
    assert is_key_changed_by(plugin / module) == counts


@pytest.fixture
def streets(aiida_profile_clean, aiida_localhost):
    """Return a function that runs a street for three numbers, and tells whether its job came from the cache."""
    code = orm.InstalledCode(label="add", computer=aiida_localhost, filepath_executable="/bin/bash").store()

    def asked(x, y, z):
        builder = WorkflowFactory("core.arithmetic.multiply_add").get_builder()
        builder.x, builder.y, builder.z, builder.code = orm.Int(x), orm.Int(y), orm.Int(z), code
        return builder

    def is_from_cache(*numbers):
        builder = asked(*numbers)
        with enable_caching():
            _, street = run_get_node(builder)
        street.base.extras.set(KEY, key_of(builder))
        (job,) = (called for called in street.called if isinstance(called, orm.CalcJobNode))
        return job.base.caching.is_created_from_cache

    return asked, is_from_cache


def test_jobs_of_a_street_that_is_forced_are_computed_again(streets):
    asked, is_from_cache = streets
    assert [is_from_cache(2, 3, 4), is_from_cache(2, 3, 4)] == [False, True]
    forget_jobs(asked(2, 3, 4))
    assert not is_from_cache(2, 3, 4)


def test_jobs_from_before_a_change_of_our_modules_are_computed_again(streets, tree):
    asked, is_from_cache = streets
    before = key_of(asked(2, 3, 4))
    assert not is_from_cache(2, 3, 4)
    (tree / "units.py").write_text((tree / "units.py").read_text() + "\n")
    assert key_of(asked(2, 3, 4)) != before
    forget_jobs(asked(2, 3, 4))
    assert not is_from_cache(2, 3, 4)


def test_equal_jobs_of_streets_of_other_inputs_are_computed_again(streets):
    """6 + 4 is computed for 2 times 3 and for 1 times 6."""
    asked, is_from_cache = streets
    assert [is_from_cache(2, 3, 4), is_from_cache(1, 6, 4)] == [False, True]
    forget_jobs(asked(2, 3, 4))
    assert not is_from_cache(2, 3, 4)


def test_jobs_of_other_streets_stay_in_the_cache(streets):
    asked, is_from_cache = streets
    assert [is_from_cache(2, 3, 4), is_from_cache(2, 3, 5)] == [False, False]
    forget_jobs(asked(2, 3, 4))
    assert is_from_cache(2, 3, 5)

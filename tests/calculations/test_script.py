"""The contract of our programs, met by a program that counts."""

from dataclasses import replace
from pathlib import Path

import pytest
from aiida import orm
from aiida.engine import run_get_node
from aiida.manage.caching import enable_caching

from aiida_elyte.calculations import rooms
from aiida_elyte.calculations.declarations import Failure, Program
from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.errors import InputError
from aiida_elyte.parsers.script import ScriptParser
from aiida_elyte.workflows.script import ScriptBaseWorkChain


class CountCalculation(ScriptCalculation):
    PROGRAM = Program(Path(__file__).with_name("count.py"), parser="elyte.count", checkpoints=("checkpoint*",))
    FAILURES = (Failure(411, "ERROR_EXPLODED", "The trajectory exploded: {message}"),)


class CountBaseWorkChain(ScriptBaseWorkChain):
    _process_class = CountCalculation


@pytest.fixture(autouse=True)
def doors(entry_points, aiida_profile):
    entry_points.add(CountCalculation, "aiida.calculations:elyte.count")
    entry_points.add(ScriptParser, "aiida.parsers:elyte.count")


def count(code, process=CountCalculation, metadata=None, **settings):
    inputs = {"metadata": metadata} if metadata else {}
    _, node = run_get_node(process, code=code, settings={"n_steps": 3, **settings}, **inputs)
    return node


def test_program_finishes_and_tells_its_versions(python_code):
    node = count(python_code)
    assert node.is_finished_ok, node.exit_message
    results = node.outputs.results.get_dict()
    assert results["n_steps"] == 3
    assert results["environment"]["versions"]["aiida-elyte"]
    assert results["environment"]["device"] == "cpu"


@pytest.mark.parametrize(
    ("settings", "status", "message"),
    [
        ({"explode": True}, 411, "The trajectory exploded: temperature above 1e4 K"),
        ({"n_steps": -1}, 200, "The program rejected its input: n_steps is -1; expected a positive number"),
        ({"modules": ["no_such_engine"]}, 307, "is not installed where it runs: no_such_engine cannot be imported"),
        ({"stumble": True}, 410, "ZeroDivisionError: nobody foresaw it"),
        ({"die_at": 1}, 302, "The job was killed"),
    ],
)
def test_each_failure_has_its_exit_code(python_code, settings, status, message):
    node = count(python_code, **settings)
    assert node.exit_status == status
    assert message in node.exit_message


def test_unforeseen_failure_keeps_its_traceback(python_code):
    node = count(python_code, stumble=True)
    assert "ZeroDivisionError" in node.outputs.retrieved.base.repository.get_object_content("traceback.txt")


def test_cache_follows_program_and_settings_but_not_wall_time(python_code, tmp_path, monkeypatch):
    count(python_code, n_steps=7)
    with enable_caching():
        assert count(python_code, n_steps=7).base.caching.is_created_from_cache
        assert count(
            python_code, n_steps=7, metadata={"options": {"max_wallclock_seconds": 99}}
        ).base.caching.is_created_from_cache
        assert not count(python_code, n_steps=8).base.caching.is_created_from_cache
        other = tmp_path / "count.py"
        other.write_text(CountCalculation.PROGRAM.path.read_text() + "\n# changed\n")
        monkeypatch.setattr(CountCalculation, "PROGRAM", replace(CountCalculation.PROGRAM, file=other))
        assert not count(python_code, n_steps=7).base.caching.is_created_from_cache


def test_cache_does_not_keep_killed_jobs(python_code):
    count(python_code, n_steps=9, die_at=2)
    with enable_caching():
        assert not count(python_code, n_steps=9, die_at=2).base.caching.is_created_from_cache


def test_cache_does_not_keep_jobs_whose_engine_was_missing(python_code):
    """It may have been installed in the meantime."""
    settings = {"n_steps": 11, "modules": ["no_such_engine"]}
    assert count(python_code, **settings).exit_status == 307
    with enable_caching():
        assert not count(python_code, **settings).base.caching.is_created_from_cache


def test_what_travels_does_not_hide_what_is_installed(python_code):
    """A calculator of the user's may import modules of ours that the program does not."""
    node = count(python_code, modules=["aiida_elyte.science.labels.theory", "aiida_elyte.data.frames"])
    assert "aiida_elyte/science" not in node.inputs.rooms.base.repository.list_object_names("aiida_elyte")
    assert node.is_finished_ok, node.exit_message


def test_a_release_voids_no_cache(python_code):
    rooms_node = count(python_code).inputs.rooms
    assert "version" not in rooms_node.base.repository.get_object_content("aiida_elyte/__init__.py")


def test_program_and_rooms_are_stored_once(python_code):
    first, second = count(python_code), count(python_code, n_steps=2)
    assert first.inputs.rooms.pk == second.inputs.rooms.pk
    assert first.inputs.script.pk == second.inputs.script.pk


def test_killed_job_goes_on_from_its_checkpoint(python_code):
    node = count(python_code, process=CountBaseWorkChain, n_steps=6, die_at=4)
    assert node.is_finished_ok, node.exit_message
    assert [job.exit_status for job in node.called] == [302, 0]
    assert node.outputs.results["resumed_from"] == 4


def test_job_past_its_wall_time_goes_on_from_its_checkpoint(python_code):
    settings, options = {"n_steps": 12, "seconds_per_step": 0.25}, {"max_wallclock_seconds": 2}
    _, node = run_get_node(CountBaseWorkChain, code=python_code, settings=settings, options=options)
    assert node.is_finished_ok, node.exit_message
    assert node.called[0].exit_status == 400
    assert node.outputs.results["resumed_from"] >= 1


def test_rooms_hold_only_what_the_program_imports():
    assert list(rooms.rooms_of(CountCalculation.PROGRAM.path)) == [
        "aiida_elyte/__init__.py",
        "aiida_elyte/errors.py",
        "aiida_elyte/program.py",
    ]


def test_rooms_follow_relative_and_nested_imports(tmp_path):
    program = tmp_path / "p.py"
    program.write_text("def run():\n    from aiida_elyte.science import frames\n")
    assert "aiida_elyte/science/frames.py" in rooms.rooms_of(program)
    assert "aiida_elyte/errors.py" in rooms.rooms_of(program)


def test_settings_and_limits_reach_the_job(python_code):
    node = count(python_code, metadata={"options": {"max_wallclock_seconds": 77}})
    assert '"max_wallclock_seconds": 77' in node.base.repository.get_object_content("limits.json")
    assert isinstance(node.inputs.settings, orm.Dict)


def test_a_program_that_is_but_a_name_is_rejected_with_what_to_write():
    class Old(ScriptCalculation):
        PROGRAM = "count.py"

    with pytest.raises(InputError, match=r"PROGRAM of Old is 'count\.py'; expected a `declarations\.Program`"):
        Old.spec()

"""WorkChains run in this process."""

import pytest
from aiida import orm
from aiida.engine.runners import Runner
from aiida.plugins import WorkflowFactory
from plumpy import KilledError

from aiida_elyte.api.runner import run_here
from aiida_elyte.errors import Interruption


@pytest.fixture
def builder(aiida_profile_clean, aiida_localhost):
    builder = WorkflowFactory("core.arithmetic.multiply_add").get_builder()
    builder.x, builder.y, builder.z = orm.Int(2), orm.Int(3), orm.Int(4)
    builder.code = orm.InstalledCode(label="add", computer=aiida_localhost, filepath_executable="/bin/bash").store()
    return builder


def test_a_run_is_observed_to_its_end(builder):
    seen = []
    node = run_here(builder, observer=lambda node: lambda: seen.append(node.is_terminated))
    assert node.outputs.result == 10
    assert seen[-1]


def test_a_run_that_is_interrupted_says_so_in_one_line(builder, monkeypatch):
    runs = []

    def interrupted(runner, process):
        raise KilledError("Process was killed because the runner received an interrupt")

    # As AiiDA ends what it runs on SIGINT and SIGTERM; a process killed here would leave its tasks to later tests.
    monkeypatch.setattr(Runner, "run_get_node", interrupted)
    for _ in range(2):
        with pytest.raises(
            Interruption, match=r"MultiplyAddWorkChain \d+ was interrupted and is killed; .*run the same"
        ) as caught:
            run_here(builder, lambda node: runs.append(node) or (lambda: None))
        assert "\n" not in str(caught.value)
        assert f" {runs[-1].pk} " in str(caught.value)
    assert runs[0].pk != runs[1].pk

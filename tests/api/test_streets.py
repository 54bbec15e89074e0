"""Launching: a run of the same inputs is found again, and one street has one process that works on it."""

import pytest
from aiida import orm

from aiida_elyte.api.attendance import RUNNER
from aiida_elyte.api.resume import resume
from aiida_elyte.api.streets import Launch, attend, launch
from aiida_elyte.errors import InputError
from tests.api.echo import EchoWorkChain


def echo_of(x):
    builder = EchoWorkChain.get_builder()
    builder.x = orm.Int(x)
    return Launch(builder=builder)


def test_a_run_of_the_same_inputs_is_found_unless_a_new_one_is_asked_for(aiida_profile_clean):
    said = []
    first = launch(echo_of(2), run=True, progress=said.append)
    assert not first.is_found
    assert first.node.outputs.x == 2
    assert said[0] == f"Started EchoWorkChain {first.node.pk}."
    again = launch(echo_of(2), run=True, progress=said.append)
    assert (again.is_found, again.node.pk) == (True, first.node.pk)
    assert said[-1].startswith(f"The run of these inputs has finished: EchoWorkChain {first.node.pk} ")
    others = [launch(echo_of(5), run=True), launch(echo_of(2), run=True, is_new=True)]
    others.append(launch(echo_of(2), run=True, force=True))
    assert not any(one.is_found for one in others)
    assert len({first.node.pk, *(one.node.pk for one in others)}) == 4


def test_an_ended_street_is_started_again(aiida_profile_clean):
    first, said = launch(echo_of(2), run=True).node, []
    again = resume(first.pk, run=True, progress=said.append)
    assert again.pk != first.pk
    assert again.outputs.x == 2
    assert "finished jobs with the same inputs are taken from the cache" in said[0]


def test_a_street_that_the_daemon_has_is_not_computed_here(aiida_profile_clean):
    node = orm.WorkChainNode().store()
    node.set_process_state("waiting")
    with pytest.raises(InputError, match="was submitted to the daemon; expected one that is not; drop"):
        attend(node, run=True)


def test_a_street_that_another_process_computes_is_left_to_it(aiida_profile_clean):
    node, said = orm.WorkChainNode().store(), []
    node.set_process_state("waiting")
    node.base.extras.set(RUNNER, {"pid": 4321, "started": 0.0, "host": "elsewhere"})
    attend(node, run=True, progress=said.append)
    assert said == [f"{node.process_label} {node.pk} is computed by the process 4321."]

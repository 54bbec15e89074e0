import itertools

import pytest

from aiida_elyte.science.dynamics.bounded import BoundedRecord


@pytest.mark.parametrize("n_steps", [10, 70, 1000])
def test_rows_span_the_run_at_equal_strides_and_stay_within_the_bound(n_steps):
    record = BoundedRecord(["temperature_K"], stride=10, most=8)
    for step in range(0, n_steps + 1, 10):
        record.add(step, 2.0 * step)
    found = record.as_dict()
    steps = found["step"]
    assert len(steps) <= 8
    assert len({after - before for before, after in itertools.pairwise(steps)}) <= 1
    assert steps[0] == 0
    assert steps[-1] > n_steps / 2
    assert found["temperature_K"] == [2.0 * step for step in steps]


def test_steps_off_the_stride_and_numbers_that_were_not_measured():
    record = BoundedRecord(["spread", "rmsd"], stride=5)
    for step in (0, 3, 5):
        record.add(step, 1 / 3, None)
    assert record.as_dict() == {"step": [0, 5], "spread": [0.333333, 0.333333], "rmsd": [None, None]}


def test_a_record_taken_up_again_holds_what_an_unbroken_one_holds():
    whole, first, second = (BoundedRecord(["value"], stride=1, most=7) for _ in range(3))
    for step in range(100):
        whole.add(step, step**0.5)
        (first if step < 37 else second).add(step, step**0.5)
        if step == 36:
            second.load_state_dict(first.state_dict())
    assert second.as_dict() == whole.as_dict()

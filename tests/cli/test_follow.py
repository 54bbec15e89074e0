"""How progress of a running job is told."""

import json
from datetime import UTC, datetime

import pytest
from aiida import orm
from aiida.engine.runners import Runner
from aiida.plugins import WorkflowFactory
from aiida_elyte.cli.street import Step
from plumpy import KilledError

from aiida_elyte.cli.follow import describe_progress, run_here, span
from aiida_elyte.cli.show import describe_quantity, table
from aiida_elyte.errors import Interruption


@pytest.fixture
def step(tmp_path):
    """Return a function that gives a running job with a progress and settings."""

    def make(progress=None, settings=None):
        for name, content in (("progress.json", progress), ("settings.json", settings)):
            if content is not None:
                (tmp_path / name).write_text(json.dumps(content))
        now = datetime.now(UTC)
        return Step(1, "train_m00", "Job", "waiting", None, True, str(tmp_path), True, 0, "train_m00", now)

    return make


def test_a_job_without_progress_tells_its_state(step):
    assert describe_progress(step()) == "waiting"


def test_training_tells_epoch_error_and_the_time_its_budget_leaves(step):
    progress = {"seconds": 60.0, "epoch": 10, "max_epochs": 400, "force_mae_eV_A": 0.0421}
    text = describe_progress(step(progress, {"max_minutes": 2.0}))
    assert text == "10 of 400 epochs, validation force MAE 42.1 meV/Å, 1 min 00 s, 1 min 00 s left at most"


def test_dynamics_counts_ramp_and_hold_as_steps_done(step):
    settings = {"ramp": {"start_K": 100.0, "ramp_steps": 80, "hold_steps": 20}}
    # 200 of 1100 steps in 20 s: 900 more take 90 s
    text = describe_progress(step({"seconds": 20.0, "step": 100, "n_steps": 1000}, settings))
    assert text == "100 of 1000 steps, 20 s, 1 min 30 s left at most"
    assert "60 steps before production" in describe_progress(step({"seconds": 4.0, "step": -60, "n_steps": 1000}))


def test_fits_samplings_and_analyses_tell_what_they_count(step):
    fit = {"seconds": 5.0, "step": 3, "train": 3.3, "validation": 4.126, "unit": "kcal/mol/Å"}
    assert describe_progress(step(fit)) == "step 3, error 4.13 kcal/mol/Å, 5 s"
    assert describe_progress(step({**fit, "validation": None})) == "step 3, error 3.30 kcal/mol/Å, 5 s"
    assert describe_progress(step({"seconds": 30.0, "done": 3, "of": 12, "frames": 60})).startswith(
        "3 of 12 runs, 30 s"
    )
    analysis = {"seconds": 30.0, "pass": 1, "of": 2, "frames": 700}
    assert describe_progress(step(analysis)) == "pass 1 of 2, 700 frames read, 30 s"
    assert describe_progress(step({"seconds": 6.0, "replica": "r0", "frames": 9})) == "r0, 9 frames read, 6 s"


def test_a_run_that_is_told_to_end_says_so_in_one_line(aiida_profile_clean, aiida_localhost, monkeypatch):
    builder = WorkflowFactory("core.arithmetic.multiply_add").get_builder()
    builder.x, builder.y, builder.z = orm.Int(2), orm.Int(3), orm.Int(4)
    builder.code = orm.InstalledCode(label="add", computer=aiida_localhost, filepath_executable="/bin/bash").store()
    runs = []

    def interrupted(runner, process):
        raise KilledError("Process was killed because the runner received an interrupt")

    # As AiiDA ends what it runs on SIGINT and SIGTERM; a process killed here would leave its tasks to later tests.
    monkeypatch.setattr(Runner, "run_get_node", interrupted)
    for _ in range(2):
        with pytest.raises(
            Interruption, match=r"MultiplyAddWorkChain \d+ was interrupted and is killed; .*run the same"
        ) as caught:
            run_here(builder, runs.append)
        assert "\n" not in str(caught.value)
        assert f" {runs[-1].pk} " in str(caught.value)
    assert runs[0].pk != runs[1].pk


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (3900, "1 h 05 min"), (1e6, "12 days")],
)
def test_span(seconds, text):
    assert span(seconds) == text


def test_quantities_are_told_with_their_errors_or_their_bound():
    estimate = {"value": 1234.5, "std": 56.7, "ci95": [1000.0, 1500.0], "unit": "mS/cm", "n_effective": 4.0}
    assert describe_quantity(estimate) == "1234 ± 56.7 mS/cm  (95 %: 1000 to 1500, n_eff 4)"
    assert describe_quantity({"refused": "too short", "upper_bound": None}) == "none"
    assert describe_quantity({"refused": "too short", "upper_bound": estimate}) == "below 1234 mS/cm (95 %)"


def test_table_aligns_columns():
    assert table([["a", "bbb"], ["cc", "d"]]) == ["a   bbb", "cc  d"]

"""How far a running job is, in words."""

import json
from datetime import UTC, datetime

import pytest

from aiida_elyte.provenance.progress import describe_progress, span
from aiida_elyte.provenance.steps import CalledProcess


@pytest.fixture
def step(tmp_path):
    """Return a function that gives a running job with a progress and settings."""

    def make(progress=None, settings=None):
        for name, content in (("progress.json", progress), ("settings.json", settings)):
            if content is not None:
                (tmp_path / name).write_text(json.dumps(content))
        now = datetime.now(UTC)
        return CalledProcess(1, "train_m00", "Job", "waiting", None, True, str(tmp_path), True, 0, "train_m00", now)

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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (3900, "1 h 05 min"), (1e6, "12 days")],
)
def test_span(seconds, text):
    assert span(seconds) == text

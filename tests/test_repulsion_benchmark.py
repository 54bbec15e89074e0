"""The benchmark of repulsion in small: another crystal, an analytic teacher, seconds."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.morse import MorsePotential

from aiida_elyte.science.frames import write_frames

ROOT = Path(__file__).parents[1]


@pytest.fixture
def benchmark(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "examples" / "benchmarks")
    import repulsion

    crystal = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    frames = []
    for number in range(40):
        frame = crystal.copy()
        frame.rattle(0.1, seed=number)
        frame.info["origin"] = f"round-{number // 20}#{number % 20}"
        frames.append(frame)
    write_frames(frames, tmp_path / "data.extxyz")
    monkeypatch.setattr(repulsion, "FRAMEWORK", ("Cl",))
    monkeypatch.setattr(
        repulsion, "load_teacher", lambda: MorsePotential(epsilon=0.3, r0=2.6, rho0=4.0, rcut1=3.4, rcut2=4.4)
    )
    sizes = "--seeds 1 --frames 30 --tests 3 --epochs 1 --steps 10"
    words = [str(tmp_path / "data.extxyz"), "--out", str(tmp_path / "out"), *sizes.split()]
    monkeypatch.setattr(sys, "argv", ["repulsion.py", *words, "--table", str(tmp_path / "table.md")])
    return repulsion


def test_every_training_is_measured_once_and_told(benchmark, tmp_path, monkeypatch):
    benchmark.main()
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert list(results) == [*(f"{name}, seed 0" for name in benchmark.VARIANTS), benchmark.TEACHER, benchmark.COST]
    assert all(one["commit"] for one in results.values())
    for name in benchmark.VARIANTS:
        runs = results[f"{name}, seed 0"]["runs"]
        assert [run["temperature_K"] for run in runs] == [900.0, 900.0, 1300.0, 1300.0]
        assert all(0 < run["time_ps"] <= 0.02 for run in runs)
        assert all((run["failure"] is None) == (run["message"] is None) for run in runs)
        assert np.isfinite(list(results[f"{name}, seed 0"]["force_mae_eV_A"].values())).all()
    table = (tmp_path / "table.md").read_text()
    assert all(f"| {name} |" in table for name in (*benchmark.VARIANTS, benchmark.TEACHER))

    def measure(*_):
        raise AssertionError("what is there was done again")

    for name in ("measure", "run_teacher", "measure_cost", "label"):
        monkeypatch.setattr(benchmark, name, measure)
    benchmark.main()
    assert (tmp_path / "table.md").read_text() == table

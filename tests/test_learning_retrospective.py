"""The benchmark of selectors, on labels that cost nothing."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.morse import MorsePotential

from aiida_elyte.science.frames import attach_labels, write_frames

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(find_spec("schnetpack") is None, reason="SchNetPack is not installed")
def test_the_tiny_form_runs_goes_on_and_buys_nothing_of_the_round_that_is_held_out(tmp_path, monkeypatch, capsys):
    frames = []
    for block, width in enumerate((0.05, 0.1, 0.2)):
        for index in range(16):
            frame = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
            frame.positions += np.random.default_rng([block, index]).normal(0, width, (8, 3))
            frame.calc = MorsePotential(epsilon=0.2, r0=2.6, rho0=4.0)
            energy, forces = frame.get_potential_energy(), frame.get_forces()
            frame.info["origin"] = f"block-{block}#{index}"
            frames.append(attach_labels(frame, energy=energy, forces=forces))
    write_frames(frames, tmp_path / "data.extxyz")
    monkeypatch.syspath_prepend(ROOT / "examples" / "benchmarks")
    import learning_retrospective

    for more in ([], ["--table", str(tmp_path / "table.md")]):
        command = ["learning_retrospective.py", str(tmp_path / "data.extxyz"), "--tiny", "--selectors", "calibrated"]
        monkeypatch.setattr(sys, "argv", [*command, "--out", str(tmp_path / "out"), *more])
        learning_retrospective.main()
    first, second, third = json.loads((tmp_path / "out" / "calibrated_0.json").read_text())
    assert (first["n_bought"], second["n_bought"], third["n_bought"]) == (0, 6, 12)
    bought = {*second["bought"], *third["bought"]}
    assert len(bought) == 12
    assert max(bought) < 32  # the last block begins at frame 32
    assert second["reliability"] is None  # nothing was calibrated before the first labels
    assert [one["nominal"] for one in third["reliability"]] == [0.5, 0.8, 0.9, 0.95]
    assert "| 12 | " in (tmp_path / "table.md").read_text()
    assert capsys.readouterr().out.count("'seconds'") == 3  # the second call found all rounds done

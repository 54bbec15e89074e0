"""The benchmark of attacks, as small as it can be."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.engine("chgnet")
def test_every_kind_of_frames_is_judged_by_the_teacher(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "examples" / "benchmarks")
    import attack

    words = {"--seeds": 1, "--members": 2, "--frames": 4, "--epochs": 1, "--labels": 1, "--steps": 20}
    words |= {"--attack-steps": 2, "--out": tmp_path / "out", "--table": tmp_path / "attack.md"}
    monkeypatch.setattr(sys, "argv", ["attack.py", *(str(word) for pair in words.items() for word in pair)])
    attack.main()
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert list(results) == ["1000 K, seed 0", "600 K, seed 0"]
    for run in results.values():
        assert set(run["kinds"]) == set(attack.KINDS)
        assert all(one["mean_error_eV_A"] > 0 and one["labels"] == 1 for one in run["kinds"].values())
    # what is there is not done again
    monkeypatch.setattr(attack, "measure", None)
    capsys.readouterr()
    attack.main()
    assert "| 600 K | attack | 1 |" in capsys.readouterr().out

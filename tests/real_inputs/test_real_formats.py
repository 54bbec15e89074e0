"""Trajectories that were read wrongly once: columns that touch, and what CP2K writes."""

import json

import pytest


def test_an_xdatcar_whose_numbers_touch_is_read_to_its_end(fault, run):
    folder = fault("xdatcar_touching_numbers")
    words = ("--charges", "Li=1", "--temperature-K", "600", "--timestep-fs", "50")
    result = run("transport", folder / "XDATCAR", *words)
    assert result.exit_code == 0, result.output
    assert "frames 50 fs apart, 10 frames, 0.45 ps" in result.output


def test_a_dcd_of_cp2k_counts_in_fs(fault, run):
    folder = fault("cp2k_dcd_time")
    words = ("--topology", folder / "top.xyz", "--charges", "Li=1", "--temperature-K", "600")
    result = run("transport", folder / "cp2k.dcd", *words, "--json-out", folder / "out.json")
    assert result.exit_code == 0, result.output
    assert "frames 50 fs apart, 200 frames, 9.95 ps" in result.output
    found = json.loads((folder / "out.json").read_text())["quantities"]["tracer_diffusion_Li"]
    assert found["value"] == pytest.approx(6.2e-5, rel=0.05)
    low, high = found["ci95"]
    assert low < 6.2e-5 < high


def test_a_real_format_of_cp2k_is_known_by_its_comment(fault):
    from aiida_elyte.science.trajectory.formats import reader_of

    path = fault("cp2k_xyz_no_cell") / "cp2k-pos-1.xyz"
    notes = []
    first, second, *_ = list(reader_of(path, "real")(path, 0, 1, notes))
    assert first.cell_A is None
    assert (first.step, first.time_fs) == (0, 0.0)
    assert second.time_fs == pytest.approx(50.0)
    assert notes == []

"""Times, cells, repeats and ions alone, in trajectories as people have them."""

import json
import re

import pytest

D_TRUE = 6.25e-5
"""Diffusion coefficient that all of these were made with [cm²/s]."""


@pytest.fixture
def transport(run, tmp_path):
    """Return a function that analyses a trajectory, and gives its JSON and what it printed."""

    def analyse(*words):
        out = tmp_path / "out.json"
        result = run("transport", *words, "--charges", "Li=1", "--temperature-K", "600", "--json-out", out)
        assert result.exit_code == 0, result.stderr
        return json.loads(out.read_text()), result

    return analyse


def diffusion(content):
    return content["quantities"]["tracer_diffusion_Li"]["value"]


@pytest.mark.parametrize("timestep", ["0.5", "50"])
def test_the_time_given_overrules_the_dcd_of_cp2k(fault, transport, timestep):
    folder = fault("cp2k_dcd_time")
    content, result = transport(folder / "cp2k.dcd", "--topology", folder / "top.xyz", "--timestep-fs", timestep)
    assert content["trajectories"][0]["interval_fs"] == pytest.approx(50.0)
    assert diffusion(content) == pytest.approx(D_TRUE, rel=0.08)
    assert "frames 50 fs apart" in result.stderr.splitlines()[0]
    assert "frames 50 fs apart" in result.stdout.splitlines()[0]


def test_the_dcd_of_cp2k_is_right_or_doubted(fault, transport):
    folder = fault("cp2k_dcd_time")
    content, _ = transport(folder / "cp2k.dcd", "--topology", folder / "top.xyz")
    if content["trajectories"][0]["interval_fs"] == pytest.approx(50.0):
        assert diffusion(content) == pytest.approx(D_TRUE, rel=0.08)
    else:
        assert any("0.5 fs if it counts in fs" in warning for warning in content["warnings"])


@pytest.mark.parametrize("source", ["topology", "cell file", "numbers"])
def test_xyz_of_cp2k_takes_the_cell_of_its_topology_or_the_one_given(fault, transport, source):
    folder = fault("cp2k_xyz_no_cell")
    words = {"topology": ("--topology", "top.extxyz"), "cell file": ("--cell", "cp2k-1.cell")}
    option, name = words.get(source, ("--cell", "12,12,12"))
    value = name if source == "numbers" else folder / name
    content, result = transport(folder / "cp2k-pos-1.xyz", option, value, "--timestep-fs", "50")
    told = content["trajectories"][0]
    assert told["cell_A_deg"] == [12, 12, 12, 90, 90, 90]
    assert (told["interval_fs"], told["formula"], told["n_frames"]) == (50.0, "Li24S24", 20)
    assert ("that of top.extxyz is taken" in result.stderr) == (source == "topology")


def frames_of_extxyz(path):
    lines = path.read_text().splitlines()
    size = int(lines[0]) + 2
    return ["\n".join(lines[start + 2 : start + size]) for start in range(0, len(lines), size)]


def test_frames_that_a_restarting_job_wrote_twice_are_left_out(fault, transport):
    folder = fault("extxyz_repeated_frames")
    path = folder / "dup_every20.extxyz"
    frames = frames_of_extxyz(path)
    doubled = [k for k in range(1, len(frames)) if frames[k] == frames[k - 1]]
    assert doubled
    content, result = transport(path, "--timestep-fs", "50")
    told = content["trajectories"][0]
    assert told["n_frames"] == len(frames) - len(doubled)
    assert told["n_frames_left_out"] == len(doubled)
    assert f"{len(doubled)} frames have the positions of the one before and are left out: {doubled[0]}" in result.stderr
    assert diffusion(content) == pytest.approx(D_TRUE, rel=0.05)
    lines = path.read_text().splitlines(keepends=True)
    size = int(lines[0]) + 2
    kept = [k for k in range(len(frames)) if k not in doubled]
    clean = folder / "clean.extxyz"
    clean.write_text("".join("".join(lines[k * size : (k + 1) * size]) for k in kept))
    assert transport(clean, "--timestep-fs", "50")[0]["quantities"] == content["quantities"]


def test_the_step_at_a_seam_that_stands_twice_is_left_out(fault, transport):
    folder = fault("lammps_seam_and_mobile_only")
    path = folder / "seam.lammpstrj"
    steps = [int(word) for word in re.findall(r"TIMESTEP\n(\d+)", path.read_text())]
    assert steps.count(4950) == 2
    content, result = transport(path, "--timestep-fs", "1")
    assert content["trajectories"][0]["n_frames"] == len(set(steps))
    place = steps.index(4950) + 1
    assert f"frame {place} has the positions of the one before and is left out" in result.stderr
    assert diffusion(content) == pytest.approx(D_TRUE, rel=0.08)


def test_ions_alone_have_diffusion_in_the_laboratory(fault, transport, run):
    path = fault("lammps_seam_and_mobile_only") / "onlymobile.lammpstrj"
    content, result = transport(path, "--timestep-fs", "1", "--frame", "lab")
    found = content["quantities"]
    assert diffusion(content) == pytest.approx(D_TRUE, rel=0.08)
    # σ_NE = N e² D / V k T = 12 × (1.602e-19 C)² × D / (1e-27 m³ × 8.284e-21 J), D in m²/s; 1 S/m = 10 mS/cm
    expected = 12 * 1.602177e-19**2 * diffusion(content) * 1e-4 / (1e-27 * 1.380649e-23 * 600) * 10
    assert found["conductivity_nernst_einstein"]["value"] == pytest.approx(expected, rel=1e-5)
    for name in ("conductivity", "haven_ratio", "onsager_Li_Li"):
        assert "needs all atoms" in found[name]["refused"]
        assert found[name]["upper_bound"] is None
    assert "not in the trajectory" in result.stderr
    refused = run("transport", path, "--charges", "Li=1", "--temperature-K", "600", "--timestep-fs", "1")
    assert refused.exit_code == 2
    assert "ions of one sign alone (Li, +12 e)" in refused.stderr
    assert "add --frame lab" in refused.stderr
    assert "leave" not in refused.stderr

"""One random walk in every format: the same sums, and clear words for files that are broken."""

import re

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import write_frames
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.reduction import reduce_frames
from aiida_elyte.science.transport.estimates import Estimate, estimate_transport
from tests.science.trajectory.walks import (
    CUBIC,
    INTERVAL_FS,
    MASSES,
    N_FRAMES,
    SYMBOLS,
    TOLERANCES,
    TRICLINIC,
    as_atoms,
    assert_same_sums,
    cells_of,
    dump,
    extxyz,
    make,
    truth,
    velocities,
    walk,
    write_xtc,
)


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
@pytest.mark.parametrize("kind", TOLERANCES)
def test_every_format_gives_the_sums_of_the_walk(tmp_path, kind, cell):
    scaled, cells = walk(), cells_of(cell)
    path, needed = make(kind, tmp_path, scaled, cells)
    series, notes = reduce_trajectory(open_trajectory(path, **needed))
    moved = (scaled - scaled[0]) @ cell
    for name in ("Li", "P", "S"):
        total = moved[:, np.array(SYMBOLS) == name].sum(axis=1)
        found = series.collective_A[:, series.species.index(name)]
        np.testing.assert_allclose(found, total, rtol=0, atol=TOLERANCES[kind] * np.abs(moved).max() * 3)
    assert series.interval_fs == pytest.approx(INTERVAL_FS, rel=1e-6)
    assert notes == ()


@pytest.mark.parametrize("kind", TOLERANCES)
def test_every_format_gives_the_sums_in_a_breathing_cell(tmp_path, kind):
    scaled, cells = walk(1), cells_of(TRICLINIC, breathes=True)
    path, needed = make(kind, tmp_path, scaled, cells)
    trajectory = open_trajectory(path, **needed)
    assert trajectory.is_unwrapped == ("xu" in kind or "xsu" in kind or "ix" in kind)
    assert_same_sums(reduce_trajectory(trajectory)[0], truth(scaled, cells), TOLERANCES[kind])


@pytest.fixture(scope="module")
def diffusive():
    """Return the scaled positions of Li that diffuses beside a framework that drifts, cells and the conductivity."""
    rng = np.random.default_rng(3)
    is_ion = np.array(SYMBOLS) == "Li"
    steps = np.where(is_ion[:, None], rng.normal(0, 0.05, (1500, len(SYMBOLS), 3)), rng.normal(0, 0.005, (1500, 1, 3)))
    scaled, cells = rng.uniform(0, 1, (len(SYMBOLS), 3)) + np.cumsum(steps, axis=0), np.tile(TRICLINIC, (1500, 1, 1))
    return scaled, cells, conductivity(truth(scaled, cells))


def conductivity(series):
    found = estimate_transport([series], {"Li": 1.0}, 600.0)["conductivity"]
    assert isinstance(found, Estimate), found
    return found.value


@pytest.mark.parametrize("kind", TOLERANCES)
def test_every_format_gives_the_same_conductivity(tmp_path, kind, diffusive):
    scaled, cells, expected = diffusive
    path, needed = make(kind, tmp_path, scaled, cells)
    found = conductivity(reduce_trajectory(open_trajectory(path, **needed))[0])
    assert found == pytest.approx(expected, rel=TOLERANCES[kind])


@pytest.mark.parametrize("kind", ["dump:id element vx vy vz x y z", "trr", "traj", "h5", "nep", "gro7", "nc"])
def test_velocities_are_summed_to_currents_and_temperature(tmp_path, kind):
    scaled, cells, motion = walk(), cells_of(CUBIC), velocities()
    path, needed = make(kind, tmp_path, scaled, cells, motion)
    trajectory = open_trajectory(path, **needed)
    assert trajectory.has_velocities
    series, _ = reduce_trajectory(trajectory)
    expected = truth(scaled, cells, motion)
    tolerance = TOLERANCES.get(kind, 1e-10)
    order = [series.species.index(name) for name in expected.species]
    np.testing.assert_allclose(series.currents_A_fs[:, order], expected.currents_A_fs, rtol=0, atol=tolerance * 0.02)
    temperatures = [atoms.get_temperature() for atoms in as_atoms(scaled, cells, motion)]
    np.testing.assert_allclose(series.temperature_K, temperatures, rtol=1e-5)


def test_metal_units_scale_velocities_and_nothing_else(tmp_path):
    scaled, cells, motion = walk(), cells_of(CUBIC), velocities()
    columns = "id element x y z vx vy vz"
    (tmp_path / "real").write_text(dump(scaled, cells, columns=columns, motion=motion))
    (tmp_path / "metal").write_text(dump(scaled, cells, columns=columns, motion=motion, unit=1000.0))
    real, _ = reduce_trajectory(open_trajectory(tmp_path / "real", timestep_fs=1.0))
    metal, _ = reduce_trajectory(open_trajectory(tmp_path / "metal", timestep_fs=1.0, lammps_units="metal"))
    np.testing.assert_allclose(metal.currents_A_fs, real.currents_A_fs, rtol=1e-12)
    np.testing.assert_array_equal(metal.collective_A, real.collective_A)
    with pytest.raises(InputError, match=r"lammps_units is 'lj'; expected real or metal"):
        open_trajectory(tmp_path / "real", timestep_fs=1.0, lammps_units="lj")


def test_a_dump_that_tells_units_and_time_is_taken_at_its_word(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    text, path = dump(scaled, cells), tmp_path / "dump"
    numbered = iter(range(N_FRAMES))
    told = re.sub("ITEM: NUMBER", lambda _: f"ITEM: TIME\n{0.05 * next(numbered)!r}\nITEM: NUMBER", text)
    path.write_text(told.replace("ITEM: TIMESTEP", "ITEM: UNITS\nmetal\nITEM: TIMESTEP"))
    assert open_trajectory(path, lammps_units="metal").interval_fs == pytest.approx(50.0)
    assert open_trajectory(path, lammps_units="metal", timestep_fs=0.5).interval_fs == pytest.approx(50.0)
    overruled = open_trajectory(path, lammps_units="metal", timestep_fs=2.0)
    assert overruled.interval_fs == 200.0
    (warning,) = overruled.warnings
    assert "the file says that frames are 50 fs apart (100 MD steps of 0.5 fs)" in warning
    assert "--timestep-fs 2 × 100 MD steps makes them 200 fs, which is taken" in warning
    with pytest.raises(InputError, match=r"is in units metal; expected real; give --lammps-units metal"):
        open_trajectory(path)


def test_files_of_ase_and_of_ours_are_read(tmp_path):
    scaled, cells, motion = walk(), cells_of(TRICLINIC), velocities()
    frames = as_atoms(scaled, cells, motion)
    expected = truth(scaled, cells, motion)
    write(tmp_path / "ase.extxyz", frames)
    write_frames(frames, tmp_path / "ours.extxyz")
    for name in ("ase.extxyz", "ours.extxyz"):
        series, _ = reduce_trajectory(open_trajectory(tmp_path / name, timestep_fs=50.0))
        assert_same_sums(series, expected, 1e-7)
        if name == "ase.extxyz":
            np.testing.assert_allclose(series.currents_A_fs, expected.currents_A_fs, atol=1e-8)
    whole = reduce_frames(read(tmp_path / "ase.extxyz", ":"), 50.0)
    series, _ = reduce_trajectory(open_trajectory(tmp_path / "ase.extxyz", timestep_fs=50.0))
    np.testing.assert_allclose(series.collective_A, whole.collective_A, atol=1e-12)
    np.testing.assert_allclose(series.temperature_K, whole.temperature_K, rtol=1e-6)  # other CODATA


def test_a_file_of_torchsim_is_read(tmp_path):
    torchsim = pytest.importorskip("torch_sim")
    import torch
    from torch_sim.trajectory import TorchSimTrajectory

    scaled, cells = walk(), cells_of(TRICLINIC, breathes=True)
    with TorchSimTrajectory(tmp_path / "run.h5", mode="w", coerce_to_float32=False) as file:
        for index, atoms in enumerate(as_atoms(scaled, cells)):
            state = torchsim.io.atoms_to_state([atoms], device="cpu", dtype=torch.float64)
            file.write_state(state, 100 * index)
    series, _ = reduce_trajectory(open_trajectory(tmp_path / "run.h5", timestep_fs=0.5))
    assert_same_sums(series, truth(scaled, cells), 1e-10)


@pytest.mark.parametrize("kind", TOLERANCES)
def test_stride_and_a_later_start_skip_frames(tmp_path, kind):
    scaled, cells = walk(), cells_of(CUBIC)
    path, needed = make(kind, tmp_path, scaled, cells)
    every = [frame.positions_A for frame in open_trajectory(path, **needed)]
    third = open_trajectory(path, stride=3, **needed)
    assert third.interval_fs == pytest.approx(150.0, rel=1e-6)
    np.testing.assert_array_equal([frame.positions_A for frame in third], every[::3])
    np.testing.assert_array_equal([frame.positions_A for frame in third.frames(2)], every[6::3])


def test_elements_must_come_from_somewhere(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    write_xtc(tmp_path / "run.xtc", scaled, cells)
    (tmp_path / "dump").write_text(dump(scaled, cells, columns="id type x y z"))
    (tmp_path / "start.extxyz").write_text(extxyz(scaled[:1], cells[:1]))
    for name in ("run.xtc", "dump"):
        timestep_fs = 0.5 if name == "dump" else None
        with pytest.raises(InputError, match=r"does not tell the elements of its atoms; .* give --topology"):
            open_trajectory(tmp_path / name, timestep_fs=timestep_fs)
        with pytest.raises(InputError, match=r"symbols has 2 entries for 7 atoms"):
            open_trajectory(tmp_path / name, timestep_fs=timestep_fs, symbols=["Li", "S"])
        with pytest.raises(InputError, match=r"names atoms Q; expected chemical symbols"):
            open_trajectory(tmp_path / name, timestep_fs=timestep_fs, symbols=["Q"] * 7)
        found = open_trajectory(tmp_path / name, timestep_fs=timestep_fs, topology=tmp_path / "start.extxyz")
        assert found.symbols == SYMBOLS
        np.testing.assert_allclose(found.masses, MASSES)


def test_a_topology_of_another_system_is_refused(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    (tmp_path / "run.extxyz").write_text(extxyz(scaled, cells))
    write(tmp_path / "small.extxyz", Atoms("Li", cell=CUBIC))
    write(tmp_path / "other.extxyz", Atoms(SYMBOLS[::-1], cell=CUBIC))
    with pytest.raises(InputError, match=r"has 7 atoms, its topology .*small.extxyz 1; expected the same"):
        open_trajectory(tmp_path / "run.extxyz", timestep_fs=1.0, topology=tmp_path / "small.extxyz")
    with pytest.raises(InputError, match=r"atom 2 is Li in .* and S in .*other.extxyz; expected the same order"):
        open_trajectory(tmp_path / "run.extxyz", timestep_fs=1.0, topology=tmp_path / "other.extxyz")


def test_a_real_xdatcar(shared_data):
    trajectory = open_trajectory(shared_data / "trajectories" / "Li6PS5Cl_XDATCAR", timestep_fs=100.0)
    series, notes = reduce_trajectory(trajectory)
    assert dict(zip(series.species, series.counts, strict=True)) == {"Li": 192, "Cl": 32, "S": 160, "P": 32}
    assert len(series.time_fs) == 140
    assert notes == ()

"""Trajectories reduced by AiiDA where they lie: the same series as by hand, whatever interrupts it."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.data import atomic_masses
from ase.io import write

from aiida_elyte.calculations.reduce_trajectory import ReduceTrajectoryCalculation
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.topology import read_topology, select_molecules
from aiida_elyte.workflows.reduce_trajectory import ReduceTrajectoryBaseWorkChain

DOCS = Path(__file__).parents[2] / "docs" / "cluster.md"
SIDE = 10.0
INTERVAL_FS = 50.0
DIFFUSION = 1e-4
"""Å²/fs: 1e-5 cm²/s."""
N_LI = 8
SYMBOLS = ["Li"] * N_LI + ["S"] * 2


@pytest.fixture
def place(tmp_path):
    """A folder with two replicas of Brownian Li in a lattice of S at rest, and the positions unwrapped."""
    positions = {name: brownian(seed) for seed, name in enumerate(("run1", "run2"))}
    for name, walk in positions.items():
        write(tmp_path / f"{name}.extxyz", [atoms(frame % SIDE) for frame in walk])
    return tmp_path, positions


def brownian(seed, n_frames=400):
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0, np.sqrt(2 * DIFFUSION * INTERVAL_FS), (n_frames, N_LI, 3))
    steps[0] = 0.0
    lithium = rng.uniform(0, SIDE, (N_LI, 3)) + np.cumsum(steps, axis=0)
    sulfur = np.broadcast_to([[0.0, 0.0, 0.0], [5.0, 5.0, 5.0]], (n_frames, 2, 3))
    return np.concatenate([lithium, sulfur], axis=1)


def atoms(positions):
    return Atoms(SYMBOLS, positions=positions, cell=np.eye(3) * SIDE, pbc=True)


def remote(code, folder):
    return orm.RemoteData(computer=code.computer, remote_path=str(folder))


def settings_of(**others):
    return {"trajectories": {"r0": "run1.extxyz"}, "timestep_fs": INTERVAL_FS, **others}


def assert_same(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        for name, array in theirs.to_arrays().items():
            np.testing.assert_array_equal(ours.to_arrays()[name], array)


def test_series_of_a_linked_and_of_an_uploaded_trajectory_equal_those_reduced_by_hand(python_code, place):
    folder, positions = place
    replicas = {"r0": remote(python_code, folder), "r1": orm.SinglefileData(folder / "run2.extxyz")}
    outputs, node = run_get_node(
        ReduceTrajectoryCalculation,
        code=python_code,
        trajectories=replicas,
        settings=settings_of(members={"r1": "m01"}, tracked=["Li"]),
    )
    assert node.is_finished_ok, node.exit_message
    expected = [
        reduce_trajectory(
            open_trajectory(folder / f"{name}.extxyz", timestep_fs=INTERVAL_FS),
            replica=replica,
            member=member,
            tracked=["Li"],
        )[0]
        for replica, name, member in (("r0", "run1", ""), ("r1", "run2", "m01"))
    ]
    found = outputs["series"].get_series()
    assert_same(found, expected)
    for one, walk in zip(found, positions.values(), strict=True):
        moved = (walk - walk[0])[:, :N_LI].sum(axis=1)
        np.testing.assert_allclose(one.collective_A[:, one.species.index("Li")], moved, atol=1e-5)

    assert outputs["results"]["n_frames"] == {"r0": 400, "r1": 400}
    assert outputs["results"]["interval_fs"] == {"r0": INTERVAL_FS, "r1": INTERVAL_FS}
    assert outputs["series"].base.attributes.get("duration_ps") == pytest.approx([19.95, 19.95])
    job = Path(outputs["remote_folder"].get_remote_path())
    assert (job / "trajectories/r0/run1.extxyz").readlink() == folder / "run1.extxyz"
    assert not any(name.endswith(".extxyz") for name in outputs["retrieved"].list_object_names())


def test_the_documented_reduction_gives_the_diffusion_of_the_walk(python_code, place):
    folder, _ = place
    names = {"code": python_code, "path": str(folder)}
    for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL):
        exec(compile(block, DOCS, "exec"), names)
    found = names["results"]["tracer_diffusion_Li"]
    truth = DIFFUSION * 0.1  # Å²/fs in cm²/s
    assert found["std"] < 0.2 * truth
    assert abs(found["value"] - truth) < 3 * found["std"]
    assert names["results"]["conditions"]["duration_ps"] == pytest.approx([19.95, 19.95])


@pytest.mark.parametrize("is_uploaded", [True, False])
def test_binary_trajectory_with_its_topology(python_code, tmp_path, is_uploaded):
    mda = pytest.importorskip("MDAnalysis")
    frames = brownian(3, n_frames=30)
    frames[:, 9] = frames[:, 8] + [2.0, 0.0, 0.0]  # one molecule
    universe = mda.Universe.empty(len(SYMBOLS), n_residues=9, atom_resindex=[*range(8), 8, 8], trajectory=True)
    universe.add_TopologyAttr("elements", SYMBOLS)
    universe.add_TopologyAttr("names", SYMBOLS)
    universe.add_TopologyAttr("resnames", ["LI"] * 8 + ["S2"])
    universe.dimensions = [SIDE, SIDE, SIDE, 90, 90, 90]
    universe.atoms.positions = frames[0]
    universe.atoms.write(tmp_path / "system.pdb")
    with mda.Writer(str(tmp_path / "run.xtc"), len(SYMBOLS)) as writer:
        for index, frame in enumerate(frames):
            universe.atoms.positions = frame
            universe.trajectory.ts.time = index * INTERVAL_FS / 1e3
            universe.trajectory.ts.frame = index
            writer.write(universe.atoms)
    folder = remote(python_code, tmp_path)
    settings = {"trajectories": {"r0": "run.xtc"}, "molecules": {"S2": "resname S2"}}
    outputs, node = run_get_node(
        ReduceTrajectoryCalculation,
        code=python_code,
        trajectories={"r0": folder},
        topology=orm.SinglefileData(tmp_path / "system.pdb") if is_uploaded else folder,
        settings=settings if is_uploaded else {**settings, "topology": "system.pdb"},
    )
    assert node.is_finished_ok, node.exit_message
    topology = read_topology(tmp_path / "system.pdb")
    expected, _ = reduce_trajectory(
        open_trajectory(tmp_path / "run.xtc", topology=topology),
        molecules=select_molecules(topology, settings["molecules"]),
    )
    assert_same(outputs["series"].get_series(), [expected])
    assert outputs["results"]["species"] == {"r0": {"Li": N_LI, "S2": 1}}


def test_parts_in_one_folder_are_reduced_as_one_trajectory(python_code, tmp_path):
    frames = [
        f"ITEM: TIMESTEP\n{50 * step}\nITEM: NUMBER OF ATOMS\n{len(SYMBOLS)}\nITEM: BOX BOUNDS pp pp pp\n"
        + f"0 {SIDE}\n" * 3
        + "ITEM: ATOMS id element xu yu zu\n"
        + "".join(f"{i + 1} {SYMBOLS[i]} {x:.6f} {y:.6f} {z:.6f}\n" for i, (x, y, z) in enumerate(positions))
        for step, positions in enumerate(brownian(3, n_frames=60))
    ]
    (tmp_path / "whole.lammpstrj").write_text("".join(frames))
    names = ["part_000.lammpstrj", "part_001.lammpstrj", "part_002.lammpstrj"]
    for name, part in zip(names, (frames[:30], frames[20:40], frames[40:]), strict=True):
        (tmp_path / name).write_text("".join(part))
    folder = remote(python_code, tmp_path)
    outputs, node = run_get_node(
        ReduceTrajectoryCalculation,
        code=python_code,
        trajectories={"r0": folder, "r1": folder},
        settings=settings_of(trajectories={"r0": "whole.lammpstrj", "r1": names}, timestep_fs=1.0),
    )
    assert node.is_finished_ok, node.exit_message
    assert outputs["results"]["n_frames"] == {"r0": 60, "r1": 60}
    whole, parts = outputs["series"].get_series()
    np.testing.assert_array_equal(parts.displacements_A, whole.displacements_A)
    np.testing.assert_array_equal(parts.time_fs, whole.time_fs)
    job = Path(outputs["remote_folder"].get_remote_path())
    assert [(job / "trajectories" / "r1" / name).readlink() for name in names] == [tmp_path / name for name in names]


def test_interrupted_by_the_wall_time_and_resumed_equals_unbroken(python_code, tmp_path):
    n_frames = 2000  # nearly a millisecond each
    walk = np.cumsum(np.random.default_rng(5).normal(0.0, 0.1, (n_frames, 2, 3)), axis=0)
    write_torchsim(tmp_path / "long.h5", walk)
    settings = {"trajectories": {"r0": "long.h5"}, "timestep_fs": 2.0}
    builder = ReduceTrajectoryBaseWorkChain.get_builder_from_protocol(
        python_code,
        trajectories={"r0": remote(python_code, tmp_path)},
        overrides={"settings": settings, "max_iterations": 50},
        options={"max_wallclock_seconds": 1},
    )
    outputs, node = run_get_node(builder)
    assert node.is_finished_ok, node.exit_message
    statuses = [job.exit_status for job in node.called]
    assert statuses == [400] * (len(statuses) - 1) + [0]
    assert len(statuses) > 1
    read = [job.outputs.results["n_frames"]["r0"] for job in node.called]
    assert read == sorted(read)
    assert read[-1] == n_frames
    assert outputs["results"]["resumed_from_frame"] == read[-2]
    assert outputs["results"]["frames_read_in_this_job"] == n_frames - read[-2]
    expected, _ = reduce_trajectory(open_trajectory(tmp_path / "long.h5", timestep_fs=2.0), max_megabytes=64.0)
    assert_same(outputs["series"].get_series(), [expected])


def write_torchsim(path, walk):
    """Write a trajectory in the layout of torch-sim: no chunks, so that each frame is read by itself."""
    n_frames, n_atoms, _ = walk.shape
    with h5py.File(path, "w") as file:
        file["data/positions"] = walk % SIDE
        file["data/cell"] = np.tile(np.eye(3) * SIDE, (n_frames, 1, 1))
        file["data/atomic_numbers"] = [[3] * n_atoms]
        file["data/masses"] = [[atomic_masses[3]] * n_atoms]
        file["steps/positions"] = np.arange(n_frames)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trajectories": {"r0": "run9.extxyz"}}, "run9.extxyz is not there; expected a file"),
        ({"timestep_fs": None}, "tells no times; expected the time between its frames"),
        ({"tracked": ["Na"]}, "tracked names Na; expected species among Li, S"),
    ],
)
def test_input_the_program_refuses_has_its_exit_code(python_code, place, changes, message):
    outputs, node = run_get_node(
        ReduceTrajectoryCalculation,
        code=python_code,
        trajectories={"r0": remote(python_code, place[0])},
        settings=settings_of(**changes),
    )
    assert node.exit_status == 200
    assert message in node.exit_message
    assert "series" not in outputs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trajectories": {}}, r"name a file for no folder; expected one for each folder \(trajectories\.r0\)"),
        ({"trajectories": {"r0": "a", "r1": "b"}}, r"name a file for trajectories\.r0, trajectories\.r1; expected one"),
        ({"topology": "system.pdb"}, r"name a file for trajectories\.r0, topology; expected one"),
        ({"trajectories": {"r0": "run*.xtc"}}, r"settings\.trajectories\.r0 is 'run\*\.xtc'; expected the name of one"),
        (
            {"trajectories": {"r0": ["a", "b*"]}},
            r"settings\.trajectories\.r0 is \['a', 'b\*'\]; expected the name of one",
        ),
        ({"trajectories": {"r0": []}}, r"settings\.trajectories\.r0 is \[\]; expected the name of one"),
        ({"trajectories": ["run1.xtc"]}, r"settings\.trajectories is \['run1\.xtc'\]; expected replica"),
    ],
)
@pytest.mark.parametrize("process", [ReduceTrajectoryCalculation, ReduceTrajectoryBaseWorkChain])
def test_names_that_do_not_fit_the_folders_are_refused_before_anything_runs(
    python_code, tmp_path, process, changes, message
):
    with pytest.raises(ValueError, match=message):
        run_get_node(
            process,
            code=python_code,
            trajectories={"r0": remote(python_code, tmp_path)},
            settings=settings_of(**changes),
        )


def test_folder_on_another_computer_is_refused_before_anything_runs(python_code, aiida_computer, tmp_path):
    elsewhere = aiida_computer(label="elsewhere", hostname="elsewhere")
    folder = orm.RemoteData(computer=elsewhere, remote_path=str(tmp_path))
    with pytest.raises(ValueError, match=r"trajectories\.r0 is on elsewhere; expected a folder on localhost"):
        run_get_node(ReduceTrajectoryCalculation, code=python_code, trajectories={"r0": folder}, settings=settings_of())


def test_no_trajectory_is_refused_before_anything_runs(python_code):
    with pytest.raises(ValueError, match="trajectories is empty; expected at least one replica"):
        run_get_node(ReduceTrajectoryCalculation, code=python_code, trajectories={}, settings={})

"""Reduce and analyse a trajectory far larger than memory should be, beside the bare reader.

Writes (once) a trajectory of 30 000 ions in a cubic box, wrapped, of at least 4 GB, as LAMMPS text dump, DCD and XTC;
reads it through without doing anything, then reduces and analyses it with every atom followed. Each part is a process
of its own; the page cache is warm for both, as the file is read through once before.

    python examples/benchmarks/transport_streaming.py --dir /scratch --gigabytes 4
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from sheets import Sheet, add_table_option

ROOT = Path(__file__).resolve().parents[2]
N_ATOMS = 30_000
SIDE_A = 70.0
INTERVAL_FS = 1000.0
BYTES_PER_FRAME = {"dump": 1_050_000, "dcd": 360_100, "xtc": 118_000}
TITLES = {"dcd": "DCD", "xtc": "XTC", "dump": "LAMMPS text dump"}


def frames(n_frames: int):
    """Yield wrapped float32 positions of ions that diffuse; cations and anions by turns."""
    rng = np.random.default_rng(3)
    positions = rng.uniform(0, SIDE_A, (N_ATOMS, 3)).astype(np.float32)
    for _ in range(n_frames):
        yield positions
        positions = positions + rng.normal(0, 0.3, positions.shape).astype(np.float32)
        positions -= SIDE_A * np.floor(positions / SIDE_A)


def write(path: Path, kind: str, gigabytes: float) -> None:
    n_frames = int(gigabytes * 1e9 / BYTES_PER_FRAME[kind])
    partial = path.with_name("partial_" + path.name)
    if kind == "dump":
        names = np.where(np.arange(N_ATOMS) % 2, "Cl", "Li")
        heads = [f"{index + 1} {name} " for index, name in enumerate(names)]
        with partial.open("w") as handle:
            for step, positions in enumerate(frames(n_frames)):
                handle.write(f"ITEM: TIMESTEP\n{step * 1000}\nITEM: NUMBER OF ATOMS\n{N_ATOMS}\n")
                handle.write("ITEM: BOX BOUNDS pp pp pp\n" + f"0 {SIDE_A}\n" * 3 + "ITEM: ATOMS id element x y z\n")
                rows = (f"{x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in positions.tolist())
                handle.writelines(head + row for head, row in zip(heads, rows, strict=True))
    else:
        import MDAnalysis
        from MDAnalysis.coordinates.DCD import DCDWriter
        from MDAnalysis.coordinates.XTC import XTCWriter

        universe = MDAnalysis.Universe.empty(N_ATOMS, trajectory=True)
        universe.dimensions = [SIDE_A] * 3 + [90.0] * 3
        options = {"dt": INTERVAL_FS / 1e3} if kind == "dcd" else {}
        writer = {"dcd": DCDWriter, "xtc": XTCWriter}[kind](str(partial), N_ATOMS, **options)
        with writer:
            for step, positions in enumerate(frames(n_frames)):
                universe.atoms.positions = positions
                universe.trajectory.ts.frame = step
                universe.trajectory.ts.data["time"] = universe.trajectory.ts.time = step * INTERVAL_FS / 1e3
                writer.write(universe.atoms)
    partial.rename(path)


def topology(folder: Path) -> Path:
    from ase import Atoms
    from ase.io import write as write_atoms

    path = folder / "topology.extxyz"
    if not path.exists():
        symbols = np.where(np.arange(N_ATOMS) % 2, "Cl", "Li")
        write_atoms(path, Atoms(symbols.tolist(), np.zeros((N_ATOMS, 3)), cell=[SIDE_A] * 3, pbc=True))
    return path


def read_bare(path: Path, kind: str, folder: Path) -> dict[str, float]:
    """Read every frame and do nothing with it: MDAnalysis for binary files, our own reader for text dumps."""
    start = time.monotonic()
    if kind == "dump":
        from aiida_elyte.science.trajectory.readers import open_trajectory

        count = sum(1 for _ in open_trajectory(path, timestep_fs=1.0))
    else:
        import MDAnalysis

        universe = MDAnalysis.Universe(str(path), topology_format="MINIMAL", format=kind.upper())
        count = sum(1 for _ in universe.trajectory)
    return {"frames": count, "seconds": time.monotonic() - start}


def analyse(path: Path, kind: str, folder: Path) -> dict[str, float]:
    from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
    from aiida_elyte.science.transport.estimates import estimate_transport
    from aiida_elyte.units import CM2_S

    start = time.monotonic()
    options = {"timestep_fs": 1.0} if kind == "dump" else {"topology": topology(folder)}
    series, _ = reduce_trajectory(open_trajectory(path, **options))
    reduced = time.monotonic() - start
    results = estimate_transport([series], {"Li": 1.0, "Cl": -1.0}, 400.0)
    # each step adds 0.09 Å² along each axis: D = 0.045 Å²/ps
    truth = 0.5 * 0.09 / INTERVAL_FS * CM2_S
    return {
        "frames": len(series.time_fs),
        "seconds": time.monotonic() - start,
        "reduction_seconds": reduced,
        "peak_GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "D_over_truth": results["tracer_diffusion_Li"].value / truth,
    }


def measure(part: str, path: Path, kind: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--part", part, "--file", str(path), "--kinds", kind]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path(), help="folder for the trajectories")
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--kinds", nargs="+", default=list(TITLES), choices=TITLES)
    add_table_option(parser)
    parser.add_argument("--part", choices=("bare", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        part = {"bare": read_bare, "ours": analyse}[given.part]
        print(json.dumps(part(given.file, given.kinds[0], given.file.parent)))
        return
    sheet = Sheet()
    sheet.columns("format", "GB", "frames", "bare reader, s", "reduced and analysed, s", "of its speed", "peak, GB")
    for kind in given.kinds:
        path = given.dir / f"ions_{given.gigabytes:g}GB.{'lammpstrj' if kind == 'dump' else kind}"
        if not path.exists():
            write(path, kind, given.gigabytes)
        topology(path.parent)
        measure("bare", path, kind)  # warms the page cache
        bare, ours = measure("bare", path, kind), measure("ours", path, kind)
        if abs(ours["D_over_truth"] - 1) > 0.02:
            raise SystemExit(f"{path}: D is {ours['D_over_truth']:.3f} of the truth")
        seconds = f"{bare['seconds']:.1f}", f"{ours['seconds']:.1f}", f"{100 * bare['seconds'] / ours['seconds']:.0f} %"
        size = f"{path.stat().st_size / 1e9:.2f}"
        sheet.row(TITLES[kind], size, ours["frames"], *seconds, f"{ours['peak_GB']:.2f}")
    sheet.write(given.table)


if __name__ == "__main__":
    main()

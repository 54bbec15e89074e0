"""Mean squared displacement over all lags, and Onsager matrix: ours beside tidynamics and MDAnalysis.

Each side runs in a process of its own, on one thread and the same random walk of float32 positions; CPU time and peak
memory are those of the analysis alone and of the whole process. Then the same for ours with up to ten times the frames.

    pip install tidynamics
    python examples/benchmarks/transport_speed.py
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
SIDES = {
    "ours": "MSD over all lags, ours",
    "tidynamics": "the same, tidynamics",
    "MDAnalysis": "the same, MDAnalysis",
    "ours, L_ab": "L_ab of two species, ours",
}


def walk(n_ions: int, n_frames: int) -> np.ndarray:
    """Return random walks, shape (T, N, 3), built ion by ion in little memory."""
    rng = np.random.default_rng(1)
    positions = np.empty((n_frames, n_ions, 3), np.float32)
    for ion in range(n_ions):
        positions[:, ion] = np.cumsum(rng.normal(0, 0.1, (n_frames, 3)), axis=0)
    return positions


def run(side: str, n_ions: int, n_frames: int) -> dict[str, float]:
    positions = walk(n_ions, n_frames)
    checked = min(100, n_frames // 4)
    if side == "tidynamics":
        import tidynamics

        start = time.process_time()
        result = np.mean([tidynamics.msd(positions[:, ion]) for ion in range(n_ions)], axis=0)
    elif side == "MDAnalysis":
        import MDAnalysis
        from MDAnalysis.analysis.msd import EinsteinMSD

        universe = MDAnalysis.Universe.empty(n_ions, trajectory=True)
        universe.load_new(positions, order="fac")
        start = time.process_time()
        analysis = EinsteinMSD(universe, select="all", msd_type="xyz", fft=True)
        analysis.run()
        result = analysis.results.timeseries
    elif side == "ours":
        from aiida_elyte.science.transport.displacement import mean_squared_displacement

        start = time.process_time()
        result = mean_squared_displacement(positions)
    else:
        from aiida_elyte.science.transport.spectrum import sine_modes

        start = time.process_time()
        sums = np.stack([positions[:, half::2].sum(axis=1, dtype=float) for half in (0, 1)], axis=-1)
        modes = sine_modes(sums, n_frames - 1)
        matrix = np.einsum("kda,kdb->ab", modes, modes) / modes[..., 0].size / 2
        result = np.array([matrix[0, 0] / (n_ions / 2)] * (checked + 1))
    seconds = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    # MSD = 3 × 0.01 × lag; L_ab of one species of walkers is 0.01/2 for each of them
    scale = 0.005 if side == "ours, L_ab" else 0.03 * checked
    return {"cpu_s": seconds, "peak_MB": memory, "check": float(result[checked] / scale)}


def measure(side: str, n_ions: int, n_frames: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--side", side, "--ions", str(n_ions), "--frames", str(n_frames)]
    places = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": places}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ions", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=20000)
    parser.add_argument("--skip", nargs="*", default=(), choices=SIDES, help="sides to leave out")
    add_table_option(parser)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        print(json.dumps(run(given.side, given.ions, given.frames)))
        return
    sides = [side for side in SIDES if side not in given.skip]
    size = 12e-6 * given.ions * given.frames
    sheet = Sheet()
    sheet.say(f"{given.ions} ions × {given.frames} frames, one thread; {size:.0f} MB of the memory are the positions:")
    sheet.columns("", "CPU time, s", "peak memory, MB", "result over truth")
    for side in sides:
        found = measure(side, given.ions, given.frames)
        sheet.row(SIDES[side], f"{found['cpu_s']:.2f}", f"{found['peak_MB']:.0f}", f"{found['check']:.3f}")
    sheet.columns("frames of 100 ions", "CPU time of our MSD, s", "per frame and log₂ frames, µs")
    for factor in (1, 2, 5, 10):
        n_frames = factor * given.frames
        seconds = measure("ours", 100, n_frames)["cpu_s"]
        sheet.row(n_frames, f"{seconds:.2f}", f"{1e6 * seconds / n_frames / np.log2(n_frames):.2f}")
    sheet.write(given.table, [side for side in ("tidynamics", "MDAnalysis") if side in sides])


if __name__ == "__main__":
    main()

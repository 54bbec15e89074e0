"""Does a fitted force field hold? Every system it was fitted to runs 100 ps at 400 K in LAMMPS.

    python examples/benchmarks/forcefield_stability.py DIR DATA.extxyz [--runs 2] [--length-ps 100]

DIR is what `aiida-elyte forcefield fit DATA.extxyz --out DIR` wrote. Prints which runs stopped, if any did, and the
longest bond of all frames in units of the sum of covalent radii.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase.data import covalent_radii
from ase.io import read
from sheets import Sheet, add_table_option

from aiida_elyte.api.programs import start_program
from aiida_elyte.science.frames import first_frames, name_of, read_frames, total_charge_of, write_frames
from aiida_elyte.science.molecules.perception import topology_from_frame

STRIDE_FS = 500


def main(folder: Path, data: Path, n_runs: int, length_ps: float) -> Sheet:
    """Run every system."""
    starts = first_frames(read(data, ":"))
    lmp = shutil.which("lmp") or shutil.which("lmp", path=str(Path(sys.executable).parent))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_frames(starts, place / "start.extxyz")
        (place / "m00.json").write_text((folder / "forcefield.json").read_text())
        (place / "engine.sh").write_text(f'export OMP_NUM_THREADS=1\nexec {lmp} "$@"\n')
        settings = {
            "replicas": [{"seed": seed, "member": "m00"} for seed in range(n_runs * len(starts))],
            "temperature_K": 400.0,
            "n_steps": round(1000 * length_ps),
            "sample_stride": STRIDE_FS,
            "timestep_fs": 1.0,
        }
        (place / "settings.json").write_text(json.dumps(settings))
        start_program("sample_clusters.py", place).wait()
        results = json.loads((place / "results.json").read_text())
        if results["status"] != "ok":
            raise SystemExit(results["message"])
        frames = read_frames(place / "sampled.extxyz")
    by_name = {name_of(start): start for start in starts}
    stretch = max((longest_bond(by_name[name_of(frame)], frame) for frame in frames), default=float("nan"))
    sheet = Sheet()
    sheet.say(f"{n_runs} runs of {length_ps:g} ps at 400 K of each system:")
    sheet.columns("systems", "frames", "longest bond over the sum of covalent radii", "runs that stopped early")
    sheet.row(len(starts), len(frames), f"{stretch:.2f}", ", ".join(results["stops"]) or "none")
    return sheet


def longest_bond(start, frame) -> float:
    """Return the length of the most stretched bond over the sum of covalent radii."""
    bonds = topology_from_frame(start, total_charge_of(start)).bonds
    radii = covalent_radii[start.numbers]
    lengths = np.linalg.norm(frame.positions[bonds[:, 0]] - frame.positions[bonds[:, 1]], axis=1)
    return float((lengths / (radii[bonds[:, 0]] + radii[bonds[:, 1]])).max())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=int, default=2, help="runs of each system")
    parser.add_argument("--length-ps", type=float, default=100.0, help="length of each")
    add_table_option(parser)
    given = parser.parse_args()
    main(given.folder, given.data, given.runs, given.length_ps).write(given.table)

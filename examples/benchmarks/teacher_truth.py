"""The truth of the teacher test (b): the conductivity of α-AgI by LAMMPS with the potential that labels the streets.

    python examples/benchmarks/teacher_truth.py --out truth.json

Replicas start from different silver sites, are heated and held, and run at the temperature, cell and friction of the
streets. ``truth.json`` holds σ with its error, and of every run the shortest distances, the framework's displacement
and the mean temperature. Runs that are there already are not repeated.
"""

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import silver_iodide
from ase import Atoms

from aiida_elyte.science.structure.rmsd import framework_displacement
from aiida_elyte.science.trajectory.reduction import Reducer
from aiida_elyte.science.transport.estimates import estimate_transport

CHARGES = {"Ag": 1.0}


def main() -> None:
    given = parse_arguments()
    folder = given.out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    conditions = {
        "temperature_K": given.temperature_K,
        "friction_per_ps": given.friction_per_ps,
        "timestep_fs": given.timestep_fs,
        "repeats": given.repeats,
        "picoseconds": given.picoseconds,
        "stride": given.stride,
    }
    series, runs = [], []
    for seed in range(given.replicas):
        path = folder / f"r{seed:02d}.npz"
        if not path.exists():
            simulate(path, conditions, seed)
        with np.load(path) as arrays:
            one, run = reduce(arrays, conditions, seed)
        series.append(one)
        runs.append(run)
        print(f"replica {seed}: {run}", flush=True)
    found = estimate_transport(series, CHARGES, given.temperature_K)
    root = Path(__file__).resolve().parents[2]
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
    result = {name: estimate.as_dict() for name, estimate in found.items()}
    content = {"conditions": conditions, "commit": commit.stdout.strip(), "runs": runs, **result}
    given.out.write_text(json.dumps(content, indent=1))
    for name in ("conductivity", "conductivity_nernst_einstein", "haven_ratio", "tracer_diffusion_Ag"):
        print(name, found[name])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("truth.json"))
    parser.add_argument("--temperature-K", type=float, default=700.0)
    parser.add_argument("--friction-per-ps", type=float, default=1.0)
    parser.add_argument("--timestep-fs", type=float, default=4.0)
    parser.add_argument("--repeats", type=int, default=2, help="cubic cells along each direction")
    parser.add_argument("--replicas", type=int, default=10)
    parser.add_argument("--picoseconds", type=float, default=500.0, help="length of each replica")
    parser.add_argument("--stride", type=int, default=10, help="steps between two samples")
    return parser.parse_args()


def simulate(path: Path, conditions: dict[str, Any], seed: int) -> None:
    """Run a replica and keep unwrapped positions and temperatures."""
    atoms = silver_iodide.crystal(conditions["repeats"], seed)
    kelvin, step_ps = conditions["temperature_K"], 1e-3 * conditions["timestep_fs"]
    engine = silver_iodide.start_lammps()
    warm_up = [
        "thermo_style custom step temp",
        "minimize 1e-8 1e-8 200 2000",
        f"velocity all create {kelvin} {1000 + seed} loop geom dist gaussian",
        "fix move all nve",
        f"fix heat all langevin {kelvin} {kelvin} {1 / conditions['friction_per_ps']} {2000 + seed} zero yes",
        f"timestep {step_ps}",
        f"run {round(20 / step_ps)}",
        "reset_timestep 0",
    ]
    for command in [*silver_iodide.lammps_commands(atoms, path.parent), *warm_up]:
        engine.command(command)
    length, n = atoms.cell[0, 0], len(atoms)
    frames, temperatures = [], []
    for _ in range(round(conditions["picoseconds"] / step_ps / conditions["stride"])):
        positions = np.array(engine.numpy.extract_atom("x")[:n])
        flags = np.array(engine.numpy.extract_atom("image")[:n])
        # Ten bits a direction, zero at 512, in LAMMPS as it is built by default.
        images = np.stack([(flags >> 10 * axis & 1023) - 512 for axis in range(3)], 1)
        frames.append(positions + images * length)
        temperatures.append(engine.get_thermo("temp"))
        engine.command(f"run {conditions['stride']} pre no post no")
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        np.savez(file, positions=np.array(frames), temperatures=np.array(temperatures))
    partial.rename(path)


def reduce(arrays: Any, conditions: dict[str, Any], seed: int) -> tuple[Any, dict[str, Any]]:
    """Return the series of a replica and what became of its structure."""
    atoms = silver_iodide.crystal(conditions["repeats"], seed)
    symbols = atoms.get_chemical_symbols()
    interval = conditions["stride"] * conditions["timestep_fs"]
    reducer = Reducer(symbols, masses_of(atoms), interval, replica=f"r{seed}", is_unwrapped=True)
    framework = np.array(symbols) == "I"
    cell = atoms.cell.array
    moved, shortest = 0.0, {"-".join(pair): np.inf for pair in silver_iodide.CORE}
    for index, (positions, kelvin) in enumerate(zip(arrays["positions"], arrays["temperatures"], strict=True)):
        reducer.add(positions, cell, kelvin)
        if index % 25 == 0:
            rmsd = framework_displacement(positions[framework], cell, atoms.positions[framework], cell)
            moved = max(moved, float(rmsd))
            apart = Atoms(symbols, positions, cell=cell, pbc=True).get_all_distances(mic=True)
            np.fill_diagonal(apart, np.inf)
            for name, before in shortest.items():
                one, two = (np.array(symbols) == symbol for symbol in name.split("-"))
                shortest[name] = min(before, float(apart[np.ix_(one, two)].min()))
    return reducer.finish(), {
        "seed": seed,
        "mean_temperature_K": round(float(arrays["temperatures"].mean()), 2),
        "framework_rmsd_max_A": round(moved, 3),
        "shortest_A": {name: round(value, 3) for name, value in shortest.items()},
    }


def masses_of(atoms: Atoms) -> np.ndarray:
    """Return the masses that LAMMPS was given."""
    return np.where(np.array(atoms.get_chemical_symbols()) == "Ag", 107.8682, 126.90447)


if __name__ == "__main__":
    main()

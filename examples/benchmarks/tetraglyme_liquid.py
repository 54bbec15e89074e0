"""What a settled box of tetraglyme tells: radial distributions, and how far its molecules move.

    aiida-elyte forcefield fit glyme_litfsi_clusters_dft.extxyz --out class2
    aiida-elyte box build ../recipes/tetraglyme.yaml --forcefield class2 --out g4 --protocol fast \\
        --set settling_ps=120 --until compressed
    python tetraglyme_liquid.py g4

Density, pressure and temperature are in ``g4/equilibration.json``; measured: 1.005 g/cm³ at 25 °C.
"""

import argparse
import json
from pathlib import Path

from aiida_elyte.science.structure.rdf import RdfAccumulator
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.topology import read_topology, select_molecules


def main(folder: Path) -> None:
    """Print the table."""
    verdict = json.loads((folder / "equilibration.json").read_text())
    density = verdict["means"]["density_g_cm3"]
    print(f"density {density['value']:.4f} ± {density['std']:.4f} g/cm³, {verdict['refused'] or 'in equilibrium'}")
    print(f"measured 1.005 g/cm³: {100 * (density['value'] / 1.005 - 1):+.1f} %")
    run = folder / "compression"
    topology = read_topology(run / "final.data")
    trajectory = open_trajectory(run / "part_000.lammpstrj", topology=topology)
    n_molecules = len({int(residue) for residue in topology.universe.atoms.resids})
    molecules = select_molecules(topology, {"G4": f"resid 1:{n_molecules}"})
    series, _ = reduce_trajectory(trajectory, molecules=molecules, tracked=["G4"], replica="r0")
    start = len(series.time_fs) - round((verdict["ends_ps"] - verdict["begins_ps"]) * 1000 / trajectory.interval_fs)
    rdf = RdfAccumulator(list(trajectory.symbols), [("O", "O"), ("C", "O")], 10.0, 200)
    for frame in trajectory.frames(start):
        rdf.add(frame.positions_A, frame.cell_A)
    for found in rdf.finish().values():
        g, r = found.g, found.r_A
        place = [round(float(r[i]), 2) for i in range(1, 199) if g[i] > max(g[i - 1], g[i + 1], 1.2)]
        print(f"g(r) {'–'.join(found.pair)}: maxima above 1.2 at {', '.join(map(str, place))} Å")
    moved = series.displacements_A - series.centre_of_mass_A[:: series.tracked_every, None]
    for lag_ps in (10, 20, 40, 60):
        lag = round(1000 * lag_ps / series.tracked_interval_fs)
        msd = float(((moved[lag:] - moved[:-lag]) ** 2).sum(-1).mean())
        print(f"MSD at {lag_ps} ps {msd:.2f} Å², MSD/6t {msd / 6 / lag_ps * 1e-4:.2e} cm²/s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    main(parser.parse_args().folder)

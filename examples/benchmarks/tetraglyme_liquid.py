"""What a settled box of tetraglyme tells: radial distributions, and how far its molecules move.

    aiida-elyte forcefield fit glyme_litfsi_clusters_dft.extxyz --out class2
    aiida-elyte box build examples/recipes/tetraglyme.yaml --forcefield class2 --out g4 --protocol fast \\
        --set settling_ps=120 --until compressed
    python examples/benchmarks/tetraglyme_liquid.py g4

Density, pressure and temperature are in ``g4/equilibration.json``; measured: 1.005 g/cm³ at 25 °C.
"""

import argparse
import json
from pathlib import Path

from sheets import Sheet, add_table_option

from aiida_elyte.science.structure.rdf import RdfAccumulator
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.topology import read_topology, select_molecules

MEASURED = 1.005  # g/cm³ at 25 °C


def main(folder: Path) -> Sheet:
    """Return the table."""
    verdict = json.loads((folder / "equilibration.json").read_text())
    density = verdict["means"]["density_g_cm3"]
    sheet = Sheet()
    sheet.columns("box of tetraglyme", "")
    sheet.row("equilibrium", verdict["refused"] or f"from {verdict['begins_ps'] - verdict['settle_ps']:.0f} ps on")
    sheet.row("density", f"{density['value']:.3f} ± {density['std']:.3f} g/cm³")
    sheet.row(f"beside the {MEASURED} g/cm³ of experiment", f"{100 * (density['value'] / MEASURED - 1):+.1f} %")
    run = folder / "compression"
    topology = read_topology(run / "final.data")
    trajectory = open_trajectory(run / "part_000.lammpstrj", topology=topology)
    n_molecules = len({int(residue) for residue in topology.universe.atoms.resids})
    molecules = select_molecules(topology, {"G4": f"resid 1:{n_molecules}"})
    series, _ = reduce_trajectory(trajectory, molecules=molecules, tracked=["G4"], replica="r0")
    start = len(series.time_fs) - round((verdict["ends_ps"] - verdict["begins_ps"]) * 1000 / trajectory.interval_fs)
    rdf = RdfAccumulator(list(trajectory.symbols), [("O", "O")], 10.0, 200)
    for frame in trajectory.frames(start):
        rdf.add(frame.positions_A, frame.cell_A)
    for found in rdf.finish().values():
        g, r = found.g, found.r_A
        first = next(i for i in range(1, 199) if g[i] > max(g[i - 1], g[i + 1], 1.2))
        sheet.row(f"first maximum of g(r), {'–'.join(found.pair)}", f"{r[first]:.2f} Å")
    moved = series.displacements_A - series.centre_of_mass_A[:: series.tracked_every, None]
    for lag_ps in (10, 60):
        lag = round(1000 * lag_ps / series.tracked_interval_fs)
        msd = float(((moved[lag:] - moved[:-lag]) ** 2).sum(-1).mean())
        sheet.row(f"MSD/6t at {lag_ps} ps", f"{100 * msd / 6 / lag_ps:.1f} · 10⁻⁶ cm²/s")
    return sheet


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    add_table_option(parser)
    given = parser.parse_args()
    main(given.folder).write(given.table)

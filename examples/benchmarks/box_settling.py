"""What a box that `aiida-elyte box build` compressed settled to, and the time LAMMPS took.

aiida-elyte box build peo.yaml --out peo --forcefield class2 --protocol fast --until compressed
python examples/benchmarks/box_settling.py peo --table docs/tables/NAME.md
"""

import argparse
import json
from pathlib import Path

from ase.io import read
from sheets import Sheet, add_table_option

ROWS = {
    "density_g_cm3": ("density, g/cm³", 3),
    "pressure_bar": ("pressure, bar", 0),
    "temperature_K": ("temperature, K", 1),
}
"""Mean → what to call it, and its digits."""


def main(folder: Path) -> Sheet:
    """Return the table."""
    verdict = json.loads((folder / "equilibration.json").read_text())
    run = json.loads((folder / "compression" / "results.json").read_text())
    sheet = Sheet()
    sheet.columns("", folder.name)
    sheet.row("atoms", len(read(folder / "box.extxyz")))
    minutes = 1.44 * verdict["ends_ps"] / run["ns_per_day"]
    sheet.row("compression and settling", f"{verdict['ends_ps']:g} ps in {minutes:.1f} min")
    sheet.row("equilibrium", verdict["refused"] or "reached")
    sheet.row("judged from", f"{verdict['begins_ps']:.0f} ps on")
    for key, (title, digits) in ROWS.items():
        mean = verdict["means"][key]
        sheet.row(title, f"{mean['value']:.{digits}f} ± {mean['std']:.{digits}f}")
    energy = verdict["means"]["potential_eV"]
    sheet.row("drift of the potential energy, eV", f"{energy['drift']:.1f} ± {energy['drift_std']:.1f}")
    return sheet


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    add_table_option(parser)
    given = parser.parse_args()
    main(given.folder).write(given.table)

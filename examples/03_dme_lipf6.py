"""LiPF6 in dimethoxyethane: the polymer street on a small liquid, from its recipe to its conductivity.

    python 03_dme_lipf6.py [--tiny]

Clusters are labelled by GFN2-xTB, a class-2 force field is fitted to them and improved where its members disagree, and
LAMMPS runs a box. Everything is kept in the default AiiDA profile (one is made where there is none) and runs without a
daemon; a second call takes every finished calculation from the cache. GFN2-xTB is semi-empirical, not DFT, and one box
of 0.2 ns is short: the numbers show the machine at work.
"""

import argparse
from pathlib import Path

import yaml
from aiida import orm

import aiida_elyte as elyte

RECIPE = Path(__file__).parent / "recipes" / "dme_lipf6.yaml"
SETTINGS = {
    "clusters": {"complex": 6, "contact": 6, "separated": 3, "aggregate": 6, "n_solvent": 2},
    "box": {"production": {"length_ps": 200.0}},
}
TINY = {
    "clusters": {"complex": 3, "contact": 0, "separated": 0, "aggregate": 3, "n_solvent": 1},
    "label": {"ase": {"settings": {"heat": {"count": 2}}}},
    "learning": {
        "ensemble": {"train": {"settings": {"fit": {"n_steps": 4}, "split": {"shares": [80, 0, 20]}}}},
        "learning": {
            "label_budget": 2,
            "sampling": {"n_replicas": 2, "n_steps": 1000, "sample_stride": 250},
            "selection": {"n_select": 2, "selection": {"threshold_eV_A": 1e-6}},
        },
    },
    "box": {
        "compression": {"compression_ps": 4.0, "settling_ps": 4.0, "cutoff_A": 8.0},
        "settling": {"max_extensions": 0, "is_required": False},
        "production": {"length_ps": 4.0, "frame_ps": 0.05},
    },
}


def main(tiny: bool) -> orm.WorkChainNode:
    """Run the street, print what it found."""
    elyte.setup()
    recipe = yaml.safe_load(RECIPE.read_text())
    street = elyte.launch_polymer(
        {**recipe, "n_atoms": 200, "salt": {"name": "LiPF6", "molality_mol_kg": 3.0}} if tiny else recipe,
        protocol="fast",
        overrides=TINY if tiny else SETTINGS,
        run=True,
    ).node
    if not street.is_finished_ok:
        raise SystemExit(f"the street {street.pk} ended with {street.exit_status}: {street.exit_message}")
    learned = street.outputs.learning
    print(f"labelled clusters: {len(learned.dataset)}; learning ended because {learned.history['reason']}")
    for name, box in street.outputs.boxes.items():
        density = box.equilibrium["means"]["density_g_cm3"]
        print(f"{name}: {density['value']:.3f} ± {density['std']:.3f} g/cm³, {box.equilibrium['refused'] or 'settled'}")
    for name, found in street.outputs.transport.get_dict().items():
        if "refused" in found:
            print(f"{name}: none, {found['refused']}")
        elif "value" in found:
            low, high = found["ci95"]
            print(f"{name}: {found['value']:.3g} {found['unit']}, 95 % within {low:.3g} to {high:.3g}")
    print(f"aiida-elyte report {street.pk}")
    assert len(learned.dataset) >= 12
    return street


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="a few minutes; its numbers mean nothing")
    main(parser.parse_args().tiny)

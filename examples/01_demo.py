"""The demo as a script: from the structure of beta-Li3PS4 to its conductivity through the Python API.

    python 01_demo.py [--tiny]

Everything is kept in the default AiiDA profile (one is made where there is none) and runs without a daemon; a second
call takes every finished calculation from the cache. GFN1-xTB is semi-empirical, not DFT: the numbers show the machine
at work.
"""

import argparse
from pathlib import Path

import yaml
from aiida import orm
from aiida.engine import run_get_node

import aiida_elyte.cli
from aiida_elyte.cli.profile import prepare, set_up
from aiida_elyte.report.html import write_report
from aiida_elyte.science.crystal_files.read import read_structure
from aiida_elyte.workflows.crystal import CrystalWorkChain
from aiida_elyte.workflows.protocols import recursive_merge

DEMO = Path(aiida_elyte.cli.__file__).parent / "demo"
STRIDES = {"series_stride": 2, "sample_stride": 10, "spread_stride": 10}
TINY = {
    "seeds": {
        "perturb": {
            "rattle": {"count": 4},
            "strain": {"count": 0},
            "shear": {"count": 0},
            "shrink": {"count": 0},
            "supercell": {"count": 0},
        },
    },
    "active_learning": {
        "ensemble": {"train": {"settings": {"architecture": {"n_features": 8, "n_layers": 1}, "max_epochs": 4}}},
        "sample": {"settings": {"ramp": {"ramp_steps": 0}, "stops": {"min_distance_factor": None}}},
        "learning": {
            "max_rounds": 1,
            "label_budget": 2,
            "sampling": {"temperature_K": 300.0, "n_steps": 20, **STRIDES},
            "selection": {"n_select": 2, "selection": {"threshold_eV_A": 1e-6}},
            "retraining": {"max_epochs": 2},
        },
    },
    "conductivity": {
        "md": {"settings": {"ramp": {"ramp_steps": 0, "hold_steps": 0}, "stops": {"min_distance_factor": None}}},
        "conditions": {"n_steps": 100, "n_replicas": 2, "trajectory_stride": 50, **STRIDES},
    },
}


def main(tiny: bool) -> orm.WorkChainNode:
    """Run the street, write its report, print its conductivities."""
    prepare()
    set_up()
    demo = yaml.safe_load((DEMO / "demo.yaml").read_text())
    structure = orm.StructureData(ase=read_structure(DEMO / demo["structure"]), description=demo["citation"])
    builder = CrystalWorkChain.get_builder_from_protocol(
        {"python": orm.load_code("python@localhost")},
        structure,
        demo["charges"],
        [300.0] if tiny else demo["temperatures_K"],
        protocol=demo["protocol"],
        overrides=recursive_merge(demo["overrides"], TINY) if tiny else demo["overrides"],
    )
    _, street = run_get_node(builder)
    if not street.is_finished_ok:
        raise SystemExit(f"the street {street.pk} ended with {street.exit_status}: {street.exit_message}")
    write_report(street, "report.html")
    for name, result in sorted(street.outputs.conductivity.transport.items()):
        sigma = result["conductivity"]
        if "refused" in sigma:
            print(f"{name}: no conductivity: {sigma['refused']}")
        else:
            print(f"{name}: {sigma['value']:.3g} mS/cm, 95 % within {sigma['ci95'][0]:.3g} to {sigma['ci95'][1]:.3g}")
    n_frames = len(street.outputs.learning.dataset)
    print(f"labelled frames: {n_frames}")
    assert n_frames >= (4 if tiny else 24)
    return street


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="one minute instead of ten; its numbers mean nothing")
    main(parser.parse_args().tiny)

"""Li6PS5Cl with Quantum ESPRESSO: the crystal street with density-functional labels.

    python 02_li6ps5cl_quantum_espresso.py PSEUDOPOTENTIALS [--tiny]

PSEUDOPOTENTIALS is a folder with one UPF file an element; `python pseudopotentials.py FOLDER` makes one. Everything is
kept in the default AiiDA profile (one is made where there is none) and runs without a daemon; a second call takes every
finished calculation from the cache.

The argyrodite is the cubic one of doi:10.1002/anie.200703900 and doi:10.1021/jacs.7b06327 with lithium ordered on 24g,
in the middle of each pair of half-occupied 48h sites, and no exchange of S and Cl: a first model, and a poor conductor.
"""

import argparse
from pathlib import Path

import pseudopotentials
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.spacegroup import crystal

import aiida_elyte as elyte
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.potentials.errors import ensemble_errors
from aiida_elyte.science.potentials.files import read_potential
from aiida_elyte.workflows.label.qe import QeLabelWorkChain
from aiida_elyte.workflows.md import MdBaseWorkChain

CHARGES = {"Li": 1.0}


def argyrodite() -> Atoms:
    """Return the primitive cell of Li6PS5Cl, 13 atoms, Li on 24g."""
    cell = crystal(
        ["P", "S", "S", "Cl", "Li"],
        basis=[(0.5, 0.5, 0.5), (0.618, 0.618, 0.618), (0.25, 0.25, 0.25), (0, 0, 0), (0.02, 0.25, 0.25)],
        spacegroup=216,
        cellpar=[9.86, 9.86, 9.86, 90, 90, 90],
        primitive_cell=True,
    )
    cell.info = {"origin": "structure#0"}
    return cell


def settings(tiny: bool) -> dict:
    """Return what to change of the protocol `fast`."""
    # At 40 Ry forces are off by 4 meV/Å, with a shifted 2×2×2 mesh by 2; see the protocol of the labeller.
    scf = {
        "kpoints_distance": 0.6,
        "kpoints_offset": 0.5,
        "parameters": {"SYSTEM": {"ecutwfc": 40.0, "ecutrho": 160.0}},
    }
    train = {"architecture": {"n_features": 64, "n_layers": 3}, "max_epochs": 300, "patience": 100}
    chosen = {
        "seeds": {
            "perturb": {
                "rattle": {"count": 14, "amplitude_A": 0.12},
                "strain": {"count": 4},
                "shear": {"count": 4},
                "shrink": {"count": 1, "factors": [0.96, 1.04]},
                "supercell": {"count": 0},
            },
            "repel": {"n_steps": 2, "max_frames": 20},
        },
        "active_learning": {
            "label": {"qe": {"max_in_flight": 2, "scf": scf}},
            "ensemble": {"n_members": 3, "max_in_flight": 2, "train": {"settings": train}},
            "learning": {
                "max_rounds": 1,
                "label_budget": 8,
                "sampling": {"temperature_K": 1000.0, "n_replicas": 3, "n_steps": 2000, "sample_stride": 20},
                "selection": {"n_select": 8, "selection": {"tolerance_eV_A": 0.15}},
                "retraining": {"max_epochs": 150},
            },
        },
        "conductivity": {
            "max_in_flight": 2,
            "conditions": {"n_replicas": 2, "n_steps": 8000, "supercell": [2, 2, 2], "series_stride": 10},
        },
    }
    if tiny:
        scf |= {"kpoints_distance": 2.0, "parameters": {"SYSTEM": {"ecutwfc": 25.0, "ecutrho": 100.0}}}
        train |= {"architecture": {"n_features": 8, "n_layers": 1}, "max_epochs": 10}
        chosen["seeds"]["perturb"] |= {
            "rattle": {"count": 4},
            "strain": {"count": 0},
            "shear": {"count": 0},
            "shrink": {"count": 0},
        }
        chosen["seeds"]["repel"] = None
        learning = chosen["active_learning"]["learning"]
        learning |= {"max_rounds": 1, "label_budget": 1, "retraining": {"max_epochs": 5}}
        learning["sampling"] |= {"temperature_K": 300.0, "n_steps": 40, "sample_stride": 10, "spread_stride": 10}
        learning["selection"] |= {"n_select": 1, "selection": {"tolerance_eV_A": 1e-6}}
        chosen["active_learning"] |= {"qualification": None}
        chosen["active_learning"]["ensemble"]["n_members"] = 2
        quiet = {"settings": {"ramp": {"ramp_steps": 20, "hold_steps": 0}, "stops": {"min_distance_factor": None}}}
        chosen["active_learning"]["sample"] = chosen["conductivity"]["md"] = quiet
        chosen["conductivity"]["conditions"] |= {"n_steps": 200, "supercell": [1, 1, 1], "series_stride": 2}
    return chosen


def held_out_frames(python: orm.Code, pw: orm.Code, street: orm.WorkChainNode, chosen: dict, tiny: bool) -> list[Atoms]:
    """Return frames of a run at 600 K that no potential was trained on, labelled by Quantum ESPRESSO."""
    run = {
        "temperature_K": 300.0 if tiny else 600.0,
        "n_steps": 20 if tiny else 3600,
        "sample_stride": 10 if tiny else 600,
    }
    strides = {"series_stride": 10, "spread_stride": run["sample_stride"], "trajectory_stride": run["n_steps"]}
    replicas = {"replicas": [{"seed": 4242, "member": "m00"}]}
    md = MdBaseWorkChain.get_builder_from_protocol(
        python,
        start=FramesData([argyrodite()]),
        potentials=dict(street.outputs.learning.potentials),
        protocol="fast",
        overrides={
            "settings": {
                **chosen["active_learning"].get("sample", {}).get("settings", {}),
                **run,
                **strides,
                **replicas,
            }
        },
    )
    sampled, _ = run_get_node(md)
    label = chosen["active_learning"]["label"]["qe"]
    labelled, _ = run_get_node(QeLabelWorkChain.get_builder_from_protocol(pw, sampled["frames"], "fast", label))
    return labelled["frames"].get_frames()


def with_verdict(result: orm.Dict, quantity: str) -> dict:
    """Return a quantity with the verdict on it."""
    return {**result[quantity], "verdict": result["verdict"], "reasons": result["reasons"]}


def main(folder: Path, tiny: bool) -> dict:
    """Run the street and return its numbers."""
    elyte.setup()
    pseudopotentials.register(pseudopotentials.fetch(folder))
    python, pw = orm.load_code("python@localhost"), orm.load_code("pw@localhost")
    chosen = settings(tiny)
    street = elyte.launch_crystal(
        argyrodite(),
        charges=CHARGES,
        temperatures_K=[300.0] if tiny else [600.0, 800.0, 1000.0],
        labeller="qe",
        protocol="fast",
        overrides=chosen,
        # The tiny version is not tested: it would take longer than all else.
        allow_unqualified=tiny,
        run=True,
    ).node
    if not street.is_finished_ok:
        raise SystemExit(f"the street {street.pk} ended with {street.exit_status}: {street.exit_message}")
    test = held_out_frames(python, pw, street, chosen, tiny)
    members = [read_potential(node.get_content(mode="rb")) for node in street.outputs.learning.potentials.values()]
    errors, found = ensemble_errors(members, test)["ensemble"], street.outputs.conductivity
    results = {
        "pk": street.pk,
        "level_of_theory": test[0].info["level_of_theory"],
        "frames_trained_on": len(street.outputs.learning.dataset),
        "frames_tested_on": len(test),
        "force_mae_eV_A": errors["force_mae_eV_A"],
        "conductivity": {name: with_verdict(node, "conductivity") for name, node in found.transport.items()},
        "activation_energy": with_verdict(found.arrhenius, "activation_energy"),
    }
    for key, value in results.items():
        print(f"{key:20s} {value}")
    assert results["force_mae_eV_A"] < (5.0 if tiny else 0.2), "the ensemble did not learn the forces"
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pseudopotentials", type=Path, help="folder with one UPF file an element")
    parser.add_argument("--tiny", action="store_true", help="minutes instead of hours; its numbers mean nothing")
    given = parser.parse_args()
    main(given.pseudopotentials, given.tiny)

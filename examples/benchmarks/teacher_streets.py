"""The teacher test (b): whole streets whose true conductivity is known.

    python examples/benchmarks/teacher_truth.py --out truth.json
    python examples/benchmarks/teacher_streets.py truth.json --out streets --streets 6

Each street begins with a crystal of other silver sites and other seeds throughout, learns from labels of the teacher of
``silver_iodide.py`` and runs at the temperature, cell and friction of the truth. None is run again, all are shown; a
street that was interrupted goes on. One file a street in --out holds what it found, the commit and the seed.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LEVEL = "AgI of Parrinello, Rahman and Vashishta (analytic teacher)"


def main() -> None:
    given = parse_arguments()
    if given.run is not None:
        run_street(given.run, json.loads(given.truth.read_text())["conditions"], given.out)
        return
    given.out.mkdir(parents=True, exist_ok=True)
    for number in range(given.first, given.first + given.streets):
        if not (given.out / f"street_{number:02d}.json").exists():
            command = [sys.executable, __file__, str(given.truth), "--out", str(given.out), "--run", str(number)]
            paths = [str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
            environment = {
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                "AIIDA_PATH": str((given.out / "profile").resolve()),
            }
            subprocess.run(command, env=environment, check=False)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", type=Path, help="truth.json of teacher_truth.py")
    parser.add_argument("--out", type=Path, default=Path("teacher_streets"), help="folder of the results")
    parser.add_argument("--streets", type=int, default=6)
    parser.add_argument("--first", type=int, default=0, help="number of the first street")
    parser.add_argument("--run", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def overrides(conditions: dict[str, Any], number: int) -> dict[str, Any]:
    """Return what a street changes of the protocol `fast`: its teacher, its size, its seeds."""
    seed = 1000 * number
    dynamics = {"friction_per_ps": conditions["friction_per_ps"], "timestep_fs": conditions["timestep_fs"]}
    ramp = {"ramp_steps": 250, "hold_steps": 250}
    teacher = {"calculator": "silver_iodide:SilverIodide", "parameters": {}, "level_of_theory": LEVEL}
    return {
        "seeds": {
            "perturb": {"seed": seed, "rattle": {"count": 20, "amplitude_A": 0.2}},
            "repel": {"seed": seed},
        },
        "active_learning": {
            "label": {"ase": {"settings": teacher}},
            "sample": {"settings": {**dynamics, "ramp": ramp}},
            "ensemble": {
                "n_members": 3,
                "train": {"settings": {"seed": seed, "max_epochs": 60}},
            },
            "qualification": {"conditions": {"seed": seed + 7000}, "md": {"settings": {**dynamics, "ramp": ramp}}},
            "learning": {
                "max_rounds": 3,
                "label_budget": 120,
                "sampling": {"seed": seed, "n_replicas": 3, "n_steps": 1500, "sample_stride": 25, "spread_stride": 25},
                # A quarter of the root mean square force on an ion of α-AgI at 700 K.
                "selection": {"n_select": 40, "selection": {"tolerance_eV_A": 0.1}},
            },
        },
        "conductivity": {
            "md": {"settings": {**dynamics, "ramp": ramp}},
            "conditions": {"seed": seed + 100, "n_replicas": 6, "n_steps": 6000, "series_stride": conditions["stride"]},
        },
    }


def run_street(number: int, conditions: dict[str, Any], out: Path) -> None:
    """Run a street to its end and keep what it found."""
    import silver_iodide

    import aiida_elyte as elyte

    start = time.monotonic()
    elyte.setup()
    street = elyte.launch_crystal(
        silver_iodide.crystal(conditions["repeats"], seed=100 + number),
        charges={"Ag": 1.0},
        temperatures_K=[conditions["temperature_K"]],
        labeller="ase",
        protocol="fast",
        overrides=overrides(conditions, number),
        run=True,
        progress=print,
    )
    node = street.node
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, capture_output=True, text=True, check=True)
    found = {
        "number": number,
        "commit": commit.stdout.strip(),
        "seconds": round(time.monotonic() - start),
        "pk": node.pk,
        "exit_status": node.exit_status,
        "exit_message": node.exit_message,
        "n_labelled": len(node.outputs.learning.dataset),
        "history": node.outputs.learning.history.get_dict(),
    }
    if "conductivity" in node.outputs:
        found["transport"] = {name: one.get_dict() for name, one in node.outputs.conductivity.transport.items()}
    (out / f"street_{number:02d}.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

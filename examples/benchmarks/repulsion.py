"""What a repulsive baseline and repulsive frames buy in time to the first failure of molecular dynamics.

Data: Li20Ge2P4S24, 50 atoms; the geometries are those of a PBE set (DP-GEN: an initial set and four rounds). There is
no PBE here to label atoms that are pushed together, so **CHGNet stands for it throughout**: ordinary frames, scans and
the frames of the tests carry its labels. What is compared is what potentials make of the same labels.

Small PaiNNs (32 features, 2 layers, 5 Å) on equally many frames and epochs: ordinary ones of the initial set and the
first round, or a part of them replaced by shrunken cells and by scans of every pair of elements. Each then drives
replicas, begun at the first frame, until its first failure: two atoms nearer than half of their covalent radii, a
temperature five times the thermostat's, or P and Ge more than 2 Å from their sites. Force errors are those on frames of
the last round, and on scans that no training has seen. The teacher runs once at each temperature: what it does itself
is not a failure of those who learned from it.

    python examples/benchmarks/repulsion.py ../shared/data/lgps_pbe_50atoms.extxyz

Results are kept in ``--out`` as they come, each with its seed and the commit; what is there is not done again.
"""

import argparse
import contextlib
import io
import json
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from scipy import stats
from sheets import Sheet, add_table_option

from aiida_elyte.science.dynamics.members import forces_of_members
from aiida_elyte.science.dynamics.settings import read_md_settings
from aiida_elyte.science.dynamics.simulation import Simulation
from aiida_elyte.science.dynamics.stops import find_collision
from aiida_elyte.science.frames import attach_labels, block_of, read_frames, write_frames
from aiida_elyte.science.potentials.errors import predict, prediction_errors
from aiida_elyte.science.potentials.neighbours import Batch
from aiida_elyte.science.potentials.painn.model import Painn, build_painn
from aiida_elyte.science.potentials.painn.settings import complete_settings
from aiida_elyte.science.potentials.painn.start import start_painn
from aiida_elyte.science.potentials.painn.training import PainnTrainer, make_examples
from aiida_elyte.science.seeds.perturb import Perturb
from aiida_elyte.science.seeds.repel import Repel
from aiida_elyte.science.structure.rmsd import framework_displacement

ROOT = Path(__file__).resolve().parents[2]
NOTHING = {"count": 0}
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"baseline": None, "repulsive": False},
    "ZBL": {"baseline": "zbl", "repulsive": False},
    "repulsive frames": {"baseline": None, "repulsive": True},
    "both": {"baseline": "zbl", "repulsive": True},
    "both, large forces count fully": {"baseline": "zbl", "repulsive": True, "large_force_eV_A": None},
}
TEACHER, COST = "the teacher itself", "cost"
TEMPERATURES_K = (900.0, 1300.0)
FRAMEWORK = ("P", "Ge")
MAX_RMSD_A = 2.0
TIMESTEP_FS = 2.0
FRICTION_PER_PS = 2.0
STRIDE = 5
SIDES = ("test", "scans")


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    sets = prepare(arguments)
    path = arguments.out / "results.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for seed in range(arguments.seeds):
        for name in VARIANTS:
            key = f"{name}, seed {seed}"
            if key not in results:
                results[key] = {"commit": commit(), "seed": seed, **measure(name, seed, sets, arguments)}
                path.write_text(json.dumps(results, indent=1))
                print(key, json.dumps(results[key]), flush=True)
    if TEACHER not in results:
        results[TEACHER] = {"commit": commit(), "seed": 0, "runs": run_teacher(sets["ordinary"], arguments.steps)}
        path.write_text(json.dumps(results, indent=1))
    if COST not in results:
        results[COST] = {"commit": commit(), "seed": 0, **measure_cost(sets["ordinary"][0])}
        path.write_text(json.dumps(results, indent=1))
    tell(results, sets, arguments).write(arguments.table, ("torch", "schnetpack", "chgnet"))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT.parent / "shared" / "data" / "lgps_pbe_50atoms.extxyz"
    parser.add_argument("data", nargs="?", type=Path, default=default, help="extxyz with `origin` in info")
    parser.add_argument("--out", type=Path, default=Path("repulsion_benchmark"), help="folder of labels and results")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each kind")
    parser.add_argument("--frames", type=int, default=100, help="frames of each training")
    parser.add_argument("--tests", type=int, default=25, help="frames of the last round to test on")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=1500, help="steps of MD, of 2 fs")
    add_table_option(parser)
    return parser.parse_args()


def commit() -> str:
    words = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def prepare(arguments: argparse.Namespace) -> dict[str, list[Atoms]]:
    """Draw, make and label all frames, or read those that were."""
    names = ("ordinary", "repulsive", "test", "scans")
    paths = {name: arguments.out / f"{name}.extxyz" for name in names}
    if not all(path.exists() for path in paths.values()):
        frames = read_frames(arguments.data)
        blocks = list(dict.fromkeys(map(block_of, frames)))
        rng = np.random.default_rng(0)
        early = [frame for frame in frames if block_of(frame) in blocks[:2]]
        late = [frame for frame in frames if block_of(frame) == blocks[-1]]
        sets = {
            "ordinary": [early[i] for i in rng.choice(len(early), arguments.frames, replace=False)],
            "repulsive": repulsive(frames[0], 0),
            "test": [late[i] for i in rng.choice(len(late), arguments.tests, replace=False)],
            "scans": Repel(n_steps=1, max_energy_eV=15.0).make(frames[len(frames) // 2], np.random.default_rng(1)),
        }
        for name, path in paths.items():
            write_frames(label(sets[name]), path)
    return {name: read_frames(path) for name, path in paths.items()}


def repulsive(crystal: Atoms, seed: int) -> list[Atoms]:
    """Return scans of every pair of elements, and cells shrunken to 92 % and 80 %."""
    off = dict.fromkeys(("strain", "shear", "supercell"), NOTHING)
    shrunken = Perturb(rattle={"count": 0}, shrink={"count": 2, "factors": [0.8, 0.92]}, **off)
    rng = np.random.default_rng(seed)
    return [*Repel(n_steps=3).make(crystal, rng), *shrunken.make(crystal, rng)]


def load_teacher() -> Calculator:
    with contextlib.redirect_stdout(io.StringIO()):
        from chgnet.model.dynamics import CHGNetCalculator

        return CHGNetCalculator(use_device="cpu")


def label(frames: list[Atoms]) -> list[Atoms]:
    labelled, teacher = [], load_teacher()
    for frame in frames:
        bare = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True, calculator=teacher)
        values = {"energy": bare.get_potential_energy(), "forces": bare.get_forces()}
        copy = bare.copy()
        copy.info = {"origin": frame.info["origin"], "level_of_theory": "CHGNet"}
        labelled.append(attach_labels(copy, **values))
    return labelled


def measure(name: str, seed: int, sets: dict[str, list[Atoms]], arguments: argparse.Namespace) -> dict[str, Any]:
    """Train one potential, look at its errors and run it."""
    start = time.process_time()
    potential = train(name, seed, sets, arguments.epochs)
    trained = time.process_time()
    errors = {side: force_error(potential, sets[side]) for side in SIDES}
    runs = run_md(potential, seed, sets["ordinary"], arguments.steps)
    seconds = {"training": round(trained - start, 1), "dynamics": round(time.process_time() - trained, 1)}
    return {"force_mae_eV_A": errors, "runs": runs, "cpu_seconds": seconds}


def train(name: str, seed: int, sets: dict[str, list[Atoms]], epochs: int) -> Painn:
    variant = VARIANTS[name]
    architecture = {"n_features": 32, "n_layers": 2, "baseline": variant["baseline"]}
    loss = {key: variant[key] for key in ("large_force_eV_A",) if key in variant}
    settings = complete_settings({"architecture": architecture, "seed": seed, "max_epochs": epochs, "loss": loss})
    rng = np.random.default_rng(seed)
    ordinary = [sets["ordinary"][i] for i in rng.permutation(len(sets["ordinary"]))]
    n_validation = len(ordinary) // 10
    validation, rest = ordinary[:n_validation], ordinary[n_validation:]
    if variant["repulsive"]:
        rest = [*rest[: len(rest) - len(sets["repulsive"])], *sets["repulsive"]]
    potential = start_painn(settings, rest, "CHGNet")
    large = settings["loss"]["large_force_eV_A"]
    sides = (make_examples(side, potential.cutoff_A, potential.dtype, "cpu", large) for side in (rest, validation))
    trainer = PainnTrainer(potential, settings, *sides)
    while not trainer.is_finished:
        trainer.run_epoch(lambda: 0.0, lambda: False)
    return trainer.finish()


def force_error(potential: Painn, frames: list[Atoms]) -> float:
    labels = [frame.get_potential_energy() for frame in frames], [frame.get_forces() for frame in frames]
    return prediction_errors(*labels, *predict(potential, frames))["force_mae_eV_A"]


def run_md(potential: Painn, seed: int, frames: list[Atoms], n_steps: int) -> list[dict[str, Any]]:
    """Run two replicas at each temperature until they fail or are through."""
    start = Atoms(frames[0].numbers, frames[0].positions, cell=frames[0].cell, pbc=True)
    runs = []
    for temperature in TEMPERATURES_K:
        settings = read_md_settings(
            {
                "temperature_K": temperature,
                "n_steps": n_steps,
                "timestep_fs": TIMESTEP_FS,
                "friction_per_ps": FRICTION_PER_PS,
                "replicas": [{"seed": 100 * seed + replica, "member": "m00"} for replica in range(2)],
                "stops": {"framework": FRAMEWORK, "max_framework_rmsd_A": MAX_RMSD_A, "stride": STRIDE},
                "device": "cpu",
            }
        )
        members = forces_of_members({"m00": potential}, settings, start.numbers)
        with tempfile.TemporaryDirectory() as folder:
            simulation = Simulation(settings, [start, start], members, Path(folder))
            simulation.begin()
            while not simulation.is_finished:
                simulation.run_block()
        for record in simulation.records.values():
            failure = None if record.stop is None else record.stop.kind
            steps = n_steps if record.stop is None else max(record.stop.step, 1)
            message = None if record.stop is None else record.stop.message
            runs.append(outcome(temperature, steps, failure, message))
    return runs


def measure_cost(frame: Atoms) -> dict[str, list[float]]:
    """Return CPU milliseconds of a force call with no baseline and with ZBL, by size of the network.

    A machine that others use slows most calls, of either: the tenth percentile says what they take.
    """
    found = {}
    for n_features, n_layers in ((32, 2), (64, 3)):
        times: dict[str | None, list[float]] = {None: [], "zbl": []}
        given = {"n_features": n_features, "n_layers": n_layers}
        potentials = {
            baseline: build_painn({**given, "baseline": baseline}, energy_reference=sorted(set(frame.symbols)))
            for baseline in times
        }
        batch = Batch.from_frames([frame], 5.0)
        for _ in range(300):
            for baseline, potential in potentials.items():
                start = time.thread_time()
                potential.energy_forces_stress(batch)
                times[baseline].append(1000 * (time.thread_time() - start))
        found[f"{n_features} features, {n_layers} layers"] = [float(np.percentile(one, 10)) for one in times.values()]
    return found


def outcome(temperature: float, steps: int, failure: str | None, message: str | None) -> dict[str, Any]:
    time_ps = steps * TIMESTEP_FS / 1000
    return {"temperature_K": temperature, "time_ps": time_ps, "failure": failure, "message": message}


def run_teacher(frames: list[Atoms], n_steps: int) -> list[dict[str, Any]]:
    """Run the teacher once at each temperature by ASE's Langevin dynamics, under the same rules."""
    runs, teacher = [], load_teacher()
    sites = np.flatnonzero(np.isin(frames[0].get_chemical_symbols(), FRAMEWORK))
    for temperature in TEMPERATURES_K:
        atoms = Atoms(frames[0].numbers, frames[0].positions, cell=frames[0].cell, pbc=True, calculator=teacher)
        start, cell, rng = atoms.positions[sites], atoms.cell.array, np.random.RandomState(0)
        MaxwellBoltzmannDistribution(atoms, temperature_K=temperature, rng=rng)
        dynamics = Langevin(
            atoms,
            TIMESTEP_FS * units.fs,
            temperature_K=temperature,
            friction=FRICTION_PER_PS / (1000 * units.fs),
            rng=rng,
        )
        failure, message, steps = None, None, 0
        while failure is None and steps < n_steps:
            dynamics.run(STRIDE)
            steps += STRIDE
            rmsd = framework_displacement(atoms.positions[sites], cell, start, cell)
            if message := find_collision(atoms.numbers, atoms.positions, cell, 0.5):
                failure = "COLLIDED"
            elif atoms.get_temperature() > 5 * temperature:
                failure, message = "EXPLODED", f"temperature is {atoms.get_temperature():.0f} K"
            elif rmsd > MAX_RMSD_A:
                failure, message = "MOLTEN", f"the framework moved {rmsd:.2f} Å"
        runs.append(outcome(temperature, steps, failure, message))
    return runs


def tell(results: dict[str, Any], sets: dict[str, list[Atoms]], arguments: argparse.Namespace) -> Sheet:
    sheet = Sheet()
    length = arguments.steps * TIMESTEP_FS / 1000
    largest = max(float(np.linalg.norm(frame.get_forces(), axis=1).max()) for frame in sets["repulsive"])
    temperatures = " and ".join(f"{value:g}" for value in TEMPERATURES_K)
    sheet.say(
        f"{arguments.frames} labels of CHGNet for each training, a tenth of them for validation; where there are "
        f"repulsive ones they take the place of {len(sets['repulsive'])} ordinary ones, with forces of up to "
        f"{largest:.0f} eV/Å. {arguments.seeds} trainings of {arguments.epochs} epochs, two replicas of {length:g} ps "
        f"at each of {temperatures} K. Errors are means over trainings, in brackets the extremes. The time to failure "
        "is all time run over the number of failures, its interval that of a constant rate; runs of one training are "
        "not independent, so intervals are rather too narrow."
    )
    sheet.columns(
        "training",
        "MAE, ordinary, meV/Å",
        "MAE, scans, meV/Å",
        f"intact after {length:g} ps",
        "95 %",
        "ps to failure",
        "95 %",
        "failures",
    )
    for name in (*VARIANTS, TEACHER):
        found = [one for key, one in results.items() if key == name or key.startswith(f"{name}, seed ")]
        runs = [run for one in found for run in one["runs"]]
        failed = [run["failure"] for run in runs if run["failure"]]
        intact = len(runs) - len(failed)
        share = stats.binomtest(intact, len(runs)).proportion_ci(method="exact")
        total = sum(run["time_ps"] for run in runs)
        low = total / (stats.chi2.ppf(0.975, 2 * len(failed) + 2) / 2)
        high = total / (stats.chi2.ppf(0.025, 2 * len(failed)) / 2) if failed else None
        sheet.row(
            name,
            *(_range([one["force_mae_eV_A"][side] for one in found if "force_mae_eV_A" in one]) for side in SIDES),
            f"{intact} of {len(runs)}",
            f"{100 * share.low:.0f}–{100 * share.high:.0f} %",
            f"{total / len(failed):.2g}" if failed else "none",
            f"{low:.2g}–{high:.2g}" if high is not None else f"above {low:.2g}",
            ", ".join(f"{count} {kind.lower()}" for kind, count in Counter(failed).most_common()),
        )
    calls = "; ".join(
        f"{bare:.1f} ms without and {whole:.1f} ms with ZBL ({name})"
        for name, (bare, whole) in ((key, value) for key, value in results[COST].items() if "features" in key)
    )
    sheet.say(f"A force call on {len(sets['ordinary'][0])} atoms takes {calls}: CPU time of the least disturbed tenth.")
    commits = sorted({one["commit"] for one in results.values()})
    sheet.say(f"Commit {', '.join(commits)}; seeds of training 0 to {arguments.seeds - 1}.")
    return sheet


def _range(values: list[float]) -> str:
    if not values:
        return ""
    low, mean, high = (1000 * value for value in (min(values), float(np.mean(values)), max(values)))
    return f"{mean:.0f} ({low:.0f}–{high:.0f})"


if __name__ == "__main__":
    main()

"""What an adversarial attack finds for each label, against molecular dynamics, against displacements drawn at random.

CHGNet stands for the truth: it labels the frames that members are trained on, and says how wrong they are on what is
sampled. Crystal: β-Li3PS4, 32 atoms, the cell of the demo. Small PaiNNs (32 features, 2 layers, 5 Å, ZBL) learn from
frames displaced at random and frames of CHGNet's own MD: at 1000 K, so that they have seen the temperature, or at 600 K
only. Then frames are sampled as in a round of learning at 1000 K: by MD of the members (what the street does), by
attacks from the training frames, and, as a control, by moving the atoms of the same training frames by random
displacements of the same lengths as the attacks'.

The error of a label is that of the force of the members' mean on each atom; errors are means over labels, in brackets
the standard error over seeds, each of which trains members of its own. Energies are those of CHGNet above its mean on
the training frames.

    python examples/benchmarks/attack.py

Results are kept in ``--out`` as they come, each with its seed and the commit; what is there is not done again.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from sheets import Sheet, add_table_option

from aiida_elyte.science.contact import closest_contact
from aiida_elyte.science.crystal_files.read import read_crystal
from aiida_elyte.science.dynamics.members import forces_of_members
from aiida_elyte.science.dynamics.settings import read_md_settings
from aiida_elyte.science.dynamics.simulation import SAMPLED, Simulation
from aiida_elyte.science.frames import attach_labels, committee_of, labels_of, read_frames, write_frames
from aiida_elyte.science.learning.attack import Attempt, EnergyScale, attack, draw_starts, energy_scale
from aiida_elyte.science.learning.attack_settings import read_attack_settings
from aiida_elyte.science.potentials.errors import predict
from aiida_elyte.science.potentials.files import read_potential
from aiida_elyte.science.potentials.painn.settings import complete_settings
from aiida_elyte.science.potentials.painn.start import start_painn
from aiida_elyte.science.potentials.painn.training import PainnTrainer, make_examples
from aiida_elyte.science.potentials.potential import Potential
from aiida_elyte.science.statistics.spread import force_spread

ROOT = Path(__file__).resolve().parents[2]
CRYSTAL = ROOT / "aiida_elyte" / "api" / "demo" / "Li3PS4-beta.cif"
TEACHER = "chgnet"
TEMPERATURE_K = 1000.0
TRAININGS_K = (1000.0, 600.0)
MD, MD_SPREAD = "MD of the members", "MD, the frames of largest spread"
ATTACK, ATTACK_FREE, RANDOM = "attack", "attack without the probability factor", "random displacements as long"
KINDS = (MD, MD_SPREAD, ATTACK, ATTACK_FREE, RANDOM)


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "results.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    teacher = read_potential(TEACHER)
    trainings = {temperature: training_frames(teacher, temperature, arguments) for temperature in TRAININGS_K}
    for seed in range(arguments.seeds):
        for temperature, frames in trainings.items():
            key = f"{temperature:g} K, seed {seed}"
            if key not in results:
                results[key] = {"commit": commit(), "seed": seed, **measure(seed, frames, teacher, arguments)}
                path.write_text(json.dumps(results, indent=1))
                print(key, json.dumps(results[key]), flush=True)
    tell(results, arguments).write(arguments.table, ("torch", "schnetpack", "chgnet"))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("attack_benchmark"), help="folder of labels and results")
    parser.add_argument("--seeds", type=int, default=2, help="ensembles")
    parser.add_argument("--members", type=int, default=3, help="members of each")
    parser.add_argument("--frames", type=int, default=60, help="frames of the training, half of them from MD")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--labels", type=int, default=16, help="frames of each kind that are labelled")
    parser.add_argument("--steps", type=int, default=600, help="steps of MD, of 2 fs")
    parser.add_argument("--attack-steps", type=int, default=30)
    add_table_option(parser)
    return parser.parse_args()


def commit() -> str:
    words = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def training_frames(teacher: Potential, temperature_K: float, arguments: argparse.Namespace) -> list[Atoms]:
    """Make and label the frames of the training, or read those that were made."""
    path = arguments.out / f"training_{temperature_K:g}K.extxyz"
    if not path.exists():
        crystal = read_crystal(CRYSTAL, is_ordered=True).atoms
        half = arguments.frames // 2
        frames = []
        for number in range(arguments.frames - half):
            frame = crystal.copy()
            frame.rattle(0.08, seed=number)
            frames.append(frame)
        sampled = run_md({"m00": teacher}, crystal, temperature_K, 25 * half, 25, [0])
        write_frames(label([*frames, *sampled[:half]], teacher), path)
    return read_frames(path)


def label(frames: Sequence[Atoms], teacher: Potential) -> list[Atoms]:
    energies, forces = predict(teacher, frames)
    labelled = []
    for number, (frame, energy, force) in enumerate(zip(frames, energies, forces, strict=True)):
        bare = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True)
        bare.info = {"origin": f"training#{number}", "level_of_theory": f"teacher: {TEACHER}"}
        labelled.append(attach_labels(bare, energy=energy, forces=force))
    return labelled


def measure(seed: int, training: list[Atoms], teacher: Potential, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train an ensemble, sample with it, and ask the teacher."""
    begin = time.process_time()
    members = [train(10 * seed + number, training, arguments.epochs) for number in range(arguments.members)]
    trained = time.process_time()
    kinds = sample(seed, members, training, arguments)
    sampled = time.process_time()
    mean_energy = float(np.mean([labels_of(frame)["energy"] / len(frame) for frame in training]))
    found = {name: judge(frames, members, teacher, mean_energy) for name, frames in kinds.items()}
    seconds = {"training": round(trained - begin, 1), "sampling": round(sampled - trained, 1)}
    return {"kinds": found, "cpu_seconds": seconds}


def train(seed: int, frames: list[Atoms], epochs: int) -> Potential:
    architecture = {"n_features": 32, "n_layers": 2}
    settings = complete_settings({"architecture": architecture, "seed": seed, "max_epochs": epochs})
    order = np.random.default_rng(seed).permutation(len(frames)).tolist()
    n_validation = max(len(frames) // 10, 1)
    validation, rest = ([frames[index] for index in part] for part in (order[:n_validation], order[n_validation:]))
    potential = start_painn(settings, rest, f"teacher: {TEACHER}")
    large = settings["loss"]["large_force_eV_A"]
    sides = (make_examples(side, potential.cutoff_A, potential.dtype, "cpu", large) for side in (rest, validation))
    trainer = PainnTrainer(potential, settings, *sides)
    while not trainer.is_finished:
        trainer.run_epoch(lambda: 0.0, lambda: False)
    return trainer.finish().eval().requires_grad_(False)


def sample(
    seed: int, members: list[Potential], training: list[Atoms], arguments: argparse.Namespace
) -> dict[str, list[Atoms]]:
    """Sample frames of each kind, as many as are to be labelled."""
    crystal, count = read_crystal(CRYSTAL, is_ordered=True).atoms, arguments.labels
    rng = np.random.default_rng(seed)
    named = {f"m{number:02d}": member for number, member in enumerate(members)}
    stride = max(arguments.steps * len(members) // (4 * count), 1)
    moving = run_md(named, crystal, TEMPERATURE_K, arguments.steps, stride, [seed])
    by_spread = sorted(moving, key=lambda frame: -float(committee_of(frame)[1].max()))
    energies = np.mean([predict(member, training)[0] for member in members], axis=0)
    scale = energy_scale(training, energies.tolist(), TEMPERATURE_K)
    logs = [
        float(scale.log_probability(scale.per_atom(frame, torch.tensor(energy))))
        for frame, energy in zip(training, energies, strict=True)
    ]
    starts = draw_starts(training, logs, count, seed)
    attacked = run_attack(members, starts, scale, seed, arguments, weighs_energy=True)
    shuffled = []
    for start, frame in attacked:
        lengths = rng.permutation(np.linalg.norm(frame.positions - start.positions, axis=1))
        directions = rng.normal(size=(len(start), 3))
        moved = start.copy()
        moved.positions += directions / np.linalg.norm(directions, axis=1, keepdims=True) * lengths[:, None]
        shuffled.append(moved)
    free = run_attack(members, starts, scale, seed, arguments, weighs_energy=False)
    return {
        MD: [moving[index] for index in rng.choice(len(moving), min(count, len(moving)), replace=False)],
        MD_SPREAD: by_spread[:count],
        ATTACK: [frame for _, frame in attacked],
        ATTACK_FREE: [frame for _, frame in free],
        RANDOM: shuffled,
    }


def run_attack(
    members: list[Potential],
    starts: list[Atoms],
    scale: EnergyScale,
    seed: int,
    arguments: argparse.Namespace,
    *,
    weighs_energy: bool,
) -> list[tuple[Atoms, Atoms]]:
    """Return start and end of each attack that gained."""
    settings = read_attack_settings(
        {
            "temperature_K": TEMPERATURE_K,
            "replicas": [{"seed": seed, "member": "m00"}],
            "n_steps": arguments.attack_steps,
            "weighs_energy": weighs_energy,
        }
    )
    attempts = [Attempt(f"a{place}", start, 1000 * seed + place) for place, start in enumerate(starts)]
    found = []
    for first in range(0, len(attempts), 8):
        outcomes = attack(members, attempts[first : first + 8], scale, settings)
        found += [(one.attempt.start, one.frame) for one in outcomes if one.frame is not None]
    return found


def run_md(
    members: dict[str, Potential], start: Atoms, temperature_K: float, n_steps: int, stride: int, seeds: list[int]
) -> list[Atoms]:
    """Run a replica for each member and seed; return what is sampled, without the frames of stops."""
    settings = read_md_settings(
        {
            "temperature_K": temperature_K,
            "n_steps": n_steps,
            "sample_stride": stride,
            "replicas": [{"seed": 100 * seed + i, "member": name} for seed in seeds for i, name in enumerate(members)],
            "ramp": {"ramp_steps": 200, "hold_steps": 0},
            "device": "cpu",
        }
    )
    forces = forces_of_members(members, settings, start.numbers)
    with tempfile.TemporaryDirectory() as folder:
        simulation = Simulation(settings, [start] * len(settings.replicas), forces, Path(folder))
        simulation.begin()
        while not simulation.is_finished:
            simulation.run_block()
        simulation.state_dict()  # brings the files to disk
        frames = read_frames(Path(folder) / SAMPLED)
    return [frame for frame in frames if "stop" not in frame.info]


def judge(
    frames: list[Atoms], members: list[Potential], teacher: Potential, mean_energy: float
) -> dict[str, float | int]:
    """Ask the teacher for the truth of frames."""
    energies, truth = predict(teacher, frames)
    predictions = [predict(member, frames)[1] for member in members]
    spreads = [force_spread(np.stack(one)) for one in zip(*predictions, strict=True)]
    errors = [np.linalg.norm(one.mean_forces - true, axis=1) for one, true in zip(spreads, truth, strict=True)]
    contacts = [closest_contact(frame, 1.5) for frame in frames]
    return {
        "labels": len(frames),
        "mean_error_eV_A": float(np.mean([one.mean() for one in errors])),
        "largest_error_eV_A": float(np.mean([one.max() for one in errors])),
        "largest_spread_eV_A": float(np.mean([one.maximum for one in spreads])),
        "energy_eV_atom": float(np.mean([e / len(f) for e, f in zip(energies, frames, strict=True)])) - mean_energy,
        "nearest_contact": min(one.factor for one in contacts if one is not None),
    }


def tell(results: dict[str, Any], arguments: argparse.Namespace) -> Sheet:
    sheet = Sheet()
    sheet.columns(
        "MD of the training", "sampled by", "labels", "mean error [eV/Å]", "largest error [eV/Å]",
        "largest spread [eV/Å]", "energy [meV/atom]", "nearest contact [radii]",
    )  # fmt: skip
    for temperature in TRAININGS_K:
        runs = [results[f"{temperature:g} K, seed {seed}"] for seed in range(arguments.seeds)]
        for name in KINDS:
            found = [run["kinds"][name] for run in runs]
            sheet.row(
                f"{temperature:g} K",
                name,
                sum(one["labels"] for one in found),
                *(mean([one[key] for one in found], 2) for key in ("mean_error_eV_A", "largest_error_eV_A")),
                mean([one["largest_spread_eV_A"] for one in found], 2),
                mean([1000 * one["energy_eV_atom"] for one in found], 0),
                f"{min(one['nearest_contact'] for one in found):.2f}",
            )
    minutes = {key: sum(one["cpu_seconds"][key] for one in results.values()) / 60 for key in ("training", "sampling")}
    sheet.say(
        f"{arguments.seeds} ensembles of {arguments.members} for each training, on {arguments.frames} labels of CHGNet "
        f"for {arguments.epochs} epochs; sampled at {TEMPERATURE_K:g} K. Means over labels, in brackets the standard "
        f"error over ensembles. {minutes['training']:.1f} CPU minutes of training, "
        f"{minutes['sampling']:.1f} of sampling."
    )
    return sheet


def mean(values: list[float], decimals: int) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{np.mean(values):.{decimals}f} ({error:.{decimals}f})"


if __name__ == "__main__":
    main()

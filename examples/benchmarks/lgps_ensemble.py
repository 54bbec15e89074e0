"""Four members of ours against one plain SchNetPack member: real PBE data, the same frames, time and cores.

Data: Li20Ge2P4S24, 50 atoms, PBE, generated with DP-GEN: an initial set and four rounds of active learning. Trained on
500 frames drawn from the initial set and the first three rounds, tested on the last round, of which neither side has
seen a frame.

Ours: ``aiida-elyte train`` as it comes, two members at a time, one core each; the ensemble's forces are the mean of its
members. Plain: one PaiNN of SchNetPack's own modules (64 features, 3 layers, 20 Gaussians, 5 Å) on two cores: batches
of 5, AdamW at 2e-3, learning rate × 0.6 after 6 epochs without progress, loss 0.01 E + 0.99 F, best validated weights.

    python examples/benchmarks/lgps_ensemble.py --minutes 40

``--shuffled`` draws the 500 frames and the test from all blocks alike, to show how much a shuffled split flatters.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sheets import Sheet, add_table_option

ROOT = Path(__file__).resolve().parents[2]
N_TRAIN = 500
N_TEST = 300
VALIDATION_FRACTION = 0.1
SEED = 20

KEYS = ("force_mae_eV_A", "force_rmse_eV_A", "energy_mae_eV_atom")

PLAIN = {
    "n_features": 64,
    "n_layers": 3,
    "n_rbf": 20,
    "cutoff_A": 5.0,
    "batch_size": 5,
    "learning_rate": 2e-3,
    "patience": 6,
    "factor": 0.6,
    "energy_weight": 0.01,
    "forces_weight": 0.99,
}


def main() -> None:
    arguments = parse_arguments()
    if arguments.run_plain is not None:
        train_plain(arguments.run_plain, arguments.minutes)
        return
    folder = arguments.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    n_train, n_test = prepare(arguments.data, folder, arguments.shuffled)
    results: dict[str, Any] = {"split": "shuffled" if arguments.shuffled else "last round held out"}
    results |= {
        "n_train": n_train,
        "n_test": n_test,
        "minutes": arguments.minutes,
        "cores": 2,
        "members": arguments.members,
    }
    summary = folder / "benchmark.json"
    if summary.exists():
        results = {**json.loads(summary.read_text()), **results}
    if arguments.only in (None, "ours"):
        results["ours"] = run_ours(folder, arguments.minutes, arguments.members)
        summary.write_text(json.dumps(results, indent=1))
    if arguments.only in (None, "plain"):
        results["plain"] = run_plain(folder, arguments.minutes)
        summary.write_text(json.dumps(results, indent=1))
    tell(results).write(arguments.table)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT.parent / "shared" / "data" / "lgps_pbe_50atoms.extxyz"
    parser.add_argument("data", nargs="?", type=Path, default=default, help="extxyz with `origin` in info")
    parser.add_argument("--out", type=Path, default=Path("lgps_benchmark"), help="folder for models and results")
    parser.add_argument("--minutes", type=float, default=40.0, help="wall time of either side")
    parser.add_argument("--members", type=int, default=4, help="members of the ensemble, trained two at a time")
    parser.add_argument("--only", choices=("ours", "plain"), help="run one side; the other is read from --out")
    parser.add_argument("--shuffled", action="store_true", help="shuffled split instead of the held-out last round")
    add_table_option(parser)
    parser.add_argument("--run-plain", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def prepare(data: Path, folder: Path, is_shuffled: bool) -> tuple[int, int]:
    """Write ``train.extxyz`` and ``test.extxyz``; both sides read the same files."""
    from aiida_elyte.science.frames import block_of, read_frames, write_frames

    frames = read_frames(data)
    blocks = list(dict.fromkeys(map(block_of, frames)))
    rng = np.random.default_rng(SEED)
    if is_shuffled:
        order = rng.permutation(len(frames))
        train, test = np.sort(order[:N_TRAIN]), np.sort(order[N_TRAIN : N_TRAIN + N_TEST])
    else:
        is_last = np.array([block_of(frame) == blocks[-1] for frame in frames])
        train = np.sort(rng.choice(np.flatnonzero(~is_last), N_TRAIN, replace=False))
        test = np.flatnonzero(is_last)
    for frame in frames:
        frame.info["level_of_theory"] = "PBE"
    write_frames([frames[i] for i in train], folder / "train.extxyz")
    write_frames([frames[i] for i in test], folder / "test.extxyz")
    return len(train), len(test)


def run_ours(folder: Path, minutes: float, members: int) -> dict[str, Any]:
    """Train the members with the package's own command and judge their mean."""
    start = time.monotonic()
    out = folder / "ours"
    command = [str(Path(sys.executable).with_name("aiida-elyte")), "train", str(folder / "train.extxyz")]
    command += ["--out", str(out), "--members", str(members), "--max-minutes", str(minutes), "--max-in-flight", "2"]
    subprocess.run(command, check=True)
    seconds = round(time.monotonic() - start)
    return {**judge_ensemble(sorted(out.glob("m*.pt")), folder / "test.extxyz"), "seconds": seconds}


def judge_ensemble(paths: list[Path], test: Path) -> dict[str, Any]:
    """Compare the mean of the members, and each member, with the labels."""
    import torch

    from aiida_elyte.science.frames import read_frames
    from aiida_elyte.science.potentials.files import read_potential
    from aiida_elyte.science.potentials.painn.training import errors_of, make_examples, parity_of

    torch.set_num_threads(1)  # frames of 50 atoms are too small to share
    potentials = [read_potential(path) for path in paths]
    frames = read_frames(test)
    examples = make_examples(frames, potentials[0].cutoff_A, potentials[0].dtype, "cpu")
    parities = [parity_of(potential, examples) for potential in potentials]
    mean = {**parities[0], **{key: np.mean([parity[key] for parity in parities], 0) for key in ("energy", "forces")}}
    return {"ensemble": errors_of(mean), "members": [errors_of(parity) for parity in parities]}


def run_plain(folder: Path, minutes: float) -> dict[str, Any]:
    """Train the plain member in a process of its own, on two threads."""
    command = [sys.executable, __file__, "--run-plain", str(folder), "--minutes", str(minutes)]
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=environment, check=True)
    return json.loads((folder / "plain.json").read_text())


def train_plain(folder: Path, minutes: float) -> None:
    """Train SchNetPack's model with SchNetPack's layers, loss weights and the schedule of its tutorials."""
    start = time.monotonic()
    import torch

    from aiida_elyte.science.frames import read_frames
    from aiida_elyte.science.potentials.painn.modules import import_schnetpack

    spk = import_schnetpack()
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    frames, test = read_frames(folder / "train.extxyz"), read_frames(folder / "test.extxyz")
    order = rng.permutation(len(frames))
    n_validation = round(VALIDATION_FRACTION * len(frames))
    mean = np.mean([frame.get_potential_energy() / len(frame) for frame in frames])
    train, validation, held_out = (
        [as_schnetpack(frame, mean) for frame in side]
        for side in ([frames[i] for i in order[n_validation:]], [frames[i] for i in order[:n_validation]], test)
    )
    model = spk.model.NeuralNetworkPotential(
        representation=spk.representation.PaiNN(
            n_atom_basis=PLAIN["n_features"],
            n_interactions=PLAIN["n_layers"],
            radial_basis=spk.nn.GaussianRBF(n_rbf=PLAIN["n_rbf"], cutoff=PLAIN["cutoff_A"]),
            cutoff_fn=spk.nn.CosineCutoff(PLAIN["cutoff_A"]),
        ),
        input_modules=[spk.atomistic.PairwiseDistances()],
        output_modules=[spk.atomistic.Atomwise(n_in=PLAIN["n_features"], output_key="energy"), spk.atomistic.Forces()],
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=PLAIN["learning_rate"])
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, patience=PLAIN["patience"], factor=PLAIN["factor"])

    def loss_of(batch: dict) -> "torch.Tensor":
        found = model(dict(batch))
        energy = torch.nn.functional.mse_loss(found["energy"], batch["label_energy"])
        forces = torch.nn.functional.mse_loss(found["forces"], batch["label_forces"])
        return PLAIN["energy_weight"] * energy + PLAIN["forces_weight"] * forces

    def evaluate(side: list[dict]) -> tuple[float, np.ndarray, np.ndarray]:
        model.eval()
        losses, energies, forces = [], [], []
        for item in side:
            batch = collate([item])
            found = model(dict(batch))
            energy, force = found["energy"].detach(), found["forces"].detach()
            squares = ((energy - batch["label_energy"]) ** 2).mean(), ((force - batch["label_forces"]) ** 2).mean()
            losses.append(float(PLAIN["energy_weight"] * squares[0] + PLAIN["forces_weight"] * squares[1]))
            energies.append(energy.numpy())
            forces.append(force.numpy())
        model.train()
        return float(np.mean(losses)), np.concatenate(energies), np.concatenate(forces)

    best, best_state, epochs = float("inf"), None, 0
    tick = time.monotonic()
    evaluate(validation)
    reserve = time.monotonic() - tick  # for the last look at the validation frames; the test costs the budget nothing
    model.train()
    is_over = False
    while not is_over:
        order = rng.permutation(len(train))
        for first in range(0, len(order), PLAIN["batch_size"]):
            optimiser.zero_grad()
            loss_of(collate([train[i] for i in order[first : first + PLAIN["batch_size"]]])).backward()
            optimiser.step()
            is_over = time.monotonic() - start > 60 * minutes - reserve
            if is_over:
                break
        loss = evaluate(validation)[0]
        schedule.step(loss)
        epochs += 1
        if loss < best:
            best, best_state = loss, {key: value.clone() for key, value in model.state_dict().items()}
    seconds = time.monotonic() - start
    model.load_state_dict(best_state)
    _, energies, forces = evaluate(held_out)
    label = np.concatenate([item["label_forces"].numpy() for item in held_out])
    counts = np.array([len(frame) for frame in test])
    deviation = (energies - np.concatenate([item["label_energy"].numpy() for item in held_out])) / counts
    errors = {
        "force_mae_eV_A": float(np.abs(forces - label).mean()),
        "force_rmse_eV_A": float(np.sqrt(np.mean((forces - label) ** 2))),
        "energy_mae_eV_atom": float(np.abs(deviation).mean()),
    }
    rate = optimiser.param_groups[0]["lr"]
    record = {"errors": errors, "n_epochs": epochs, "learning_rate_at_end": rate, "seconds": round(seconds)}
    (folder / "plain.json").write_text(json.dumps(record))


def as_schnetpack(frame: Any, mean_energy: float) -> dict[str, Any]:
    """Put a frame into SchNetPack's dictionary; the mean energy per atom is removed, as by its ``RemoveOffsets``."""
    import torch

    from aiida_elyte.science.potentials.neighbours import find_pairs

    i, j, shifts = find_pairs(frame.positions, frame.cell.array, frame.pbc, PLAIN["cutoff_A"])
    first, second = np.concatenate([i, j]), np.concatenate([j, i])
    offsets = np.concatenate([shifts, -shifts]) @ frame.cell.array
    order = np.argsort(first, kind="stable")
    return {
        "_atomic_numbers": torch.as_tensor(frame.numbers),
        "_positions": torch.as_tensor(frame.positions, dtype=torch.float32),
        "_idx_i": torch.as_tensor(first[order]),
        "_idx_j": torch.as_tensor(second[order]),
        "_offsets": torch.as_tensor(offsets[order], dtype=torch.float32),
        "label_energy": torch.tensor([frame.get_potential_energy() - mean_energy * len(frame)], dtype=torch.float32),
        "label_forces": torch.as_tensor(frame.get_forces(), dtype=torch.float32),
    }


def collate(items: list[dict[str, Any]]) -> dict[str, Any]:
    import torch

    counts = torch.tensor([len(item["_atomic_numbers"]) for item in items])
    starts = torch.cumsum(counts, 0) - counts
    batch = {key: torch.cat([item[key] for item in items]) for key in items[0]}
    for key in ("_idx_i", "_idx_j"):
        batch[key] = torch.cat([item[key] + start for item, start in zip(items, starts, strict=True)])
    batch["_idx_m"] = torch.repeat_interleave(torch.arange(len(items)), counts)
    batch["_n_atoms"] = counts
    return batch


def tell(results: dict[str, Any]) -> Sheet:
    """Return the comparison."""
    sheet = Sheet()
    frames = f"{results['n_train']} frames for training, {results['n_test']} for the test, {results['split']}"
    sheet.say(f"{frames}; {results['minutes']:g} minutes on {results['cores']} cores each:")
    sheet.columns("", "force MAE, meV/Å", "force RMSE, meV/Å", "energy MAE, meV/atom", "seconds")

    def row(name: str, errors: list[dict[str, float]], seconds: object) -> None:
        sheet.row(name, *(span([1000 * each[key] for each in errors]) for key in KEYS), seconds)

    if "ours" in results:
        ours = results["ours"]
        row(f"mean of {len(ours['members'])} members", [ours["ensemble"]], ours["seconds"])
        row("single members", ours["members"], "")
    if "plain" in results:
        row("one plain SchNetPack member", [results["plain"]["errors"]], results["plain"]["seconds"])
    return sheet


def span(values: list[float]) -> str:
    """Return a value, or the smallest and largest of several."""
    return "–".join(dict.fromkeys(f"{each:.1f}" for each in (min(values), max(values))))


if __name__ == "__main__":
    main()

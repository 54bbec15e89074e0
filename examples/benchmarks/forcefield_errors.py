"""Errors of force fields on DFT clusters: class 2, class 1, continuous typing and GFN2-xTB, by system.

Splits the data set 60/20/20 by frame for each seed; then, for the first, a learning curve, the noise of the labels, and
how far the spread of a bootstrap ensemble tells its error.

    python examples/benchmarks/forcefield_errors.py DATA.extxyz --picture learning_curve.png
    python examples/benchmarks/forcefield_errors.py DATA.extxyz --seeds 0 1 2 --members 0 --sizes
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.io import read

from aiida_elyte.science.forcefield.committee import committee_spread
from aiida_elyte.science.forcefield.continuous_fit import fit_continuous
from aiida_elyte.science.forcefield.dataset import System, group_frames, split_systems
from aiida_elyte.science.forcefield.fit import evaluate_forces, fit_force_field, measure_net_force
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.units import EV_KCAL_MOL


def by_system(force_field: ForceField, systems: Sequence[System]) -> dict[str, float]:
    content = evaluate_forces(force_field, [system.retyped(force_field.depth) for system in systems])
    everything = {**content["systems"], "overall": content["overall"]}
    return {name: each["force_rmse_kcal_mol_A"] for name, each in everything.items()}


def gfn2(frames: Sequence[Atoms]) -> dict[str, float]:
    """Return errors of GFN2-xTB, the total charge of each frame given."""
    from tblite.ase import TBLite

    squares: dict[str, list[np.ndarray]] = {}
    for frame in frames:
        bare = Atoms(frame.symbols, frame.positions)
        bare.calc = TBLite(method="GFN2-xTB", charge=float(frame.info["total_charge"]), verbosity=0)
        square = ((bare.get_forces() - frame.get_forces()) * EV_KCAL_MOL) ** 2
        squares.setdefault(frame.info["system"], []).append(square.ravel())
    found = {name: float(np.concatenate(each).mean() ** 0.5) for name, each in squares.items()}
    found["overall"] = float(np.concatenate([one for each in squares.values() for one in each]).mean() ** 0.5)
    return found


def timed(work: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, str]:
    start = time.perf_counter()
    found = work(*arguments, **options)
    return found, f"{time.perf_counter() - start:.0f}"


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    ranks = [np.argsort(np.argsort(each)) for each in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[30, 100, 340], help="training frames of the curve")
    parser.add_argument("--members", type=int, default=5, help="of the ensemble")
    parser.add_argument("--picture", type=Path, help="file for the learning curve")
    given = parser.parse_args()
    torch.set_num_threads(1)
    frames = read(given.data, index=":")
    parts = {}
    for seed in given.seeds:
        split_rng, _ = np.random.default_rng(seed).spawn(2)  # as the command `forcefield fit --seed` splits
        parts[seed] = split_systems(frames, (60, 20, 20), split_rng)
    names = [*dict.fromkeys(frame.info["system"] for frame in frames), "overall"]
    print("Force RMSE on test frames [kcal/mol/Å]\n")
    print(f"| force field | seed | {' | '.join(names)} | seconds |\n|---|---|{'---|' * len(names)}---|", flush=True)

    def tell(title: str, seed: int, errors: dict[str, float], seconds: str) -> None:
        print(f"| {title} | {seed} | {' | '.join(f'{errors[name]:.2f}' for name in names)} | {seconds} |", flush=True)

    for seed in given.seeds:
        train, validation, test = (group_frames(part) for part in parts[seed])
        for terms, title in (("class2", "class 2"), ("class1", "class 1, harmonic")):
            found, seconds = timed(fit_force_field, train, validation, terms=terms)
            tell(title, seed, by_system(found, test), seconds)
        network, seconds = timed(fit_continuous, train, validation)
        tell("class 2, by element alone", seed, by_system(network.coarse, test), "")
        frozen = network.freeze([system.topology for system in test])
        tell("class 2, continuous typing", seed, by_system(frozen, test), seconds)
        found, seconds = timed(gfn2, parts[seed][2])
        tell("GFN2-xTB", seed, found, seconds)

    seed = given.seeds[0]
    train, validation, test = (group_frames(part) for part in parts[seed])
    noise = {system.name: measure_net_force([system]) for system in test}
    n_atoms = {system.name: len(system.topology.elements) for system in test}
    print("\nNet force of the labels, a frame, and the error a component that it stands for if independent\n")
    for name, each in noise.items():
        print(f"- {name}: {each:.1f} kcal/mol/Å, {each / (3 * n_atoms[name]) ** 0.5:.2f} a component")

    curve = []
    for size in given.sizes:
        rng = np.random.default_rng(seed)
        whole = parts[seed][0]
        chosen = split_systems(whole, (size, len(whole) - size), rng)[0] if size < len(whole) else whole
        found, seconds = timed(fit_force_field, group_frames(chosen), validation)
        curve.append((len(chosen), found.record["errors"]["train_rmse_kcal_mol_A"], by_system(found, test)["overall"]))
        if size == given.sizes[0]:
            print("\n| training frames | train | test | seconds |\n|---|---|---|---|")
        print(f"| {len(chosen)} | {curve[-1][1]:.2f} | {curve[-1][2]:.2f} | {seconds} |", flush=True)

    if given.picture is not None and curve:
        draw(curve, noise, n_atoms, given.picture)

    if given.members:
        rng = np.random.default_rng(seed)
        members = [fit_force_field(train, validation, bootstrap=each) for each in rng.spawn(given.members)]
        spreads = committee_spread(members, test)
        spread, error = [], []
        for system in test:
            found = [each.forces(system.topology, system.types, system.coordinates).numpy() for each in members]
            label = system.without_net_force().forces.numpy()
            error.append(np.linalg.norm(np.mean(found, axis=0) - label, axis=2))
            spread.append(np.array([each.per_atom for each in spreads[system.name]]))
        per_atom = rank_correlation(*(np.concatenate([one.ravel() for one in each]) for each in (spread, error)))
        per_frame = rank_correlation(*(np.concatenate([one.max(axis=1) for one in each]) for each in (spread, error)))
        mean_spread, mean_error = (np.concatenate([one.ravel() for one in each]).mean() for each in (spread, error))
        print(
            f"\n{given.members} bootstrap members: spread {mean_spread:.2f}, error {mean_error:.2f} kcal/mol/Å an atom"
        )
        print(f"rank correlation of spread and error: {per_atom:.2f} by atom, {per_frame:.2f} by the worst of a frame")


def draw(curve: list[tuple[int, float, float]], noise: dict[str, float], n_atoms: dict[str, int], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    sizes, train, test = zip(*curve, strict=True)
    figure, axes = plt.subplots(figsize=(5, 3.4), constrained_layout=True)
    axes.plot(sizes, test, "o-", color="tab:red", label="test")
    axes.plot(sizes, train, "s--", color="tab:blue", label="training")
    components = [each / (3 * n_atoms[name]) ** 0.5 for name, each in noise.items()]
    axes.axhspan(min(components), max(components), color="0.85", label="noise of the labels, from their net force")
    axes.set(xscale="log", xlabel="training frames", ylabel="force RMSE [kcal/mol/Å]", ylim=(0, None))
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()

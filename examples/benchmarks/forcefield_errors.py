"""Errors of force fields on DFT clusters: class 2, class 1, continuous typing and GFN2-xTB, by system.

Splits the data set 60/20/20 by frame; then, for the first seed, a learning curve, the noise of the labels, and
how far the spread of a bootstrap ensemble tells its error.

    python examples/benchmarks/forcefield_errors.py DATA.extxyz --seeds 0 1 2 3 4 \\
        --table docs/tables/forcefield_errors.md --picture docs/images/forcefield_learning_curve.png
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
from sheets import Sheet, add_table_option

from aiida_elyte.science.forcefield.committee import committee_spreads
from aiida_elyte.science.forcefield.continuous_fit import fit_continuous
from aiida_elyte.science.forcefield.dataset import LabelledSystem, group_frames, split_systems
from aiida_elyte.science.forcefield.fit import evaluate_forces, fit_discrete, measure_net_force
from aiida_elyte.science.forcefield.fit_settings import Target
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.units import EV_KCAL_MOL


def by_system(force_field: ForceField, systems: Sequence[LabelledSystem]) -> dict[str, float]:
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
    """Return what some work gives and its CPU time [s], which others on the machine change least."""
    start = time.process_time()
    found = work(*arguments, **options)
    return found, f"{time.process_time() - start:.0f}"


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    ranks = [np.argsort(np.argsort(each)) for each in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the split; of the others class 2 alone")
    parser.add_argument("--sizes", type=int, nargs="*", default=[30, 100, 340], help="training frames of the curve")
    parser.add_argument("--members", type=int, default=5, help="of the ensemble")
    parser.add_argument("--picture", type=Path, help="file for the learning curve")
    add_table_option(parser)
    given = parser.parse_args()
    torch.set_num_threads(1)
    frames = read(given.data, index=":")
    sheet = Sheet()
    parts = split(frames, given.seeds[0])
    n_train, n_validation, n_test = map(len, parts)
    sheet.say(
        f"{len(frames)} frames, {n_train}, {n_validation} and {n_test} to train on, validate on and test, seed "
        f"{given.seeds[0]}. Force RMSE on the test frames, kcal/mol/Å, against the labels as they are, and CPU time of "
        "one core, s:"
    )
    compare(parts, sheet)
    if given.seeds[1:]:
        systems = {seed: [group_frames(part) for part in split(frames, seed)] for seed in given.seeds[1:]}
        others = {seed: by_system(fit_discrete(one[0], one[1]), one[2])["overall"] for seed, one in systems.items()}
        told = ", ".join(f"{error:.2f} (seed {seed})" for seed, error in others.items())
        sheet.say(f"Class 2 with types to 3 bonds, all systems, with other seeds of the split: {told}.")
    noise, n_atoms = tell_noise(parts, sheet)
    if given.sizes:
        curve = learn(parts, given.sizes, given.seeds[0], sheet)
        if given.picture is not None:
            draw(curve, noise, n_atoms, given.picture)
    if given.members:
        tell_spread(parts, given.members, given.seeds[0], sheet)
    sheet.write(given.table)


def split(frames: Sequence[Atoms], seed: int) -> tuple[list[Atoms], ...]:
    """Split frames as the command `forcefield fit --seed` does."""
    split_rng, _ = np.random.default_rng(seed).spawn(2)
    return split_systems(frames, (60, 20, 20), split_rng)


def compare(parts: Sequence[list[Atoms]], sheet: Sheet) -> None:
    """Print the errors of each kind of force field."""
    train, validation, test = map(group_frames, parts)
    names = [*(system.name for system in test), "overall"]
    sheet.columns("", *names[:-1], "all", "CPU time")

    def tell(title: str, errors: dict[str, float], seconds: str) -> None:
        sheet.row(title, *(f"{errors[name]:.2f}" for name in names), seconds)

    fits = {terms: timed(fit_discrete, train, validation, target=Target(terms=terms)) for terms in ("class2", "class1")}
    class2, seconds = fits["class2"]
    network, network_seconds = timed(fit_continuous, train, validation)
    tell("class 2, types to 3 bonds", by_system(class2, test), seconds)
    tell("class 2, types by element and number of neighbours", by_system(network.coarse, test), "")
    frozen = network.freeze([system.topology for system in test])
    tell("class 2, continuous typing", by_system(frozen, test), network_seconds)
    tell("class 1, harmonic", by_system(fits["class1"][0], test), fits["class1"][1])
    tell("GFN2-xTB", *timed(gfn2, parts[2]))
    errors = class2.record["errors"]
    sheet.say(
        f"{len(errors['undetermined'])} of {errors['n_parameters']} parameters of the fit by types to 3 bonds are "
        f"not determined by these data. The labels carry a net force of "
        f"{class2.record['settings']['net_force_rms_kcal_mol_A']:.1f} kcal/mol/Å a training frame (RMS), which is "
        "taken out before the fit and left in the test."
    )


def tell_noise(parts: Sequence[list[Atoms]], sheet: Sheet) -> tuple[dict[str, float], dict[str, int]]:
    """Print the net force of the labels; return it with the number of atoms, by system."""
    test = group_frames(parts[2])
    noise = {system.name: measure_net_force([system]) for system in test}
    n_atoms = {system.name: len(system.topology.elements) for system in test}
    sheet.columns("net force of the test labels, kcal/mol/Å", *noise)
    sheet.row("RMS of a frame", *(f"{each:.1f}" for each in noise.values()))
    parts_of = (f"{each / (3 * n_atoms[name]) ** 0.5:.2f}" for name, each in noise.items())
    sheet.row("error a component, were errors independent", *parts_of)
    return noise, n_atoms


def learn(
    parts: Sequence[list[Atoms]], sizes: Sequence[int], seed: int, sheet: Sheet
) -> list[tuple[int, float, float]]:
    """Print the learning curve; return its points."""
    whole, validation, test = parts[0], group_frames(parts[1]), group_frames(parts[2])
    sheet.columns("training frames", "RMSE in training", "test")
    curve = []
    for size in sizes:
        rng = np.random.default_rng(seed)
        chosen = split_systems(whole, (size, len(whole) - size), rng)[0] if size < len(whole) else whole
        found = fit_discrete(group_frames(chosen), validation)
        curve.append((len(chosen), found.record["errors"]["train_rmse_kcal_mol_A"], by_system(found, test)["overall"]))
        sheet.row(len(chosen), f"{curve[-1][1]:.2f}", f"{curve[-1][2]:.2f}")
    return curve


def tell_spread(parts: Sequence[list[Atoms]], n_members: int, seed: int, sheet: Sheet) -> None:
    """Print how far the spread of a bootstrap ensemble tells its error."""
    train, validation, test = map(group_frames, parts)
    rng = np.random.default_rng(seed)
    members = [fit_discrete(train, validation, bootstrap=each) for each in rng.spawn(n_members)]
    spread, error = [], []
    for system in test:
        found = [each.forces(system.topology, system.types, system.coordinates).numpy() for each in members]
        label = system.without_net_force().forces.numpy()
        error.append(np.linalg.norm(np.mean(found, axis=0) - label, axis=2))
        spreads = committee_spreads(members, system.topology, system.coordinates.positions)
        spread.append(np.array([EV_KCAL_MOL * each.per_atom for each in spreads]))
    per_atom = rank_correlation(*(np.concatenate([one.ravel() for one in each]) for each in (spread, error)))
    per_frame = rank_correlation(*(np.concatenate([one.max(axis=1) for one in each]) for each in (spread, error)))
    mean_spread, mean_error = (np.concatenate([one.ravel() for one in each]).mean() for each in (spread, error))
    sheet.say(
        f"{n_members} members of a bootstrap ensemble disagree by {mean_spread:.2f} kcal/mol/Å an atom, where their "
        f"mean is wrong by {mean_error:.2f}; spread and error have a rank correlation of {per_atom:.2f} by atom, "
        f"{per_frame:.2f} by the worst atom of a frame."
    )


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

"""Our molecular dynamics beside ASE with SchNetPack's own calculator: same weights, same run, atom-steps per second.

    python examples/benchmarks/md_throughput.py [--device auto] [--atoms 50 100 200 400] [--threads 1 2]
    python examples/benchmarks/md_throughput.py --device cuda --threads 1 --atoms 50 400 3200 21600
    python examples/benchmarks/md_throughput.py --device cuda --threads 1 --atoms 50 400 --replicas 64
    python examples/benchmarks/md_throughput.py --device cuda --threads 1 --atoms 102400 --alone

Both integrate Langevin dynamics of Li10GeP2S12 at 600 K with PaiNN (64 features, 3 layers, 5 Å, float32). The engines
take turns in short stretches, so that a busy machine slows both; the median stretch of each counts. Weights are random
and weak unless a potential is given: the numbers of a step do not change its cost. On CUDA the peak of the memory that
our engine allocates is printed, too.
"""

import argparse
import gc
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from ase import Atoms, units
from ase.md.langevin import Langevin as AseLangevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.spacegroup import crystal
from sheets import Sheet, add_table_option

from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.langevin import Langevin
from aiida_elyte.science.dynamics.replicas import Replicas
from aiida_elyte.science.potentials.painn.model import Painn, build_painn
from aiida_elyte.science.potentials.painn.modules import import_schnetpack
from aiida_elyte.science.potentials.painn.storage import load_painn
from aiida_elyte.science.potentials.torchsim import TorchSimModel

TEMPERATURE_K, TIMESTEP_FS, FRICTION_PER_PS = 600.0, 2.0, 1.0
PACKAGES = ("torch", "numpy", "vesin", "torch-sim-atomistic", "schnetpack", "ase", "matscipy")
REPEATS = {50: (1, 1, 1), 100: (2, 1, 1), 200: (2, 2, 1), 400: (2, 2, 2), 3200: (4, 4, 4)}
REPEATS |= {21600: (9, 8, 6), 102400: (16, 16, 8)}


def build_lgps(n_atoms: int) -> Atoms:
    """Li20Ge2P4S24 after Kamaya et al., Nat. Mater. 10, 682 (2011), DOI 10.1038/nmat3066, one order of Ge and P."""
    sites = {
        "Li": [(0.256, 0.272, 0.179), (0.0, 0.5, 0.946)],
        "Ge": [(0.0, 0.5, 0.691)],
        "P": [(0.0, 0.0, 0.5)],
        "S": [(0.0, 0.184, 0.412), (0.0, 0.298, 0.099), (0.0, 0.702, 0.790)],
    }
    atoms = crystal(
        [symbol for symbol, places in sites.items() for _ in places],
        [place for places in sites.values() for place in places],
        spacegroup=137,
        cellpar=[8.718, 8.718, 12.634, 90, 90, 90],
    )
    germanium = np.flatnonzero(atoms.numbers == 32)
    atoms.symbols[germanium[::2]] = "P"
    assert atoms.get_chemical_formula() == "Ge2Li20P4S24"
    atoms.info = {}
    return atoms.repeat(REPEATS[n_atoms])


def our_engine(potential: Painn, atoms: Atoms, n_replicas: int) -> Callable[[int], None]:
    """Return what advances our replicas by some steps."""
    replicas = Replicas.from_atoms([atoms] * n_replicas, range(n_replicas), potential.device)
    replicas.draw_velocities(TEMPERATURE_K)
    forces = Forces(TorchSimModel(potential), torch.float64)
    forces.reset(replicas)
    forces(replicas)
    integrator = Langevin(replicas, TIMESTEP_FS, TEMPERATURE_K, FRICTION_PER_PS)

    def advance(n_steps: int) -> None:
        for _ in range(n_steps):
            integrator.step(replicas, forces)

    return advance


def their_engine(potential: Painn, atoms: Atoms) -> Callable[[int], None]:
    """Return what advances ASE by some steps with SchNetPack's model, neighbour list and calculator."""
    spk = import_schnetpack()
    from schnetpack.interfaces import SpkCalculator
    from schnetpack.transform import MatScipyNeighborList

    net = potential.representation
    model = spk.model.NeuralNetworkPotential(
        representation=net,
        input_modules=[spk.atomistic.PairwiseDistances()],
        output_modules=[spk.atomistic.Atomwise(n_in=net.n_atom_basis, output_key="energy"), spk.atomistic.Forces()],
    ).to(potential.device)
    model.output_modules[0].outnet.load_state_dict(potential.readout.state_dict())
    with torch.no_grad():  # the scale of our potential, put into the last layer
        for weights in list(model.output_modules[0].outnet.parameters())[-2:]:
            weights.mul_(potential.scale)

    class Calculator(SpkCalculator):
        """SpkCalculator of torch.load's old default: it takes the file made below."""

        def _load_model(self, model_file: str) -> torch.nn.Module:
            return torch.load(model_file, weights_only=False, map_location="cpu").eval()

    with tempfile.TemporaryDirectory() as folder:
        torch.save(model, Path(folder) / "model.pt")
        atoms.calc = Calculator(
            Path(folder) / "model.pt",
            MatScipyNeighborList(cutoff=potential.cutoff_A),
            energy_unit="eV",
            position_unit="Ang",
            device=potential.device,
        )
    rng = np.random.default_rng(0)
    MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE_K, rng=rng)
    friction = FRICTION_PER_PS / (1000.0 * units.fs)
    dynamics = AseLangevin(atoms, TIMESTEP_FS * units.fs, temperature_K=TEMPERATURE_K, friction=friction, rng=rng)
    return dynamics.run


def force_difference(potential: Painn, atoms: Atoms) -> float:
    """Return the largest difference of a force component between both engines over the largest component."""
    replicas = Replicas.from_atoms([atoms], [0], potential.device)
    ours = Forces(TorchSimModel(potential), torch.float64).evaluate(replicas)["forces"].double().cpu().numpy()
    other = atoms.copy()
    their_engine(potential, other)
    return float(np.abs(ours - other.get_forces()).max() / np.abs(ours).max())


def peak_memory_GB(advance: Callable[[int], None], device: torch.device) -> float | None:
    """Return the peak of the memory allocated on the GPU in a few steps, None on a CPU."""
    if device.type != "cuda":
        return None
    gc.collect()  # what the case before has left
    torch.cuda.reset_peak_memory_stats(device)
    advance(5)
    return torch.cuda.max_memory_allocated(device) / 1e9


def time_in_turns(engines: dict[str, Callable[[int], None]], seconds: float, device: torch.device) -> dict[str, float]:
    """Return seconds per step of each engine: the median of stretches taken in turns."""

    def stretch(advance: Callable[[int], None], n_steps: int) -> float:
        begun = time.perf_counter()
        advance(n_steps)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - begun) / n_steps

    lengths = dict.fromkeys(engines, 10)
    for name, advance in engines.items():
        stretch(advance, 5)
        lengths[name] = max(5, int(seconds / 10 / stretch(advance, 10)))
    found: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(5):
        for name, advance in engines.items():
            found[name].append(stretch(advance, lengths[name]))
    return {name: statistics.median(times) for name, times in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto takes CUDA when present")
    parser.add_argument("--atoms", type=int, nargs="+", default=[50, 100, 200, 400], choices=sorted(REPEATS))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="CPU threads; the last one on CUDA")
    parser.add_argument("--replicas", type=int, default=1, help="replicas of ours in one batch")
    parser.add_argument("--alone", action="store_true", help="leave ASE with SchNetPack out")
    parser.add_argument("--seconds", type=float, default=8.0, help="time for each case")
    parser.add_argument("--potential", type=Path, help="a trained potential.pt; random weights by default")
    add_table_option(parser)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    device = torch.device(
        options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    )
    if options.potential:
        potential = load_painn(options.potential, device)
    else:
        potential = build_painn(energy_reference=["Ge", "Li", "P", "S"], scale=1e-3, seed=0).to(device).eval()
        potential.requires_grad_(False)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "no GPU"
    print(f"forces agree to {force_difference(potential, build_lgps(50)):.0e} of the largest; {name}")
    sheet = Sheet()
    hardware = ["peak memory, GB"] if device.type == "cuda" else ["threads"]
    theirs = [] if options.alone else ["atom-steps/s, ASE + SchNetPack", "ratio"]
    sheet.columns("atoms", "replicas", "ms a step, ours", "atom-steps/s, ours", *hardware, *theirs)
    for threads in options.threads if device.type == "cpu" else options.threads[-1:]:
        torch.set_num_threads(threads)
        for n_atoms in options.atoms:
            engines = {"ours": our_engine(potential, build_lgps(n_atoms), options.replicas)}
            peak = peak_memory_GB(engines["ours"], device)  # before the other engine takes any
            if not options.alone:
                engines["theirs"] = their_engine(potential, build_lgps(n_atoms))
            times = time_in_turns(engines, options.seconds, device)
            ours = n_atoms * options.replicas / times["ours"]
            cells = [n_atoms, options.replicas, f"{1000 * times['ours']:.1f}", f"{ours:.0f}"]
            cells.append(threads if peak is None else f"{peak:.2f}")
            if not options.alone:
                cells += [f"{n_atoms / times['theirs']:.0f}", f"{ours * times['theirs'] / n_atoms:.2f}"]
            sheet.row(*cells)
    sheet.write(options.table, PACKAGES, name)


if __name__ == "__main__":
    main()

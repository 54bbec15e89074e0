"""Evidence made by hand: a crystal of NaCl that vibrates about its sites, and what a program reports of it."""

import copy

import numpy as np
from ase import units
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_elyte.science.qualification.evidence import Evidence

TEMPERATURE_K = 600.0
START = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
KT = units.kB * TEMPERATURE_K


def labelled(n_frames=20, amplitude_A=0.15, seed=0):
    """Frames with forces of a few kT/Å."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(n_frames):
        frame = START.copy()
        frame.positions += rng.normal(scale=amplitude_A, size=(8, 3))
        frame.calc = SinglePointCalculator(frame, energy=0.0, forces=rng.normal(scale=10 * KT, size=(8, 3)))
        frames.append(frame)
    return frames


def sampled(n_frames=6, amplitude_A=0.15, seed=1, run="nvt"):
    """Frames of two replicas, every 100 steps."""
    rng = np.random.default_rng(seed)
    frames = []
    for replica in ("r0", "r1"):
        for index in range(1, n_frames + 1):
            frame = START.copy()
            frame.positions += rng.normal(scale=amplitude_A, size=(8, 3))
            frame.info = {"run": run, "replica": replica, "step": 100 * index, "origin": f"{replica}#{100 * index}"}
            frames.append(frame)
    return frames


def report(drift_eV_atom_ps=0.0, **changes):
    """What the program reports of 600 steps of 2 fs with a look every 10."""
    steps = list(range(0, 601, 10))
    energy = [1e-5 * np.sin(step) + drift_eV_atom_ps * 2e-3 * step for step in steps]
    one = {
        "stops": {},
        "timestep_fs": 2.0,
        "n_steps_done": 600,
        "n_atoms": 8,
        "temperature_K": {"mean": 604.0, "n_samples": 60, "std_err": 5.0},
        "temperature_extremes_K": {"last": 580.0, "max": 1300.0, "step": 340},
        "volume_A3": {"mean": float(START.get_volume()), "n_samples": 60, "std_err": 0.5},
        "lindemann": {"last": 0.06, "max": 0.08, "step": 200},
        "shortest_A": {"Cl-Na": {"distance": 2.35, "step": 300}},
        "history": {
            "step": steps,
            "conserved_change_eV_atom": energy,
            "spread": {
                "step": steps,
                "spread_mean_eV_A": [0.05 + 0.005 * np.sin(step) for step in steps],
                "spread_max_eV_A": [0.2] * len(steps),
            },
        },
    }
    single = ("stops", "timestep_fs")
    results = {
        name: value if name in single else {label: copy.deepcopy(value) for label in ("r0", "r1")}
        for name, value in one.items()
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = results
        for parent in parents:
            place = place[parent]
        place[last] = value
    return results


def evidence(**changes):
    """Evidence of a sound potential, with changes."""
    whole = {
        "sampled": sampled(),
        "labelled": labelled(),
        "start": START,
        "temperature_K": TEMPERATURE_K,
        "framework": ("Cl",),
        "runs": {"nvt": report(), "nve": report(), "npt": report()},
    }
    return Evidence(**{**whole, **changes})

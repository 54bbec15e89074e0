"""Labels of frames in which two atoms are pushed together: kept where the engine converged, however large."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.neighborlist import neighbor_list

from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.labels.plausibility import find_fault, find_outliers
from aiida_elyte.science.labels.single_points import compute_labels
from aiida_elyte.science.labels.state import StatefulCalculator
from aiida_elyte.science.repulsion import screened_repulsion
from aiida_elyte.science.seeds.repel import Repel


class Nuclei(Calculator):
    """Bare nuclei with screening, an engine that gives up on pairs nearer than ``least_A``."""

    implemented_properties = ["energy", "forces"]

    def __init__(self, least_A):
        super().__init__()
        self.least_A, self.converged = least_A, True

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        i, j, vectors, distances = neighbor_list("ijDd", atoms, 4.0)
        ends = atoms.numbers[i], atoms.numbers[j]
        slope = (screened_repulsion(*ends, distances + 1e-5) - screened_repulsion(*ends, distances - 1e-5)) / 2e-5
        forces = np.zeros((len(atoms), 3))
        np.add.at(forces, i, (slope / distances)[:, None] * vectors)
        self.converged = bool(distances.min() > self.least_A)
        self.results = {"energy": 0.5 * screened_repulsion(*ends, distances).sum(), "forces": forces}


@pytest.fixture
def scan():
    """From ordinary chlorine down to the default end of a scan."""
    crystal = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    seeds = Repel(n_steps=4).make(crystal, np.random.default_rng(0))
    return [seed for seed in seeds if seed.info["perturbation"].startswith("Cl-Cl")]


def test_frames_of_a_scan_are_labelled_to_its_end(scan):
    engine = StatefulCalculator(Nuclei(least_A=0.1), "nuclei")
    labels = [compute_labels(frame, engine, ["energy", "forces"]) for frame in scan]
    largest = [np.linalg.norm(one["forces"], axis=1).max() for one in labels]
    assert largest == sorted(largest)
    assert 50 < largest[-1] < 100
    assert [find_fault(one) for one in labels] == [None] * 4
    labelled = [attach_labels(frame.copy(), **one) for frame, one in zip(scan, labels, strict=True)]
    assert find_outliers(labelled, labels)[0] == {}


def test_a_frame_that_does_not_converge_is_refused_and_the_others_are_not(scan):
    engine = StatefulCalculator(Nuclei(least_A=1.5), "nuclei")
    found = [compute_labels(frame, engine, ["energy", "forces"]) for frame in scan]
    assert found[-1] == "not converged"
    assert all(isinstance(labels, dict) for labels in found[:-1])

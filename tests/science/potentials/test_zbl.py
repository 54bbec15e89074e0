"""The baseline: its formula, its smooth end, its derivatives, and that labels and potential share it exactly."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.data import covalent_radii

from aiida_elyte.science.frames import attach_labels, labels_of
from aiida_elyte.science.potentials.neighbours import Batch
from aiida_elyte.science.potentials.zbl import compute_zbl, subtract_zbl
from aiida_elyte.science.repulsion import screened_repulsion

CUTOFF = 5.0


def crystal(seed: int = 0) -> Atoms:
    frame = bulk("LiCl", "rocksalt", a=3.2).repeat((2, 1, 1))
    frame.rattle(0.2, seed=seed)
    return frame


def batch_of(*frames: Atoms, cutoff: float = CUTOFF, dtype=torch.float64) -> Batch:
    return Batch.from_frames(frames, cutoff, dtype)


def energy_of(*frames: Atoms, cutoff: float = CUTOFF) -> np.ndarray:
    batch = batch_of(*frames, cutoff=cutoff)
    return compute_zbl(batch, batch.vectors, cutoff).energy.numpy()


def pair(symbols: str, part: float) -> Atoms:
    """Two atoms at a part of the sum of their covalent radii."""
    atoms = Atoms(symbols, np.zeros((2, 3)))
    atoms.positions[1, 2] = part * covalent_radii[atoms.numbers].sum()
    return atoms


@pytest.mark.parametrize("symbols", ["Li2", "LiS", "PS", "OH"])
def test_a_pair_has_the_formula_times_the_switch(symbols):
    for part in (0.2, 0.49, 0.55, 0.65, 0.74, 0.76, 1.2):
        atoms = pair(symbols, part)
        t = min(max((part - 0.5) / 0.25, 0), 1)
        switch = 1 - 10 * t**3 + 15 * t**4 - 6 * t**5
        expected = switch * screened_repulsion(atoms.numbers[0], atoms.numbers[1], atoms.positions[1, 2])
        assert energy_of(atoms)[0] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_crystal_has_the_sum_of_a_naive_search():
    frame = crystal()
    expected, images = 0.0, np.array(np.meshgrid(*[range(-3, 4)] * 3)).reshape(3, -1).T @ frame.cell.array
    for i in range(len(frame)):
        for j in range(len(frame)):
            for image in images:
                distance = np.linalg.norm(frame.positions[j] - frame.positions[i] + image)
                radii = covalent_radii[frame.numbers[[i, j]]].sum()
                t = (distance / radii - 0.5) / 0.25
                if 0 < distance < 0.75 * radii:
                    switch = 1 if t < 0 else 1 - 10 * t**3 + 15 * t**4 - 6 * t**5
                    expected += 0.5 * switch * screened_repulsion(*frame.numbers[[i, j]], distance)
    assert expected > 1
    assert energy_of(frame)[0] == pytest.approx(expected, rel=1e-9)


def test_each_system_of_a_batch_has_its_own():
    frames = [crystal(1), pair("Li2", 0.5), Atoms("Li"), crystal(2)]
    assert energy_of(*frames) == pytest.approx(np.concatenate([energy_of(frame) for frame in frames]), rel=1e-12)
    assert energy_of(*frames)[2] == 0


@pytest.mark.parametrize("edge", [0.5, 0.75])
def test_energy_force_and_curvature_are_continuous_at_both_radii(edge):
    def derivatives(part: float) -> torch.Tensor:
        batch = batch_of(pair("LiS", part))
        vectors = batch.vectors.requires_grad_()
        found = compute_zbl(batch, vectors, CUTOFF)
        (curvature,) = torch.autograd.grad(found.slope[0, 2], vectors)
        return torch.stack([found.energy[0].detach(), found.slope[0, 2].detach(), curvature[0, 2]])

    below, above = derivatives(edge - 1e-7), derivatives(edge + 1e-7)
    assert below.numpy() == pytest.approx(above.numpy(), rel=1e-5, abs=2e-4)


def test_derivatives_of_first_and_second_order_equal_finite_differences():
    batch = batch_of(pair("LiS", 0.55), pair("PS", 0.6), pair("Li2", 0.7))
    vectors = batch.vectors.requires_grad_()

    def both(given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = compute_zbl(batch, given, CUTOFF)
        return found.energy, found.slope

    assert torch.autograd.gradcheck(both, (vectors,))
    energy, slope = both(vectors)
    (expected,) = torch.autograd.grad(energy.sum(), vectors)
    assert slope.detach().numpy() == pytest.approx(expected.numpy(), rel=1e-10)


def test_no_pair_is_cut_off_before_it_is_switched_off():
    # K–K is switched off at 3.05 Å; with pairs within 3 Å alone it is over at 3 Å, as smoothly.
    ends = [Atoms("K2", [[0, 0, 0], [0, 0, distance]]) for distance in (2.999, 2.0)]
    near_the_end, inside = energy_of(*ends, cutoff=3.0)
    assert 0 < near_the_end < 1e-6
    assert inside == pytest.approx(screened_repulsion(19, 19, 2.0), rel=1e-9)


def test_single_precision_vectors_give_double_energies():
    exact, batch = batch_of(pair("PS", 0.3)), batch_of(pair("PS", 0.3), dtype=torch.float32)
    found, expected = (compute_zbl(one, one.vectors, CUTOFF) for one in (batch, exact))
    assert found.energy.dtype == found.slope.dtype == torch.float64
    assert float(found.energy) == pytest.approx(float(expected.energy), rel=1e-6)


def test_what_is_subtracted_is_the_energy_and_its_slope():
    frame = attach_labels(crystal(3), energy=-7.0, forces=np.full((4, 3), 0.25))
    (rest,) = subtract_zbl([frame], CUTOFF)
    labels = labels_of(rest)
    assert labels["energy"] == pytest.approx(-7.0 - energy_of(frame)[0], abs=1e-12)
    step = 1e-5
    for atom, axis in ((0, 0), (3, 2)):
        ends = [frame.copy(), frame.copy()]
        ends[0].positions[atom, axis] += step
        ends[1].positions[atom, axis] -= step
        slope = np.subtract(*energy_of(*ends)) / (2 * step)
        assert labels["forces"][atom, axis] == pytest.approx(0.25 + slope, abs=1e-6)
    assert labels_of(frame)["energy"] == -7.0

"""Neighbour lists against a naive search, and the Verlet list against a fresh one."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from aiida_elyte.science.potentials.neighbours import Batch, VerletList, find_pairs


def naive_pairs(frame: Atoms, cutoff: float) -> set[tuple[int, int, int, int, int]]:
    images = [range(-3, 4) if periodic else [0] for periodic in frame.pbc]
    found = set()
    for i in range(len(frame)):
        for j in range(len(frame)):
            for shift in np.array(np.meshgrid(*images)).reshape(3, -1).T:
                distance = np.linalg.norm(frame.positions[j] - frame.positions[i] + shift @ frame.cell.array)
                if distance < cutoff and not (i == j and not shift.any()):
                    found.add((i, j, *shift.tolist()))
    return found


@pytest.mark.parametrize("periodic", [(True, True, True), (True, True, False), (False, False, False)])
def test_pairs_equal_a_naive_search(periodic):
    frame = bulk("LiCl", "rocksalt", a=5.1)
    frame.rattle(0.2, seed=1)
    frame.pbc = periodic
    i, j, shifts = find_pairs(frame.positions, frame.cell.array, frame.pbc, 4.3)
    one_way = set(zip(i.tolist(), j.tolist(), *shifts.T.tolist(), strict=True))
    other_way = set(zip(j.tolist(), i.tolist(), *(-shifts).T.tolist(), strict=True))
    assert one_way | other_way == naive_pairs(frame, 4.3)
    assert not one_way & other_way


def as_tensors(frames: list[Atoms]) -> tuple[torch.Tensor, ...]:
    return (
        torch.as_tensor(np.concatenate([frame.numbers for frame in frames])),
        torch.as_tensor(np.concatenate([frame.positions for frame in frames])),
        torch.as_tensor(np.array([frame.cell.array for frame in frames])),
        torch.as_tensor(frames[0].pbc),
        torch.repeat_interleave(torch.arange(len(frames)), torch.tensor([len(frame) for frame in frames])),
    )


def lengths(batch: Batch) -> np.ndarray:
    keys = torch.minimum(batch.first, batch.second) * 1000 + torch.maximum(batch.first, batch.second)
    return np.array(sorted(zip(keys.tolist(), batch.vectors.norm(dim=1).tolist(), strict=True)))


@pytest.mark.parametrize("is_cell_moving", [False, True])
def test_verlet_list_never_misses_a_pair(is_cell_moving):
    rng = np.random.default_rng(0)
    frames = [bulk("LiCl", "rocksalt", a=5.1, cubic=True), bulk("LiCl", "rocksalt", a=5.4).repeat((2, 1, 1))]
    verlet = VerletList(4.0, skin_A=0.5)
    n_steps = 60
    for _ in range(n_steps):
        for frame in frames:
            if is_cell_moving:
                frame.set_cell(frame.cell.array * (1 + 0.003 * rng.normal()), scale_atoms=True)
            frame.positions += 0.02 * rng.normal(size=(len(frame), 3))
        found, fresh = verlet.batch(*as_tensors(frames)), Batch.from_frames(frames, 4.0, torch.float64)
        assert lengths(found) == pytest.approx(lengths(fresh), abs=1e-12)
        assert found.volumes.numpy() == pytest.approx(fresh.volumes.numpy())
    assert verlet.n_renewals < n_steps


def test_dropping_a_system_renews_the_list():
    frames = [bulk("LiCl", "rocksalt", a=a, cubic=True) for a in (5.0, 5.2, 5.4)]
    verlet = VerletList(4.0)
    verlet.batch(*as_tensors(frames))
    assert lengths(verlet.batch(*as_tensors(frames[1:]))) == pytest.approx(
        lengths(Batch.from_frames(frames[1:], 4.0, torch.float64)), abs=1e-12
    )


def test_a_system_renews_only_its_own_list():
    frames = [bulk("LiCl", "rocksalt", a=5.1, cubic=True) for _ in range(2)]
    verlet = VerletList(4.0, skin_A=0.5)
    verlet.batch(*as_tensors(frames))
    kept = verlet._pairs[0][0]
    frames[1].positions[0] += 0.4
    verlet.batch(*as_tensors(frames))
    assert verlet._pairs[0][0] is kept
    assert verlet.n_renewals == 2

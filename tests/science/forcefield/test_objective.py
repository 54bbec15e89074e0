"""The objective of a fit: its derivatives, its parts, and the frames drawn for an ensemble."""

import numpy as np
import pytest
import torch

from aiida_elyte.science.forcefield import objective
from aiida_elyte.science.forcefield.constraints import Constraints
from aiida_elyte.science.forcefield.dataset import group_frames
from aiida_elyte.science.forcefield.objective import Objective, draw_frames
from tests.science.forcefield.labelled_systems import WATER, force_field_of, frames_of, random_numbers, with_energies


def test_systems_in_parts_have_the_errors_of_the_whole(systems):
    constraints = Constraints(systems)
    force_field = force_field_of(constraints, random_numbers(constraints, 6))
    parts = systems[0].split(2)
    assert [len(part.forces) for part in parts] == [2, 1]
    whole = force_field.forces(systems[0].topology, systems[0].types, systems[0].coordinates)
    found = [force_field.forces(part.topology, part.types, part.coordinates) for part in parts]
    torch.testing.assert_close(torch.cat(found), whole, rtol=0, atol=1e-10)


def test_gradient_and_value_of_the_objective_agree(systems, monkeypatch):
    """Energies in parts of two frames, drawn frames and offsets: the gradient is that of the value."""
    monkeypatch.setattr(objective, "_FRAMES_AT_ONCE", 2)
    constraints = Constraints(systems)
    truth = force_field_of(constraints, random_numbers(constraints, 3))
    weights = [draw_frames(system, np.random.default_rng(1)) for system in systems]
    found = Objective(with_energies(systems, truth, 50.0), constraints, 2.0, 0.5, weights)
    free, step = random_numbers(constraints, 4), random_numbers(constraints, 5)
    gradient, hessian = found.curvature(free)
    eps = 1e-5
    slope = (found.value(free + eps * step)[0] - found.value(free - eps * step)[0]) / (2 * eps)
    assert float(2 * gradient @ step) == pytest.approx(slope, rel=1e-6)
    torch.testing.assert_close(hessian, hessian.T)
    # at the truth residuals vanish: Gauss and Newton's Hessian is the exact one, and offsets cost nothing
    free = constraints.locate(truth.parameters)
    value = found.value(free)[0]
    assert value == pytest.approx(float(free @ free), rel=1e-9)
    _, hessian = found.curvature(free)
    curved = found.value(free + eps * step)[0] + found.value(free - eps * step)[0] - 2 * value
    assert float(step @ hessian @ step) == pytest.approx(curved / (2 * eps**2), rel=1e-4)


def test_frames_of_one_block_are_drawn_together():
    """Four trajectories of three frames and two frames of no history: six draws from six blocks."""
    frames = frames_of(WATER, 14, 1, "water")
    for number, frame in enumerate(frames[:12]):
        frame.info["origin"] = f"run-{number % 4}#{number // 4}"
    (system,) = group_frames(frames)
    drawn = np.array([draw_frames(system, np.random.default_rng(seed)).numpy() for seed in range(400)])
    runs = drawn[:, :12].reshape(400, 3, 4)
    assert (runs == runs[:, :1]).all()
    counts = np.hstack([runs[:, 0], drawn[:, 12:]])
    assert (counts.sum(1) == 6).all()
    # Binomial with 6 draws of 1/6: mean 1, variance 5/6; 400 of them.
    np.testing.assert_allclose(counts.mean(0), 1, atol=4 * np.sqrt(5 / 6 / 400))
    np.testing.assert_allclose(counts.var(0), 5 / 6, rtol=0.4)
    part = system.take(np.array([12, 0, 4]))
    assert part.blocks[0] != part.blocks[1] == part.blocks[2]
    assert draw_frames(system, None).tolist() == [1.0] * 14


def test_frames_of_a_single_block_are_drawn_so_that_members_differ():
    frames = frames_of(WATER, 6, 1, "water")
    for number, frame in enumerate(frames):
        frame.info["origin"] = f"run-0#{number}"
    (system,) = group_frames(frames)
    drawn = [draw_frames(system, np.random.default_rng(seed)).tolist() for seed in range(4)]
    assert {sum(one) for one in drawn} == {6.0}
    assert len(set(map(tuple, drawn))) == 4

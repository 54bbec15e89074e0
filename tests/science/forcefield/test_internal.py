import math

import numpy as np
import pytest
import torch

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.evaluation import energies, forces
from aiida_elyte.science.forcefield.internal import (
    InternalCoordinates,
    angles,
    bond_lengths,
    dihedrals,
    wilson_angles,
)
from aiida_elyte.science.forcefield.model import BONDED
from tests.science.forcefield.molecules import MOLECULES, model_of, random_system, rows_of

KINDS = [(bond_lengths, 2), (angles, 3), (dihedrals, 4), (wilson_angles, 4)]


@pytest.mark.parametrize(("compute", "width"), KINDS, ids=lambda each: getattr(each, "__name__", None))
def test_jacobian_is_the_derivative(compute, width):
    generator = torch.Generator().manual_seed(1)
    positions = torch.randn(4, 7, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    rows = torch.stack([torch.randperm(7, generator=generator)[:width] for _ in range(9)])
    values, jacobian = compute(positions, rows)
    for n, atoms in enumerate(rows):
        (expected,) = torch.autograd.grad(values[:, n].sum(), positions, retain_graph=True)
        torch.testing.assert_close(jacobian[:, n], expected[:, atoms], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("degrees", [-150, -60, 0, 60, 180])
def test_dihedral_of_a_twisted_chain(degrees):
    phi = math.radians(degrees)
    # Seen along j → k, l is turned clockwise by φ from i.
    chain = [[0, 1, 0], [0, 0, 0], [0, 0, 1], [-math.sin(phi), math.cos(phi), 1.5]]
    found, _ = dihedrals(torch.tensor([chain], dtype=torch.float64), torch.tensor([[0, 1, 2, 3]]))
    assert math.cos(found.item()) == pytest.approx(math.cos(phi), abs=1e-12)
    assert math.sin(found.item()) == pytest.approx(math.sin(phi), abs=1e-12)


def test_wilson_angle_of_a_pyramid():
    # Three equal bonds, each raised by h over the plane through the centre: u·(v×w) = |v×w| sin χ.
    height = 0.3
    tops = [[math.cos(turn), math.sin(turn), height] for turn in (0, 2 * math.pi / 3, 4 * math.pi / 3)]
    positions = torch.tensor([[tops[0], [0, 0, 0], tops[1], tops[2]]], dtype=torch.float64)
    u, v, w = (np.array(top) / math.hypot(1, height) for top in tops)
    expected = math.asin(u @ np.cross(v, w) / np.linalg.norm(np.cross(v, w)))
    found, _ = wilson_angles(positions, torch.tensor([[0, 1, 2, 3], [0, 1, 3, 2]]))
    assert found[0].tolist() == pytest.approx([expected, -expected], rel=1e-13)


@pytest.mark.parametrize("height", [0.0, 1e-12, 1e-5])
@pytest.mark.parametrize("tops", [["+u", "-u", "w"], ["+u", "v", "w"], ["-u", "w", "+u"], ["+u", "+u", "v"]])
def test_degenerate_pyramids_are_finite(tops, height):
    # Straight, perpendicular and folded pairs of bonds, in directions whose components round.
    rng = np.random.default_rng(8)
    frames = []
    for _ in range(300):
        u, v, w = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        arms = {"+u": u, "-u": -1.7 * u, "v": 1.1 * v, "w": 0.9 * w}
        first, second, third = (arms[top] for top in tops)
        frames.append([first + height * v, np.zeros(3), second, third])
    chi, jacobian = wilson_angles(torch.as_tensor(np.array(frames)), torch.tensor([[0, 1, 2, 3]]))
    assert chi.abs().max() <= math.pi / 2
    assert jacobian.isfinite().all()
    assert jacobian.abs().max() < 1e17  # 1/ε at most, so that squares stay finite


def test_straight_and_folded_angles_are_exact_and_finite():
    line = torch.tensor([[[0, 0, 0], [1, 2, 3], [3, 6, 9]]], dtype=torch.float64)
    theta, jacobian = angles(line, torch.tensor([[0, 1, 2], [1, 0, 2]]))
    assert theta[0].tolist() == pytest.approx([math.pi, 0.0], abs=1e-15)
    assert jacobian.isfinite().all()


def test_angles_close_to_straight_keep_their_digits():
    # acos(u·v) would return π for all of these.
    tilts = [1e-5, 1e-9, 1e-12]
    frames = [[[-1, 0, 0], [0, 0, 0], [math.cos(tilt), math.sin(tilt), 0]] for tilt in tilts]
    theta, jacobian = angles(torch.tensor(frames, dtype=torch.float64), torch.tensor([[0, 1, 2]]))
    assert (math.pi - theta[:, 0]).tolist() == pytest.approx(tilts, rel=1e-3, abs=1e-15)
    torch.testing.assert_close(jacobian[:, 0, 0, 1], torch.full((3,), -1.0, dtype=torch.float64))


@pytest.mark.parametrize("name", sorted(MOLECULES))
def test_forces_of_all_families_are_differences_of_the_energy(name):
    system = random_system(MOLECULES[name], np.random.default_rng(11))
    found = forces(*model_of(system))[0].numpy()
    step, n_atoms = 1e-4, len(system.positions)
    steps = step * np.eye(3 * n_atoms).reshape(-1, n_atoms, 3)
    up, down = (energies(*model_of(system, system.positions + sign * steps)).sum(0).numpy() for sign in (1, -1))
    expected = -(up - down).reshape(-1, 3) / (2 * step)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * abs(found).max())


def test_frames_do_not_know_each_other():
    system = random_system(MOLECULES["ec"], np.random.default_rng(2))
    positions = system.positions + 0.1 * np.random.default_rng(3).normal(size=(3, *system.positions.shape))
    together = forces(*model_of(system, positions))
    alone = torch.cat([forces(*model_of(system, frame[None])) for frame in positions])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)


def test_perfect_octahedron_has_finite_forces():
    coordinates = InternalCoordinates(torch.as_tensor(MOLECULES["pf6"].positions[None]), **rows_of(MOLECULES["pf6"]))
    assert coordinates.values("angles")[2].max().item() == math.pi
    slopes = {kind: torch.ones_like(coordinates.values(kind)) for kind in BONDED}
    assert coordinates.forces(slopes).isfinite().all()


def test_force_gradients_by_parameters_are_those_of_differences():
    system = random_system(MOLECULES["dme"], np.random.default_rng(4))
    coordinates, interactions = model_of(system)
    parameters = [each.parameters.requires_grad_() for each in interactions]
    weights = torch.randn(1, len(system.positions), 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    gradients = torch.autograd.grad((forces(coordinates, interactions) * weights).sum(), parameters)
    for table, gradient in zip(parameters, gradients, strict=True):
        with torch.no_grad():
            values = {}
            for sign in (1, -1):
                table[0, 0] += sign * 1e-5
                values[sign] = (forces(coordinates, interactions) * weights).sum().item()
                table[0, 0] -= sign * 1e-5
        assert gradient[0, 0].item() == pytest.approx((values[1] - values[-1]) / 2e-5, rel=1e-6, abs=1e-6)


def test_angle_without_its_bond_is_refused():
    with pytest.raises(InputError, match=r"angles are made of atoms \[1, 2\], which are not among the bonds"):
        InternalCoordinates(torch.zeros(1, 3, 3, dtype=torch.float64), bonds=[[0, 1]], angles=[[0, 1, 2]])


def test_atom_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="bonds names atoms 0 to 3; expected 0 to 2"):
        InternalCoordinates(torch.zeros(1, 3, 3, dtype=torch.float64), bonds=[[0, 3]])


def test_single_precision_is_refused():
    with pytest.raises(InputError, match=r"positions is torch.float32 of shape \(1, 3, 3\)"):
        InternalCoordinates(torch.zeros(1, 3, 3))

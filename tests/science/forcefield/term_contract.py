"""What every family of force-field terms keeps to."""

import numpy as np
import torch
from torch import Tensor

from aiida_elyte.science.forcefield.evaluation import Interaction, energies, forces
from aiida_elyte.science.forcefield.internal import COORDINATES, InternalCoordinates
from aiida_elyte.science.forcefield.terms.term import Parameter, Term

__all__ = ["TermContract"]

_STEP_A = 1e-4
"""Displacement of central differences [Å]."""

_CHAIN = {
    "bonds": [[0, 1], [1, 2], [2, 3]],
    "angles": [[0, 1, 2], [3, 2, 1]],
    "dihedrals": [[0, 1, 2, 3], [3, 2, 1, 0]],
}
_STAR = {
    "bonds": [[0, 1], [2, 1], [3, 1]],
    "angles": [[0, 1, 2], [0, 1, 3], [2, 1, 3]],
    "impropers": [[0, 1, 2, 3], [3, 1, 0, 2]],
}
_PAIRS = {"pairs": [[0, 1], [0, 2], [3, 1]]}
_ROWS = {"bonds": _CHAIN, "angles": _CHAIN, "dihedrals": _CHAIN, "impropers": _STAR, "pairs": _PAIRS}
"""Rows of four atoms in which each kind is tried: a chain, or a star around the second atom."""


class TermContract:
    """Inherit, and give two fixtures; ``test_terms.py`` shows it.

    ``term``
        The family.
    ``parameters``
        Parameters of two types, all different, shape ``(2, P)``, for bonds of about 1.4 Å.
    """

    def test_parameters_are_named_and_have_units(self, term: Term, parameters: Tensor) -> None:
        """Every parameter has a name of its own and a unit, and the rows are of a known kind."""
        assert term.rows in COORDINATES
        names = [each.name for each in term.parameters]
        assert len(set(names)) == len(names) == parameters.shape[1]
        assert all(isinstance(each, Parameter) and each.name and each.unit for each in term.parameters)

    def test_slopes_are_derivatives_of_the_energy(self, term: Term, parameters: Tensor) -> None:
        """Slopes by formula are what autograd finds."""
        coordinates, interaction = _example(term, parameters, _positions())
        q = coordinates.values(term.rows).requires_grad_()
        p = term.gather(interaction.parameters, interaction.types)
        energy = term.energy(q, p)
        assert energy.shape == q.shape[1:]
        (expected,) = torch.autograd.grad(energy.sum(), q)
        assert expected.abs().max() > 0
        torch.testing.assert_close(term.slopes(q, p), expected, rtol=1e-10, atol=1e-10)

    def test_forces_are_differences_of_the_energy(self, term: Term, parameters: Tensor) -> None:
        """Forces by formula are central differences of the energy."""
        positions = _positions()
        found = forces(*_listed(term, parameters, positions))
        steps = _STEP_A * torch.eye(positions[0].numel(), dtype=torch.float64).view(-1, *positions.shape[1:])
        scale = max(1.0, found.abs().max().item())
        for frame, force in zip(positions, found, strict=True):
            up, down = (energies(*_listed(term, parameters, frame + sign * steps))[0] for sign in (1, -1))
            expected = -(up - down).view_as(force) / (2 * _STEP_A)
            torch.testing.assert_close(force, expected, rtol=1e-5, atol=1e-5 * scale)

    def test_energy_knows_no_place_and_no_direction(self, term: Term, parameters: Tensor) -> None:
        """Translation and rotation leave the energy and turn the forces."""
        positions = _positions()
        rotation = torch.as_tensor(np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0])
        rotation = rotation * torch.linalg.det(rotation)
        moved = positions @ rotation.T + torch.tensor([3.0, -7.0, 11.0])
        here, there = _listed(term, parameters, positions), _listed(term, parameters, moved)
        torch.testing.assert_close(energies(*there), energies(*here), rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(forces(*there), forces(*here) @ rotation.T, rtol=1e-9, atol=1e-8)
        assert forces(*here).sum(1).abs().max() < 1e-9 * max(1.0, forces(*here).abs().max().item())

    def test_straight_angles_are_finite(self, term: Term, parameters: Tensor) -> None:
        """Atoms in a line, and all but in a line, give finite energies, forces and gradients."""
        line = torch.tensor([[1.4 * place, 0.0, 0.0] for place in (0, 1, 2, 3)], dtype=torch.float64)
        bent = line + torch.tensor([0.0, 1.0, 0.0]) * torch.tensor([[0.0], [1e-9], [0.0], [1e-9]])
        coordinates, interaction = _example(term, parameters.requires_grad_(), torch.stack([line, bent]))
        energy, force = energies(coordinates, [interaction]), forces(coordinates, [interaction])
        assert energy.isfinite().all()
        assert force[0].isfinite().all()
        assert force[1].isfinite().all()
        (gradient,) = torch.autograd.grad(energy.sum() + (force[0] ** 2).sum(), parameters)
        assert gradient.isfinite().all()

    def test_gradients_reach_every_parameter(self, term: Term, parameters: Tensor) -> None:
        """Energies and slopes are differentiable by every parameter, as finite differences tell."""
        coordinates, interaction = _example(term, parameters, _positions())
        q = coordinates.values(term.rows)
        p = term.gather(parameters, interaction.types).clone().requires_grad_()
        assert torch.autograd.gradcheck(lambda each: (term.energy(q, each), term.slopes(q, each)), p, atol=1e-4)
        (gradient,) = torch.autograd.grad((term.energy(q, p) ** 2).sum(), p)
        assert (gradient.abs().sum(1) > 0).all()

    def test_rows_do_not_know_each_other(self, term: Term, parameters: Tensor) -> None:
        """Rows listed twice count twice."""
        coordinates, once = _example(term, parameters, _positions())
        twice = [once, once]
        torch.testing.assert_close(energies(coordinates, twice).sum(0), 2 * energies(coordinates, [once])[0])
        torch.testing.assert_close(forces(coordinates, twice), 2 * forces(coordinates, [once]))


def _positions() -> Tensor:
    """Return three frames of four atoms, neither straight nor flat [Å], shape ``(3, 4, 3)``."""
    atoms = np.array([[-0.6, 1.2, 0.1], [0.0, 0.0, 0.0], [1.4, 0.1, -0.2], [0.9, -1.1, 0.9]])
    return torch.as_tensor(atoms + 0.1 * np.random.default_rng(5).normal(size=(3, 4, 3)))


def _example(term: Term, parameters: Tensor, positions: Tensor) -> tuple[InternalCoordinates, Interaction]:
    """Return frames of four atoms, and the family on their rows, of either type in turn."""
    coordinates = InternalCoordinates(positions, **_ROWS[term.rows])
    n_rows = len(coordinates.rows[term.rows])
    types = torch.arange(n_rows * term.types_per_row) % 2
    return coordinates, Interaction(term, types.view(n_rows, -1).squeeze(1), parameters)


def _listed(term: Term, parameters: Tensor, positions: Tensor) -> tuple[InternalCoordinates, list[Interaction]]:
    coordinates, interaction = _example(term, parameters, positions)
    return coordinates, [interaction]

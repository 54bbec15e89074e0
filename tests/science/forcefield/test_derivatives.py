"""Derivatives of forces and energies by the parameters."""

import torch

from aiida_elyte.science.forcefield.constraints import Constraints
from aiida_elyte.science.forcefield.derivatives import energy_derivatives, force_derivatives
from aiida_elyte.science.forcefield.evaluation import energies, forces
from aiida_elyte.science.forcefield.model import interactions_of, place_types
from tests.science.forcefield.labelled_systems import random_numbers


def _autograd(system, tables, places, of):
    """Return the derivatives of what the terms of a system give by all parameters, by automatic differentiation."""
    sizes = [table.numel() for table in tables.values()]

    def compute(flat):
        parts = flat.split(sizes)
        shaped = {kind: part.reshape(tables[kind].shape) for kind, part in zip(tables, parts, strict=True)}
        return of(system.coordinates, interactions_of(shaped, places, system.topology, 0.8))

    return torch.func.jacfwd(compute)(torch.cat([table.flatten() for table in tables.values()]))


def test_derivatives_of_forces_are_those_of_autograd(systems):
    constraints = Constraints(systems, charge_scale=0.8)
    tables = constraints.tables(random_numbers(constraints, 1))
    for system in systems:
        places = place_types(constraints.keys, system.topology, system.types)
        expected = _autograd(system, tables, places, lambda *given: forces(*given)[:1])
        found, columns = force_derivatives(system, tables, places, 0.8)
        assert len(set(columns.tolist())) == len(columns)
        torch.testing.assert_close(found[:1], expected[..., columns], rtol=1e-9, atol=1e-9)
        left = torch.ones(expected.shape[-1], dtype=torch.bool)
        left[columns] = False
        assert not expected[..., left].any()


def test_derivatives_of_energies_are_those_of_autograd(systems):
    constraints = Constraints(systems, charge_scale=0.8)
    tables = constraints.tables(random_numbers(constraints, 1))
    for system in systems:
        places = place_types(constraints.keys, system.topology, system.types)
        expected = _autograd(system, tables, places, lambda *given: energies(*given).sum(0))
        found, columns = energy_derivatives(system, tables, places, 0.8)
        torch.testing.assert_close(found, expected[:, columns], rtol=1e-9, atol=1e-9)

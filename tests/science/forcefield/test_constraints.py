"""What the free numbers of a fit cannot break: symmetries, charges, references of cross terms."""

import numpy as np
import pytest
import torch
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.constraints import Constraints
from aiida_elyte.science.forcefield.coordinates import describe_coordinates
from aiida_elyte.science.forcefield.dataset import group_frames
from aiida_elyte.science.forcefield.fit import fit_discrete
from aiida_elyte.science.forcefield.model import place_types
from aiida_elyte.science.molecules.topology import charges_of_molecules, renumber, topology_from_smiles
from aiida_elyte.science.molecules.typing import assign_types
from tests.science.forcefield.labelled_systems import force_field_of, frames_of, random_numbers


@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_no_parameters_break_a_condition(systems, scale):
    constraints = Constraints(systems)
    tables = constraints.tables(random_numbers(constraints, 2, scale))
    for kind in ("bonds", "angles"):
        _, k2, k3, k4 = tables[kind].T[:4]
        assert (k2 > 0).all()
        assert (k4 > 0).all()
        assert (k3**2 < 32 / 9 * k2 * k4).all()
    k, chi0 = tables["impropers"].T[:2]
    assert (k >= 0).all()
    assert not chi0.any()
    assert not tables["dihedrals"][:, 1:6:2].any()
    assert not k.any()  # no centre is planar: all carbons and sulfurs have four neighbours


@pytest.mark.parametrize(("height_A", "is_planar"), [(0.0, True), (0.4, False)])
def test_only_planar_centres_have_an_out_of_plane_constant(height_A, is_planar):
    arms = [[1.2, 0, 0], [-0.6, 0.94, 0], [-0.6, -0.94, 0]]
    centre = "C" if is_planar else "N"
    molecule = Atoms(centre + ("OH2" if is_planar else "H3"), [[0, 0, height_A], *arms])
    constraints = Constraints(group_frames(frames_of(molecule, 5, 1, "three", amplitude_A=0.03)))
    k, chi0 = constraints.tables(random_numbers(constraints, 1))["impropers"].T[:2]
    assert len(k) == 1
    assert (k > 0).all() if is_planar else not k.any()
    assert not chi0.any()


@pytest.mark.parametrize("charge_scale", [1.0, 0.75])
def test_every_molecule_has_its_exact_charge(systems, charge_scale):
    constraints = Constraints(systems, charge_scale=charge_scale)
    force_field = force_field_of(constraints, random_numbers(constraints, 2, 3.0))
    for system in systems:
        atoms = place_types(force_field.keys, system.topology, system.types)["atoms"].numpy()
        charges = force_field.parameters["atoms"][atoms, 0]
        sums = np.bincount(system.topology.molecules, charges)
        expected = charge_scale * charges_of_molecules(system.topology)
        np.testing.assert_allclose(sums, expected, rtol=0, atol=1e-12)


def test_charge_of_a_longer_chain_is_exact_too(systems):
    constraints = Constraints(systems)
    force_field = force_field_of(constraints, random_numbers(constraints, 2))
    chain = topology_from_smiles("COCCOC.COCCOC")
    *_, coulomb = force_field.interactions(chain, assign_types(chain))
    np.testing.assert_allclose(np.bincount(chain.molecules, coulomb.parameters[:, 0]), 0, atol=1e-12)


def test_references_of_cross_terms_are_those_of_bonds_and_angles(systems):
    constraints = Constraints(systems)
    tables = constraints.tables(random_numbers(constraints, 2))
    bonds, angles = (
        {key: row[0] for one, row in zip(constraints.keys[kind], tables[kind].tolist(), strict=True)
         for key in (one, one[::-1])}
        for kind in ("bonds", "angles")
    )  # fmt: skip
    for (i, j, k), row in zip(constraints.keys["angles"], tables["angles"].tolist(), strict=True):
        assert row[7:] == [bonds[i, j], bonds[j, k]]
    for (i, j, k, m), row in zip(constraints.keys["dihedrals"], tables["dihedrals"].tolist(), strict=True):
        assert row[23:] == [bonds[i, j], bonds[j, k], bonds[k, m], angles[i, j, k], angles[j, k, m]]
    for (i, j, k, m), row in zip(constraints.keys["impropers"], tables["impropers"].tolist(), strict=True):
        assert row[5:] == [angles[i, j, k], angles[i, j, m], angles[k, j, m]]


def test_order_of_equal_atoms_does_not_matter(systems):
    """Atoms of one type, exchanged with all that hangs on them, feel the forces of their new places."""
    constraints = Constraints(systems)
    force_field = force_field_of(constraints, random_numbers(constraints, 4))
    dme = systems[0]
    order = np.random.default_rng(0).permutation(len(dme.topology.elements))
    topology = renumber(dme.topology, order)
    types = assign_types(topology)
    turned = describe_coordinates(topology, types, dme.coordinates.positions.numpy()[:, order])
    expected = force_field.forces(dme.topology, dme.types, dme.coordinates)[:, order]
    torch.testing.assert_close(force_field.forces(topology, types, turned), expected, rtol=0, atol=1e-9)


def test_start_is_found_again(systems):
    for terms in ("class2", "class1"):
        constraints = Constraints(systems, terms)
        free = random_numbers(constraints, 6)
        tables = {kind: table.numpy() for kind, table in constraints.tables(free).items()}
        again = constraints.tables(constraints.locate(tables))
        for kind, table in tables.items():
            np.testing.assert_allclose(again[kind], table, rtol=1e-9, atol=1e-9)


def test_class_1_is_no_start_of_class_2(systems):
    constraints = Constraints(systems, "class1")
    start = force_field_of(constraints, random_numbers(constraints, 6))
    with pytest.raises(InputError, match="start has zero for k2 or k4"):
        fit_discrete(systems, start=start)

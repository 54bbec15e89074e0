from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.constraints import Constraints
from aiida_elyte.science.forcefield.continuous import ContinuousTyping, describe_graph, type_molecules
from aiida_elyte.science.forcefield.continuous_fit import fit_continuous
from aiida_elyte.science.forcefield.coordinates import describe_coordinates
from aiida_elyte.science.forcefield.dataset import group_frames
from aiida_elyte.science.forcefield.evaluation import forces
from aiida_elyte.science.forcefield.fit import evaluate_forces, fit_discrete
from aiida_elyte.science.forcefield.fit_settings import Target
from aiida_elyte.science.forcefield.model import ForceField, interactions_of, place_types
from aiida_elyte.science.lammps.export import place_molecules
from aiida_elyte.science.molecules.topology import charges_of_molecules, renumber, topology_from_smiles
from aiida_elyte.science.molecules.typing import assign_types
from tests.science.forcefield.molecules import MOLECULES


def frames_of(atoms, n_frames, seed, name, charge=0):
    rng = np.random.default_rng(seed)
    charges = np.where(atoms.numbers == 1, 0.1, -0.1) + 0.02 * atoms.numbers
    charges += (charge - charges.sum()) / len(atoms)
    frames = []
    for _ in range(n_frames):
        frame = Atoms(atoms.symbols, atoms.positions + rng.normal(0, 0.06, atoms.positions.shape))
        frame.arrays["dft_charge"] = charges
        frame.info.update(system=name, total_charge=charge)
        frame.calc = SinglePointCalculator(frame, forces=np.zeros_like(frame.positions))
        frames.append(frame)
    return frames


def molecule(smiles):
    return Atoms(topology_from_smiles(smiles).elements, place_molecules(smiles))


def shaken(network, scale=0.3):
    """Give the read-outs weights, so that every parameter depends on the graph."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for readout in network.readouts.values():
            weight = readout[-1].weight
            weight.copy_(scale * torch.randn(weight.shape, generator=generator, dtype=weight.dtype))
    return network


@pytest.fixture(scope="module")
def systems():
    """DME, THF with a ring, Li–DME–TFSI with ions: planar centres there are none."""
    return group_frames(
        frames_of(MOLECULES["dme"], 3, 1, "DME")
        + frames_of(molecule("C1CCOC1"), 3, 3, "THF")
        + frames_of(MOLECULES["li_dme_tfsi"], 2, 2, "Li-DME-TFSI")
    )


@pytest.fixture(scope="module", params=[1, 3])
def network(systems, request):
    coarse = fit_discrete([system.retyped(0) for system in systems], depth=0, n_steps=1)
    return shaken(ContinuousTyping(coarse, depth=request.param, width=8))


def forces_of(network, system):
    """Return the forces of the network itself, with parameters of this molecule alone."""
    (typed,) = type_molecules([system.topology], network.depth)
    constraints = network.constrain([typed])
    tables = constraints.apply(network(describe_graph([typed], constraints, network.depth), constraints))
    coordinates = describe_coordinates(system.topology, typed.types, system.coordinates.positions)
    places = place_types(constraints.keys, system.topology, typed.types)
    return forces(coordinates, interactions_of(tables, places, system.topology)).detach()


def test_frozen_types_have_the_forces_of_the_network(network, systems):
    frozen = network.freeze([system.topology for system in systems])
    for system in systems:
        own = system.retyped(network.depth)
        found = frozen.forces(own.topology, own.types, own.coordinates)
        torch.testing.assert_close(found, forces_of(network, system), rtol=0, atol=1e-9)
        coarse = system.retyped(0)
        before = network.coarse.forces(coarse.topology, coarse.types, coarse.coordinates)
        assert (found - before).abs().max() > 1  # the network has a say


def test_equal_neighbourhoods_have_equal_parameters_in_molecules_apart(network, systems):
    """Atoms of one type in DME and in a longer glyme: frozen one by one or together is the same."""
    longer = topology_from_smiles("COCCOCCOC")
    dme = systems[0].topology
    one, both = network.freeze([dme]), network.freeze([longer, dme])
    for kind, keys in one.keys.items():
        for key, parameters in zip(keys, one.parameters[kind], strict=True):
            same = both.parameters[kind][both.keys[kind].index(key)]
            np.testing.assert_allclose(parameters, same, rtol=1e-9, atol=1e-9)


def test_order_of_the_atoms_does_not_matter(network, systems):
    for system in systems:
        order = np.random.default_rng(0).permutation(len(system.topology.elements))
        topology = renumber(system.topology, order)
        turned = replace(
            system,
            topology=topology,
            types=(types := assign_types(topology, 3)),
            coordinates=describe_coordinates(topology, types, system.coordinates.positions[:, order]),
        )
        expected = forces_of(network, system)[:, order]
        torch.testing.assert_close(forces_of(network, turned), expected, rtol=0, atol=1e-8)


def test_frozen_parameters_keep_every_condition(network, systems):
    frozen = network.freeze([system.topology for system in systems])
    for kind in ("bonds", "angles"):
        _, k2, k3, k4 = frozen.parameters[kind].T[:4]
        assert (k2 > 0).all()
        assert (k4 > 0).all()
        assert (k3**2 < 32 / 9 * k2 * k4).all()
    for system in systems:
        own = system.retyped(network.depth)
        *_, coulomb = frozen.interactions(own.topology, own.types)
        sums = np.bincount(own.topology.molecules, coulomb.parameters[:, 0])
        np.testing.assert_allclose(sums, charges_of_molecules(own.topology), rtol=0, atol=1e-12)


def test_a_ring_and_a_chain_differ_by_type_only_beyond_the_element(network, systems):
    """The coarse force field begins both alike; the network tells an atom of a ring from one of a chain."""
    frozen = network.freeze([topology_from_smiles("C1CCOC1"), topology_from_smiles("CCCCOCC")])
    oxygens = [row for (label,), row in zip(frozen.keys["atoms"], frozen.parameters["atoms"], strict=True)
               if label.startswith("o2_")]  # fmt: skip
    assert len(oxygens) == (1 if network.depth == 1 else 2)  # one bond reaches no ring's far end


@pytest.mark.parametrize(
    ("smiles", "missing"), [("CBr", "1 of 3 types of atoms, as br1_"), ("CO", "1 of 3 types of bonds")]
)
def test_chemistry_that_was_never_seen_is_refused(network, smiles, missing):
    with pytest.raises(InputError, match=f"force field lacks {missing}"):
        network.freeze([topology_from_smiles(smiles)])


def test_file_is_read_back_exactly(network, systems):
    again = ContinuousTyping.from_bytes(network.to_bytes())
    topologies = [systems[0].topology]
    assert again.freeze(topologies).to_json() == network.freeze(topologies).to_json()
    with pytest.raises(InputError, match="network cannot be read"):
        ContinuousTyping.from_bytes(b"nothing")


def test_training_learns_what_neighbourhoods_say():
    """C–H bonds of methyl and methylene differ: elements cannot tell, the network does, in a longer chain too."""
    alkanes = {smiles: molecule(smiles) for smiles in ("CCC", "CCCC", "CCCCC")}
    systems = group_frames(
        [frame for smiles, atoms in alkanes.items() for frame in frames_of(atoms, 12, len(smiles), smiles)]
    )

    constraints = Constraints([system.retyped(1) for system in systems])
    tables = constraints.tables(torch.zeros(constraints.n_free, dtype=torch.float64))
    for row, key in enumerate(constraints.keys["bonds"]):
        around = [constraints.neighbourhoods[label] for label in key]
        n_hydrogen = max(text.count("H1") for text in around if text.startswith("C4"))
        if any(text.startswith("H1") for text in around):
            tables["bonds"][row, 0] = 1.07 if n_hydrogen == 3 else 1.12
    parameters = {kind: table.numpy() for kind, table in tables.items()}
    truth = ForceField(1, constraints.neighbourhoods, constraints.keys, parameters)

    def labelled(system):
        own = system.retyped(1)
        return replace(system, forces=truth.forces(own.topology, own.types, own.coordinates))

    *train, left_out = [labelled(system) for system in systems]
    errors: list[float] = []
    found = fit_continuous(
        train,
        target=Target(model_error=1.0),
        depth=1,
        width=8,
        n_rounds=6,
        learning_rate=1e-2,
        on_round=lambda *each: errors.append(each[1]),
    )
    coarse = evaluate_forces(found.coarse, [left_out.retyped(0)])["overall"]["force_rmse_kcal_mol_A"]
    own = left_out.retyped(1)
    error = evaluate_forces(found.freeze([own.topology]), [own])["overall"]["force_rmse_kcal_mol_A"]
    assert errors[-1] < 0.6 * errors[0]
    assert error < 0.75 * coarse
    with pytest.raises(InputError, match="force field lacks"):
        evaluate_forces(found.freeze([each.topology for each in train[:1]]), [own])


def test_the_coarse_force_field_of_a_member_is_that_of_its_own_draws():
    atoms = molecule("CC")
    (system,) = group_frames(frames_of(atoms, 8, 1, "ethane"))
    system = replace(system, forces=torch.tensor(np.random.default_rng(2).normal(0, 5, system.forces.shape)))
    options = {"depth": 1, "width": 4, "n_rounds": 0}
    found = fit_continuous([system], bootstrap=np.random.default_rng(3), **options)
    expected = fit_discrete([system.retyped(0)], depth=0, bootstrap=np.random.default_rng(3))
    np.testing.assert_array_equal(found.coarse.parameters["bonds"], expected.parameters["bonds"])
    whole = fit_continuous([system], **options)
    assert not np.allclose(whole.coarse.parameters["bonds"], expected.parameters["bonds"], rtol=1e-3)

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield import objective
from aiida_elyte.science.forcefield.constraints import Constraints
from aiida_elyte.science.forcefield.coordinates import describe_coordinates
from aiida_elyte.science.forcefield.dataset import fit_fingerprint, group_frames, split_systems
from aiida_elyte.science.forcefield.derivatives import energy_derivatives, force_derivatives
from aiida_elyte.science.forcefield.evaluation import energies, forces
from aiida_elyte.science.forcefield.fit import evaluate_forces, fit_discrete
from aiida_elyte.science.forcefield.model import ForceField, interactions_of, place_types
from aiida_elyte.science.forcefield.objective import Objective, draw_frames
from aiida_elyte.science.lammps.export import as_lammps_system
from aiida_elyte.science.molecules.topology import charges_of_molecules, renumber, topology_from_smiles
from aiida_elyte.science.molecules.typing import assign_types
from aiida_elyte.units import EV_KCAL_MOL
from tests.science.forcefield.molecules import MOLECULES
from tests.science.lammps.lammps_oracle import ask_lammps

WATER = Atoms("OH2", [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])


def frames_of(atoms, n_frames, seed, name, charge=0, amplitude_A=0.07):
    """Return displaced frames without labels' forces (zero), with charges that sum to the total."""
    rng = np.random.default_rng(seed)
    charges = np.where(atoms.numbers == 1, 0.1, -0.1) + 0.02 * atoms.numbers
    charges += (charge - charges.sum()) / len(atoms)
    frames = []
    for _ in range(n_frames):
        frame = Atoms(atoms.symbols, atoms.positions + rng.normal(0, amplitude_A, atoms.positions.shape))
        frame.arrays["dft_charge"] = charges
        frame.info.update(system=name, total_charge=charge)
        label(frame, np.zeros_like(frame.positions))
        frames.append(frame)
    return frames


def label(frame, forces_kcal_mol_A):
    frame.calc = SinglePointCalculator(frame, forces=forces_kcal_mol_A / EV_KCAL_MOL)


def force_field_of(constraints, free, **settings):
    tables = {kind: table.numpy() for kind, table in constraints.tables(free).items()}
    return ForceField(3, constraints.neighbourhoods, constraints.keys, tables, constraints.charge_scale, **settings)


def relabelled(systems, force_field):
    return [
        replace(system, forces=force_field.forces(system.topology, system.types, system.coordinates))
        for system in systems
    ]


def random_numbers(constraints, seed, scale=0.3):
    return scale * torch.as_tensor(np.random.default_rng(seed).normal(size=constraints.n_free))


@pytest.fixture(scope="module")
def systems():
    """DME, Li–DME–TFSI: planar and tetrahedral centres, palindromes, two ions."""
    return group_frames(
        frames_of(MOLECULES["dme"], 3, 1, "DME") + frames_of(MOLECULES["li_dme_tfsi"], 2, 2, "Li-DME-TFSI")
    )


@pytest.mark.parametrize("terms", ["class2", "class1"])
def test_fit_recovers_the_forces_of_the_model_that_made_them(terms):
    systems = group_frames(frames_of(WATER, 12, 1, "water") + frames_of(MOLECULES["dme"], 24, 2, "DME"))
    constraints = Constraints(systems, terms)
    truth = force_field_of(constraints, random_numbers(constraints, 3))
    found = fit_discrete(relabelled(systems, truth), terms=terms, model_error=1e-5, n_steps=100)
    unseen = relabelled(group_frames(frames_of(WATER, 2, 8, "water") + frames_of(MOLECULES["dme"], 2, 9, "DME")), truth)
    assert evaluate_forces(found, unseen)["overall"]["force_rmse_kcal_mol_A"] < 1e-6


def test_fit_recovers_every_parameter_of_water():
    systems = group_frames(frames_of(WATER, 20, 1, "water"))
    constraints = Constraints(systems)
    truth = force_field_of(constraints, random_numbers(constraints, 5))
    found = fit_discrete(relabelled(systems, truth), model_error=1e-6, n_steps=100)
    for kind in ("bonds", "angles"):  # there are no pairs, dihedrals and impropers
        np.testing.assert_allclose(found.parameters[kind], truth.parameters[kind], rtol=1e-5)
    undetermined = found.record["errors"]["undetermined"]
    assert {name.split()[0] for name in undetermined} == {"atoms"}
    assert len(undetermined) == 2 * 3  # q, ε and σ of O and H


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


def test_systems_in_parts_have_the_errors_of_the_whole(systems):
    constraints = Constraints(systems)
    force_field = force_field_of(constraints, random_numbers(constraints, 6))
    parts = systems[0].split(2)
    assert [len(part.forces) for part in parts] == [2, 1]
    whole = force_field.forces(systems[0].topology, systems[0].types, systems[0].coordinates)
    found = [force_field.forces(part.topology, part.types, part.coordinates) for part in parts]
    torch.testing.assert_close(torch.cat(found), whole, rtol=0, atol=1e-10)


def test_file_is_read_back_exactly(systems):
    constraints = Constraints(systems)
    force_field = force_field_of(constraints, random_numbers(constraints, 2), record={"data": {"seed": 1}})
    again = ForceField.from_json(force_field.to_json())
    assert again.to_json() == force_field.to_json()
    assert again.keys == force_field.keys
    for kind, values in force_field.parameters.items():
        np.testing.assert_array_equal(again.parameters[kind], values)


def test_net_force_of_labels_is_taken_in_equal_shares(systems):
    noisy = replace(systems[0], forces=torch.ones_like(systems[0].forces))
    torch.testing.assert_close(noisy.net_forces, torch.full((3, 3), 16.0).double())
    assert noisy.without_net_force().forces.abs().max() < 1e-12


def test_a_drawn_fit_and_a_held_back_one_end(systems):
    constraints = Constraints(systems)
    truth = force_field_of(constraints, random_numbers(constraints, 3))
    labelled = relabelled(systems, truth)
    steps = []
    found = fit_discrete(
        labelled, labelled, bootstrap=np.random.default_rng(1), on_step=steps.append, model_error=1.0, n_steps=4
    )
    assert [step.number for step in steps] == list(range(len(steps)))
    errors = [step.validation_rmse for step in steps]
    assert found.record["errors"]["validation_rmse_kcal_mol_A"] == min(errors) < errors[0] / 2
    resumed = fit_discrete(labelled, labelled, start=found, model_error=1.0, n_steps=0)
    assert resumed.record["errors"]["validation_rmse_kcal_mol_A"] == pytest.approx(min(errors), rel=1e-9)


def test_split_has_each_frame_once_and_each_system_everywhere():
    frames = frames_of(WATER, 10, 1, "a") + frames_of(WATER, 5, 2, "b")
    parts = split_systems(frames, (60, 20, 20), np.random.default_rng(0))
    assert [len(part) for part in parts] == [6 + 3, 2 + 1, 2 + 1]
    assert sorted(id(frame) for part in parts for frame in part) == sorted(map(id, frames))
    again = split_systems(frames, (60, 20, 20), np.random.default_rng(0))
    assert [fit_fingerprint(part) for part in again] == [fit_fingerprint(part) for part in parts]
    with pytest.raises(InputError, match="b has 1 frames, too few for 3 parts"):
        split_systems(frames[:11], (60, 20, 20), np.random.default_rng(0))


@pytest.mark.engine("lmp")
def test_lammps_finds_the_forces_of_the_model(systems, tmp_path):
    constraints = Constraints(systems)
    force_field = force_field_of(constraints, random_numbers(constraints, 2))
    for system in systems:
        positions = system.coordinates.positions[0].numpy()
        exported = as_lammps_system(force_field, system.topology, system.types, positions)
        _, found = ask_lammps(exported, tmp_path)
        expected = force_field.forces(system.topology, system.types, system.coordinates)[0].numpy()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def broken(change):
    frames = frames_of(WATER, 3, 1, "water")
    frames[2] = copy.deepcopy(frames[2])
    change(frames)
    return frames


def other_order(frames):
    frames[2] = frames[2][[1, 0, 2]]
    label(frames[2], np.zeros((3, 3)))


def torn(frames):
    frames[2].positions[2] *= 10.0 / np.linalg.norm(frames[2].positions[2] - frames[2].positions[0])
    label(frames[2], np.zeros((3, 3)))


def without_charges(frames):
    for frame in frames:
        del frame.arrays["dft_charge"], frame.info["total_charge"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frames: frames.clear(), "there are no frames; expected labelled frames"),
        (
            lambda frames: setattr(frames[2], "calc", None),
            r"frame 2 \(water\) has no forces; expected those of its label",
        ),
        (other_order, r"frame 2 \(water\) is H2O, in another order"),
        (lambda frames: frames[2].set_pbc(True), r"frame 2 \(water\) is periodic; expected an isolated cluster"),
        (lambda frames: frames[2].arrays.pop("dft_charge"), "some frames of water have charges and some have none"),
        (
            lambda frames: label(frames[2], np.full((3, 3), np.nan)),
            r"frame 2 \(water\) holds a value that is not finite",
        ),
        (torn, r"frame 2 of water is torn: bond O0–H2 is .* Å long; expected the bonds of its topology whole; drop it"),
        (without_charges, "water has neither a total charge nor charges"),
    ],
)
def test_frames_that_cannot_be_used_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        group_frames(broken(change))


def test_labels_without_charges_are_refused():
    frames = frames_of(WATER, 2, 1, "water")
    for frame in frames:
        del frame.arrays["dft_charge"]
    with pytest.raises(InputError, match="water has no charges; expected those of its atoms"):
        fit_discrete(group_frames(frames))


def test_frames_that_smiles_do_not_describe_are_refused():
    with pytest.raises(InputError, match="frame is H2O; expected"):
        group_frames(frames_of(WATER, 1, 1, "water"), smiles={"water": "CO"})


def test_molecules_of_other_types_are_refused(systems):
    constraints = Constraints(systems)
    force_field = force_field_of(constraints, random_numbers(constraints, 2))
    water = topology_from_smiles("O")
    with pytest.raises(InputError, match="force field lacks 2 of 2 types of atoms"):
        force_field.interactions(water, assign_types(water))


@pytest.mark.parametrize("text", ["", "[]", '{"format": "other"}'])
def test_text_that_is_no_force_field_is_refused(text):
    with pytest.raises(InputError, match="force field is"):
        ForceField.from_json(text)


def test_derivatives_of_energies_are_those_of_autograd(systems):
    constraints = Constraints(systems, charge_scale=0.8)
    tables = constraints.tables(random_numbers(constraints, 1))
    for system in systems:
        places = place_types(constraints.keys, system.topology, system.types)
        expected = _autograd(system, tables, places, lambda *given: energies(*given).sum(0))
        found, columns = energy_derivatives(system, tables, places, 0.8)
        torch.testing.assert_close(found, expected[:, columns], rtol=1e-9, atol=1e-9)


def with_energies(systems, force_field, offset):
    return [
        replace(system, energies=offset + energies(
            system.coordinates, force_field.interactions(system.topology, system.types)).sum(0))
        for system in relabelled(systems, force_field)
    ]  # fmt: skip


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


def test_energies_alone_determine_a_spring():
    """Labels with no forces to speak of: energies about their mean give r0 and k2 of water's bonds."""
    systems = group_frames(frames_of(WATER, 40, 1, "water"))
    constraints = Constraints(systems, "class1")
    truth = force_field_of(constraints, random_numbers(constraints, 5))
    labelled = with_energies(systems, truth, -1000.0)
    found = fit_discrete(labelled, terms="class1", model_error=1e5, energy_error=1e-5, n_steps=60)
    np.testing.assert_allclose(found.parameters["bonds"][:, :2], truth.parameters["bonds"][:, :2], rtol=1e-4)
    errors = evaluate_forces(found, labelled)["systems"]["water"]
    assert errors["energy_rmse_kcal_mol"] < 1e-3
    without = fit_discrete(labelled, terms="class1", model_error=1e5, n_steps=60)
    assert evaluate_forces(without, labelled)["systems"]["water"]["energy_rmse_kcal_mol"] > 0.1


def test_energies_are_read_in_kcal_mol_and_wanted_where_they_are_fitted():
    frames = frames_of(WATER, 3, 1, "water")
    with pytest.raises(InputError, match="water has no energies; expected one a frame"):
        fit_discrete(group_frames(frames), energy_error=1.0)
    for number, frame in enumerate(frames):
        frame.calc = SinglePointCalculator(frame, forces=np.zeros((3, 3)), energy=-2.0 - number)
    (system,) = group_frames(frames)
    np.testing.assert_allclose(system.energies, 23.060548 * np.array([-2.0, -3.0, -4.0]), rtol=1e-7)
    with pytest.raises(InputError, match="energy_error is 0"):
        fit_discrete([system], energy_error=0.0)


def test_frames_of_one_cluster_stay_on_one_side():
    frames = frames_of(WATER, 12, 1, "a") + frames_of(WATER, 12, 2, "b")
    for number, frame in enumerate(frames):
        frame.info["origin"] = f"{frame.info['system']}-{number // 3}#{number % 3}"
    parts = split_systems(frames, (50, 25, 25), np.random.default_rng(0), by="cluster")
    clusters = [{frame.info["origin"].split("#")[0] for frame in part} for part in parts]
    assert [len(part) for part in parts] == [12, 6, 6]
    assert [len(each) for each in clusters] == [4, 2, 2]
    assert len(set.union(*clusters)) == 8
    assert sorted(id(frame) for part in parts for frame in part) == sorted(map(id, frames))
    few = split_systems(frames[:3], (50, 50), np.random.default_rng(0), by="cluster")
    assert [len(part) for part in few] == [3, 0]
    with pytest.raises(InputError, match="split by 'atom' is unknown"):
        split_systems(frames, (50, 50), np.random.default_rng(0), by="atom")


def test_charges_and_total_charge_of_our_labels_are_those_of_published_ones():
    """A frame of our labeller carries charges in its labels and the total as ``charge``; stoichiometry names it."""
    given = frames_of(WATER, 2, 1, "1 water")
    ours = []
    for frame in given:
        one = Atoms(frame.symbols, frame.positions, info={"stoichiometry": "1 water", "charge": 0})
        one.calc = SinglePointCalculator(one, forces=frame.get_forces(), charges=frame.arrays["dft_charge"])
        ours.append(one)
    assert fit_fingerprint(ours) == fit_fingerprint(given)
    (system,), (expected,) = group_frames(ours), group_frames(given)
    assert system.name == expected.name == "1 water"
    np.testing.assert_array_equal(system.charges, expected.charges)
    ours[0].info["charge"] = 2
    assert group_frames(ours)[0].topology.formal_charges.sum() == 2

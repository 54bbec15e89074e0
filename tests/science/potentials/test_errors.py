import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.errors import prediction_errors


def test_errors_of_two_frames_by_hand():
    labels = [np.zeros((1, 3)), np.zeros((2, 3))]
    predictions = [np.array([[3.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.0], [0.0, -6.0, 0.0]])]
    errors = prediction_errors([1.0, 2.0], labels, [1.5, 1.0], predictions)
    # nine components, 3 + 6 in absolute value, 9 + 36 squared; energies 0.5 / 1 atom and 1 / 2 atoms
    assert errors["force_mae_eV_A"] == pytest.approx(9 / 9)
    assert errors["force_rmse_eV_A"] == pytest.approx(np.sqrt(45 / 9))
    assert errors["energy_mae_eV_atom"] == pytest.approx((0.5 + 0.5) / 2)


def test_perfect_predictions_have_no_error():
    forces = [np.random.default_rng(0).normal(size=(5, 3))]
    assert set(prediction_errors([-1.0], forces, [-1.0], forces).values()) == {0.0}


def test_no_frame_and_wrong_shapes_are_refused():
    with pytest.raises(InputError, match="no frame"):
        prediction_errors([], [], [], [])
    with pytest.raises(InputError, match="shapes"):
        prediction_errors([0.0], [np.zeros((2, 3))], [0.0], [np.zeros((3, 3))])


def test_errors_of_an_ensemble_are_those_of_its_calculator():
    pytest.importorskip("torch")
    from ase.build import bulk

    from aiida_elyte.science.frames import attach_labels
    from aiida_elyte.science.potentials.calculators import EnsembleCalculator
    from aiida_elyte.science.potentials.errors import ensemble_errors
    from aiida_elyte.science.potentials.painn.model import build_painn

    architecture = {"n_features": 8, "n_layers": 1, "n_rbf": 8, "cutoff_A": 4.0}
    members = [
        build_painn(architecture, energy_reference={"Li": -1.0, "Cl": -2.0}, scale=1.0, seed=seed) for seed in (0, 1)
    ]
    frames = []
    for index in range(3):
        frame = bulk("LiCl", "rocksalt", a=5.1, cubic=index % 2 == 0)
        frame.rattle(0.05, seed=index)
        frames.append(attach_labels(frame, energy=-1.0 * len(frame), forces=np.zeros((len(frame), 3))))
    errors = ensemble_errors(members, frames)
    calculator = EnsembleCalculator(members)
    deviations = []
    for frame in frames:
        copy = frame.copy()
        copy.calc = calculator
        deviations.append(np.abs(copy.get_forces()).ravel())
    assert errors["ensemble"]["force_mae_eV_A"] == pytest.approx(np.concatenate(deviations).mean(), rel=1e-5)
    assert len(errors["members"]) == 2


def test_without_training_energies_count_from_the_zero_of_the_labels():
    pytest.importorskip("torch")
    from ase import Atoms

    from aiida_elyte.science.frames import attach_labels
    from aiida_elyte.science.potentials.errors import errors_without_training
    from aiida_elyte.science.potentials.painn.model import build_painn

    # atoms farther apart than the cut-off: the energy is the sum of the references, −1 for each Li and −2 for each Cl
    potential = build_painn(
        {"n_features": 8, "n_layers": 1, "n_rbf": 8, "cutoff_A": 4.0}, energy_reference={"Li": -1.0, "Cl": -2.0}
    )
    apart = {formula: Atoms(formula, [[9.0 * i, 0, 0] for i in range(n)]) for formula, n in (("LiCl", 2), ("Li2Cl", 3))}
    own = {formula: float(potential.predict([frame]).energy[0]) for formula, frame in apart.items()}
    # labels 5 eV higher for each Li, 7 for each Cl, and ±0.3 eV that no element explains, in two frames of each
    frames = [
        attach_labels(
            apart[formula].copy(),
            energy=own[formula] + shift + noise,
            forces=np.full((len(apart[formula]), 3), 0.25),
        )
        for formula, shift in (("LiCl", 12.0), ("Li2Cl", 17.0))
        for noise in (0.3, -0.3)
    ]
    errors = errors_without_training(potential, frames)
    assert errors["energy_mae_eV_atom"] == pytest.approx((0.3 / 2 + 0.3 / 3) / 2, rel=1e-4)
    assert errors["force_mae_eV_A"] == pytest.approx(0.25)
